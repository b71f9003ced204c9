package sink

import (
	"context"
	"sync"
)

// chunkSize is the unit of buffer memory. It is small, so that thousands of streams that
// have a few rows each do not hold a part's worth of memory each, and large enough that
// its bookkeeping costs nothing beside copying it.
const chunkSize = 64 << 10

// memory is the fixed set of chunks that all open objects and all uploads share: the
// memory budget. Chunks are made on first need, so that a small sync stays small, and the
// one that came back last is used first: it may still be in the processor's cache.
type memory struct {
	limit int

	mu    sync.Mutex
	made  int
	free  [][]byte
	freed chan struct{} // has room for one: "look again"
}

func newMemory(budget int64) *memory {
	return &memory{limit: max(int(budget/chunkSize), 1), freed: make(chan struct{}, 1)}
}

// try returns an empty chunk, or nil when all are in use.
func (m *memory) try() []byte {
	m.mu.Lock()
	defer m.mu.Unlock()
	if n := len(m.free); n > 0 {
		c := m.free[n-1]
		m.free = m.free[:n-1]
		return c
	}
	if m.made >= m.limit {
		return nil
	}
	m.made++
	return make([]byte, 0, chunkSize)
}

// over returns an empty chunk past the budget.
func (m *memory) over() []byte {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.made++
	return make([]byte, 0, chunkSize)
}

// wait returns an empty chunk as soon as an upload gives one back. The caller makes sure
// that one is under way. Only one goroutine may wait.
func (m *memory) wait(ctx context.Context) ([]byte, error) {
	for {
		if c := m.try(); c != nil {
			return c, nil
		}
		select {
		case <-m.freed:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// used is how many bytes of chunks are in use.
func (m *memory) used() int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return int64(m.made-len(m.free)) * chunkSize
}

// release gives chunks back.
func (m *memory) release(chunks [][]byte) {
	m.mu.Lock()
	for _, c := range chunks {
		m.free = append(m.free, c[:0])
	}
	m.mu.Unlock()
	select {
	case m.freed <- struct{}{}:
	default: // it will look anyway
	}
}
