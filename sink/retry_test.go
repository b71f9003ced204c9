package sink_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sluice-data/sluice/sink"
	"github.com/sluice-data/sluice/sink/faultstore"
)

// calls makes each call of the interface once. Every call is one function, on a store with
// the object "t/old" and the unfinished upload "t/left".
var calls = map[faultstore.Op]func(ctx context.Context, s sink.Store) error{
	faultstore.Create: func(ctx context.Context, s sink.Store) error {
		_, err := s.Create(ctx, "t/new", nil)
		return err
	},
	faultstore.Put: func(ctx context.Context, s sink.Store) error {
		return s.Put(ctx, "t/new", sink.NewBody([]byte("new")), sink.Metadata{"a": "1"})
	},
	faultstore.Stat: func(ctx context.Context, s sink.Store) error {
		info, err := s.Stat(ctx, "t/old")
		if err == nil && info.Size != 3 {
			return fmt.Errorf("got %+v", info)
		}
		return err
	},
	faultstore.List: func(ctx context.Context, s sink.Store) error {
		n := 0
		for info, err := range s.List(ctx, "t/", "") {
			if err != nil {
				return err
			}
			if n++; info.Key != "t/old" || n > 1 {
				return fmt.Errorf("got %+v", info)
			}
		}
		return nil
	},
	faultstore.Uploads: func(ctx context.Context, s sink.Store) error {
		n := 0
		for up, err := range s.Uploads(ctx, "t/left") {
			if err != nil {
				return err
			}
			if n++; up.Key != "t/left" || n > 1 {
				return fmt.Errorf("got %+v", up)
			}
		}
		return nil
	},
	faultstore.Delete: func(ctx context.Context, s sink.Store) error { return s.Delete(ctx, "t/old") },
	faultstore.AbortUpload: func(ctx context.Context, s sink.Store) error {
		return s.AbortUpload(ctx, sink.UploadInfo{Key: "t/left", ID: "1001"})
	},
	faultstore.Part:     func(ctx context.Context, s sink.Store) error { return uploadOne(ctx, s, false) },
	faultstore.Complete: func(ctx context.Context, s sink.Store) error { return uploadOne(ctx, s, false) },
	faultstore.Abort:    func(ctx context.Context, s sink.Store) error { return uploadOne(ctx, s, true) },
}

func uploadOne(ctx context.Context, s sink.Store, abort bool) error {
	up, err := s.Create(ctx, "t/new", sink.Metadata{"a": "1"})
	if err != nil {
		return err
	}
	for i, data := range []string{"n", "ew"} {
		if err := up.Part(ctx, sink.Part{Number: i + 1, Offset: int64(i), Body: sink.NewBody([]byte(data))}); err != nil {
			return err
		}
	}
	if abort {
		return up.Abort(ctx)
	}
	return up.Complete(ctx)
}

// retryTest runs f on a store that goes wrong by the rules, with the time of a bubble.
func retryTest(t *testing.T, policy sink.RetryPolicy, f func(t *testing.T, s *sink.Retrying, mem *memStore, log *faultstore.Store), rules ...*faultstore.Rule) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		t.Helper()
		mem := newMemStore(sink.Properties{})
		mem.begin("t/left", time.Now(), nil)
		if err := mem.Put(t.Context(), "t/old", sink.NewBody([]byte("old")), nil); err != nil {
			t.Fatal(err)
		}
		log := faultstore.New(mem, rules...)
		f(t, sink.Retry(log, policy), mem, log)
	})
}

// count is how many calls of op the store has had.
func count(log *faultstore.Store, op faultstore.Op) (n int) {
	for _, line := range log.Calls() {
		if strings.HasPrefix(line, string(op)+" ") {
			n++
		}
	}
	return n
}

// TestRetry repeats each call until it succeeds.
func TestRetry(t *testing.T) {
	for op, call := range calls {
		for _, class := range []sink.Class{sink.Retryable, sink.Unknown} {
			rule := faultstore.On(op).First(4).Fail(&sink.Error{Class: class, Err: io.ErrUnexpectedEOF})
			retryTest(t, sink.RetryPolicy{}, func(t *testing.T, s *sink.Retrying, mem *memStore, _ *faultstore.Store) {
				if err := call(t.Context(), s); err != nil {
					t.Errorf("%v: %v", rule, err)
				}
				if rule.Fired() != 4 || s.Retries.Load() != 4 {
					t.Errorf("%v: fired %d times, %d retries", rule, rule.Fired(), s.Retries.Load())
				}
				switch op {
				case faultstore.Put, faultstore.Part, faultstore.Complete:
					if got := string(mem.object("t/new").data); got != "new" {
						t.Errorf("%v: the object holds %q", rule, got)
					}
				}
			}, rule)
		}
	}
}

// TestGiveUp repeats each call until the limit, with pauses that grow to their bound.
func TestGiveUp(t *testing.T) {
	for op, call := range calls {
		for _, class := range []sink.Class{sink.Retryable, sink.Unknown} {
			var pauses []time.Duration
			policy := sink.RetryPolicy{
				Limit: 2 * time.Minute, First: time.Second, Max: 10 * time.Second,
				Notify: func(_ error, pause time.Duration) { pauses = append(pauses, pause) },
			}
			rule := faultstore.On(op).Fail(&sink.Error{Class: class, Kind: sink.ErrFull})
			retryTest(t, policy, func(t *testing.T, s *sink.Retrying, _ *memStore, log *faultstore.Store) {
				start := time.Now()
				err := call(t.Context(), s)
				took, tries := time.Since(start), count(log, op)
				want := fmt.Sprintf("given up after %d tries in %s: %s t/", tries, took.Round(time.Second), op)
				if !errors.Is(err, sink.ErrFull) || sink.ClassOf(err) != class || !strings.HasPrefix(err.Error(), want) {
					t.Errorf("%v: got error %v of class %v, want %s...", rule, err, sink.ClassOf(err), want)
				}
				if took > policy.Limit || took < policy.Limit-policy.Max {
					t.Errorf("%v: it took %v, want about %v", rule, took, policy.Limit)
				}
				if len(pauses) != tries-1 || s.Retries.Load() != int64(len(pauses)) {
					t.Errorf("%v: %d tries, %d pauses, %d retries", rule, tries, len(pauses), s.Retries.Load())
				}
				bound := policy.First
				for i, pause := range pauses {
					if pause < bound/2 || pause > bound {
						t.Errorf("%v: pause %d is %v, want %v to %v", rule, i, pause, bound/2, bound)
					}
					took -= pause
					bound = min(2*bound, policy.Max)
				}
				if took != 0 {
					t.Errorf("%v: %v were spent other than in pauses", rule, took)
				}
			}, rule)
		}
	}
}

// TestGiveUpAtOnce has a policy without any patience, and says so in words.
func TestGiveUpAtOnce(t *testing.T) {
	f := func(limit time.Duration, want string) {
		t.Helper()
		retryTest(t, sink.RetryPolicy{Limit: limit, First: time.Second, Max: time.Second}, func(t *testing.T, s *sink.Retrying, _ *memStore, _ *faultstore.Store) {
			err := s.Delete(t.Context(), "t/old")
			if err == nil || !strings.HasPrefix(err.Error(), want) {
				t.Errorf("%v: got %v, want %s...", limit, err, want)
			}
		}, faultstore.On(faultstore.Delete).Delay(100*time.Millisecond).Fail(&sink.Error{Class: sink.Retryable}))
	}
	f(1, "given up after one try: Delete")
	f(1050*time.Millisecond, "given up after 2 tries in ")
}

// TestJitter: two calls that fail at the same time do not come back at the same time.
func TestJitter(t *testing.T) {
	different := map[time.Duration]bool{}
	policy := sink.RetryPolicy{Notify: func(_ error, pause time.Duration) { different[pause] = true }}
	retryTest(t, policy, func(t *testing.T, s *sink.Retrying, _ *memStore, _ *faultstore.Store) {
		for range 20 {
			if _, err := s.Stat(t.Context(), "t/old"); err != nil {
				t.Error(err)
			}
		}
	}, faultstore.On(faultstore.Stat).Every(2).Fail(&sink.Error{Class: sink.Retryable}))
	if len(different) < 15 {
		t.Errorf("got the pauses %v", different)
	}
}

// TestPauseBounds has a policy of extremes.
func TestPauseBounds(t *testing.T) {
	for _, policy := range []sink.RetryPolicy{
		{First: 2, Max: 2, Limit: time.Microsecond},
		{First: 1 << 62, Max: time.Second, Limit: time.Minute},
		{First: time.Second, Max: 1 << 62, Limit: 1000 * time.Hour},
	} {
		policy.Notify = func(_ error, pause time.Duration) {
			if pause < 0 || pause > policy.Max {
				t.Errorf("%+v: pause %v", policy, pause)
			}
		}
		retryTest(t, policy, func(t *testing.T, s *sink.Retrying, _ *memStore, log *faultstore.Store) {
			if err := s.Delete(t.Context(), "t/old"); sink.ClassOf(err) != sink.Retryable || count(log, faultstore.Delete) < 5 {
				t.Errorf("%+v: got %d tries and error %v", policy, count(log, faultstore.Delete), err)
			}
		}, faultstore.On(faultstore.Delete).Fail(&sink.Error{Class: sink.Retryable}))
	}
}

// TestLimitCountsFromFailure: a first try that took longer than the limit is repeated too.
func TestLimitCountsFromFailure(t *testing.T) {
	retryTest(t, sink.RetryPolicy{Limit: time.Minute}, func(t *testing.T, s *sink.Retrying, _ *memStore, log *faultstore.Store) {
		if err := s.Delete(t.Context(), "t/old"); err != nil || count(log, faultstore.Delete) != 2 {
			t.Errorf("got %d tries and error %v", count(log, faultstore.Delete), err)
		}
	}, faultstore.On(faultstore.Delete).Nth(1).Delay(time.Hour).Fail(&sink.Error{Class: sink.Retryable}))
}

// TestPermanent reports at once what can't be repeated, as it is.
func TestPermanent(t *testing.T) {
	for op, call := range calls {
		fail := &sink.Error{Op: "the store's name", Key: "k", Kind: sink.ErrDenied, Err: io.EOF}
		rule := faultstore.On(op).Fail(fail)
		retryTest(t, sink.RetryPolicy{}, func(t *testing.T, s *sink.Retrying, _ *memStore, _ *faultstore.Store) {
			start := time.Now()
			err := call(t.Context(), s)
			if err == nil || err.Error() != fail.Error() || sink.ClassOf(err) != sink.Permanent {
				t.Errorf("%v: got %v, want %v", rule, err, fail)
			}
			if rule.Fired() != 1 || s.Retries.Load() != 0 || time.Since(start) > 0 {
				t.Errorf("%v: fired %d times in %v", rule, rule.Fired(), time.Since(start))
			}
		}, rule)
	}
}

// TestRetryCancel ends the context in a pause, in a call, and before the first.
func TestRetryCancel(t *testing.T) {
	for op, call := range calls {
		for _, rule := range []*faultstore.Rule{
			faultstore.On(op).Fail(&sink.Error{Class: sink.Unknown}),
			faultstore.On(op).Delay(time.Hour),
		} {
			policy := sink.RetryPolicy{First: time.Hour, Max: time.Hour, Limit: 24 * time.Hour}
			retryTest(t, policy, func(t *testing.T, s *sink.Retrying, _ *memStore, log *faultstore.Store) {
				ctx, cancel := context.WithCancelCause(t.Context())
				done := make(chan error)
				go func() { done <- call(ctx, s) }()
				synctest.Wait() // until it is in the pause, or in the call
				start := time.Now()
				cancel(errStopped)
				if err := <-done; !errors.Is(err, errStopped) || time.Since(start) > 0 {
					t.Errorf("%v: got %v after %v", rule, err, time.Since(start))
				}
				before := len(log.Calls())
				if err := call(ctx, s); !errors.Is(err, errStopped) || len(log.Calls()) > before {
					t.Errorf("%v: with a context that has ended got %v and the calls %q", rule, err, log.Calls()[before:])
				}
			}, rule)
		}
	}
}

// TestAbortTwice: an upload that has ended needs no Abort.
func TestAbortTwice(t *testing.T) {
	rule := faultstore.On(faultstore.Abort).Fail(&sink.Error{Kind: sink.ErrNoUpload})
	retryTest(t, sink.RetryPolicy{}, func(t *testing.T, s *sink.Retrying, _ *memStore, _ *faultstore.Store) {
		if err := calls[faultstore.Abort](t.Context(), s); err != nil {
			t.Error(err)
		}
	}, rule)
}
