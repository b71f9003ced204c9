package pipeline

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// naive is the ledger as the promise says it, without any cleverness: it remembers every
// object, and a state may leave when no row in front of it is in an object that is not
// durable, and no state in front of it is held.
type naive struct {
	first   []int64
	durable []bool
	states  []HeldState
}

func (n *naive) release() []HeldState {
	var out []HeldState
	for len(n.states) > 0 {
		for i, first := range n.first {
			if !n.durable[i] && first < n.states[0].After {
				return out
			}
		}
		out = append(out, n.states[0])
		n.states = n.states[1:]
	}
	return out
}

func messages(states []HeldState) []string {
	var out []string
	for _, s := range states {
		out = append(out, string(s.Message))
	}
	return out
}

// TestLedgerExhaustively tries every history of up to seven steps, with up to three
// objects and three states.
func TestLedgerExhaustively(t *testing.T) {
	histories := 0
	var try func(steps []string)
	try = func(steps []string) {
		open, marked := play(t, steps)
		histories++
		if len(steps) == 7 {
			return
		}
		try(append(slices.Clip(steps), "row"))
		if len(open) < 3 {
			try(append(slices.Clip(steps), "open"))
		}
		if marked < 3 {
			try(append(slices.Clip(steps), "state"))
		}
		for id, durable := range open {
			if !durable {
				try(append(slices.Clip(steps), fmt.Sprint(id)))
			}
		}
	}
	try(nil)
	if histories < 10000 {
		t.Errorf("only %d histories were tried", histories)
	}
}

// play does the steps on a Ledger and on the oracle: "row", "open", "state", or the number
// of an object that becomes durable. It returns which objects are durable, and the number
// of states.
func play(t *testing.T, steps []string) (objects []bool, states int) {
	t.Helper()
	var l Ledger
	var n naive
	var ids []ObjectID
	rows := int64(0)
	for _, step := range steps {
		switch step {
		case "row":
			rows++
		case "open":
			ids = append(ids, l.Open(rows))
			n.first, n.durable = append(n.first, rows), append(n.durable, false)
		case "state":
			s := HeldState{After: rows, Message: fmt.Append(nil, states)}
			states++
			l.Hold(s)
			n.states = append(n.states, s)
		default:
			var i int
			_, _ = fmt.Sscan(step, &i)
			l.Durable(ids[i])
			n.durable[i] = true
		}
		if got, want := messages(l.Release()), messages(n.release()); !slices.Equal(got, want) {
			t.Fatalf("after %v: released %v, want %v", steps, got, want)
		}
		if l.Held() != len(n.states) {
			t.Fatalf("after %v: %d are held, want %d", steps, l.Held(), len(n.states))
		}
	}
	return n.durable, states
}

func TestLedgerAgreesWithTheOracle(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var l Ledger
		var n naive
		rows, states := int64(0), 0
		var open []int // that are not durable: in ids
		var ids []ObjectID
		rt.Repeat(map[string]func(*rapid.T){
			"row": func(rt *rapid.T) { rows += rapid.Int64Range(1, 1000).Draw(rt, "rows") },
			"open": func(rt *rapid.T) { // at times so many that the ledger tidies up
				for range rapid.SampledFrom([]int{1, 1, 3, 60}).Draw(rt, "objects") {
					open = append(open, len(ids))
					ids = append(ids, l.Open(rows))
					n.first = append(n.first, rows)
					n.durable = append(n.durable, false)
					rows += rapid.Int64Range(0, 2).Draw(rt, "rows")
				}
			},
			"state": func(*rapid.T) {
				s := HeldState{After: rows, Message: fmt.Append(nil, states)}
				states++
				l.Hold(s)
				n.states = append(n.states, s)
			},
			"durable": func(rt *rapid.T) {
				if len(open) == 0 {
					rt.Skip("no object is open")
				}
				for range min(rapid.SampledFrom([]int{1, 1, 3, 60}).Draw(rt, "objects"), len(open)) {
					i := rapid.IntRange(0, len(open)-1).Draw(rt, "object")
					l.Durable(ids[open[i]])
					n.durable[open[i]] = true
					open = slices.Delete(open, i, i+1)
				}
			},
			"": func(rt *rapid.T) {
				ready := l.Ready()
				got, want := messages(l.Release()), messages(n.release())
				if !slices.Equal(got, want) || ready != (len(want) > 0) || l.Held() != len(n.states) {
					rt.Fatalf("released %v, want %v; ready %v, %d held, want %d", got, want, ready, l.Held(), len(n.states))
				}
			},
		})
	})
}

func TestLedgerForgets(t *testing.T) {
	var l Ledger
	old := l.Open(0)
	for i := range int64(100000) {
		l.Durable(l.Open(i))
	}
	if len(l.objects) > 200 {
		t.Errorf("%d entries are kept for one open object", len(l.objects))
	}
	l.Hold(HeldState{After: 1})
	if len(l.Release()) != 0 {
		t.Error("a state left in front of the oldest object")
	}
	l.Durable(old)
	if len(l.Release()) != 1 || len(l.objects) != 0 {
		t.Error("nothing is open, and the state did not leave or entries are kept")
	}
}

func TestLedgerRefusesNonsense(t *testing.T) {
	f := func(name string, misuse func(l *Ledger)) {
		t.Helper()
		defer func() {
			if recover() == nil {
				t.Errorf("%s did not panic", name)
			}
		}()
		misuse(&Ledger{})
	}
	f("durable twice", func(l *Ledger) { l.Open(0); id := l.Open(1); l.Durable(id); l.Durable(id) })
	f("never opened", func(l *Ledger) { l.Durable(3) })
	f("going back", func(l *Ledger) { l.Open(5); l.Open(4) })
}
