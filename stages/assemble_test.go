package stages

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/sluice-data/sluice/internal/naming"
	"github.com/sluice-data/sluice/pipeline"
	"github.com/sluice-data/sluice/sink"
	"github.com/sluice-data/sluice/sink/dir"
)

// rig is an Assemble with all that it works with, over a directory.
type rig struct {
	*Assemble
	t       *testing.T
	root    string
	catalog *Catalog
	store   sink.Store
	group   errgroup.Group
	up      *sink.Uploader
	commit  *pipeline.Commit
	states  chan string
	now     time.Time
	line    int64
}

func newRig(t *testing.T, maxObject int64, age time.Duration, tables ...*Table) *rig {
	root := t.TempDir()
	store, err := dir.New(root)
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{t: t, root: root, catalog: NewCatalog(tables), store: store, states: make(chan string, 100), now: time.UnixMilli(1e12), line: 1}
	r.up = sink.NewUploader(store, sink.UploadOptions{MaxObject: maxObject, Concurrency: 2})
	r.commit = pipeline.NewCommit(EmitStates(func(m []byte) error { r.states <- string(m); return nil }))
	opts := AssembleOptions{
		Catalog: r.catalog, Uploader: r.up, Store: store, Commit: r.commit, Log: slog.New(slog.DiscardHandler),
		Now: func() time.Time { return r.now }, CheckpointAge: age,
	}
	for _, table := range tables {
		opts.Keys = append(opts.Keys, sink.NewKeys(table.Names, naming.Values{Time: r.now, Extension: "." + table.Extension()}, func() time.Time { return r.now }))
	}
	r.Assemble = NewAssemble(opts)
	r.group.Go(func() error { defer r.commit.Close(); return r.up.Run(t.Context()) })
	r.group.Go(func() error { return r.commit.Run(t.Context()) })
	return r
}

// send gives lines to the stages and to Assemble.
func (r *rig) send(lines ...string) error {
	b := batch(lines...)
	b.Line = r.line
	r.line += int64(len(lines))
	process(r.t, r.catalog, b)
	return r.Process(r.t.Context(), b)
}

// end finishes and waits until nothing is under way.
func (r *rig) end() {
	r.t.Helper()
	if err := r.Finish(r.t.Context()); err != nil {
		r.t.Fatal(err)
	}
	r.opts.Gather.Close()
	r.up.Close()
	if err := r.group.Wait(); err != nil {
		r.t.Fatal(err)
	}
	if err := r.up.AbortAll(r.t.Context()); err != nil {
		r.t.Fatal(err)
	}
	close(r.states)
}

// keys lists the objects of a table, by the end of their keys.
func (r *rig) keys(dir string) string {
	r.t.Helper()
	var keys []string
	for info, err := range r.store.List(r.t.Context(), dir+"/", "") {
		if err != nil {
			r.t.Fatal(err)
		}
		keys = append(keys, strings.TrimPrefix(info.Key, dir+"/2001_09_09_"))
	}
	return strings.Join(keys, " ")
}

func streamState(stream string) string {
	return fmt.Sprintf(`{"type":"STATE","state":{"type":"STREAM","stream":{"stream_descriptor":{"name":%q}}}}`, stream)
}

func status(stream, status string) string {
	return fmt.Sprintf(`{"type":"TRACE","trace":{"type":"STREAM_STATUS","stream_status":{"status":%q,"stream_descriptor":{"name":%q}}}}`, status, stream)
}

const legacyState = `{"type":"STATE","state":{"data":{}}}`

// counts returns the recordCount of each state that left.
func (r *rig) counts() string {
	var all []string
	for s := range r.states {
		_, rest, _ := strings.Cut(s, `"recordCount":`)
		count, _, _ := strings.Cut(rest, "}")
		all = append(all, count)
	}
	return strings.Join(all, " ")
}

func TestAssembleCountsTheRecordsOfEachState(t *testing.T) {
	r := newRig(t, 0, 0, table("users", "a"), table("orders", "a"))
	u, o := record("users", `{"a":1}`), record("orders", `{"a":1}`)
	if err := r.send(u, u, streamState("users"), o, streamState("orders"), u, streamState("users"), streamState("users"), legacyState, o, o, legacyState, streamState("nobody")); err != nil {
		t.Fatal(err)
	}
	r.end()
	if got := r.counts(); got != "2.0 1.0 1.0 0.0 4.0 2.0 0.0" {
		t.Errorf("recordCounts %s", got)
	}
}

func TestAssembleSplitsObjectsBySize(t *testing.T) {
	r := newRig(t, 200, 0, table("users", "a"))
	var lines []string
	for i := range 20 { // a row has about 45 bytes
		lines = append(lines, record("users", fmt.Sprintf(`{"a":%d}`, i)))
	}
	if err := r.send(lines...); err != nil {
		t.Fatal(err)
	}
	r.end()
	if got := r.keys("data/users"); !strings.HasPrefix(got, "1000000000000_0.csv 1000000000000_1.csv") {
		t.Errorf("objects %s", got)
	}
	if s := r.Summary()[0]; s.Rows != 20 || s.Objects < 5 || s.Objects > 8 || !s.Complete {
		t.Errorf("summary %+v", s)
	}
}

func TestTickClosesOldObjects(t *testing.T) {
	atomic := table("orders", "a")
	atomic.Refresh = Atomic
	r := newRig(t, 0, time.Minute, table("users", "a"), atomic)
	if err := r.send(record("users", `{"a":1}`), streamState("users"), record("orders", `{"a":1}`), streamState("orders")); err != nil {
		t.Fatal(err)
	}
	r.now = r.now.Add(59 * time.Second)
	if err := r.Tick(t.Context()); err != nil || r.streams[0].whole.object.Closed() {
		t.Fatalf("%v: an object is closed before its time", err)
	}
	r.now = r.now.Add(time.Second)
	if err := r.Tick(t.Context()); err != nil || !r.streams[0].whole.object.Closed() {
		t.Fatalf("%v: an object is not closed at its time", err)
	}
	if s := <-r.states; !strings.Contains(s, "users") {
		t.Errorf("the state %s left first", s)
	}
	if r.streams[1].whole.object.Closed() {
		t.Error("a full refresh that is shown at its end was closed by age")
	}
	if err := r.send(record("users", `{"a":2}`)); err != nil {
		t.Fatal(err)
	}
	r.end()
	if got := r.keys("data/users"); got != "1000000000000_0.csv 1000000000000_1.csv" {
		t.Errorf("objects %s", got)
	}
}

func TestStatusesEndStreams(t *testing.T) {
	f := func(name string, refresh Refresh, failed int, keys string, lines ...string) {
		t.Helper()
		users := table("users", "a")
		users.Refresh = refresh
		r := newRig(t, 0, 0, users, table("orders", "a"))
		if err := r.send(lines...); err != nil {
			t.Fatal(name, err)
		}
		r.end()
		if n := len(r.Failed()); n != failed {
			t.Errorf("%s: %d streams failed, want %d", name, n, failed)
		}
		if got := r.keys("data/users"); got != keys {
			t.Errorf("%s: objects %q, want %q", name, got, keys)
		}
	}
	const one = "1000000000000_0.csv"
	row, both := record("users", `{"a":1}`), status("orders", "COMPLETE")
	f("no status at all", Atomic, 0, one, row)
	f("complete", Atomic, 0, one, row, status("users", "COMPLETE"), both)
	f("incomplete", Atomic, 1, "", row, status("users", "INCOMPLETE"), both)
	f("incomplete, then complete", Atomic, 1, "", row, status("users", "INCOMPLETE"), status("users", "COMPLETE"), both)
	f("complete, then incomplete", Atomic, 1, one, row, status("users", "COMPLETE"), status("users", "INCOMPLETE"), both)
	f("missing where others came", Atomic, 1, "", row, both)
	f("only STARTED", Atomic, 2, "", row, status("users", "STARTED"))
	const failure = `{"type":"TRACE","trace":{"type":"ERROR","error":{"message":"out of luck"}}}`
	f("an error of the source, and no status", Atomic, 2, "", row, failure)
	f("an error of the source behind the end", Atomic, 0, one, row, status("users", "COMPLETE"), both, failure)
	f("append, an error of the source", Append, 2, one, row, failure)
	f("append, incomplete", Append, 1, one, row, status("users", "INCOMPLETE"), both)
	f("append, missing", Append, 1, one, row, both)
	f("incremental, incomplete", Incremental, 1, one, row, status("users", "INCOMPLETE"), both)
	f("a status of a stream that nobody knows", Append, 0, one, row, status("users", "COMPLETE"), both, status("nobody", "INCOMPLETE"))
}

func TestRecordsBehindTheEndOfAFullRefreshAreRefused(t *testing.T) {
	users := table("users", "a")
	users.Refresh = Atomic
	r := newRig(t, 0, 0, users, table("orders", "a"))
	if err := r.send(record("users", `{"a":1}`), status("users", "COMPLETE"), status("orders", "COMPLETE"), record("orders", `{"a":1}`)); err != nil {
		t.Fatal(err) // an append stream may go on
	}
	err := r.send("", record("users", `{"a":2}`))
	if err == nil || !strings.HasPrefix(err.Error(), "line 6: RECORD of stream users behind the status") {
		t.Errorf("got %v", err)
	}
	r.end()
}

func TestFullRefreshRemovesOlderObjectsAtItsEnd(t *testing.T) {
	for _, refresh := range []Refresh{Atomic, Incremental} {
		users := table("users", "a")
		users.Refresh = refresh
		r := newRig(t, 0, 0, users)
		for _, key := range []string{"users/1999_01_01_1_0.csv", "users/1999_01_01_1_1.csv.gz", "users/README.txt", "users_archive/1999_01_01_1_0.csv"} {
			if err := r.store.Put(t.Context(), "data/"+key, sink.NewBody([]byte("old")), nil); err != nil {
				t.Fatal(err)
			}
		}
		if err := r.send(record("users", `{"a":1}`), streamState("users"), status("users", "COMPLETE")); err != nil {
			t.Fatal(err)
		}
		r.end()
		if got := r.keys("data/users"); got != "1000000000000_0.csv data/users/README.txt" && got != "1000000000000_0.csv README.txt" {
			t.Errorf("refresh %d leaves %q", refresh, got)
		}
		if got := r.keys("data/users_archive"); got == "" {
			t.Error("the neighbour's object is gone")
		}
		if got := r.counts(); got != "1.0" {
			t.Errorf("states %s", got)
		}
	}
}

var _ pipeline.End = (*Assemble)(nil)

func TestAssembleStopsWithItsContext(t *testing.T) {
	r := newRig(t, 0, 0, table("users", "a"))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := r.send(record("users", `{"a":1}`)); err != nil {
		t.Fatal(err)
	}
	if err := r.streams[0].whole.object.Close(ctx); err == nil {
		t.Log("the queue had room") // nothing waits for a cancelled context
	}
	r.end()
}
