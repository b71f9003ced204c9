package kafka

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
	"pgregory.net/rapid"
)

// TestQueue: whatever is pushed and popped comes out in its order; fetching pauses once when much
// waits, and goes on once when little does.
func TestQueue(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		q := newQueue()
		var waiting []*kgo.Record
		bytes, paused, offset := 0, false, int64(0)
		t.Repeat(map[string]func(*rapid.T){
			"push": func(t *rapid.T) {
				var records []*kgo.Record
				for range rapid.IntRange(0, 3).Draw(t, "records") {
					n := rapid.SampledFrom([]int{0, 1000, queueLow - 200, queueFull / 2, queueFull}).Draw(t, "size")
					records = append(records, &kgo.Record{Offset: offset, Value: make([]byte, n/2), Key: make([]byte, n-n/2)})
					bytes += n + 200
					offset++
				}
				pause := q.push(records)
				waiting = append(waiting, records...)
				if want := !paused && bytes >= queueFull; pause != want {
					t.Fatalf("with %d bytes, paused %v: push says %v", bytes, paused, pause)
				}
				paused = paused || pause
				if len(q.more) != 1 {
					t.Fatal("nobody is told to look")
				}
			},
			"pop": func(t *rapid.T) {
				if len(waiting) == 0 {
					t.Skip("empty")
				}
				bytes -= size(waiting[0])
				waiting = waiting[1:]
				resume := q.pop()
				if want := paused && bytes <= queueLow; resume != want {
					t.Fatalf("with %d bytes, paused %v: pop says %v", bytes, paused, resume)
				}
				paused = paused && !resume
			},
			"": func(t *rapid.T) {
				if q.bytes != bytes || q.flowing() == paused || len(waiting) == 0 && paused {
					t.Fatalf("%d bytes, flowing %v; want %d, %v", q.bytes, q.flowing(), bytes, !paused)
				}
				if head := q.head(); (head == nil) != (len(waiting) == 0) || head != nil && head != waiting[0] {
					t.Fatalf("the head is %v of %d", head, len(waiting))
				}
			},
		})
	})
}

// TestQueueForgets: what was popped is not held any more.
func TestQueueForgets(t *testing.T) {
	q := newQueue()
	q.push(recs(0, 1))
	all := q.records
	q.pop()
	if all[0] != nil || all[1] == nil {
		t.Errorf("after a pop the queue holds %v", all)
	}
}
