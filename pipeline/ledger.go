package pipeline

import (
	"math"
	"slices"
	"sort"
)

// Ledger decides when a STATE may leave: once every row in front of it, of any stream, is
// durable. It is pure: no clock, no lock, no goroutine.
//
// Rows are numbered from 0 in the order of the input. An object is known by the first row
// that it holds; until it is durable, no STATE behind that row may leave. So the ledger's
// memory is one entry an open object and one a held STATE, however many rows there are.
type Ledger struct {
	objects []entry // in the order of opening, so of id and of first; those at the head are not durable
	durable int     // how many of objects are
	next    ObjectID
	states  []HeldState
}

// ObjectID names an object in a Ledger.
type ObjectID int64

type entry struct {
	id      ObjectID
	first   int64
	durable bool
}

// HeldState is a STATE message that waits.
type HeldState struct {
	After   int64  // the number of rows in front of it
	Message []byte // as it will leave
}

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
func (l *Ledger) Hold(s HeldState) { l.states = append(l.states, s) }

// Release returns, in the order of the input, the states that may leave now, and forgets
// them.
func (l *Ledger) Release() []HeldState {
	covered := int64(math.MaxInt64)
	if len(l.objects) > 0 {
		covered = l.objects[0].first // the oldest that is not durable: Durable removes those before
	}
	n := 0
	for n < len(l.states) && l.states[n].After <= covered {
		n++
	}
	out := l.states[:n:n]
	l.states = l.states[n:]
	return out
}

// Held is the number of states that wait.
func (l *Ledger) Held() int { return len(l.states) }
