package sink_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sluice-data/sluice/sink"
	"github.com/sluice-data/sluice/sink/faultstore"
)

// TestNothingToAbort: a sync that has succeeded makes no request more.
func TestNothingToAbort(t *testing.T) {
	log := faultstore.New(newMemStore(sink.Properties{}))
	u := sink.NewUploader(log, sink.UploadOptions{PartSize: chunk})
	w := newWriter(u, false, true)
	err := upload(t.Context(), u, func(ctx context.Context) error {
		return errors.Join(w.row(ctx, 0, content(3*chunk, 1)), w.row(ctx, 1, content(3*chunk, 2)), w.end(ctx))
	})
	if err != nil {
		t.Fatal(err)
	}
	log.Forget()
	if err := u.AbortAll(t.Context()); err != nil || len(log.Calls()) > 0 {
		t.Errorf("got the calls %q and error %v", log.Calls(), err)
	}
}

// lateStore calls after when the first part of an upload is up, before its reply.
type lateStore struct {
	*memStore
	after func()
}

type lateUpload struct {
	sink.Upload
	after func()
}

func (s *lateStore) Create(ctx context.Context, key string, meta sink.Metadata) (sink.Upload, error) {
	up, err := s.memStore.Create(ctx, key, meta)
	return &lateUpload{up, s.after}, err
}

func (u *lateUpload) Part(ctx context.Context, p sink.Part) error {
	err := u.Upload.Part(ctx, p)
	if p.Number == 1 {
		u.after()
	}
	return err
}

// TestLastPartLate closes objects at the very moment when the part before is up. An object
// that is completed then has lost its last part.
func TestLastPartLate(t *testing.T) {
	var closing atomic.Bool
	store := &lateStore{newMemStore(sink.Properties{MinPartSize: chunk}), func() {
		for !closing.Load() {
			runtime.Gosched()
		}
	}}
	u := sink.NewUploader(store, sink.UploadOptions{PartSize: chunk, Memory: 64 * chunk})
	set := u.NewSet(false)
	row := content(chunk, 1)
	err := upload(t.Context(), u, func(ctx context.Context) error {
		for i := range 3000 {
			closing.Store(false)
			done := make(chan struct{})
			o := set.Open("a", noMeta, func() { close(done) })
			if err := errors.Join(o.Append(ctx, row, 1), o.Append(ctx, []byte("x"), 1)); err != nil {
				return err
			}
			runtime.Gosched()
			closing.Store(true)
			for range i * 7 % 300 {
				_ = closing.Load()
			}
			if err := o.Close(ctx); err != nil {
				return err
			}
			select {
			case <-done:
			case <-ctx.Done():
				return context.Cause(ctx)
			}
			if got := len(store.object("a").data); got != chunk+1 {
				return fmt.Errorf("object %d was completed with %d bytes, without its last part", i, got)
			}
			if err := store.Delete(ctx, "a"); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// TestCreateKeepsNobodyWaiting: the goroutine that writes goes on while an upload is begun.
func TestCreateKeepsNobodyWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mem := newMemStore(sink.Properties{})
		store := faultstore.New(mem, faultstore.On(faultstore.Create).Delay(time.Second))
		u := sink.NewUploader(store, sink.UploadOptions{PartSize: chunk})
		w := newWriter(u, false)
		start := time.Now()
		err := upload(t.Context(), u, func(ctx context.Context) error {
			for i := range 5 {
				if err := w.row(ctx, 0, content(chunk, uint64(i))); err != nil {
					return err
				}
				synctest.Wait()
			}
			if took := time.Since(start); took > 0 {
				t.Errorf("appending took %v", took)
			}
			return w.end(ctx)
		})
		if err != nil {
			t.Fatal(err)
		}
		w.check(t, mem)
	})
}

var errStopped = errors.New("stopped by the test")

// TestCancel ends the context while Append waits for memory.
func TestCancel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mem := newMemStore(sink.Properties{})
		store := faultstore.New(mem, faultstore.On(faultstore.Part).Delay(time.Hour))
		u := sink.NewUploader(store, sink.UploadOptions{PartSize: chunk, Memory: 8 * chunk, Concurrency: 20})
		w := newWriter(u, false)
		ctx, cancel := context.WithCancelCause(t.Context())
		writing := make(chan error, 1)
		running := make(chan error, 1)
		go func() { running <- u.Run(ctx) }()
		go func() {
			var err error
			for err == nil {
				err = w.row(ctx, 0, content(chunk, 1))
			}
			writing <- err
		}()
		synctest.Wait() // until both are blocked
		if size := len(w.want["s0/0"]); size > 8*chunk {
			t.Errorf("%d bytes were taken with a budget of %d", size, 8*chunk)
		}
		start := time.Now()
		cancel(errStopped)
		if err := <-writing; !errors.Is(err, errStopped) {
			t.Errorf("Append: got %v", err)
		}
		if err := <-running; !errors.Is(err, errStopped) {
			t.Errorf("Run: got %v", err)
		}
		if took := time.Since(start); took > 0 {
			t.Errorf("it took %v", took)
		}
		if err := u.AbortAll(ctx); err != nil {
			t.Errorf("AbortAll: %v", err)
		}
		if took := time.Since(start); took > time.Second { // it looks twice: see settle
			t.Errorf("with AbortAll it took %v", took)
		}
		if left := mem.unfinished(); len(left) > 0 || len(mem.keys()) > 0 {
			t.Errorf("there are still the uploads %v and the objects %q", left, mem.keys())
		}
	})
}

// failedPart is the number of the part that a rule made fail, by the store's log; if it was
// no part, the one that err names.
func failedPart(err error, store *faultstore.Store) (n int) {
	for _, call := range store.Calls() {
		if strings.Contains(call, "Part s0/0 ") && strings.Contains(call, "fail (") {
			_, _ = fmt.Sscanf(call, "Part s0/0 %d", &n)
			return n
		}
	}
	_, _ = fmt.Sscanf(err.Error(), "uploading part %d", &n)
	return n
}

// TestFirstError: the first failure ends everything that is under way, and is reported.
func TestFirstError(t *testing.T) {
	denied := &sink.Error{Kind: sink.ErrDenied}
	f := func(rule *faultstore.Rule, want string) {
		t.Helper()
		synctest.Test(t, func(t *testing.T) {
			mem := newMemStore(sink.Properties{})
			store := faultstore.New(mem, rule.Fail(denied),
				faultstore.On(faultstore.Part).Key("s1").Delay(time.Hour))
			u := sink.NewUploader(store, sink.UploadOptions{PartSize: chunk, Memory: 16 * chunk})
			w := newWriter(u, false, true)
			err := upload(t.Context(), u, func(ctx context.Context) error {
				for i := range 200 {
					if err := w.row(ctx, i%2, content(chunk/4, uint64(i))); err != nil {
						return err
					}
					if i == 150 && strings.Contains(rule.String(), "Complete") {
						return w.open[0].Close(ctx)
					}
				}
				return w.end(ctx)
			})
			want := want
			if strings.Contains(want, "%d") {
				want = fmt.Sprintf(want, failedPart(err, store))
			}
			if !errors.Is(err, sink.ErrDenied) || err.Error() != want {
				t.Errorf("%v: got %v, want %s", rule, err, want)
			}
			if err := u.AbortAll(t.Context()); err != nil {
				t.Errorf("%v: AbortAll: %v", rule, err)
			}
			if left := mem.unfinished(); len(left) > 0 || len(mem.keys()) > 0 {
				t.Errorf("%v: there are still the uploads %v and the objects %q", rule, left, mem.keys())
			}
		})
	}
	// Any part's worker may begin the upload, and the parts go in any order.
	f(faultstore.On(faultstore.Create).Key("s0"), "uploading part %d of s0/0: Create s0/0: access denied")
	f(faultstore.On(faultstore.Part).Key("s0").Nth(3), "uploading part %d of s0/0: Part s0/0: access denied")
	f(faultstore.On(faultstore.Complete).Key("s0"), "completing s0/0: Complete s0/0: access denied")
}

// TestPutError is the same for an object of one request.
func TestPutError(t *testing.T) {
	store := faultstore.New(newMemStore(sink.Properties{}), faultstore.On(faultstore.Put).Fail(&sink.Error{Kind: sink.ErrFull}))
	u := sink.NewUploader(store, sink.UploadOptions{})
	w := newWriter(u, false)
	err := upload(t.Context(), u, func(ctx context.Context) error {
		return errors.Join(w.row(ctx, 0, []byte("row")), w.end(ctx))
	})
	if !errors.Is(err, sink.ErrFull) || !strings.HasPrefix(err.Error(), "uploading s0/0: ") {
		t.Errorf("got %v", err)
	}
	if w.durable.Load() != 0 {
		t.Error("the object counts as durable")
	}
}

// TestAbortAll: one upload that can't be aborted stops no other, and nothing lasts for ever.
func TestAbortAll(t *testing.T) {
	f := func(rule *faultstore.Rule, within time.Duration, want ...string) {
		t.Helper()
		synctest.Test(t, func(t *testing.T) {
			mem := newMemStore(sink.Properties{})
			u := sink.NewUploader(faultstore.New(mem, rule), sink.UploadOptions{PartSize: chunk})
			w := newWriter(u, make([]bool, 30)...)
			err := upload(t.Context(), u, func(ctx context.Context) error {
				for i := range 30 {
					if err := w.row(ctx, i, content(2*chunk, uint64(i))); err != nil {
						return err
					}
				}
				return nil
			})
			if err != nil || len(mem.unfinished()) != 30 {
				t.Fatalf("%v: got error %v and %d uploads", rule, err, len(mem.unfinished()))
			}
			ctx, cancel := context.WithCancel(t.Context())
			cancel() // as in a sync that was stopped
			start := time.Now()
			if err := u.AbortAll(ctx); (err != nil) != (len(want) > 0) {
				t.Errorf("%v: got error %v", rule, err)
			}
			if took := time.Since(start); took > within {
				t.Errorf("%v: it took %v", rule, took)
			}
			var left []string
			for _, up := range mem.unfinished() {
				left = append(left, up.Key)
			}
			if !slices.Equal(left, want) {
				t.Errorf("%v: got the uploads %q, want %q", rule, left, want)
			}
			// It has given up on the rest.
			if err := u.AbortAll(ctx); err != nil {
				t.Errorf("%v: again: %v", rule, err)
			}
		})
	}
	abort := func(key string) *faultstore.Rule { return faultstore.On(faultstore.Abort).Key(key) }
	f(abort("no such"), 0)
	f(abort("s7/").Fail(&sink.Error{Kind: sink.ErrDenied}), 0, "s7/7")
	f(abort("s7/").Delay(time.Hour), 20*time.Second, "s7/7")
}
