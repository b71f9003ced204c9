package kafka

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/twmb/franz-go/pkg/kgo"
	"pgregory.net/rapid"
)

// TestQueue: whatever is pushed and popped comes out in its order, each byte counts until it is
// taken, here and in the backlog; fetching pauses once when much waits, and goes on once when little
// does.
func TestQueue(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := newBacklog()
		q := newQueue(all)
		var waiting []*kgo.Record
		paused, offset := false, int64(0)
		t.Repeat(map[string]func(*rapid.T){
			"push": func(t *rapid.T) {
				var records []*kgo.Record
				for range rapid.IntRange(0, 3).Draw(t, "records") {
					n := rapid.SampledFrom([]int{0, 1000, queueLow - 200, queueFull / 2, queueFull}).Draw(t, "size")
					records = append(records, &kgo.Record{Offset: offset, Value: make([]byte, n/2), Key: make([]byte, n-n/2)})
					offset++
				}
				pause := q.push(records)
				waiting = append(waiting, records...)
				if want := !paused && q.bytes >= queueFull; pause != want {
					t.Fatalf("with %d bytes, paused %v: push says %v", q.bytes, paused, pause)
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
				if head := q.head(); head != waiting[0] {
					t.Fatalf("the head is %v, not offset %d", head, waiting[0].Offset)
				}
				waiting = waiting[1:]
				resume := q.pop()
				if want := paused && q.bytes <= queueLow; resume && !want {
					t.Fatalf("with %d bytes, paused %v: pop says %v", q.bytes, paused, resume)
				}
				paused = paused && !resume
			},
			"": func(t *rapid.T) {
				least := 0
				for _, r := range waiting {
					least += size(r)
				}
				if q.bytes < least || len(waiting) == 0 && (q.bytes != 0 || paused) || q.flowing() == paused || all.bytes != q.bytes {
					t.Fatalf("%d bytes for %d, flowing %v, paused %v, %d in the backlog", q.bytes, least, q.flowing(), paused, all.bytes)
				}
			},
		})
		q.drop()
		if all.bytes != 0 || q.push([]*kgo.Record{{}}) || all.bytes != 0 {
			t.Fatalf("a queue that was dropped leaves %d bytes", all.bytes)
		}
	})
}

// TestQueueForgets: what was popped is not held any more.
func TestQueueForgets(t *testing.T) {
	q := newQueue(newBacklog())
	q.push(recs(0, 1))
	all := q.records
	q.head()
	q.pop()
	if all[0] != nil || all[1] == nil {
		t.Errorf("after a pop the queue holds %v", all)
	}
}

// TestBacklog: who polls waits while it is full, and no longer than its context.
func TestBacklog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBacklog()
		b.wait(t.Context()) // there is room
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan bool)
		waits := func() { b.wait(ctx); done <- true }
		b.add(backlogFull)
		go waits()
		synctest.Wait()
		select {
		case <-done:
			t.Fatal("it does not wait")
		default:
		}
		b.add(-1)
		<-done
		b.add(1)
		go waits()
		cancel()
		<-done
	})
}
