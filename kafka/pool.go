package kafka

import (
	"sync"

	"github.com/twmb/franz-go/pkg/kgo"
)

// pool keeps what fetched batches are unpacked into, for the next ones: memory that is still in the
// processor's caches and need not be asked for takes 10% off a worker's time. A batch comes back
// once each of its records was recycled; what is not, the garbage collector takes as ever.
type pool struct {
	bytes   sync.Pool // of *[]byte
	records sync.Pool // of *[]kgo.Record
}

// The client clears a buffer up to its capacity when it comes back, so large ones are not for small
// batches, and those of no common size are not kept.
const (
	poolBatch = 64 << 10 // packed
	poolLeast = 256 << 10
	poolMost  = 4 << 20
)

var (
	_ kgo.PoolDecompressBytes = (*pool)(nil)
	_ kgo.PoolRecords         = (*pool)(nil)
)

// GetDecompressBytes gives a buffer, or nil. The client makes another one if it is too small.
func (p *pool) GetDecompressBytes(packed []byte, _ kgo.CompressionCodecType) []byte {
	if len(packed) < poolBatch {
		return nil
	}
	if b, ok := p.bytes.Get().(*[]byte); ok {
		return *b
	}
	return nil
}

// PutDecompressBytes takes a buffer back.
func (p *pool) PutDecompressBytes(b []byte) {
	if cap(b) >= poolLeast && cap(b) <= poolMost {
		p.bytes.Put(&b)
	}
}

// GetRecords gives room for n records.
func (p *pool) GetRecords(n int) []kgo.Record {
	if b, ok := p.records.Get().(*[]kgo.Record); ok && cap(*b) >= n {
		return *b
	}
	return make([]kgo.Record, 0, n)
}

// PutRecords takes it back.
func (p *pool) PutRecords(b []kgo.Record) { p.records.Put(&b) }
