package sluice

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"

	"github.com/sluice-data/sluice/airbyte"
	"github.com/sluice-data/sluice/config"
	"github.com/sluice-data/sluice/internal/feed"
	"github.com/sluice-data/sluice/stages"
)

// Table is what a Writer fills: one directory of objects, "namespace/name" below the config's path.
type Table struct {
	Namespace, Name string // the namespace may be ""
	// Schema is a JSON schema: {"properties": {"id": {"type": "integer"}}}. Its properties are the
	// columns where the config flattens records. A config that does not (flattening "No flattening",
	// the default) needs none: a record is one column.
	Schema json.RawMessage
	// Replace says that Close replaces what the table had before, as the config's full_refresh says.
	// Otherwise records are appended.
	Replace bool
}

// Object is one that was completed: it is visible, and stays.
type Object struct {
	Stream airbyte.StreamID // its table
	Key    string           // in the bucket: "path/namespace/name/2021_01_01_1609541171643_0.csv"
	Rows   int64
	Bytes  int64 // of the object, compressed where the config wants that
}

var errNoObject = errors.New("it is no JSON object")

// Writer fills tables with the records that a program gives it. All methods may be called from
// many goroutines.
//
// A record is safe once a Checkpoint that began after its Write has returned without an error;
// those of a table that is replaced, once Close has. Until then it may be in memory only, and when
// the writer ends (Done), records since the last such moment have to be written again, to a new one.
//
// A *RecordError is about its record alone, and an error because the context of a call ended about
// that call: the writer goes on. Every other error is the end of the writer, and Err has it too.
type Writer struct {
	engine *Engine
	feed   *feed.Feed
	cancel context.CancelCauseFunc
	hurry  chan struct{}
	once   sync.Once // closes hurry

	buffers sync.Pool // of *bytes.Buffer, for TableWriter.Write

	done    chan struct{} // closed when the engine has ended
	summary *Summary      // then
	err     error         // then

	mu        sync.Mutex
	completed []Object
	number    int64 // of the last checkpoint
	waiting   map[int64]chan []Object
}

// feedLimit is how many bytes may wait to be read: a few batches.
const feedLimit = 2 << 20

// NewWriter opens a writer for the tables. It ends with ctx at the latest: that is as Abort. Wrong
// settings are found here: the errors are those of Open. What the store has to say comes with the first
// Checkpoint, or before from Check. cfg may not change while the writer is in use.
//
// A writer that is not needed any more has to be closed or aborted: it has goroutines.
func NewWriter(ctx context.Context, cfg *config.Config, tables []Table, opts Options) (*Writer, error) {
	catalog := &airbyte.Catalog{}
	for _, t := range tables {
		s := airbyte.Stream{ID: airbyte.StreamID{Namespace: t.Namespace, Name: t.Name}, Schema: t.Schema, Mode: airbyte.Append}
		if t.Replace {
			s.Mode = airbyte.Overwrite
		}
		if err := hasColumns(cfg, &s); err != nil {
			return nil, &PlanError{fmt.Errorf("table %s: %w", s.ID, err)}
		}
		catalog.Streams = append(catalog.Streams, s)
	}
	w := &Writer{
		feed: feed.New(feedLimit), hurry: make(chan struct{}), done: make(chan struct{}),
		waiting: map[int64]chan []Object{}, buffers: sync.Pool{New: func() any { return new(bytes.Buffer) }},
	}
	opts.Hurry = w.hurry
	engine, err := Open(ctx, cfg, catalog, opts)
	if err != nil {
		return nil, err
	}
	w.engine = engine
	engine.checkpointAll, engine.durable = true, w.durable
	ctx, w.cancel = context.WithCancelCause(ctx)
	go w.run(ctx)
	return w, nil
}

// hasColumns refuses a table that would lose all of its fields. A source of Airbyte may have a
// stream without properties; a program that names none has forgotten them.
func hasColumns(cfg *config.Config, s *airbyte.Stream) error {
	if cfg.Format.Flattening() != config.FlatteningRoot || cfg.Format.UndeclaredFields() == config.UndeclaredKeep {
		return nil
	}
	columns, err := s.Columns()
	if err == nil && len(columns) == 0 {
		err = fmt.Errorf("the config flattens, and its schema names no properties: all fields would be dropped. Give it a Schema, or use %q, or undeclared_fields: %q",
			config.FlatteningNone, config.UndeclaredKeep)
	}
	return err
}

func (w *Writer) run(ctx context.Context) {
	stop := context.AfterFunc(ctx, func() { w.feed.Refuse(context.Cause(ctx)) })
	w.summary, w.err = w.engine.Run(ctx, w.feed, w.reached)
	stop()
	w.cancel(nil)
	w.feed.Fail(w.ended())
	close(w.done)
}

// Table returns the part of the writer that writes to one of its tables. It is an error if there is
// no such table.
func (w *Writer) Table(namespace, name string) (*TableWriter, error) {
	id := airbyte.StreamID{Namespace: namespace, Name: name}
	for _, t := range w.engine.catalog.Tables {
		if t.Stream == id {
			return newTableWriter(w, id), nil
		}
	}
	return nil, fmt.Errorf("%s is none of the tables that the writer was opened for", id)
}

// Done is closed when the writer has ended: by Close, by Abort, or because it could not go on.
func (w *Writer) Done() <-chan struct{} { return w.done }

// Err says why the writer has ended: ErrClosed behind a Close that went well. It is nil before.
func (w *Writer) Err() error {
	select {
	case <-w.done:
		return w.ended()
	default:
		return nil
	}
}

// Progress tells how far it is. Each Checkpoint is a STATE there.
func (w *Writer) Progress() *Progress { return w.engine.Progress() }

// Checkpoint returns when all that was written before is in completed objects, but for tables
// that are replaced. It returns the objects that were completed since the last Checkpoint
// returned some; they may have rows that were written meanwhile.
func (w *Writer) Checkpoint(ctx context.Context) ([]Object, error) {
	w.mu.Lock()
	w.number++
	n := w.number
	reached := make(chan []Object, 1)
	w.waiting[n] = reached
	w.mu.Unlock()
	err := w.feed.Write(ctx, fmt.Appendf(nil, `{"type":"STATE","state":{"data":{"checkpoint":%d}}}`+"\n", n))
	if err == nil {
		select {
		case objects := <-reached:
			return objects, nil
		case <-ctx.Done():
			err = context.Cause(ctx)
		case <-w.done:
			err = w.ended()
		}
	}
	w.forget(n, reached)
	return nil, err
}

// forget gives up waiting. What was told in that moment is for the next checkpoint.
func (w *Writer) forget(n int64, reached chan []Object) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.waiting, n)
	select {
	case objects := <-reached:
		w.completed = append(objects, w.completed...)
	default:
	}
}

func (w *Writer) durable(o stages.Durable) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.completed = append(w.completed, Object(o))
}

// reached is given each STATE that leaves: that of a checkpoint.
func (w *Writer) reached(state []byte) error {
	var m struct {
		State struct{ Data struct{ Checkpoint int64 } }
	}
	if err := json.Unmarshal(state, &m); err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	n := m.State.Data.Checkpoint
	if c := w.waiting[n]; c != nil {
		c <- w.completed // has room
		delete(w.waiting, n)
		w.completed = nil
	}
	return nil
}

// Close completes all objects, replaces the tables that are to be replaced, and returns what was
// done. If ctx ends before, it is as Abort, and the error is the context's. The Summary is nil with an
// error. A second Close returns what the first one did.
func (w *Writer) Close(ctx context.Context) (*Summary, error) {
	w.feed.Close(ErrClosed)
	select {
	case <-w.done:
	case <-ctx.Done():
		w.abort(context.Cause(ctx))
	}
	return w.summary, w.err
}

// Abort drops what is not in a completed object: tables that are replaced stay as they were. It
// returns when nothing is under way any more. Behind Close it does nothing, so it can be deferred.
func (w *Writer) Abort() { w.abort(ErrClosed) }

func (w *Writer) abort(cause error) {
	w.once.Do(func() { close(w.hurry) })
	w.cancel(cause)
	<-w.done
}

func (w *Writer) ended() error {
	if w.err != nil {
		return w.err
	}
	return ErrClosed
}
