package kafka

import (
	"sync"

	"github.com/twmb/franz-go/pkg/kgo"
)

// A partition's fetches are paused when so many bytes wait, and go on when few do.
const (
	queueFull = 4 << 20
	queueLow  = 1 << 20
)

// queue holds the records that were fetched of a partition and not yet taken. The one who fetches
// never waits for it: a poll that blocks would keep the group from rebalancing.
type queue struct {
	mu      sync.Mutex
	records []*kgo.Record
	bytes   int
	paused  bool
	more    chan struct{} // has room for one: "look again"
}

func newQueue() *queue { return &queue{more: make(chan struct{}, 1)} }

// size is what a record costs, about.
func size(r *kgo.Record) int { return len(r.Value) + len(r.Key) + 200 }

// push adds records, and reports whether fetching has to pause.
func (q *queue) push(records []*kgo.Record) (pause bool) {
	q.mu.Lock()
	q.records = append(q.records, records...)
	for _, r := range records {
		q.bytes += size(r)
	}
	pause = !q.paused && q.bytes >= queueFull
	q.paused = q.paused || pause
	q.mu.Unlock()
	select {
	case q.more <- struct{}{}:
	default:
	}
	return pause
}

// head is the next record, or nil.
func (q *queue) head() *kgo.Record {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.records) == 0 {
		return nil
	}
	return q.records[0]
}

// pop drops the next record, and reports whether fetching may go on.
func (q *queue) pop() (resume bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	r := q.records[0]
	q.records[0] = nil
	q.records = q.records[1:]
	q.bytes -= size(r)
	resume = q.paused && q.bytes <= queueLow
	q.paused = q.paused && !resume
	return resume
}

// flowing reports whether fetching need not pause.
func (q *queue) flowing() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return !q.paused
}
