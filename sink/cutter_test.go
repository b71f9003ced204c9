package sink_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/sluice-data/sluice/sink"
)

// planned is an object that is to be written: its rows, by their sizes.
type planned struct {
	stream  int
	rows    []int
	trailer bool
	left    bool // it is not closed by its writer
}

// drawObject plans an object whose size is at a border of its parts, or anywhere.
func drawObject(t *rapid.T, part, streams int) planned {
	k := rapid.IntRange(0, 4).Draw(t, "parts")
	size := max(k*part+rapid.IntRange(-1, 1).Draw(t, "more"), 0)
	if rapid.IntRange(0, 3).Draw(t, "any size") == 0 {
		size = rapid.IntRange(0, 4*part).Draw(t, "size")
	}
	p := planned{
		stream: rapid.IntRange(0, streams-1).Draw(t, "stream"), trailer: rapid.Bool().Draw(t, "trailer"), left: rapid.Bool().Draw(t, "left open"),
	}
	longest := rapid.SampledFrom([]int{100, chunk - 1, chunk, 3 * chunk}).Draw(t, "longest row")
	for size > 0 && len(p.rows) < 30 {
		n := min(rapid.IntRange(1, longest).Draw(t, "row"), size)
		p.rows = append(p.rows, n)
		size -= n
	}
	if size > 0 {
		p.rows = append(p.rows, size)
	}
	return p
}

// cutting writes planned objects, and remembers what has to come out.
type cutting struct {
	u      *sink.Uploader
	sets   []*sink.Set
	shared []bool // by set
	stays  []bool // by set: its object is left open, and it is a shared one, which nobody else closes
	past   int64  // bytes that came when memory was crowded
	open   []*sink.Object
	want   map[string][]byte
	asked  map[string]int // for the trailer
	up     map[string]int // how often it was called durable; of the uploader's workers
	calls  chan string
}

func (c *cutting) begin(p planned) *sink.Object {
	key := fmt.Sprintf("s%d/%03d", p.stream, len(c.want))
	o := c.sets[p.stream].Open(key, noMeta, func() { c.calls <- key })
	c.want[key] = nil
	if p.trailer {
		o.Trailer = func() []byte {
			c.asked[key]++
			end := fmt.Appendf(nil, "the end of %s behind %d bytes", key, len(c.want[key]))
			c.want[key] = append(c.want[key], end...)
			return end
		}
	}
	c.open[p.stream] = o
	return o
}

// write appends the rows of one object, and others' when the memory is spent in between: an
// object that was closed early goes on in another one.
func (c *cutting) write(ctx context.Context, p planned, seed int) error {
	if o := c.open[p.stream]; o != nil {
		if err := errors.Join(c.stayed(p.stream), o.Close(ctx)); err != nil {
			return err
		}
	}
	o := c.begin(p)
	for i, n := range p.rows {
		if o.Closed() {
			o = c.begin(p)
		}
		row := content(n, uint64(seed*1000+i))
		c.want[o.Key] = append(c.want[o.Key], row...)
		if err := o.Append(ctx, row, 1); err != nil {
			return err
		}
		if o.Closed() || o.Size() != int64(len(c.want[o.Key])) {
			return fmt.Errorf("%s: closed %v in the middle of a row, size %d, want %d", o.Key, o.Closed(), o.Size(), len(c.want[o.Key]))
		}
		if c.u.Stats.Crowded.Load() {
			c.past += int64(n)
		}
	}
	if p.left {
		c.stays[p.stream] = c.shared[p.stream]
		return nil
	}
	c.stays[p.stream] = false
	return o.Close(ctx)
}

func (c *cutting) stayed(stream int) error {
	if o := c.open[stream]; c.stays[stream] && o.Closed() {
		return fmt.Errorf("%s was closed early", o.Key)
	}
	return nil
}

// TestCutter: whatever the sizes of rows, parts and memory, the parts of each object joined are
// what was appended and what Trailer said, which is asked once; the store gets no part that it
// must refuse; and each chunk of memory comes back.
func TestCutter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		opts := sink.UploadOptions{
			PartSize:    rapid.SampledFrom([]int64{1, chunk - 1, chunk, chunk + 1, 3 * chunk}).Draw(t, "part size"),
			Memory:      rapid.SampledFrom([]int64{1, 3, 8, 100}).Draw(t, "chunks") * chunk,
			Concurrency: rapid.IntRange(1, 3).Draw(t, "workers"),
		}
		limits := sink.Properties{MinPartSize: rapid.SampledFrom([]int64{1, chunk, 2*chunk + 1}).Draw(t, "min part")}
		store := newMemStore(limits)
		c := &cutting{u: sink.NewUploader(store, opts), want: map[string][]byte{}, asked: map[string]int{}, up: map[string]int{}, calls: make(chan string, 1000)}
		for range rapid.IntRange(1, 4).Draw(t, "streams") {
			kind := rapid.SampledFrom([]string{"plain", "held", "shared"}).Draw(t, "kind")
			set := c.u.NewSet(kind == "held")
			if kind == "shared" {
				set = c.u.NewSharedSet(func(context.Context, *sink.Object) error { return errStopped })
			}
			c.sets, c.shared = append(c.sets, set), append(c.shared, kind == "shared")
		}
		c.open, c.stays = make([]*sink.Object, len(c.sets)), make([]bool, len(c.sets))
		part := min(max(opts.PartSize, limits.MinPartSize), max(opts.Memory/4, limits.MinPartSize)) // as NewUploader says
		whole := int((part + chunk - 1) / chunk * chunk)
		var objects []planned
		for range rapid.IntRange(1, 8).Draw(t, "objects") {
			objects = append(objects, drawObject(t, whole, len(c.sets)))
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute) // a deadlock becomes an error
		defer cancel()
		err := upload(ctx, c.u, func(ctx context.Context) error {
			for i, p := range objects {
				if err := c.write(ctx, p, i); err != nil {
					return err
				}
			}
			for i, s := range c.sets {
				if err := errors.Join(c.stayed(i), s.Commit(ctx, nil)); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatalf("%+v: %v", opts, err)
		}
		c.check(t, store, limits)
		if c.past == 0 {
			wantChunks(t, c.u, max(opts.Memory, 3*part))
		} else if made, free, limit := c.u.Chunks(); made != free || int64(made) > int64(limit)+c.past/chunk+int64(len(c.want)) {
			t.Errorf("%d chunks were made and %d are free; %d are the budget, and %d bytes came past it", made, free, limit, c.past)
		}
	})
}

func (c *cutting) check(t *rapid.T, store *memStore, limits sink.Properties) {
	close(c.calls)
	for key := range c.calls {
		c.up[key]++
	}
	if len(store.keys()) != len(c.want) || len(store.unfinished()) > 0 {
		t.Errorf("%d objects, want %d; %d uploads are left", len(store.keys()), len(c.want), len(store.unfinished()))
	}
	for key, want := range c.want {
		got := store.object(key)
		if string(got.data) != string(want) || c.up[key] != 1 || c.asked[key] > 1 {
			t.Errorf("%s: got %d bytes, want %d; durable %d times, asked %d times", key, len(got.data), len(want), c.up[key], c.asked[key])
		}
		for i, n := range got.parts {
			if i < len(got.parts)-1 && n < limits.MinPartSize || n == 0 {
				t.Errorf("%s: got the parts %v, at least %d are allowed", key, got.parts, limits.MinPartSize)
			}
		}
	}
}
