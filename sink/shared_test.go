package sink_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/sluice-data/sluice/sink"
	"github.com/sluice-data/sluice/sink/faultstore"
)

// The tests here are of sets that several processes write alike: see sink.NewSharedSet.

// twins writes objects, each in a shared set of its own, into a store that others write to as well.
type twins struct {
	mem   *memStore
	store *faultstore.Store
	u     *sink.Uploader
	sets  []*sink.Set
	open  []*sink.Object
	want  map[string][]byte

	mu    sync.Mutex
	asked []string                 // the keys that taken was told of
	taken func(*sink.Object) error // what it answers; nil: nil
}

func newTwins(opts sink.UploadOptions, limits sink.Properties, rules ...*faultstore.Rule) *twins {
	w := &twins{mem: newMemStore(limits), want: map[string][]byte{}}
	w.store = faultstore.New(w.mem, rules...)
	w.u = sink.NewUploader(w.store, opts)
	return w
}

// begin opens the next object.
func (w *twins) begin() *sink.Object {
	set := w.u.NewSharedSet(func(_ context.Context, o *sink.Object) error {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.asked = append(w.asked, o.Key)
		if w.taken != nil {
			return w.taken(o)
		}
		return nil
	})
	o := set.Open(fmt.Sprintf("t/%02d", len(w.open)), func(int64) sink.Metadata { return sink.Metadata{"of": "us"} }, nothing)
	w.sets, w.open = append(w.sets, set), append(w.open, o)
	w.want[o.Key] = nil
	return o
}

func (w *twins) row(ctx context.Context, o *sink.Object, size int) error {
	if o.Closed() {
		return fmt.Errorf("%s was closed early", o.Key)
	}
	row := content(size, uint64(len(w.want[o.Key])))
	w.want[o.Key] = append(w.want[o.Key], row...)
	return o.Append(ctx, row, 1)
}

// objects writes objects of the given sizes, but does not show them.
func (w *twins) objects(ctx context.Context, sizes ...int) error {
	for _, size := range sizes {
		if err := w.row(ctx, w.begin(), size); err != nil {
			return err
		}
	}
	return nil
}

func (w *twins) commit(ctx context.Context) error {
	for _, s := range w.sets {
		if err := s.Commit(ctx, nil); err != nil {
			return err
		}
	}
	return nil
}

// check demands all objects, with nothing beside them.
func (w *twins) check(t reporter) {
	t.Helper()
	if got := len(w.mem.keys()); got != len(w.want) || len(w.mem.unfinished()) > 0 {
		t.Errorf("%d objects and %d uploads, want %d and 0", got, len(w.mem.unfinished()), len(w.want))
	}
	for key, want := range w.want {
		o := w.mem.object(key)
		if !bytes.Equal(o.data, want) || len(o.meta) != 1 || o.meta["of"] != "us" {
			t.Errorf("%s: got %d bytes, want %d; its metadata are %v", key, len(o.data), len(want), o.meta)
		}
	}
}

// TestSharedSet: nothing is visible before it is committed, and the metadata are the caller's alone.
func TestSharedSet(t *testing.T) {
	f := func(sizes ...int) {
		t.Helper()
		synctest.Test(t, func(t *testing.T) {
			w := newTwins(inParts, sink.Properties{})
			err := upload(t.Context(), w.u, func(ctx context.Context) error {
				if err := w.objects(ctx, sizes...); err != nil {
					return err
				}
				synctest.Wait()
				if got := w.mem.keys(); len(got) > 0 {
					t.Errorf("%v: %q are visible too early", sizes, got)
				}
				return w.commit(ctx)
			})
			if err != nil || len(w.asked) > 0 || int(w.u.Stats.Objects.Load()) != len(sizes) {
				t.Errorf("%v: %v; asked for %q; %d objects", sizes, err, w.asked, w.u.Stats.Objects.Load())
			}
			w.check(t)
			wantChunks(t, w.u, 256<<20)
		})
	}
	f()
	f(0)
	f(10)
	f(3*chunk, 10, chunk, 2*chunk+1, 0)
}

// TestSharedCrowded: where memory is spent, an object of a shared set is not closed early. It goes
// on past the budget, no further than it is written to, and all of it comes back.
func TestSharedCrowded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		budget := rapid.Int64Range(1, 12).Draw(t, "chunks") * chunk
		limits := sink.Properties{MinPartSize: rapid.SampledFrom([]int64{1, chunk, 3 * chunk, 50 * chunk}).Draw(t, "min part")}
		w := newTwins(sink.UploadOptions{PartSize: chunk, Memory: budget, Concurrency: rapid.IntRange(1, 3).Draw(t, "workers")}, limits)
		sizes := rapid.SliceOfN(rapid.IntRange(1, 2*chunk), 1, 60).Draw(t, "rows")
		objects := rapid.IntRange(1, 20).Draw(t, "objects")
		past := int64(0)                                                      // bytes that came when it was crowded
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute) // a deadlock becomes an error
		defer cancel()
		err := upload(ctx, w.u, func(ctx context.Context) error {
			for range objects {
				w.begin()
			}
			for i, size := range sizes {
				if err := w.row(ctx, w.open[i%objects], size); err != nil {
					return err
				}
				if w.u.Stats.Crowded.Load() {
					past += int64(size)
				}
			}
			return w.commit(ctx)
		})
		if err != nil || w.u.Stats.Early.Load() > 0 {
			t.Fatalf("%v; %d objects were closed early", err, w.u.Stats.Early.Load())
		}
		w.check(t)
		made, free, limit := w.u.Chunks()
		if most := int64(limit) + past/chunk + int64(objects); made != free || int64(made) > most || past == 0 && made > limit {
			t.Errorf("%d chunks were made and %d are free; %d are the budget, and %d bytes came past it", made, free, limit, past)
		}
	})
}

// TestCrowded: it is said when half of the memory waits to become parts, and can't.
func TestCrowded(t *testing.T) {
	f := func(objects int, want bool) {
		t.Helper()
		w := newTwins(sink.UploadOptions{PartSize: 4 * chunk, Memory: 16 * chunk}, sink.Properties{MinPartSize: 4 * chunk})
		err := upload(t.Context(), w.u, func(ctx context.Context) error {
			if err := w.objects(ctx, slices.Repeat([]int{100}, objects)...); err != nil {
				return err
			}
			return w.commit(ctx)
		})
		if got := w.u.Stats.Crowded.Load(); err != nil || got != want {
			t.Errorf("%d objects: %v, crowded: %v", objects, err, got)
		}
		w.check(t)
	}
	f(8, false)
	f(9, true)
	f(100, true)
}

// TestSharedTaken: of an object that is there already, taken says whether it will do.
func TestSharedTaken(t *testing.T) {
	foreign := errors.New("it is somebody else's")
	f := func(size int, answer error) {
		t.Helper()
		w := newTwins(inParts, sink.Properties{})
		w.taken = func(o *sink.Object) error {
			if o.Size() != int64(size) || o.Rows() != 1 {
				t.Errorf("%d bytes: asked for an object of %d bytes and %d rows", size, o.Size(), o.Rows())
			}
			return answer
		}
		if err := w.mem.Put(t.Context(), "t/01", sink.NewBody([]byte("theirs")), nil); err != nil {
			t.Fatal(err)
		}
		err := upload(t.Context(), w.u, func(ctx context.Context) error {
			if err := w.objects(ctx, 10, size, 3*chunk); err != nil {
				return err
			}
			return w.commit(ctx)
		})
		if !errors.Is(err, answer) || !slices.Equal(w.asked, []string{"t/01"}) {
			t.Errorf("%d bytes: got %v, want %v; asked for %q", size, err, answer, w.asked)
		}
		if err := w.u.AbortAll(t.Context()); err != nil || len(w.mem.unfinished()) > 0 {
			t.Errorf("%d bytes: %v; the uploads %v are left", size, err, w.mem.unfinished())
		}
		if got := string(w.mem.object("t/01").data); got != "theirs" {
			t.Errorf("%d bytes: the object that was there is now %q", size, got)
		}
	}
	for _, size := range []int{10, 3 * chunk, 3*chunk + 1} { // one request, and parts
		f(size, nil)
		f(size, foreign)
	}
}

// TestSharedStays: whatever fails, what was shown stays, since another process may count on it.
// Uploads that were not completed are gone, and those of others are not.
func TestSharedStays(t *testing.T) {
	ops := []faultstore.Op{faultstore.Create, faultstore.Put, faultstore.Part, faultstore.Complete}
	rapid.Check(t, func(rt *rapid.T) {
		sizes := rapid.SliceOfN(rapid.SampledFrom([]int{0, 10, chunk, 2 * chunk, 3*chunk + 1}), 1, 8).Draw(rt, "sizes")
		rule := faultstore.On(rapid.SampledFrom(ops).Draw(rt, "op")).Nth(rapid.IntRange(1, 8).Draw(rt, "nth"))
		var stop context.CancelFunc
		switch rapid.IntRange(0, 3).Draw(rt, "fault") {
		case 0:
			rule.Fail(&sink.Error{Kind: sink.ErrDenied})
		case 1:
			rule.LoseReply()
		case 2:
			rule.Delay(time.Second).Fail(&sink.Error{Kind: sink.ErrDenied})
		case 3:
			rule.Call(func(context.Context, faultstore.Op, string) error { stop(); return nil })
		}
		concurrency := rapid.IntRange(1, 4).Draw(rt, "workers")
		synctest.Test(t, func(t *testing.T) {
			w := newTwins(sink.UploadOptions{PartSize: chunk, Concurrency: concurrency}, sink.Properties{}, rule)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			stop = cancel
			theirs := w.mem.begin("t/00", time.Now(), nil)
			err := upload(ctx, w.u, func(ctx context.Context) error {
				if err := w.objects(ctx, sizes...); err != nil {
					return err
				}
				return w.commit(ctx)
			})
			if err == nil && rule.Fired() > 0 && ctx.Err() == nil {
				rt.Errorf("%v: no error", rule)
			}
			shown := slices.Clone(w.mem.shown)
			if err := w.u.AbortAll(ctx); err != nil {
				rt.Errorf("%v: %v", rule, err)
			}
			w.checkLeft(rt, shown, theirs.info, rule)
		})
	})
}

// checkLeft looks at what a failure has left.
func (w *twins) checkLeft(t reporter, shown []string, theirs sink.UploadInfo, rule *faultstore.Rule) {
	t.Helper()
	slices.Sort(shown)
	if got := w.mem.keys(); !slices.Equal(got, shown) {
		t.Errorf("%v: shown were %q, and now there are %q", rule, shown, got)
	}
	for _, key := range shown {
		if !bytes.Equal(w.mem.object(key).data, w.want[key]) {
			t.Errorf("%v: %s is not what was written", rule, key)
		}
	}
	for _, call := range w.store.Calls() {
		if strings.HasPrefix(call, string(faultstore.Delete)) {
			t.Errorf("%v: %s", rule, call)
		}
	}
	left := slices.DeleteFunc(w.mem.unfinished(), func(up sink.UploadInfo) bool { return up.ID == theirs.ID })
	// An upload whose Create was lost can't be told from another process's.
	unknown := 0
	if strings.HasPrefix(rule.String(), string(faultstore.Create)) && strings.Contains(rule.String(), "lose the reply") {
		unknown = rule.Fired()
	}
	if n := len(w.mem.unfinished()); len(left) > unknown || n == len(left) {
		t.Errorf("%v: the uploads %v are left; the other process's is %s", rule, w.mem.unfinished(), theirs.ID)
	}
}
