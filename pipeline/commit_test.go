package pipeline

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
)

func TestCommitWritesInOrder(t *testing.T) {
	var out []string
	c := NewCommit(func(s *HeldState) error { out = append(out, string(s.Message)); return nil })
	first, second := c.Open(0), c.Open(10)
	c.Hold(HeldState{After: 0, Message: []byte("at once")})
	c.Hold(HeldState{After: 10, Message: []byte("behind the first")})
	c.Hold(HeldState{After: 20, Message: []byte("behind both")})
	done := make(chan error)
	go func() { done <- c.Run(t.Context()) }()
	c.Durable(second)
	c.Durable(first)
	c.Close()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(out, ", "); got != "at once, behind the first, behind both" {
		t.Errorf("wrote %s", got)
	}
	if c.Sent() != 3 || c.Held() != 0 {
		t.Errorf("%d sent, %d held", c.Sent(), c.Held())
	}
}

// TestCommitLetsGo: what was written is not kept, while a state behind it waits.
func TestCommitLetsGo(t *testing.T) {
	var written []*HeldState
	c := NewCommit(func(s *HeldState) error { written = append(written, s); return nil })
	c.Open(0)
	for after := range int64(100) {
		c.Hold(HeldState{After: after / 50, Message: []byte("message")})
	}
	c.Close()
	if err := c.Run(t.Context()); err != nil || len(written) != 50 || c.Held() != 50 {
		t.Fatalf("%v, %d written, %d held", err, len(written), c.Held())
	}
	for i, s := range written {
		if s.Message != nil {
			t.Fatalf("message %d is still there", i)
		}
	}
}

func TestCommitHoldsWhatIsNotDurable(t *testing.T) {
	c := NewCommit(func(s *HeldState) error { t.Errorf("wrote %s", s.Message); return nil })
	c.Open(0)
	c.Hold(HeldState{After: 1, Message: []byte("too early")})
	c.Close()
	if err := c.Run(t.Context()); err != nil || c.Held() != 1 {
		t.Errorf("%v, %d held", err, c.Held())
	}
}

func TestCommitNeverWaitsForASlowReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		c := NewCommit(func(*HeldState) error { <-release; return nil })
		done := make(chan error)
		go func() { done <- c.Run(t.Context()) }()
		for i := range int64(10000) { // would block for ever if Hold waited for the writer
			id := c.Open(i)
			c.Hold(HeldState{After: i + 1})
			c.Durable(id)
		}
		c.Close()
		close(release)
		if err := <-done; err != nil || c.Sent() != 10000 {
			t.Errorf("%v, %d sent", err, c.Sent())
		}
	})
}

// TestCommitBoundsWhatASlowReaderLeaves: states that may leave are bounded like those that
// may not.
func TestCommitBoundsWhatASlowReaderLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		var records int64
		c := NewCommit(func(s *HeldState) error { <-release; records += s.Records; return nil })
		c.ledger.most = 10_000
		done := make(chan error)
		go func() { done <- c.Run(t.Context()) }()
		for range 10_000 {
			c.Hold(HeldState{Message: make([]byte, 900), Records: 3})
			if held := c.Held(); held > 21 { // ten that are being written, ten that wait, and the newest
				t.Fatalf("%d are held", held)
			}
			synctest.Wait()
		}
		c.Close()
		close(release)
		if err := <-done; err != nil || records != 30_000 || c.Held() != 0 {
			t.Errorf("%v, %d records, %d held", err, records, c.Held())
		}
	})
}

func TestCommitEndsWithItsContext(t *testing.T) {
	cause := errors.New("stopped")
	ctx, cancel := context.WithCancelCause(t.Context())
	var out []string
	c := NewCommit(func(s *HeldState) error { out = append(out, string(s.Message)); return nil })
	c.Open(5)
	c.Hold(HeldState{After: 5, Message: []byte("durable")})
	c.Hold(HeldState{After: 6, Message: []byte("not durable")})
	cancel(cause)
	if err := c.Run(ctx); !errors.Is(err, cause) {
		t.Errorf("got %v", err)
	}
	if len(out) != 1 || out[0] != "durable" {
		t.Errorf("wrote %q: what is durable may leave, and nothing else", out)
	}
}

func TestCommitReportsABrokenPipe(t *testing.T) {
	broken := errors.New("broken pipe")
	c := NewCommit(func(*HeldState) error { return broken })
	c.Hold(HeldState{})
	if err := c.Run(t.Context()); !errors.Is(err, broken) || !strings.Contains(err.Error(), "STATE") {
		t.Errorf("got %v", err)
	}
}

func TestCommitIsSafeForManyWorkers(t *testing.T) {
	var sent []int
	c := NewCommit(func(s *HeldState) error { sent = append(sent, len(s.Message)); return nil })
	done := make(chan error)
	go func() { done <- c.Run(t.Context()) }()
	var workers sync.WaitGroup
	for i := range 500 { // states grow by a byte, so that their order shows
		id := c.Open(int64(i))
		c.Hold(HeldState{After: int64(i + 1), Message: make([]byte, i)})
		workers.Go(func() { c.Durable(id) })
	}
	workers.Wait()
	c.Close()
	if err := <-done; err != nil || len(sent) != 500 {
		t.Fatalf("%v, %d sent", err, len(sent))
	}
	for i, n := range sent {
		if n != i {
			t.Fatalf("state %d left in place %d", n, i)
		}
	}
}
