package stages

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sort"
	"time"

	"github.com/sluice-data/sluice/airbyte"
	"github.com/sluice-data/sluice/compress"
	"github.com/sluice-data/sluice/format"
	"github.com/sluice-data/sluice/pipeline"
	"github.com/sluice-data/sluice/sink"
)

// Assemble is the end of the pipeline: it takes the batches in the order of the input and
// appends each row to its stream's open object, closes objects by size and by age, hands
// STATEs to the ledger, and ends each stream as its status says.
type Assemble struct {
	opts    AssembleOptions
	streams []stream
	rows    int64 // given to objects so far: the number of the next row
	passed  int64 // records in front of the mark that is looked at; not more than rows
	counted int64 // records in front of the last LEGACY or GLOBAL state
	status  bool  // the source says how its streams end, or that it has failed: no COMPLETE is a failure
	packed  bool  // the rows come in pieces: see Pack
	decoder airbyte.Decoder
	watched time.Time // when Watch was told last

	reported string // the last error that the source reported
}

// AssembleOptions are what the stage works with.
type AssembleOptions struct {
	Catalog       *Catalog
	Keys          []*sink.Keys // by table
	Gather        *Gather      // of the catalog
	Uploader      *sink.Uploader
	Store         sink.Store
	Commit        *pipeline.Commit
	Log           *slog.Logger
	Now           Clock
	CheckpointAge time.Duration // an open object is closed at this age; 0: never
	// CheckpointAll: each LEGACY or GLOBAL state closes what is open, but for atomic refreshes,
	// for whose end no state waits then.
	CheckpointAll bool
	// Durable is told of each object once all of it is visible, before the STATEs behind its
	// rows leave; by goroutines of the uploader.
	Durable func(Durable)
	// Watch is told now and then what has been done so far, in the order of the catalog; it may keep the slice.
	Watch func([]StreamProgress)
}

// Durable is an object that is visible, and stays.
type Durable struct {
	Stream airbyte.StreamID
	Key    string
	Rows   int64
	Bytes  int64
}

// stream is what Assemble knows of one stream.
type stream struct {
	table   *Table
	object  *sink.Object // nil or closed: the next row, or the next group, opens one
	ended   ending
	counted int64 // records since its last state
	rows    int64
	waits   int64 // the first row of its object
	first   int64 // of all; -1: it has none
	bytes   int64 // of its objects

	sum StreamSummary

	gathered gathered
	content  *content // of the object

	packs float64 // bytes of a packed group for each of its rows; 0: not known

	keys   *sink.Keys
	set    *sink.Set
	opened time.Time
	key    string // of its states
	header Header
}

type ending int

const (
	running ending = iota
	complete
	incomplete
)

// NewAssemble makes the stage.
func NewAssemble(opts AssembleOptions) *Assemble {
	a := &Assemble{opts: opts, streams: make([]stream, len(opts.Catalog.Tables)), packed: opts.Catalog.Pieces()}
	for i, t := range opts.Catalog.Tables {
		a.streams[i] = stream{
			table: t,
			keys:  opts.Keys[i],
			key:   StateKey(t.Stream),
			first: -1,
			set:   opts.Uploader.NewSet(t.Refresh == Atomic),
			sum:   StreamSummary{StreamProgress: StreamProgress{Stream: t.Stream}, Undeclared: map[string]int64{}},
		}
		s := &a.streams[i]
		s.set.NextKey = opts.Keys[i].Next
		s.gathered = gathered{table: t, done: func(ctx context.Context, g *group) error { return a.group(ctx, s, g) }}
	}
	for i, h := range NewHeaders(opts.Catalog) {
		a.streams[i].header = h
	}
	return a
}

// Process appends the batch's rows and acts on its marks.
func (a *Assemble) Process(ctx context.Context, b *pipeline.Batch) error {
	marks, passed := b.Marks, 0
	for i := range b.Segments {
		seg := &b.Segments[i]
		for ; len(marks) > 0 && marks[0].At <= seg.First; marks = marks[1:] {
			passed = a.pass(b, passed, int(marks[0].At))
			if err := a.mark(ctx, b, &marks[0]); err != nil {
				return err
			}
		}
		if err := a.segment(ctx, b, seg); err != nil {
			return err
		}
	}
	for i := range marks {
		passed = a.pass(b, passed, int(marks[i].At))
		if err := a.mark(ctx, b, &marks[i]); err != nil {
			return err
		}
	}
	a.pass(b, passed, len(b.Records))
	a.count(b)
	return nil
}

// pass counts the batch's records up to the number end. Segments could do that, were it not
// for packed ones: they may have given more rows to an object than stand in front of the mark.
func (a *Assemble) pass(b *pipeline.Batch, from, end int) int {
	if !a.packed {
		return end
	}
	for i := from; i < end; i++ {
		a.streams[b.Records[i].Stream].counted++
	}
	a.passed += int64(end - from)
	return end
}

// segment appends rows of one stream to its object.
func (a *Assemble) segment(ctx context.Context, b *pipeline.Batch, seg *pipeline.Segment) error {
	s := &a.streams[seg.Stream]
	if s.ended != running && s.table.Refresh != Append {
		line := b.Line + int64(b.Records[seg.First].Line)
		return &pipeline.LineError{Line: line, Err: fmt.Errorf("RECORD of stream %s behind the status that ended it: its full refresh is over", s.table.Stream)}
	}
	if a.opts.Gather != nil {
		return a.gather(ctx, s, b, seg)
	}
	for start, done := seg.Start, int32(0); done < seg.Rows; {
		if s.object == nil || s.object.Closed() {
			if err := a.open(ctx, s, a.entry(s), a.rows, a.opts.Now()); err != nil {
				return s.failed(err)
			}
		}
		rows, end := seg.Rows-done, seg.End
		if a.packed { // a piece can't be cut
			s.content.sum = s.content.sum.Join(seg.Sum) // first: the object may be closed by what comes next
		} else if room := s.object.Room(); int64(end-start) > room {
			rest := b.Records[seg.First+done : seg.First+seg.Rows]
			rows = 1 + int32(sort.Search(len(rest)-1, func(i int) bool { return int64(rest[i].End-start) >= room }))
			end = rest[rows-1].End
		}
		if err := a.append(ctx, s, b.Output[start:end], int64(rows)); err != nil {
			return s.failed(err)
		}
		start, done = end, done+rows
	}
	return nil
}

// append gives rows to the stream's object, and closes it if it has reached its size.
func (a *Assemble) append(ctx context.Context, s *stream, p []byte, rows int64) error {
	if err := s.object.Append(ctx, p, rows); err != nil {
		return err
	}
	a.rows += rows
	if !a.packed {
		a.passed += rows
		s.counted += rows
	}
	s.rows += rows
	s.bytes += int64(len(p))
	if s.object.Full() {
		return s.object.Close(ctx)
	}
	return nil
}

// entry makes an entry of the ledger for what begins with the next row; none where no STATE waits for it.
func (a *Assemble) entry(s *stream) []pipeline.ObjectID {
	if s.first < 0 {
		s.first = a.rows
	}
	if a.opts.CheckpointAll && s.table.Refresh == Atomic {
		return nil
	}
	return []pipeline.ObjectID{a.opts.Commit.Open(a.rows)}
}

// content is what an object's end has to know of it.
type content struct {
	ids    []pipeline.ObjectID // that are durable when it is
	sum    compress.Sum        // of what it has compressed
	groups []format.Group
}

// add tells of a group that is appended next.
func (c *content) add(o *sink.Object, g *group) {
	c.groups = append(c.groups, format.Group{Offset: o.Size(), Size: int64(len(g.out)), Rows: g.rows, Info: g.info})
}

// open begins the stream's next object, whose first row has this number and came at that time.
func (a *Assemble) open(ctx context.Context, s *stream, ids []pipeline.ObjectID, first int64, since time.Time) error {
	c := &content{ids: ids, sum: s.header.sum}
	var o *sink.Object
	o = s.set.Open(s.keys.Next(), s.table.metadata, func() {
		if a.opts.Durable != nil {
			a.opts.Durable(Durable{Stream: s.table.Stream, Key: o.Key, Rows: o.Rows(), Bytes: o.Size()})
		}
		a.opts.Commit.Durable(c.ids...)
	})
	s.object, s.content, s.opened, s.waits = o, c, since, first
	o.Trailer = s.table.trailer(c)
	s.sum.Objects++
	s.bytes += int64(len(s.header.bytes))
	return o.Append(ctx, s.header.bytes, 0)
}

// failed says which stream an upload error belongs to.
func (s *stream) failed(err error) error {
	if errors.Is(err, context.Canceled) {
		return err
	}
	return fmt.Errorf("stream %s: %w", s.table.Stream, err)
}

func (a *Assemble) mark(ctx context.Context, b *pipeline.Batch, m *pipeline.Mark) error {
	switch m.Kind {
	case pipeline.StreamState, pipeline.WholeState:
		a.opts.Commit.Hold(a.held(b, m))
		if a.opts.CheckpointAll && m.Kind == pipeline.WholeState {
			return a.closeThose(ctx, func(*stream) bool { return true })
		}
		return nil
	case pipeline.SourceFailed:
		a.status, a.reported = true, airbyte.ErrorText(m.Text.Of(b.Input))
		a.opts.Log.Warn("the source reported an error: "+a.reported, "line", b.Line+int64(m.Line))
		return nil
	case pipeline.StreamEstimate:
		if m.Stream >= 0 {
			a.streams[m.Stream].sum.Estimate = m.Rows
		}
		return nil
	case pipeline.StreamStatus, pipeline.StreamComplete, pipeline.StreamIncomplete:
	}
	a.status = true
	if m.Stream < 0 {
		a.opts.Log.Warn("a STREAM_STATUS names a stream that is not in the catalog", "line", b.Line+int64(m.Line))
		return nil
	}
	s := &a.streams[m.Stream]
	switch {
	case m.Kind == pipeline.StreamComplete && s.ended == running:
		return a.complete(ctx, s)
	case m.Kind == pipeline.StreamIncomplete && s.ended == running:
		return a.incomplete(ctx, s)
	case m.Kind == pipeline.StreamIncomplete:
		s.ended = incomplete // it said COMPLETE before; the sync has to fail all the same
	}
	return nil
}

// complete ends a stream successfully.
func (a *Assemble) complete(ctx context.Context, s *stream) error {
	s.ended = complete
	if s.table.Refresh != Atomic && s.table.Refresh != Incremental {
		return a.close(ctx, s)
	}
	if err := a.settle(ctx, s); err != nil {
		return err
	}
	return s.set.Commit(ctx, &replacement{opts: &a.opts, table: s.table, purge: sink.Purge{Dir: s.table.Dir, MinGeneration: s.table.MinGeneration}})
}

// incomplete ends a stream that failed. Nothing is purged. What a full refresh has not
// shown stays invisible; rows of the others stay.
func (a *Assemble) incomplete(ctx context.Context, s *stream) error {
	s.ended = incomplete
	if s.table.Refresh == Atomic {
		return a.abandon(ctx, s)
	}
	return a.close(ctx, s)
}

// close ends the objects of some streams, with all that was gathered of them.
func (a *Assemble) close(ctx context.Context, some ...*stream) error {
	if err := a.settle(ctx, some...); err != nil {
		return err
	}
	for _, s := range some {
		if s.object == nil {
			continue
		}
		if err := s.object.Close(ctx); err != nil {
			return s.failed(err)
		}
	}
	return nil
}

// closeThose closes what has rows of the streams that are asked for, but of what is shown at its end.
func (a *Assemble) closeThose(ctx context.Context, which func(*stream) bool) error {
	var those []*stream
	for i := range a.streams {
		if s := &a.streams[i]; s.table.Refresh != Atomic && s.open() && which(s) {
			those = append(those, s)
		}
	}
	return a.close(ctx, those...)
}

// Tick closes the objects that are old enough, so that the STATEs behind their rows can
// leave. A full refresh that is shown at its end keeps its objects open.
func (a *Assemble) Tick(ctx context.Context) error {
	a.watch()
	if err := a.opts.Gather.look(ctx); err != nil {
		return err
	}
	if a.opts.CheckpointAge == 0 {
		return nil
	}
	now := a.opts.Now()
	return a.closeThose(ctx, func(s *stream) bool { _, since := s.oldest(); return now.Sub(since) >= a.opts.CheckpointAge })
}

// Finish ends every stream that no status has ended: successfully if the source sends no
// statuses at all, as failed if it does, or has reported an error: its records may have
// ended anywhere.
func (a *Assemble) Finish(ctx context.Context) error {
	defer func() { a.watched = time.Time{}; a.watch() }()
	if err := a.settleAll(ctx); err != nil {
		return err
	}
	for i := range a.streams {
		s := &a.streams[i]
		var err error
		switch {
		case s.ended != running:
			err = a.close(ctx, s) // rows may have come behind an append stream's status
		case a.status:
			err = a.incomplete(ctx, s)
		default:
			err = a.complete(ctx, s)
		}
		if err != nil {
			return s.failed(err)
		}
	}
	return nil
}
