package pipeline

import (
	"context"
	"errors"
	"io"
	"testing"
	"testing/synctest"

	"go.uber.org/goleak"
)

// TestRunStops while the input is quiet, and leaves the end what it wants to do yet.
func TestRunStops(t *testing.T) {
	defer goleak.VerifyNone(t)
	f := func(stopping, want error) {
		t.Helper()
		in, source := io.Pipe()
		defer source.Close()
		stop := make(chan struct{})
		end := &collector{stopping: stopping, process: func(*Batch) error { close(stop); return nil }}
		opts := small
		opts.Stop = stop
		done := make(chan error, 1)
		go func() { done <- Run(t.Context(), in, []Stage{stage(2, upper)}, end, opts) }()
		if _, err := io.WriteString(source, "a line\n"); err != nil {
			t.Fatal(err)
		}
		if err := <-done; !errors.Is(err, want) {
			t.Errorf("got %v, want %v", err, want)
		}
		if end.stopped != 1 || end.finished != 0 {
			t.Errorf("stopped %d times, finished %d times", end.stopped, end.finished)
		}
	}
	f(nil, ErrStopped)
	f(io.ErrShortWrite, io.ErrShortWrite)
}

func TestLast(t *testing.T) {
	f := func(row, want int64, after ...int64) {
		t.Helper()
		var l Ledger
		l.Open(0)
		for _, n := range after {
			l.Hold(HeldState{After: n})
		}
		if got := l.Last(row); got != want {
			t.Errorf("of the states behind %v rows, the last that waits for none from %d on is %d, want %d", after, row, got, want)
		}
	}
	f(5, -1)
	f(5, 5, 1, 5)
	f(5, 5, 1, 5, 5, 6)
	f(5, 1, 1, 6)
	f(0, -1, 1)
}

// TestAwait waits until states are written, and not only until they may be.
func TestAwait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		release := make(chan struct{})
		c := NewCommit(func(*HeldState) error { <-release; return nil })
		running := make(chan error, 1)
		go func() { running <- c.Run(ctx) }()
		first := c.Open(0)
		c.Hold(HeldState{After: 1})
		c.Hold(HeldState{After: 2})
		second := c.Open(2)
		c.Hold(HeldState{After: 3})
		awaited := make(chan error, 1)
		go func() { awaited <- c.Await(ctx, 2) }()
		wait := func(what string, want bool) {
			t.Helper()
			synctest.Wait()
			if got := len(awaited) > 0; got != want {
				t.Errorf("%s: Await has returned: %v, want %v", what, got, want)
			}
		}
		wait("nothing is durable", false)
		c.Durable(first)
		wait("both may leave", false)
		release <- struct{}{}
		wait("one is written", false)
		release <- struct{}{}
		wait("both are written", true)
		if err := <-awaited; err != nil {
			t.Error(err)
		}
		if err := c.Await(ctx, 2); err != nil {
			t.Errorf("there is nothing to wait for: %v", err)
		}
		go func() { awaited <- c.Await(ctx, 3) }()
		wait("the third waits for rows", false)
		cancel(io.ErrClosedPipe)
		if err := <-awaited; !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("got %v, want the reason", err)
		}
		<-running
		c.Durable(second)
	})
}
