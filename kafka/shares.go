package kafka

import (
	"context"
	"slices"
	"sync"
)

// shares divides the memory for buffers among the epochs that are open. An epoch takes a share when
// it begins and gives it back when it has ended, so the sum never is more than the whole. Who waits
// for a share has the epoch that is open longest end: to end is always possible.
type shares struct {
	total int64 // bytes
	least int64 // bytes that an epoch can work with

	mu      sync.Mutex
	used    int64
	open    []*share // in the order of their beginning
	waiting []*share
}

// share is a part of the memory.
type share struct {
	size    int64
	granted chan struct{} // closed once the share is there
	wanted  chan struct{} // closed once it is wanted back
}

func newShares(total, least int64) *shares {
	return &shares{total: max(total, least), least: least}
}

// take waits for a share; n partitions divide the whole.
func (b *shares) take(ctx context.Context, n int) (*share, error) {
	size := max(b.total/int64(max(n, 1)), b.least)
	s := &share{size: min(size, b.total), granted: make(chan struct{}), wanted: make(chan struct{})}
	b.mu.Lock()
	b.waiting = append(b.waiting, s)
	b.grant()
	b.mu.Unlock()
	select {
	case <-s.granted:
		return s, nil
	case <-ctx.Done():
		b.give(s)
		return nil, context.Cause(ctx)
	}
}

// give gives a share back, or the wait for one up.
func (b *shares) give(s *share) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if i := slices.Index(b.open, s); i >= 0 {
		b.open = slices.Delete(b.open, i, i+1)
		b.used -= s.size
	} else if i := slices.Index(b.waiting, s); i >= 0 {
		b.waiting = slices.Delete(b.waiting, i, i+1)
	}
	b.grant()
}

// grant serves those who wait, in their order, and asks for what the first of the others needs.
func (b *shares) grant() {
	for len(b.waiting) > 0 {
		s := b.waiting[0]
		if b.used+s.size > b.total {
			b.ask(b.used + s.size - b.total)
			return
		}
		b.waiting = b.waiting[1:]
		b.used += s.size
		b.open = append(b.open, s)
		close(s.granted)
	}
}

// ask wants the oldest shares back that have so many bytes together.
func (b *shares) ask(bytes int64) {
	for _, s := range b.open {
		if bytes <= 0 {
			return
		}
		bytes -= s.size
		select {
		case <-s.wanted:
		default:
			close(s.wanted)
		}
	}
}
