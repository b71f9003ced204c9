package stages

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/sluice-data/sluice/airbyte"
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
	whole   lane             // of a table without partitions
	lanes   map[string]*lane // of one with them, that are open, by their paths
	table   *Table
	ended   ending
	counted int64 // records since its last state
	rows    int64
	first   int64 // number of its first row; -1: it has none
	bytes   int64 // of its objects

	sum StreamSummary

	keys   *sink.Keys
	set    *sink.Set
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
		s.set.NextKey, s.set.Names = opts.Keys[i].Instead, t.Names
		s.lanes = map[string]*lane{}
		a.enter(&s.whole, s, "")
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

// segment appends rows of one stream to their object.
func (a *Assemble) segment(ctx context.Context, b *pipeline.Batch, seg *pipeline.Segment) error {
	s := &a.streams[seg.Stream]
	if s.ended != running && s.table.Refresh != Append {
		line := b.Line + int64(b.Records[seg.First].Line)
		return &pipeline.LineError{Line: line, Err: fmt.Errorf("RECORD of stream %s behind the status that ended it: its full refresh is over", s.table.Stream)}
	}
	l := a.lane(b, s, seg)
	switch {
	case a.opts.Gather != nil:
		return a.gather(ctx, l, b, seg) // whose error may be that of another stream's rows
	case a.packed:
		return s.failed(a.piece(ctx, l, b, seg))
	}
	return s.failed(a.append(ctx, l, b, seg))
}

// failed says once, where an upload fails, which stream the error belongs to.
func (s *stream) failed(err error) error {
	if err == nil || errors.Is(err, context.Canceled) {
		return err
	}
	return fmt.Errorf("stream %s: %w", s.table.Stream, err)
}

func (a *Assemble) mark(ctx context.Context, b *pipeline.Batch, m *pipeline.Mark) error {
	switch m.Kind {
	case pipeline.StreamState, pipeline.WholeState:
		a.opts.Commit.Hold(a.held(b, m))
		if a.opts.CheckpointAll && m.Kind == pipeline.WholeState {
			return a.closeThose(ctx, func(*lane) bool { return true })
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
		return a.close(ctx, s.open()...)
	}
	// The set itself closes the last object: it may be shown by one request.
	open := s.open()
	if err := a.settle(ctx, open...); err != nil {
		return err
	}
	for _, l := range open {
		if l.object == s.set.Last() {
			continue
		}
		if err := l.object.Close(ctx); err != nil {
			return s.failed(err)
		}
	}
	return s.failed(s.set.Commit(ctx, &replacement{opts: &a.opts, table: s.table, purge: sink.Purge{Names: s.table.Names, MinGeneration: s.table.MinGeneration}}))
}

// incomplete ends a stream that failed. Nothing is purged. What a full refresh has not
// shown stays invisible; rows of the others stay.
func (a *Assemble) incomplete(ctx context.Context, s *stream) error {
	s.ended = incomplete
	if s.table.Refresh == Atomic {
		return a.abandon(ctx, s)
	}
	return a.close(ctx, s.open()...)
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
	return a.closeThose(ctx, func(l *lane) bool { _, since := l.oldest(); return now.Sub(since) >= a.opts.CheckpointAge })
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
			err = a.close(ctx, s.open()...) // rows may have come behind an append stream's status
		case a.status:
			err = a.incomplete(ctx, s)
		default:
			err = a.complete(ctx, s)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
