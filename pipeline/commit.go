package pipeline

import (
	"context"
	"fmt"
	"sync"
)

// Commit is the ledger shared by those who fill objects and those who complete them, and
// the goroutine (Run) that writes the states which may leave. Its methods never wait for
// the writer: a platform that is slow to read our stdout does not stop the rows. What may
// leave stays in the ledger until the writer comes for it, so the ledger's bound is one for
// these states too.
type Commit struct {
	write func(*HeldState) error

	mu      sync.Mutex
	ledger  Ledger
	closed  bool
	writing int // states that the writer has fetched and not written yet
	sent    int64

	gone chan struct{} // of Await: closed once all states up to last are out; or nil
	last int64

	wake chan struct{} // has room for one: "look again"
}

// NewCommit writes states with write, one at a time, in the order of the input.
func NewCommit(write func(*HeldState) error) *Commit {
	return &Commit{write: write, wake: make(chan struct{}, 1)}
}

// Open is Ledger.Open.
func (c *Commit) Open(first int64) ObjectID {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ledger.Open(first)
}

// Hold is Ledger.Hold.
func (c *Commit) Hold(s HeldState) {
	c.update(func(l *Ledger) { l.Hold(s) })
}

// Durable is Ledger.Durable for several objects at once.
func (c *Commit) Durable(ids ...ObjectID) {
	c.update(func(l *Ledger) {
		for _, id := range ids {
			l.Durable(id)
		}
	})
}

// Close tells Run to return once it has written what may leave.
func (c *Commit) Close() {
	c.update(func(*Ledger) { c.closed = true })
}

// Sent is the number of states that were written.
func (c *Commit) Sent() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.sent
}

// Held is the number of states that still wait: for rows to become durable, or to be written.
func (c *Commit) Held() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ledger.Held() + c.writing
}

// Last is Ledger.Last.
func (c *Commit) Last(row int64) int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ledger.Last(row)
}

// Await waits until every state with at most so many rows in front of it has been written. It is
// called once.
func (c *Commit) Await(ctx context.Context, rows int64) error {
	c.mu.Lock()
	gone := make(chan struct{})
	c.gone, c.last = gone, rows
	c.look()
	c.mu.Unlock()
	select {
	case <-gone:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// look tells Await, under the lock, when it is time.
func (c *Commit) look() {
	if c.gone != nil && c.writing == 0 && c.ledger.Last(c.last) < 0 {
		close(c.gone)
		c.gone = nil
	}
}

func (c *Commit) update(change func(*Ledger)) {
	c.mu.Lock()
	change(&c.ledger)
	look := c.ledger.Ready() || c.closed
	c.mu.Unlock()
	if look {
		select {
		case c.wake <- struct{}{}:
		default: // it will look anyway
		}
	}
}

// Run writes states until Close or the end of ctx. What may leave at that moment still
// does: its rows are durable, whatever else went wrong.
func (c *Commit) Run(ctx context.Context) error {
	for {
		ending := context.Cause(ctx)
		closed, err := c.writeReady()
		switch {
		case err != nil:
			return err
		case closed:
			return nil
		case ending != nil:
			return ending
		}
		select {
		case <-c.wake:
		case <-ctx.Done():
		}
	}
}

func (c *Commit) writeReady() (closed bool, err error) {
	c.mu.Lock()
	ready, closed := c.ledger.Release(), c.closed
	c.writing = len(ready)
	c.mu.Unlock()
	for i := range ready {
		if err := c.write(&ready[i]); err != nil {
			return closed, fmt.Errorf("writing a STATE to stdout: %w", err)
		}
		ready[i] = HeldState{} // the ledger's memory reaches it for some time
		c.mu.Lock()
		c.sent++
		c.writing--
		c.mu.Unlock()
	}
	c.mu.Lock()
	c.look()
	c.mu.Unlock()
	return closed, nil
}
