package stages

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"unicode/utf8"

	"github.com/sluice-data/sluice/pipeline"
	"github.com/sluice-data/sluice/sink"
)

// Epoch is the end of a pipeline that fills at most one object a table, of which nothing is visible
// before Complete. The lines that the batches reject go into an object of their own.
type Epoch struct {
	opts    EpochOptions
	tables  []epochTable
	letters epochTable
	line    []byte // scratch
}

// EpochOptions are what the stage works with.
type EpochOptions struct {
	Catalog  *Catalog
	Headers  []Header // of the catalog: NewHeaders
	Gather   *Gather  // of the catalog
	Uploader *sink.Uploader
	Key      func(*Table) string // of the object of a table; nil: of the one with the rejected lines
	// Metadata of an object, beside its table's and its rows. ended says whether all that will be in
	// it is known; of a large object it is not when its upload begins.
	Metadata func(ended bool) sink.Metadata
	// Taken is told that a key is taken by an object: see sink.Uploader.NewSharedSet.
	Taken func(ctx context.Context, o *sink.Object, t *Table) error
	// Full is told that an object has reached its size: the epoch should end.
	Full func()
	// Letter is what is written of a line that is rejected.
	Letter func(pipeline.Origin) Letter
}

// Letter is a rejected line, as it is written.
type Letter struct {
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	Offset    int64  `json:"offset"`
	Timestamp int64  `json:"timestamp"`
	Reason    string `json:"reason"`
	Value     string `json:"value,omitempty"`
	Base64    string `json:"value_base64,omitempty"` // of a value that is no UTF-8
}

// epochTable is what an Epoch knows of one table.
type epochTable struct {
	table  *Table // nil: of the rejected lines
	set    *sink.Set
	object *sink.Object

	content  content // of the object
	gathered gathered

	sum StreamSummary
}

// NewEpoch makes the stage.
func NewEpoch(opts EpochOptions) *Epoch {
	e := &Epoch{opts: opts, tables: make([]epochTable, len(opts.Catalog.Tables))}
	for i, t := range opts.Catalog.Tables {
		et := &e.tables[i]
		*et = epochTable{table: t, sum: StreamSummary{StreamProgress: StreamProgress{Stream: t.Stream}}}
		et.gathered = gathered{table: t, done: func(ctx context.Context, g *group) error { return e.group(ctx, et, opts.Headers[i], g) }}
	}
	return e
}

// Rows is the number of rows, for the time after Finish.
func (e *Epoch) Rows() (rows int64) {
	for i := range e.tables {
		rows += e.tables[i].sum.Rows
	}
	return rows
}

// Rejects is the number of lines that were left out, for the time after Finish.
func (e *Epoch) Rejects() int64 { return e.letters.sum.Rows }

// Process appends the batch's rows and rejected lines.
func (e *Epoch) Process(ctx context.Context, b *pipeline.Batch) error {
	for i := range b.Segments {
		seg := &b.Segments[i]
		t := &e.tables[seg.Stream]
		if e.opts.Gather != nil {
			if err := e.gather(ctx, t, b, seg); err != nil {
				return err
			}
			continue
		}
		if err := e.open(ctx, t, e.opts.Headers[seg.Stream]); err != nil {
			return t.failed(err)
		}
		t.content.sum = t.content.sum.Join(seg.Sum)
		if err := e.append(ctx, t, b.Output[seg.Start:seg.End], int64(seg.Rows)); err != nil {
			return t.failed(err)
		}
	}
	// The source's come before those of decode: in the order of the log they do not depend on how
	// the lines came in batches.
	slices.SortFunc(b.Rejects, func(x, y pipeline.Reject) int { return cmp.Compare(x.Line, y.Line) })
	for i := range b.Rejects {
		if err := e.reject(ctx, b, &b.Rejects[i]); err != nil {
			return fmt.Errorf("the records that can't be written: %w", err)
		}
	}
	countBatch(b, func(stream int32) *StreamSummary { return &e.tables[stream].sum }, func(int32, Warning) {})
	return nil
}

func (t *epochTable) failed(err error) error { return fmt.Errorf("stream %s: %w", t.table.Stream, err) }

// open begins the object of a table, if it has none.
func (e *Epoch) open(ctx context.Context, t *epochTable, header Header) error {
	if t.object != nil {
		return nil
	}
	t.set = e.opts.Uploader.NewSharedSet(func(ctx context.Context, o *sink.Object) error { return e.opts.Taken(ctx, o, t.table) })
	metadata := func(rows int64) sink.Metadata {
		m := e.opts.Metadata(rows >= 0)
		if t.table != nil {
			maps.Copy(m, t.table.metadata(rows))
		}
		return m
	}
	t.object = t.set.Open(e.opts.Key(t.table), metadata, func() {})
	if t.content.sum = header.sum; t.table != nil {
		t.object.Trailer = t.table.trailer(&t.content)
	}
	t.sum.Objects++
	return t.object.Append(ctx, header.bytes, 0)
}

func (e *Epoch) append(ctx context.Context, t *epochTable, p []byte, rows int64) error {
	if err := t.object.Append(ctx, p, rows); err != nil {
		return err
	}
	if t.object.Full() {
		e.opts.Full()
	}
	t.sum.Rows += rows
	return nil
}

// reject writes a line that can't be a row, with the reason and its place.
func (e *Epoch) reject(ctx context.Context, b *pipeline.Batch, r *pipeline.Reject) error {
	origin := b.Origins[r.Line]
	letter := e.opts.Letter(origin)
	letter.Reason = r.Err.Error()
	value := origin.Value
	if value == nil {
		value = r.Text.Of(b.Input)
		value = value[:max(len(value)-1, 0)] // without the line end
	}
	if utf8.Valid(value) {
		letter.Value = string(value)
	} else {
		letter.Base64 = base64.StdEncoding.EncodeToString(value)
	}
	text, err := json.Marshal(letter)
	if err != nil {
		return err
	}
	if err := e.open(ctx, &e.letters, Header{}); err != nil {
		return err
	}
	e.line = append(append(e.line[:0], text...), '\n')
	return e.append(ctx, &e.letters, e.line, 1)
}

// Tick takes back what is packed: whoever fills the epoch ends it.
func (e *Epoch) Tick(ctx context.Context) error { return e.opts.Gather.look(ctx) }

// Finish brings all that was gathered into objects. Complete follows when its time has come.
func (e *Epoch) Finish(ctx context.Context) error {
	for i := range e.tables {
		if err := e.opts.Gather.pack(ctx, &e.tables[i].gathered); err != nil {
			return err
		}
	}
	return e.opts.Gather.wait(ctx)
}

// gather gathers the rows of a segment.
func (e *Epoch) gather(ctx context.Context, t *epochTable, b *pipeline.Batch, seg *pipeline.Segment) error {
	f, g := &t.gathered, e.opts.Gather
	for first, start := seg.First, seg.Start; first < seg.First+seg.Rows; {
		if f.group == nil {
			g.begin(f)
		}
		first, start = g.take(f, b, seg, first, start, math.MaxInt64)
		if g.full(f, math.MaxInt64) {
			if err := g.pack(ctx, f); err != nil {
				return err
			}
		}
	}
	return g.spend(ctx)
}

// group gives a packed group to the table's object.
func (e *Epoch) group(ctx context.Context, t *epochTable, header Header, g *group) error {
	if err := e.open(ctx, t, header); err != nil {
		return t.failed(err)
	}
	t.content.add(t.object, g)
	if err := e.append(ctx, t, g.out, g.rows); err != nil {
		return t.failed(err)
	}
	return nil
}

// Stop is not used.
func (e *Epoch) Stop(context.Context) error { return nil }

// Keys are those of the objects, after Finish.
func (e *Epoch) Keys() []string {
	var all []string
	for t := range e.opened {
		all = append(all, t.object.Key)
	}
	return all
}

// Complete makes the objects visible. They are when Run of the uploader has returned without an
// error, which it does once it is closed behind this.
func (e *Epoch) Complete(ctx context.Context) error {
	for t := range e.opened {
		if err := t.set.Commit(ctx, nil); err != nil {
			return err
		}
	}
	return nil
}

func (e *Epoch) opened(yield func(*epochTable) bool) {
	for i := range e.tables {
		if t := &e.tables[i]; t.object != nil && !yield(t) {
			return
		}
	}
	if e.letters.object != nil {
		yield(&e.letters)
	}
}

// Objects are those of the epoch, without the one with the rejected lines, once it is complete.
func (e *Epoch) Objects() []Durable {
	var all []Durable
	for t := range e.opened {
		if t.table != nil {
			all = append(all, Durable{Stream: t.table.Stream, Key: t.object.Key, Rows: t.object.Rows(), Bytes: t.object.Size()})
		}
	}
	return all
}

// Summary is what the epoch did, a stream, in the order of the catalog; after Finish.
func (e *Epoch) Summary() []StreamSummary {
	all := make([]StreamSummary, len(e.tables))
	for i := range e.tables {
		t := &e.tables[i]
		if all[i] = t.sum; t.object != nil {
			all[i].Bytes = t.object.Size()
		}
	}
	return all
}
