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

// Epoch is the end of a pipeline that fills at most one object a table, or a partition of one, of which
// nothing is visible before Complete. The lines that the batches reject go into an object of their own.
type Epoch struct {
	opts    EpochOptions
	tables  []epochTable
	letters epochObject
	line    []byte // scratch
}

// EpochOptions are what the stage works with.
type EpochOptions struct {
	Catalog  *Catalog
	Headers  []Header // of the catalog: NewHeaders
	Gather   *Gather  // of the catalog
	Uploader *sink.Uploader
	// Key is that of the object of a table, or of one of its partitions; nil: of the one with the rejected lines.
	Key func(t *Table, partition string) string
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
	table  *Table
	header Header
	whole  *epochObject            // of a table without partitions
	parts  map[string]*epochObject // of one with them, by their paths
	sum    StreamSummary
}

// epochObject is one object of an epoch.
type epochObject struct {
	of   *epochTable // nil: of the rejected lines
	path string      // of the partition; "": all rows
	set  *sink.Set
	*sink.Object

	content  content
	gathered gathered
	rows     int64
}

// NewEpoch makes the stage.
func NewEpoch(opts EpochOptions) *Epoch {
	e := &Epoch{opts: opts, tables: make([]epochTable, len(opts.Catalog.Tables))}
	for i, t := range opts.Catalog.Tables {
		et := &e.tables[i]
		*et = epochTable{table: t, header: opts.Headers[i], parts: map[string]*epochObject{}, sum: StreamSummary{StreamProgress: StreamProgress{Stream: t.Stream}}}
		et.whole = e.object(et, "")
	}
	return e
}

func (e *Epoch) object(t *epochTable, path string) *epochObject {
	o := &epochObject{of: t, path: path}
	o.gathered = gathered{table: t.table, done: func(ctx context.Context, g *group) error { return e.group(ctx, o, g) }}
	return o
}

// Rows is the number of rows, for the time after Finish.
func (e *Epoch) Rows() (rows int64) {
	for i := range e.tables {
		rows += e.tables[i].sum.Rows
	}
	return rows
}

// Rejects is the number of lines that were left out, for the time after Finish.
func (e *Epoch) Rejects() int64 { return e.letters.rows }

// Process appends the batch's rows and rejected lines.
func (e *Epoch) Process(ctx context.Context, b *pipeline.Batch) error {
	for i := range b.Segments {
		seg := &b.Segments[i]
		o := e.objectOf(b, seg)
		if e.opts.Gather != nil {
			if err := e.gather(ctx, o, b, seg); err != nil {
				return err
			}
			continue
		}
		if err := e.open(ctx, o); err != nil {
			return o.failed(err)
		}
		o.content.sum = o.content.sum.Join(seg.Sum)
		if err := e.append(ctx, o, b.Output[seg.Start:seg.End], int64(seg.Rows)); err != nil {
			return o.failed(err)
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

func (o *epochObject) failed(err error) error {
	return fmt.Errorf("stream %s: %w", o.of.table.Stream, err)
}

// objectOf is the object that a segment belongs to.
func (e *Epoch) objectOf(b *pipeline.Batch, seg *pipeline.Segment) *epochObject {
	t := &e.tables[seg.Stream]
	if seg.Partition == 0 {
		return t.whole
	}
	path := b.Partitions[seg.Partition-1]
	o := t.parts[path]
	if o == nil {
		o = e.object(t, path)
		t.parts[path] = o
	}
	return o
}

// open begins an object that is not begun.
func (e *Epoch) open(ctx context.Context, o *epochObject) error {
	if o.Object != nil {
		return nil
	}
	var table *Table
	if o.of != nil {
		table = o.of.table
	}
	o.set = e.opts.Uploader.NewSharedSet(func(ctx context.Context, at *sink.Object) error { return e.opts.Taken(ctx, at, table) })
	metadata := func(rows int64) sink.Metadata {
		m := e.opts.Metadata(rows >= 0)
		if table != nil {
			maps.Copy(m, table.metadata(rows))
		}
		return m
	}
	o.Object = o.set.Open(e.opts.Key(table, o.path), metadata, func() {})
	if o.of == nil {
		return nil
	}
	o.of.sum.Objects++
	o.content.sum = o.of.header.sum
	o.Trailer = table.trailer(&o.content)
	return o.Append(ctx, o.of.header.bytes, 0)
}

func (e *Epoch) append(ctx context.Context, o *epochObject, p []byte, rows int64) error {
	if err := o.Append(ctx, p, rows); err != nil {
		return err
	}
	if o.Full() {
		e.opts.Full()
	}
	if o.rows += rows; o.of != nil {
		o.of.sum.Rows += rows
	}
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
	if err := e.open(ctx, &e.letters); err != nil {
		return err
	}
	e.line = append(append(e.line[:0], text...), '\n')
	return e.append(ctx, &e.letters, e.line, 1)
}

// Tick takes back what is packed: whoever fills the epoch ends it.
func (e *Epoch) Tick(ctx context.Context) error { return e.opts.Gather.look(ctx) }

// Finish brings all that was gathered into objects. Complete follows when its time has come.
func (e *Epoch) Finish(ctx context.Context) error {
	for o := range e.all {
		if err := e.opts.Gather.pack(ctx, &o.gathered); err != nil {
			return err
		}
	}
	return e.opts.Gather.wait(ctx)
}

// gather gathers the rows of a segment.
func (e *Epoch) gather(ctx context.Context, o *epochObject, b *pipeline.Batch, seg *pipeline.Segment) error {
	return e.opts.Gather.gather(ctx, &o.gathered, b, seg, func() int64 { return math.MaxInt64 }, func(*group) {}, func(int64) {})
}

// group gives a packed group to its object.
func (e *Epoch) group(ctx context.Context, o *epochObject, g *group) error {
	if err := e.open(ctx, o); err != nil {
		return o.failed(err)
	}
	o.content.add(o.Object, g)
	if err := e.append(ctx, o, g.out, g.rows); err != nil {
		return o.failed(err)
	}
	return nil
}

// Stop is not used.
func (e *Epoch) Stop(context.Context) error { return nil }

// Keys are those of the objects, after Finish.
func (e *Epoch) Keys() []string {
	var all []string
	for o := range e.opened {
		all = append(all, o.Key)
	}
	return all
}

// Complete makes the objects visible. They are when Run of the uploader has returned without an
// error, which it does once it is closed behind this.
func (e *Epoch) Complete(ctx context.Context) error {
	for o := range e.opened {
		if err := o.set.Commit(ctx, nil); err != nil {
			return err
		}
	}
	return nil
}

// all are the objects of rows, begun or not, in the order of the catalog and of their paths.
func (e *Epoch) all(yield func(*epochObject) bool) {
	for i := range e.tables {
		t := &e.tables[i]
		if !yield(t.whole) {
			return
		}
		for _, path := range slices.Sorted(maps.Keys(t.parts)) {
			if !yield(t.parts[path]) {
				return
			}
		}
	}
}

// opened are those that are begun, and the one with the rejected lines.
func (e *Epoch) opened(yield func(*epochObject) bool) {
	for o := range e.all {
		if o.Object != nil && !yield(o) {
			return
		}
	}
	if e.letters.Object != nil {
		yield(&e.letters)
	}
}

// Objects are those of the epoch, without the one with the rejected lines, once it is complete.
func (e *Epoch) Objects() []Durable {
	var all []Durable
	for o := range e.opened {
		if o.of != nil {
			all = append(all, Durable{Stream: o.of.table.Stream, Key: o.Key, Rows: o.Object.Rows(), Bytes: o.Size()})
		}
	}
	return all
}

// Summary is what the epoch did, a stream, in the order of the catalog; after Finish.
func (e *Epoch) Summary() []StreamSummary {
	all := make([]StreamSummary, len(e.tables))
	for i := range e.tables {
		all[i] = e.tables[i].sum
	}
	for o := range e.opened {
		if o.of != nil {
			all[slices.IndexFunc(e.tables, func(t epochTable) bool { return t.table == o.of.table })].Bytes += o.Size()
		}
	}
	return all
}
