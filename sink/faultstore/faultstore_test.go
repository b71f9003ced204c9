package faultstore_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sluice-data/sluice/sink"
	"github.com/sluice-data/sluice/sink/dir"
	"github.com/sluice-data/sluice/sink/faultstore"
	"github.com/sluice-data/sluice/sink/sinktest"
)

func TestSuite(t *testing.T) {
	sinktest.Run(t, func(t *testing.T) sink.Store { return open(t) })
}

func open(t *testing.T, rules ...*faultstore.Rule) *faultstore.Store {
	t.Helper()
	inner, err := dir.New(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return faultstore.New(inner, rules...)
}

func put(ctx context.Context, s sink.Store, key string) error {
	return s.Put(ctx, key, sink.NewBody([]byte(key)), nil)
}

var denied = &sink.Error{Kind: sink.ErrDenied}

// TestWhen counts which of ten Puts fail.
func TestWhen(t *testing.T) {
	f := func(rule *faultstore.Rule, want ...int) {
		t.Helper()
		s := open(t, rule)
		var got []int
		for i := 1; i <= 10; i++ {
			err := put(t.Context(), s, fmt.Sprintf("d/%d", i))
			if errors.Is(err, sink.ErrDenied) {
				got = append(got, i)
			} else if err != nil {
				t.Errorf("%v: Put %d: %v", rule, i, err)
			}
		}
		if !slices.Equal(got, want) || rule.Fired() != len(want) {
			t.Errorf("%v: got %v and fired %d, want %v", rule, got, rule.Fired(), want)
		}
	}
	f(faultstore.On(faultstore.Put).Fail(denied), 1, 2, 3, 4, 5, 6, 7, 8, 9, 10)
	f(faultstore.On(faultstore.Any).Nth(3).Fail(denied), 3)
	f(faultstore.On(faultstore.Put).First(2).Fail(denied), 1, 2)
	f(faultstore.On(faultstore.Put).Every(4).Fail(denied), 4, 8)
	f(faultstore.On(faultstore.Put).Key("d/1").Fail(denied), 1, 10)
	f(faultstore.On(faultstore.Put).Key("d/1").Nth(2).Fail(denied), 10)
	f(faultstore.On(faultstore.Stat).Fail(denied))
	f(faultstore.On(faultstore.Put).Key("x").Fail(denied))
}

func TestString(t *testing.T) {
	f := func(rule *faultstore.Rule, want string) {
		t.Helper()
		if got := rule.String(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	f(faultstore.On(faultstore.Put), "Put, always: nothing")
	f(faultstore.On(faultstore.Part).Key("users").Nth(3).Fail(denied), `Part of "users", call 3: fail (access denied)`)
	f(faultstore.On(faultstore.Any).Every(2).LoseReply(), "any call, every 2: lose the reply")
	f(faultstore.On(faultstore.List).First(2).Delay(time.Second).Fail(&sink.Error{Err: io.EOF}), "List, the first 2: delay 1s, fail (EOF)")
	f(faultstore.On(faultstore.List).Fail(&sink.Error{Class: sink.Retryable}), "List, always: fail (retryable)")

	s := open(t, faultstore.On(faultstore.Put), faultstore.On(faultstore.Stat).Nth(1))
	if lines := strings.Split(s.String(), "\n"); len(lines) != 3 || lines[1] != "  Put, always: nothing" {
		t.Errorf("got %q", lines)
	}
}

// everyCall makes each call of the interface once, on a store with the object "d/old".
func everyCall(ctx context.Context, s sink.Store) map[faultstore.Op]error {
	got := map[faultstore.Op]error{faultstore.Put: put(ctx, s, "d/new")}
	up, err := s.Create(ctx, "d/up", nil)
	got[faultstore.Create] = err
	if err != nil {
		return got
	}
	got[faultstore.Part] = up.Part(ctx, sink.Part{Number: 1, Body: sink.NewBody([]byte("x"))})
	for _, err := range s.Uploads(ctx, "d/") {
		got[faultstore.Uploads] = err
	}
	got[faultstore.Complete] = up.Complete(ctx)
	got[faultstore.Abort] = up.Abort(ctx)
	got[faultstore.AbortUpload] = s.AbortUpload(ctx, up.Info())
	_, got[faultstore.Stat] = s.Stat(ctx, "d/old")
	for _, err := range s.List(ctx, "d/", "") {
		got[faultstore.List] = err
	}
	got[faultstore.Delete] = s.Delete(ctx, "d/old", "d/new")
	return got
}

var allOps = []faultstore.Op{
	faultstore.Create, faultstore.Put, faultstore.Part, faultstore.Complete, faultstore.Abort,
	faultstore.Stat, faultstore.List, faultstore.Delete, faultstore.Uploads, faultstore.AbortUpload,
}

// TestEveryCall fails and loses each kind of call, and no other goes wrong for it.
func TestEveryCall(t *testing.T) {
	for _, op := range allOps {
		fail := &sink.Error{Class: sink.Retryable, Kind: sink.ErrDenied}
		for _, rule := range []*faultstore.Rule{
			faultstore.On(op).Fail(fail), faultstore.On(op).LoseReply(),
		} {
			s := open(t)
			if err := put(t.Context(), s, "d/old"); err != nil {
				t.Fatal(err)
			}
			s = faultstore.New(s, rule)
			for called, err := range everyCall(t.Context(), s) {
				if called != op {
					// An upload without its part, or that is complete already, has errors of its own.
					if sink.ClassOf(err) != sink.Permanent {
						t.Errorf("%v: %s: got %v", rule, called, err)
					}
					continue
				}
				var got *sink.Error
				if !errors.As(err, &got) || got.Op != string(op) || got.Key == "" || got.Class == sink.Permanent {
					t.Errorf("%v: got %#v", rule, err)
				}
			}
			if rule.Fired() != 1 {
				t.Errorf("%v: fired %d times, want 1", rule, rule.Fired())
			}
		}
	}
	if denied.Op != "" || denied.Key != "" {
		t.Errorf("the rule's own error was changed: %v", denied)
	}
}

func TestLoseReplyDoesTheCall(t *testing.T) {
	ctx := t.Context()
	s := open(t, faultstore.On(faultstore.Any).LoseReply(), faultstore.On(faultstore.Put).Key("not").Fail(denied))
	if err := put(ctx, s, "d/there"); sink.ClassOf(err) != sink.Unknown {
		t.Errorf("got %v, want class unknown", err)
	}
	if err := put(ctx, s, "d/not"); !errors.Is(err, sink.ErrDenied) {
		t.Errorf("got %v, want %v", err, sink.ErrDenied)
	}
	var keys []string
	var last error
	for info, err := range s.List(ctx, "d/", "") {
		if last = err; err == nil {
			keys = append(keys, info.Key)
		}
	}
	if !slices.Equal(keys, []string{"d/there"}) || sink.ClassOf(last) != sink.Unknown {
		t.Errorf("got %q and %v, want d/there and an error at the end", keys, last)
	}
	for range s.List(ctx, "d/", "") {
		break // no error is yielded after that: it would panic
	}
}

func TestHook(t *testing.T) {
	var calls []string
	hook := func(_ context.Context, op faultstore.Op, key string) error {
		calls = append(calls, string(op)+" "+key)
		if op == faultstore.Stat {
			return io.ErrClosedPipe
		}
		return nil
	}
	s := open(t, faultstore.On(faultstore.Any).Call(hook))
	if err := put(t.Context(), s, "a"); err != nil {
		t.Error(err)
	}
	if _, err := s.Stat(t.Context(), "a"); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("got %v, want %v", err, io.ErrClosedPipe)
	}
	if want := []string{"Put a", "Stat a"}; !slices.Equal(calls, want) {
		t.Errorf("got %q, want %q", calls, want)
	}
}

func TestDelay(t *testing.T) {
	s := open(t, faultstore.On(faultstore.Put).Delay(time.Minute))
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		if err := put(t.Context(), s, "a"); err != nil || time.Since(begin) != time.Minute {
			t.Errorf("got %v after %v, want success after 1m", err, time.Since(begin))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		begin = time.Now()
		if err := put(ctx, s, "b"); !errors.Is(err, context.DeadlineExceeded) || time.Since(begin) != time.Second {
			t.Errorf("got %v after %v, want %v after 1s", err, time.Since(begin), context.DeadlineExceeded)
		}
	})
}

func TestCalls(t *testing.T) {
	s := open(t, faultstore.On(faultstore.Part).Fail(denied))
	ctx := t.Context()
	if err := put(ctx, s, "forgotten"); err != nil {
		t.Fatal(err)
	}
	s.Forget()
	everyCall(ctx, s)
	want := []string{
		"Put d/new",
		"Create d/up",
		"Part d/up 1 [always: fail (access denied)]",
		"Uploads d/",
		"Complete d/up",
		"Abort d/up",
		"AbortUpload d/up",
		"Stat d/old",
		"List d/",
		"Delete d/old d/new",
	}
	if got := s.Calls(); !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
