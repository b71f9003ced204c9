package stages

import (
	"context"
	"fmt"

	"github.com/sluice-data/sluice/compress"
	"github.com/sluice-data/sluice/pipeline"
)

// Pack packs a batch: the rows of each stream become one piece, compressed or a block of its
// format, which may follow any other piece of its object. Rows are gathered from all over the
// batch, because short pieces compress badly, and hundreds of streams may take turns. Only the end
// of a stream is a border: what comes behind it must stay behind it.
//
// A STATE in the middle of a piece then leaves a little later than it could: when all of
// the piece is durable.
type Pack struct {
	piece    piece
	catalog  *Catalog
	packed   []byte             // the next output; it takes turns with the batch's own
	segments []pipeline.Segment // likewise
	gathered []byte             // rows that are not neighbours

	groups groups // of segments
}

// piece appends the piece that so many rows of a table make.
type piece func(dst []byte, t *Table, rows []byte, n int32) (out []byte, sum compress.Sum, err error)

// NewPack makes one worker's copy of the stage.
func NewPack(catalog *Catalog) *Pack {
	p := &Pack{catalog: catalog, groups: newGroups(len(catalog.Tables))}
	if codec := catalog.Codec(); codec != nil {
		compressor := codec.NewCompressor()
		p.piece = func(dst []byte, _ *Table, rows []byte, _ int32) ([]byte, compress.Sum, error) {
			out, sum := compressor.AppendPiece(dst, rows)
			return out, sum, nil
		}
		return p
	}
	builder, chunks := catalog.packer().NewBuilder(), make([][]byte, 1)
	p.piece = func(dst []byte, t *Table, rows []byte, n int32) ([]byte, compress.Sum, error) {
		chunks[0] = rows
		out, _, err := builder.AppendGroup(dst, t.packer, chunks, int64(n))
		return out, compress.Sum{}, err
	}
	return p
}

// Process packs the batch.
func (p *Pack) Process(_ context.Context, b *pipeline.Batch) error {
	p.packed, p.segments = p.packed[:0], p.segments[:0]
	marks := b.Marks
	first := 0
	for i := range b.Segments {
		border := false
		for ; len(marks) > 0 && marks[0].At <= b.Segments[i].First; marks = marks[1:] {
			border = border || marks[0].Kind == pipeline.StreamComplete || marks[0].Kind == pipeline.StreamIncomplete
		}
		if border {
			if err := p.run(b, first, i); err != nil {
				return err
			}
			first = i
		}
	}
	if err := p.run(b, first, len(b.Segments)); err != nil {
		return err
	}
	b.Output, p.packed = p.packed, b.Output
	b.Segments, p.segments = p.segments, b.Segments
	if cap(p.packed) > maxScratch {
		p.packed = nil
	}
	if cap(p.gathered) > maxScratch {
		p.gathered = nil
	}
	return nil
}

// maxScratch is how many bytes of a buffer are kept for the next batch: one giant record
// must not set the memory of the whole sync.
const maxScratch = 4 << 20

// run packs the segments from first up to the border end.
func (p *Pack) run(b *pipeline.Batch, first, end int) error {
	g := &p.groups
	g.begin()
	for i := first; i < end; i++ {
		g.add(g.chainOf(b.Segments[i].Stream, b.Segments[i].Partition), int32(i-first))
	}
	for _, chain := range g.order {
		i := g.take(chain)
		seg := b.Segments[first+int(i)]
		rows := b.Output[seg.Start:seg.End]
		if i = g.next[i]; i >= 0 {
			p.gathered = append(p.gathered[:0], rows...)
			for ; i >= 0; i = g.next[i] {
				more := &b.Segments[first+int(i)]
				p.gathered = append(p.gathered, b.Output[more.Start:more.End]...)
				seg.Rows += more.Rows
			}
			rows = p.gathered
		}
		seg.Start = len(p.packed)
		t, err := p.catalog.Tables[seg.Stream], error(nil)
		if p.packed, seg.Sum, err = p.piece(p.packed, t, rows, seg.Rows); err != nil {
			return fmt.Errorf("stream %s: packing %s: %w", t.Stream, Count(int64(seg.Rows), "row"), err)
		}
		seg.End = len(p.packed)
		p.segments = append(p.segments, seg)
	}
	return nil
}
