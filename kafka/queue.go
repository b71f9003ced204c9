package kafka

import (
	"context"
	"sync"

	"github.com/twmb/franz-go/pkg/kgo"
)

// backlog is what was fetched and not yet taken, of all partitions together. Polling waits while it
// is full: between two polls, so that the group can rebalance.
type backlog struct {
	mu    sync.Mutex
	bytes int
	less  chan struct{} // has room for one: "look again"
}

// The bytes of a backlog. A queue that has most of them stands still while the others go on: it is
// paused, so that they are not held back. Pausing drops what was fetched ahead, and is for that only.
const (
	backlogFull = 16 << 20
	queueFull   = backlogFull / 4 * 3
	queueLow    = backlogFull / 8
)

func newBacklog() *backlog { return &backlog{less: make(chan struct{}, 1)} }

func (b *backlog) add(bytes int) {
	b.mu.Lock()
	before := b.bytes
	b.bytes += bytes
	less := before >= backlogFull && b.bytes < backlogFull
	b.mu.Unlock()
	if less {
		select {
		case b.less <- struct{}{}:
		default:
		}
	}
}

// wait waits until there is room.
func (b *backlog) wait(ctx context.Context) {
	for {
		b.mu.Lock()
		full := b.bytes >= backlogFull
		b.mu.Unlock()
		if !full {
			return
		}
		select {
		case <-b.less:
		case <-ctx.Done():
			return
		}
	}
}

// queue holds the records that were fetched of a partition and not yet taken. The one who fetches
// never waits for it: a poll that blocks would keep the group from rebalancing.
type queue struct {
	all *backlog

	// Of the goroutine that takes: it fetches records many at a time.
	run      []*kgo.Record
	runBytes int // of all of run, also of what was taken of it

	mu      sync.Mutex
	records []*kgo.Record
	waiting int // bytes of records
	bytes   int // of these and of run
	paused  bool
	gone    bool
	more    chan struct{} // has room for one: "look again"
}

func newQueue(all *backlog) *queue { return &queue{all: all, more: make(chan struct{}, 1)} }

// size is what a record costs, about.
func size(r *kgo.Record) int { return len(r.Value) + len(r.Key) + 200 }

// push adds records, and reports whether fetching has to pause.
func (q *queue) push(records []*kgo.Record) (pause bool) {
	added := 0
	for _, r := range records {
		added += size(r)
	}
	q.mu.Lock()
	if q.gone {
		q.mu.Unlock()
		return false
	}
	q.records = append(q.records, records...)
	q.bytes += added
	q.waiting += added
	pause = !q.paused && q.bytes >= queueFull
	q.paused = q.paused || pause
	q.mu.Unlock()
	q.all.add(added)
	select {
	case q.more <- struct{}{}:
	default:
	}
	return pause
}

// head is the next record, or nil. It is for the one goroutine that takes, as is pop.
func (q *queue) head() *kgo.Record {
	if len(q.run) > 0 {
		return q.run[0]
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.records) == 0 {
		return nil
	}
	q.run, q.records = q.records, nil
	q.runBytes, q.waiting = q.waiting, 0
	return q.run[0]
}

// pop drops the next record, and reports whether fetching may go on.
func (q *queue) pop() (resume bool) {
	q.run[0] = nil
	q.run = q.run[1:]
	if len(q.run) > 0 {
		return false
	}
	q.mu.Lock()
	q.bytes -= q.runBytes
	resume = q.paused && q.bytes <= queueLow
	q.paused = q.paused && !resume
	gone := q.gone
	q.mu.Unlock()
	if !gone {
		q.all.add(-q.runBytes)
	}
	return resume
}

// flowing reports whether fetching need not pause.
func (q *queue) flowing() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return !q.paused
}

// drop empties the queue for good.
func (q *queue) drop() {
	q.mu.Lock()
	bytes := q.bytes
	q.records, q.waiting, q.bytes, q.gone = nil, 0, 0, true
	q.mu.Unlock()
	q.all.add(-bytes)
}
