package stages

import (
	"cmp"
	"context"
	"fmt"
	"math/bits"
	"slices"
	"sort"
	"time"

	"github.com/sluice-data/sluice/pipeline"
)

// Gather keeps the rows of tables that are packed in large groups (format.Packer) until a group is
// full, and has it packed aside. It belongs to the stage at the end of a pipeline: what is not
// packed yet has its place in the memory budget and in the ledger, as what is in an object has.
//
// Hundreds of tables have as many groups that fill: when the budget is spent, the largest goes.
type Gather struct {
	aside   *pipeline.Aside[*group]
	workers int
	most    int64 // bytes, of all groups: one counts once while it fills, and twice on its way
	filling []*group
	chunks  [chunkSizes][][]byte // that can be used again, by their sizes
	spare   int64                // bytes of them
	packed  [][]byte             // likewise
}

// gathered is what is gathered of a table, or of one of its partitions.
type gathered struct {
	table *Table
	// done gets each group when it is packed.
	done   func(context.Context, *group) error
	groups []*group // that done did not get yet, in order
	group  *group   // the last of them, if it still fills; or nil
}

// group is rows of one table that are packed together.
type group struct {
	of     *gathered
	chunks [][]byte // of whole rows
	size   int64    // bytes of rows
	memory int64    // of chunks
	rows   int64
	out    []byte // packed
	info   any    // of format.Group

	// For Assemble.
	first int64 // number of its first row
	since time.Time
	ids   []pipeline.ObjectID // in the ledger
}

// The memory of a group grows with it: each of its chunks is twice as large as the one before, up to
// 1 MiB. Only a giant row has one of its own size.
const (
	firstChunk = 16 << 10
	chunkSizes = 7
	fullChunk  = firstChunk << (chunkSizes - 1)
)

// Divide divides memory for buffers, in bytes, between the groups and the uploads.
func (c *Catalog) Divide(memory int64) (groups, uploads int64) {
	if !c.Gathered() {
		return 0, memory
	}
	return memory / 2, memory - memory/2
}

// NewGather is for the tables of a catalog, if they are packed in large groups, or else nil, which has
// nothing to do. The workers are those that a stage would have; all of it has room in so many bytes.
func NewGather(catalog *Catalog, stage pipeline.Stage, memory int64) *Gather {
	if !catalog.Gathered() {
		return nil
	}
	g := &Gather{workers: stage.Workers, most: memory}
	g.aside = pipeline.NewAside(pipeline.AsideOptions[*group]{
		Name: stage.Name, Workers: stage.Workers, Busy: stage.Busy,
		New: func() func(context.Context, *group) error {
			builder := catalog.Tables[0].packer.NewBuilder()
			return func(_ context.Context, n *group) (err error) {
				t := n.of.table
				if n.out, n.info, err = builder.AppendGroup(n.out[:0], t.packer, n.chunks, n.rows); err != nil {
					return fmt.Errorf("stream %s: packing %s: %w", t.Stream, Count(n.rows, "row"), err)
				}
				return nil
			}
		},
		Done: g.back,
	})
	return g
}

// Run packs until Close, or until ctx ends.
func (g *Gather) Run(ctx context.Context) error {
	if g == nil {
		return nil
	}
	return g.aside.Run(ctx)
}

// Close tells Run to return. Nothing may be gathered behind it.
func (g *Gather) Close() {
	if g != nil {
		g.aside.Close()
	}
}

// Memory is how many bytes the groups take. It may be asked at any time.
func (g *Gather) Memory() int64 {
	if g == nil {
		return 0
	}
	return g.aside.Used()
}

// gather gathers the rows of a segment. room is that of the object they will be in; begun is told of each
// new group, and took of the rows that one has got.
func (g *Gather) gather(ctx context.Context, f *gathered, b *pipeline.Batch, seg *pipeline.Segment, room func() int64, begun func(*group), took func(rows int64)) error {
	for first, start := seg.First, seg.Start; first < seg.First+seg.Rows; {
		before, most := first, room()
		if f.group == nil {
			begun(g.begin(f))
		}
		first, start = g.take(f, b, seg, first, start, most)
		took(int64(first - before))
		if f.group.size >= g.limit(f.table, f.group.rows, most) {
			if err := g.pack(ctx, f); err != nil {
				return err
			}
		}
	}
	return g.spend(ctx)
}

// begin begins a group.
func (g *Gather) begin(f *gathered) *group {
	n := &group{of: f}
	f.group = n
	f.groups = append(f.groups, n)
	g.filling = append(g.filling, n)
	return n
}

// take gathers rows of a segment, from number first on, whose bytes begin at start: as many as the group that
// fills has room for, and at least one. It returns where the next ones begin. room is that of the object.
func (g *Gather) take(f *gathered, b *pipeline.Batch, seg *pipeline.Segment, first int32, start int, room int64) (next int32, from int) {
	n := f.group
	rest := b.Records[first : seg.First+seg.Rows]
	last := len(n.chunks) - 1
	if last < 0 || cap(n.chunks[last])-len(n.chunks[last]) < rest[0].End-start {
		c := g.chunk(min(len(n.chunks), chunkSizes-1), rest[0].End-start)
		n.chunks = append(n.chunks, c)
		n.memory += int64(cap(c))
		g.aside.Use(int64(cap(c)))
		last++
	}
	chunk := &n.chunks[last]
	rows := 1 + sort.Search(len(rest)-1, func(i int) bool {
		return int64(rest[i].End-start) >= g.limit(f.table, n.rows, room)-n.size || rest[i+1].End-start > cap(*chunk)-len(*chunk)
	})
	end := rest[rows-1].End
	*chunk = append(*chunk, b.Output[start:end]...)
	n.size += int64(end - start)
	n.rows += int64(rows)
	return first + int32(rows), end
}

// A group is large enough for those who read it if it has so many bytes and rows.
const (
	largeGroup = 8 << 20
	largeRows  = 32 << 10
)

// limit is the size at which a group goes that has so many rows. Each worker may have one, which counts twice,
// and another one fills. Half of that is better, as long as it is large: so the workers end nearly together.
func (g *Gather) limit(t *Table, rows, room int64) int64 {
	share := g.most / int64(2*g.workers+2)
	if rows >= largeRows {
		share = max(share/2, min(share, largeGroup))
	}
	return max(min(t.packer.GroupSize(), share, room), firstChunk)
}

// chunk is one of the size with this number, or a larger one if need is more.
func (g *Gather) chunk(size, need int) []byte {
	for size < chunkSizes-1 && firstChunk<<size < need {
		size++
	}
	if need > fullChunk {
		return make([]byte, 0, need)
	}
	free := &g.chunks[size]
	if n := len(*free); n > 0 {
		c := (*free)[n-1]
		*free = (*free)[:n-1]
		g.spare -= int64(cap(c))
		return c
	}
	return make([]byte, 0, firstChunk<<size)
}

// free keeps chunks for later, as far as that is worth the memory.
func (g *Gather) free(chunks [][]byte) {
	for _, c := range chunks {
		size := bits.Len(uint(cap(c)/firstChunk)) - 1
		if size < chunkSizes && cap(c) == firstChunk<<size && g.spare < g.most/4 {
			g.chunks[size] = append(g.chunks[size], c[:0])
			g.spare += int64(cap(c))
		}
	}
}

// pack has the group packed that fills, if there is one.
func (g *Gather) pack(ctx context.Context, f *gathered) error {
	n := f.group
	if n == nil {
		return nil
	}
	g.stop(n)
	g.aside.Use(2 * n.memory)
	if last := len(g.packed) - 1; last >= 0 {
		n.out, g.packed = g.packed[last], g.packed[:last]
	}
	return g.aside.Do(ctx, n)
}

// drop gives up the group that fills.
func (g *Gather) drop(f *gathered) {
	if n := f.group; n != nil {
		f.groups = f.groups[:len(f.groups)-1]
		g.stop(n)
		g.free(n.chunks)
	}
}

// stop takes a group from those that fill.
func (g *Gather) stop(n *group) {
	n.of.group = nil
	g.aside.Use(-n.memory)
	i, last := slices.Index(g.filling, n), len(g.filling)-1
	g.filling[i], g.filling[last] = g.filling[last], nil
	g.filling = g.filling[:last]
}

// back takes a group back that is packed.
func (g *Gather) back(ctx context.Context, n *group) error {
	g.aside.Use(-2 * n.memory)
	n.of.groups = n.of.groups[1:]
	err := n.of.done(ctx, n)
	g.free(n.chunks)
	if int64(cap(n.out)) <= g.most/8 && len(g.packed) < g.workers {
		g.packed = append(g.packed, n.out[:0])
	}
	n.chunks, n.out = nil, nil
	return err
}

// spend keeps to the budget: it has the largest groups packed, and waits for those on their way.
func (g *Gather) spend(ctx context.Context) error {
	for g.aside.Used() > g.most {
		var err error
		if g.aside.Under() > g.workers || len(g.filling) == 0 {
			err = g.aside.Next(ctx)
		} else {
			largest := slices.MaxFunc(g.filling, func(a, b *group) int { return cmp.Compare(a.memory, b.memory) })
			err = g.pack(ctx, largest.of)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// look takes back what is packed.
func (g *Gather) look(ctx context.Context) error {
	if g == nil {
		return nil
	}
	return g.aside.Look(ctx)
}

// wait takes back all that is on its way.
func (g *Gather) wait(ctx context.Context) error {
	if g == nil {
		return nil
	}
	return g.aside.Wait(ctx)
}
