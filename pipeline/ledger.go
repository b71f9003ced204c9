package pipeline

import (
	"math"
	"slices"
	"sort"

	"github.com/sluice-data/sluice/internal/scan"
)

// Ledger decides when a STATE may leave: once every row in front of it, of any stream, is
// durable. It is pure: no clock, no lock, no goroutine.
//
// Rows are numbered from 0 in the order of the input. An object is known by the first row
// that it holds; until it is durable, no STATE behind that row may leave. So the ledger's
// memory is one entry an open object, however many rows there are, and the STATEs that
// wait. Those are thinned out when they get too large (see thin): a source may send
// millions of them inside one full refresh.
type Ledger struct {
	objects []entry // in the order of opening, so of id and of first; those at the head are not durable
	durable int     // how many of objects are
	next    ObjectID

	states []HeldState
	bytes  int64 // of states
	thick  int64 // bytes at which thinning is worth its time again
	most   int64 // bytes of states that need no thinning; 0: maxHeld
}

// maxHeld is the most memory for STATEs that wait, as long as newer ones can stand for older
// ones. It is a quarter of the default of the other budget (upload buffers), and room for some
// 100,000 STATEs of the usual size, so hardly a sync ever gets there.
const maxHeld = 64 << 20

// ObjectID names an object in a Ledger.
type ObjectID int64

type entry struct {
	id      ObjectID
	first   int64
	durable bool
}

// HeldState is a STATE message that waits.
type HeldState struct {
	After   int64     // the number of rows in front of it
	Message []byte    // as it came, its own copy
	State   scan.Span // of Message: the object under "state"
	Records int64     // that it covers
	// Key is whose state it is: a stream's or, "", that of the whole sync. One that leaves makes
	// all in front of it with the same key obsolete.
	Key string
}

// size is what it costs to hold a state: about.
func (s *HeldState) size() int64 { return int64(len(s.Message)) + 100 }

// Open tells that an object begins whose first row has this number. Numbers never go down
// from one call to the next: objects are opened in the order of the input.
func (l *Ledger) Open(first int64) ObjectID {
	if n := len(l.objects); n > 0 && l.objects[n-1].first > first {
		panic("objects are not opened in the order of their first rows")
	}
	id := l.next
	l.next++
	l.objects = append(l.objects, entry{id: id, first: first})
	return id
}

// Durable tells that every row of the object is durable. Each object is reported once.
func (l *Ledger) Durable(id ObjectID) {
	i := sort.Search(len(l.objects), func(i int) bool { return l.objects[i].id >= id })
	if i == len(l.objects) || l.objects[i].id != id || l.objects[i].durable {
		panic("an object is durable that was not open")
	}
	l.objects[i].durable = true
	l.durable++
	for len(l.objects) > 0 && l.objects[0].durable {
		l.objects = l.objects[1:]
		l.durable--
	}
	// One old object must not keep the entries of all that came and went behind it.
	if l.durable > 64 && l.durable > len(l.objects)/2 {
		l.objects = slices.DeleteFunc(l.objects, func(e entry) bool { return e.durable })
		l.durable = 0
	}
}

// Hold takes a STATE. They are given in the order of the input.
func (l *Ledger) Hold(s HeldState) {
	l.states = append(l.states, s)
	l.bytes += s.size()
	most := l.most
	if most == 0 {
		most = maxHeld
	}
	if l.bytes > max(most, l.thick) {
		l.thin()
	}
}

// thin leaves the first and the last of the states with the same key. The last says all that
// those in front of it said, so it also takes over their records. The first is nearest to
// leaving: were it given up as well, a steady flow of states larger than the bound would let
// each one push out the one before, and none would leave until the end of the input.
//
// What is left may still be above the bound, with very many streams. It is not looked at
// again before it has doubled, so that thinning costs little for each state.
func (l *Ledger) thin() {
	last := map[string]int{}
	for i := range l.states {
		last[l.states[i].Key] = i
	}
	records := map[string]int64{} // of those that were dropped; the key is there once the first was kept
	kept := l.states[:0]
	for i, s := range l.states {
		dropped, seen := records[s.Key]
		if seen && i < last[s.Key] {
			records[s.Key] = dropped + s.Records
			l.bytes -= s.size()
			continue
		}
		s.Records += dropped
		records[s.Key] = 0
		kept = append(kept, s)
	}
	clear(l.states[len(kept):])
	l.states, l.thick = kept, 2*l.bytes
}

// covered is the number of the first row that is not durable.
func (l *Ledger) covered() int64 {
	if len(l.objects) == 0 {
		return math.MaxInt64
	}
	return l.objects[0].first // the oldest that is not durable: Durable removes those before
}

// Ready reports whether Release would return something.
func (l *Ledger) Ready() bool { return len(l.states) > 0 && l.states[0].After <= l.covered() }

// Release returns, in the order of the input, the states that may leave now, and forgets
// them.
func (l *Ledger) Release() []HeldState {
	n := 0
	for covered := l.covered(); n < len(l.states) && l.states[n].After <= covered; n++ {
		l.bytes -= l.states[n].size()
	}
	out := l.states[:n:n]
	l.states, l.thick = l.states[n:], min(l.thick, 2*l.bytes)
	return out
}

// Last is the number of rows in front of the last state that waits for no row from the given one
// on; -1 if there is none.
func (l *Ledger) Last(row int64) int64 {
	n := sort.Search(len(l.states), func(i int) bool { return l.states[i].After > row })
	if n == 0 {
		return -1
	}
	return l.states[n-1].After
}

// Held is the number of states that wait.
func (l *Ledger) Held() int { return len(l.states) }
