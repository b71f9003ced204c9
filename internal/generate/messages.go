package generate

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
)

// Shape is a kind of record that Messages can send.
type Shape struct {
	Name  string
	What  string // for people, in a few words
	table func() *table
}

// Shapes are what people can choose from; the first one is the default.
var Shapes = []Shape{
	{"orders", "a shop's orders: addresses, money, times with zones, nulls, missing keys, Unicode", orders},
	{"lineitem", "TPC-H lineitem: 17 fields, one of them nested", lineitemTable},
	{"wide", "200 columns of mixed types, a tenth of them null", wide},
	{"nested", "objects 12 levels deep, arrays of objects", nested},
	{"quotes", "text full of quotes, backslashes, line ends, escapes and non-ASCII", quotes},
	{"text", "a long text a record, 4 to 16 KB", text},
	{"sparse", "lineitem with a third of the keys missing, sometimes in another order", sparse},
	{"python", "lineitem as Python's json.dumps writes it: spaces, no namespace", python},
}

// Options say what Messages are made.
type Options struct {
	Shapes     []string // names; the streams take them in turn. Default: the first of Shapes
	Streams    int
	Rows       int64 // of each stream
	Seed       uint64
	StateEvery int64 // rows of a stream between two STATEs; 0: only one at its end
	Statuses   bool  // STARTED before the first row of a stream, COMPLETE behind its last
	Generation *Generation
	Overwrite  bool // the catalog asks for a full refresh without generation ids
}

// Generation are the ids that the catalog gives to each stream.
type Generation struct{ ID, Minimum int64 }

// Messages is what a source sends in one sync. The same options make the same bytes on every
// 64-bit machine.
type Messages struct {
	opts    Options
	streams []*stream
	out     *bytes.Buffer // messages that are not written yet; all streams fill it
}

// stream is one of them, on its way.
type stream struct {
	table  *table // of its own, with its own name
	pools  *pools
	maker  *maker // has the number of its last row
	data   func() // writes the data of a row
	opened bool
	ended  bool
}

// New prepares the messages: all values that do not depend on their row are made here.
func New(opts Options) (*Messages, error) {
	if len(opts.Shapes) == 0 {
		opts.Shapes = []string{Shapes[0].Name}
	}
	made := map[string]*pools{}
	m := &Messages{opts: opts, out: &bytes.Buffer{}}
	for i := range opts.Streams {
		name := opts.Shapes[i%len(opts.Shapes)]
		at := slices.IndexFunc(Shapes, func(s Shape) bool { return s.Name == name })
		if at < 0 {
			return nil, fmt.Errorf("there is no shape %q", name)
		}
		t := Shapes[at].table()
		if made[name] == nil {
			made[name] = newPools(t, opts.Seed)
		}
		t.streams = []string{Shapes[at].Name}
		if opts.Streams > 1 {
			t.streams[0] = fmt.Sprintf("%s_%d", Shapes[at].Name, i+1)
		}
		s := &stream{table: t, pools: made[name], maker: t.maker(0)}
		s.data, s.maker.Buffer = s.values, m.out
		s.maker.rng = rand.New(rand.NewPCG(opts.Seed, uint64(i)+1))
		m.streams = append(m.streams, s)
	}
	return m, nil
}

// Catalog is the configured catalog that fits.
func (m *Messages) Catalog() []byte {
	mode := "append"
	if g := m.opts.Generation; m.opts.Overwrite || g != nil && g.Minimum > 0 {
		mode = "overwrite"
	}
	c := newMaker(0)
	c.begin('{')
	c.key("streams")
	c.begin('[')
	for _, s := range m.streams {
		c.next()
		c.begin('{')
		s.table.configured(c, s.table.streams[0], mode)
		if g := m.opts.Generation; g != nil {
			for _, id := range []struct {
				name  string
				value int64
			}{{"generation_id", g.ID}, {"minimum_generation_id", g.Minimum}, {"sync_id", g.ID + 1}} {
				c.key(id.name)
				c.int(int(id.value))
			}
		}
		c.end('}')
	}
	c.end(']')
	c.end('}')
	c.WriteByte('\n')
	return c.Bytes()
}

// pageRows is how many rows a stream sends before the next one has its turn, where STATEs do
// not say so.
const pageRows = 1000

// flushAt is how many bytes are written at a time.
const flushAt = 512 << 10

// Write sends the messages. The streams take turns, a page each, as sources do that read
// several at a time; a page ends with a STATE.
func (m *Messages) Write(ctx context.Context, w io.Writer) error {
	page := m.opts.StateEvery
	if page <= 0 {
		page = pageRows
	}
	for left := len(m.streams); left > 0; {
		for _, s := range m.streams {
			if s.ended {
				continue
			}
			if err := m.page(ctx, w, s, page); err != nil {
				return err
			}
			if s.ended {
				left--
			}
		}
	}
	return m.flush(ctx, w)
}

// page sends the next rows of a stream.
func (m *Messages) page(ctx context.Context, w io.Writer, s *stream, rows int64) error {
	if !s.opened && m.opts.Statuses {
		s.status("STARTED")
	}
	s.opened = true
	sent := min(rows, m.opts.Rows-int64(s.maker.n))
	for range sent {
		s.row()
		if m.out.Len() >= flushAt {
			if err := m.flush(ctx, w); err != nil {
				return err
			}
		}
	}
	s.ended = int64(s.maker.n) >= m.opts.Rows
	if s.ended || m.opts.StateEvery > 0 {
		s.state(sent)
	}
	if s.ended && m.opts.Statuses {
		s.status("COMPLETE")
	}
	return nil
}

func (m *Messages) flush(ctx context.Context, w io.Writer) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	_, err := w.Write(m.out.Bytes())
	m.out.Reset()
	return err
}
