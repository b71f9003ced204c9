package sink_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sluice-data/sluice/sink"
	"github.com/sluice-data/sluice/sink/faultstore"
)

// The tests here are of held sets that fail.

// fiveAndSmall commits a set of five objects in parts and one that goes in one request.
func (s *setTest) fiveAndSmall(ctx context.Context) error {
	for i := range 5 {
		if err := s.closed(ctx, fmt.Sprint("t/", i), 2*chunk); err != nil {
			return err
		}
	}
	if _, err := s.object(ctx, "t/small", 10); err != nil {
		return err
	}
	return s.set.Commit(ctx, s.after(nil))
}

// TestHalfShown: a refresh that fails while it is shown leaves the table as it was.
func TestHalfShown(t *testing.T) {
	denied := &sink.Error{Kind: sink.ErrDenied}
	f := func(rule *faultstore.Rule) {
		t.Helper()
		synctest.Test(t, func(t *testing.T) {
			opts := inParts
			opts.Concurrency = 1 // one after the other, so that some are shown before the failure
			s := newSetTest(t, true, opts, rule)
			err := upload(t.Context(), s.u, s.fiveAndSmall)
			if rule.Fired() != 1 || err == nil {
				t.Errorf("%v: got error %v", rule, err)
			}
			s.wantTidy()
		})
	}
	for n := 1; n <= 5; n++ {
		f(faultstore.On(faultstore.Complete).Nth(n).Fail(denied))
		f(faultstore.On(faultstore.Complete).Nth(n).LoseReply()) // it is visible, but who knows
		f(faultstore.On(faultstore.Complete).Nth(n).Call(func(context.Context, faultstore.Op, string) error { panic("bug") }))
	}
	f(faultstore.On(faultstore.Put).Fail(denied))
	f(faultstore.On(faultstore.Put).LoseReply())
}

// TestCancelShow stops a refresh while it is shown.
func TestCancelShow(t *testing.T) {
	for n := 1; n <= 5; n++ {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancelCause(t.Context())
			opts := inParts
			opts.Concurrency = 2
			s := newSetTest(t, true, opts, faultstore.On(faultstore.Complete).Nth(n).Call(
				func(context.Context, faultstore.Op, string) error {
					cancel(errStopped)
					return nil
				}))
			err := upload(ctx, s.u, s.fiveAndSmall)
			if !errors.Is(err, errStopped) {
				t.Errorf("Complete %d: got error %v", n, err)
			}
			s.wantTidy()
		})
	}
}

// TestForeignObject: an object of somebody else under one of our keys is not touched, and
// what we have shown of ours is taken back.
func TestForeignObject(t *testing.T) {
	for _, key := range []string{"t/0", "t/3", "t/small"} {
		for _, concurrency := range []int{1, 8} {
			opts := inParts
			opts.Concurrency = concurrency
			s := newSetTest(t, true, opts)
			if err := s.mem.Put(t.Context(), key, sink.NewBody([]byte("foreign")), nil); err != nil {
				t.Fatal(err)
			}
			err := upload(t.Context(), s.u, s.fiveAndSmall)
			if !errors.Is(err, sink.ErrTaken) || !strings.Contains(err.Error(), key) {
				t.Errorf("%s: got error %v", key, err)
			}
			s.wantTidy(key)
			if got := string(s.mem.object(key).data); got != "foreign" {
				t.Errorf("%s: got %q", key, got)
			}
		}
	}
}

// TestNothingToTakeBack: the only key is taken, and the store does not answer any more.
func TestNothingToTakeBack(t *testing.T) {
	s := newSetTest(t, true, inParts, faultstore.On(faultstore.Delete).Fail(&sink.Error{Kind: sink.ErrDenied}))
	err := upload(t.Context(), s.u, func(ctx context.Context) error {
		if _, err := s.object(ctx, older, 10); err != nil {
			return err
		}
		return s.set.Commit(ctx, s.after(nil))
	})
	if !errors.Is(err, sink.ErrTaken) {
		t.Errorf("got error %v", err)
	}
	s.wantTidy()
}

// TestTakeBackFails says what is left, and how much of it.
func TestTakeBackFails(t *testing.T) {
	opts := inParts
	opts.Concurrency = 1
	s := newSetTest(t, true, opts, faultstore.On(faultstore.Delete).Fail(&sink.Error{Kind: sink.ErrDenied}),
		faultstore.On(faultstore.Complete).Key("t/4").Fail(&sink.Error{Kind: sink.ErrFull}))
	if err := upload(t.Context(), s.u, s.fiveAndSmall); !errors.Is(err, sink.ErrFull) {
		t.Errorf("got error %v", err)
	}
	err := s.u.AbortAll(t.Context())
	if !errors.Is(err, sink.ErrDenied) || !strings.Contains(err.Error(), "4 objects") || !strings.Contains(err.Error(), "t/1") {
		t.Errorf("AbortAll: got error %v", err)
	}
	// The first object's upload stays: it tells the next run what the others are.
	if left := s.mem.unfinished(); len(left) != 1 || left[0].Key != "t/0" {
		t.Errorf("unfinished uploads: %v", left)
	}
}

// TestTakeBackHasTime: uploads that can't be aborted do not keep the shown objects visible.
func TestTakeBackHasTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		opts := inParts
		opts.Concurrency = 1
		s := newSetTest(t, true, opts, faultstore.On(faultstore.Abort).Delay(time.Hour), faultstore.On(faultstore.Delete).Delay(time.Second),
			faultstore.On(faultstore.Complete).Key("t/4").Fail(&sink.Error{Kind: sink.ErrFull}))
		if err := upload(t.Context(), s.u, s.fiveAndSmall); !errors.Is(err, sink.ErrFull) {
			t.Errorf("got error %v", err)
		}
		start := time.Now()
		if err := s.u.AbortAll(t.Context()); err == nil {
			t.Error("AbortAll: got no error")
		}
		if took := time.Since(start); took > 20*time.Second {
			t.Errorf("AbortAll took %v", took)
		}
		s.visible(false)
	})
}

// TestAfterFails: all is shown, durable, and stays.
func TestAfterFails(t *testing.T) {
	for _, held := range []bool{false, true} {
		s := newSetTest(t, held, inParts)
		err := upload(t.Context(), s.u, func(ctx context.Context) error {
			if err := s.closed(ctx, "t/0", 2*chunk); err != nil {
				return err
			}
			if _, err := s.object(ctx, "t/1", 10); err != nil {
				return err
			}
			return s.set.Commit(ctx, s.after(errStopped))
		})
		if !errors.Is(err, errStopped) {
			t.Errorf("held %v: got error %v", held, err)
		}
		if err := s.u.AbortAll(t.Context()); err != nil {
			t.Errorf("held %v: AbortAll: %v", held, err)
		}
		s.visible(true)
		s.wantDurable()
	}
}

// TestAbandon: of a set that is given up nothing becomes visible, whatever was sent of it.
func TestAbandon(t *testing.T) {
	f := func(last int, sizes ...int) {
		t.Helper()
		s := newSetTest(t, true, inParts)
		err := upload(t.Context(), s.u, func(ctx context.Context) error {
			for i, size := range sizes {
				if err := s.closed(ctx, fmt.Sprint("t/", i), size); err != nil {
					return err
				}
			}
			if last > 0 {
				if _, err := s.object(ctx, "t/last", last); err != nil {
					return err
				}
			}
			s.set.Abandon()
			return nil
		})
		if err != nil {
			t.Errorf("%v and %d: %v", sizes, last, err)
		}
		s.wantTidy()
		wantChunks(t, s.u, 256<<20)
	}
	f(0)
	f(10)
	f(3 * chunk)
	f(0, 10, 3*chunk)
	f(10, 10, 3*chunk)
	f(3*chunk+1, 3*chunk+1)
}

// TestAbandonOne: the other sets go on.
func TestAbandonOne(t *testing.T) {
	s := newSetTest(t, true, inParts)
	other := s.u.NewSet(true)
	err := upload(t.Context(), s.u, func(ctx context.Context) error {
		if _, err := s.object(ctx, "t/0", 3*chunk); err != nil {
			return err
		}
		if err := other.Open("other/0", noMeta, nothing).Append(ctx, content(3*chunk, 1), 1); err != nil {
			return err
		}
		s.set.Abandon()
		return other.Commit(ctx, nil)
	})
	if err != nil {
		t.Error(err)
	}
	if err := s.u.AbortAll(t.Context()); err != nil {
		t.Errorf("AbortAll: %v", err)
	}
	if got := s.mem.keys(); !slices.Equal(got, []string{"other/0", older}) {
		t.Errorf("got the objects %q", got)
	}
}

// TestHeldEvicted: objects of a held set that were closed early are shown with the others.
func TestHeldEvicted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mem := newMemStore(sink.Properties{MinPartSize: 2 * chunk})
		u := sink.NewUploader(mem, sink.UploadOptions{PartSize: 2 * chunk, Memory: 8 * chunk})
		w := newWriter(u, slices.Repeat([]bool{true}, 10)...)
		err := upload(t.Context(), u, func(ctx context.Context) error {
			for i := range 200 {
				if err := w.row(ctx, i%10, content(chunk/3, uint64(i))); err != nil {
					return err
				}
			}
			synctest.Wait()
			if got := mem.keys(); len(got) > 0 {
				t.Errorf("visible before Commit: %q", got)
			}
			return w.end(ctx)
		})
		if err != nil {
			t.Fatal(err)
		}
		w.check(t, mem)
		wantChunks(t, u, 8*chunk)
		if early := int(u.Stats.Early.Load()); early == 0 || len(w.want) <= 10 {
			t.Errorf("%d objects of 10 streams, %d were closed early", len(w.want), early)
		}
	})
}
