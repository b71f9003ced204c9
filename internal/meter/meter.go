// Package meter measures how long goroutines spend in something.
package meter

import (
	"sync"
	"time"
)

// Meter adds up the time that goroutines spend between Begin and End, that of those which are
// still between the two included. The zero value is ready, and all methods may be called at
// any time. What is measured should take microseconds: a Meter takes a lock and asks for the time.
type Meter struct {
	mu      sync.Mutex
	running int
	total   time.Duration // until since
	since   time.Time
}

// Begin says that one more goroutine is at it.
func (m *Meter) Begin() { m.change(1) }

// End says that one has done.
func (m *Meter) End() { m.change(-1) }

// Total is the time so far, of all goroutines together.
func (m *Meter) Total() time.Duration {
	m.change(0)
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.total
}

// Running is the number of goroutines that are at it.
func (m *Meter) Running() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.running
}

func (m *Meter) change(n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now() // under the lock, so that it never goes back
	if m.running > 0 {
		m.total += time.Duration(m.running) * now.Sub(m.since)
	}
	m.since = now
	m.running += n
}
