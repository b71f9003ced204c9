package sink

import "context"

// chunkSize is the unit of buffer memory. It is small, so that thousands of streams that
// have a few rows each do not hold a part's worth of memory each, and large enough that
// its bookkeeping costs nothing beside copying it.
const chunkSize = 64 << 10

// memory is the fixed set of chunks that all open objects and all uploads share: the
// memory budget. Chunks are made on first need, so that a small sync stays small.
type memory struct {
	free  chan []byte
	limit int
	made  int // only the goroutine that writes objects makes chunks
}

func newMemory(budget int64) *memory {
	limit := max(int(budget/chunkSize), 1)
	return &memory{free: make(chan []byte, limit), limit: limit}
}

// try returns an empty chunk, or nil when all are in use.
func (m *memory) try() []byte {
	select {
	case c := <-m.free:
		return c
	default:
	}
	if m.made == m.limit {
		return nil
	}
	m.made++
	return make([]byte, 0, chunkSize)
}

// wait returns an empty chunk as soon as an upload gives one back. The caller makes sure
// that one is under way.
func (m *memory) wait(ctx context.Context) ([]byte, error) {
	select {
	case c := <-m.free:
		return c, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// release gives chunks back; there is room for all that were made.
func (m *memory) release(chunks [][]byte) {
	for _, c := range chunks {
		m.free <- c[:0]
	}
}
