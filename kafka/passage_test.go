package kafka

import (
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/sluice-data/sluice/pipeline"
)

func TestPassage(t *testing.T) {
	p := passage{topic: "users", partition: 3, committed: -1, begin: 10, end: 10, open: 4}
	ended := func(id pipeline.ObjectID, pass int64, want string) {
		t.Helper()
		err := p.ended(id, pass)
		if (err != nil) != (want != "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("run %d up to %d: got %v, want %q", id, pass, err, want)
		}
	}
	commit := func(offset int64, want ...pipeline.ObjectID) {
		t.Helper()
		n, err := p.commit(offset)
		if got := p.take(n, nil); err != nil || !slices.Equal(got, want) {
			t.Errorf("commit %d: got %v, %v, want %v", offset, got, err, want)
		}
	}
	back := func(offset int64, want string) {
		t.Helper()
		if _, err := p.commit(offset); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("commit %d: got %v, want %q", offset, err, want)
		}
	}
	commit(-1)
	ended(1, 15, "")
	commit(10) // what was there before
	commit(14)
	commit(15, 1)
	ended(2, 20, "")
	ended(3, 25, "")
	ended(4, 25, "partition 3 of the topic users had the offset 24 already, and gives 24 now")
	commit(24, 2)
	commit(24)
	commit(30, 3)
	back(29, "was 30 and is 29")
	back(-1, "was 30 and is gone")
}

// TestPassageOfRows: whatever is produced, committed and looked at, a run is never durable before all of
// its rows are committed, and once they are, it is.
func TestPassageOfRows(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		begin := rapid.Int64Range(0, 3).Draw(t, "begin")
		p := passage{committed: -1, begin: begin, end: begin}
		next, committed := begin, int64(-1)
		last := map[pipeline.ObjectID]int64{} // the last row of each run that has ended
		for id := range pipeline.ObjectID(20) {
			next += rapid.Int64Range(0, 2).Draw(t, "others' records")
			p.open++
			next += rapid.Int64Range(1, 5).Draw(t, "rows")
			last[id] = next - 1
			behind := next // of the last row, or the offset of the barrier behind it
			if rapid.Bool().Draw(t, "barrier") {
				next++
			}
			if err := p.ended(id, behind); err != nil {
				t.Fatal(err)
			}
			committed = rapid.Int64Range(max(committed, 0), next).Draw(t, "committed")
			n, err := p.commit(committed)
			if err != nil {
				t.Fatal(err)
			}
			for _, done := range p.take(n, nil) {
				if last[done] >= committed {
					t.Fatalf("run %d is durable at %d, and its last row is %d", done, committed, last[done])
				}
				delete(last, done)
			}
			for id, row := range last {
				if row < committed {
					t.Fatalf("run %d is not durable at %d, and its last row is %d", id, committed, row)
				}
			}
			if p.left() != len(last) {
				t.Fatalf("%d runs are left, want %d", p.left(), len(last))
			}
		}
	})
}

func TestLost(t *testing.T) {
	f := func(committed, start int64, open int, want bool) {
		t.Helper()
		p := passage{committed: committed, begin: 10, end: 10, open: open}
		if got := p.lost(start); got != want {
			t.Errorf("committed %d, start %d, %d runs: got %v", committed, start, open, got)
		}
	}
	f(-1, 10, 1, false) // older rows are others'
	f(-1, 11, 1, true)
	f(-1, 11, 0, false)
	f(15, 15, 1, false)
	f(15, 16, 1, true)
}

func TestSchedule(t *testing.T) {
	var begin time.Time
	at := func(minutes int) time.Time { return begin.Add(time.Duration(minutes) * time.Minute) }
	s := schedule{age: 15 * time.Minute, last: begin}
	f := func(got, want bool, why string) {
		t.Helper()
		if got != want {
			t.Errorf("%s: got %v", why, got)
		}
	}
	f(s.due(at(20)), false, "no STATE waits")
	f(s.state(at(14)), false, "the first one counts from the beginning")
	f(s.due(at(15)), true, "it has waited for long")
	s.made(at(15), true)
	f(s.due(at(40)), false, "it waits no more")
	f(s.state(at(29)), false, "too early")
	f(s.state(at(30)), true, "at the age")
	s.made(at(30), false)
	f(s.state(at(31)), true, "nothing was made, so nothing was too early")
	s = schedule{last: begin}
	f(s.state(at(10000)), false, "only at the end")
}

// TestOutlet: rows stay in a partition for a stint, and take all partitions in turn.
func TestOutlet(t *testing.T) {
	o := newOutlet("users", 3, defaultBatch, 5)
	first := o.at
	lane := func(size int, want int) {
		t.Helper()
		if l := o.next(size); int(l.partition) != (first+want)%3 || l.index != 5+int(l.partition) {
			t.Errorf("a row of %d bytes: got %+v, want %d behind the first, which was %d", size, l, want, first)
		}
	}
	lane(stint-1, 0)
	lane(1, 0)
	lane(1, 1)
	lane(2*stint, 2) // a row that is larger than a stint has one of its own
	lane(2*stint, 0)
	lane(stint, 1)
}
