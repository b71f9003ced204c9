package pipeline

import (
	"context"
	"fmt"
	"sync"
)

// Commit is the ledger shared by those who fill objects and those who complete them, and
// the goroutine (Run) that writes the states which may leave. Its methods never wait for
// the writer: a platform that is slow to read our stdout does not stop the rows.
type Commit struct {
	write func(message []byte) error

	mu     sync.Mutex
	ledger Ledger
	ready  []HeldState
	closed bool
	sent   int64

	wake chan struct{} // has room for one: "look again"
}

// NewCommit writes states with write, one at a time, in the order of the input.
func NewCommit(write func(message []byte) error) *Commit {
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

// Held is the number of states that still wait for rows to become durable.
func (c *Commit) Held() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ledger.Held() + len(c.ready)
}

func (c *Commit) update(change func(*Ledger)) {
	c.mu.Lock()
	change(&c.ledger)
	c.ready = append(c.ready, c.ledger.Release()...)
	look := len(c.ready) > 0 || c.closed
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
	ready, closed := c.ready, c.closed
	c.ready = nil
	c.mu.Unlock()
	for _, s := range ready {
		if err := c.write(s.Message); err != nil {
			return closed, fmt.Errorf("writing a STATE to stdout: %w", err)
		}
		c.mu.Lock()
		c.sent++
		c.mu.Unlock()
	}
	return closed, nil
}
