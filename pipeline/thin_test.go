package pipeline

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// TestThin gives states to a ledger that takes none without thinning, behind a row that is
// not durable. A state is "key:records"; what is left is what leaves when the row is durable.
func TestThin(t *testing.T) {
	f := func(in, want string) {
		t.Helper()
		l := Ledger{most: 1}
		id := l.Open(0)
		for one := range strings.FieldsSeq(in) {
			s := HeldState{After: 1}
			key, records, _ := strings.Cut(one, ":")
			_, _ = fmt.Sscan(records, &s.Records)
			s.Key, s.Message = key, []byte(one)
			l.Hold(s)
			l.thick = 0 // thin each time
		}
		l.Durable(id)
		var got []string
		for _, s := range l.Release() {
			got = append(got, fmt.Sprintf("%s=%d", s.Message, s.Records))
		}
		if strings.Join(got, " ") != want || l.bytes != 0 {
			t.Errorf("%s\n got %s, %d bytes\nwant %s", in, strings.Join(got, " "), l.bytes, want)
		}
	}
	f("", "")
	f("a:1", "a:1=1")
	f("a:1 a:2", "a:1=1 a:2=2")
	f("a:1 a:2 a:3", "a:1=1 a:3=5")
	f("a:1 a:2 a:3 a:4 a:5", "a:1=1 a:5=14")
	f("a:1 b:1 c:1", "a:1=1 b:1=1 c:1=1")
	f("a:1 b:1 a:2 b:2", "a:1=1 b:1=1 a:2=2 b:2=2")
	f("a:1 a:2 b:1 b:2 b:3 a:3", "a:1=1 b:1=1 b:3=5 a:3=5")
	f(":1 a:10 :2 a:20 :4 a:40", ":1=1 a:10=10 :4=6 a:40=60") // of streams, and of the whole sync
	f("a:0 a:0 a:0", "a:0=0 a:0=0")
}

// TestThinAgreesWithTheOracle plays against a ledger that keeps every state. What leaves is
// a part of what leaves there, not sooner, in the same order, and says the same: records that
// one key's states cover do not get lost, and in the end the newest of each key is out.
func TestThinAgreesWithTheOracle(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		keys := rapid.IntRange(1, 4).Draw(rt, "keys")
		l := Ledger{most: rapid.Int64Range(1, 5000).Draw(rt, "most")}
		var n naive
		var all []HeldState // number, as the message says, to what was given
		var open []int
		var ids []ObjectID
		rows, left := int64(0), 0
		next := map[string]int{} // key to the first state that is not accounted for
		release := func() {
			left += len(n.release())
			oldest := map[string]bool{}
			for _, s := range l.Release() {
				var i int
				_, _ = fmt.Sscan(string(s.Message), &i)
				if i >= left {
					rt.Fatalf("state %d left before its time: %d may", i, left)
				}
				var records int64
				for j := next[s.Key]; j <= i; j++ {
					if all[j].Key == s.Key {
						records += all[j].Records
					}
				}
				if i < next[s.Key] || s.Records != records || s.After != all[i].After {
					rt.Fatalf("state %d left with %+v, want %d records and a number from %d", i, s, records, next[s.Key])
				}
				next[s.Key], oldest[s.Key] = i+1, true
			}
			if len(l.states) > 0 && l.states[0].After <= l.covered() {
				rt.Fatal("a state that may leave did not")
			}
		}
		rt.Repeat(map[string]func(*rapid.T){
			"row": func(*rapid.T) { rows++ },
			"open": func(*rapid.T) {
				open, ids = append(open, len(ids)), append(ids, l.Open(rows))
				n.first, n.durable = append(n.first, rows), append(n.durable, false)
			},
			"states": func(rt *rapid.T) {
				for range rapid.IntRange(1, 20).Draw(rt, "states") {
					s := HeldState{
						After: rows, Message: fmt.Appendf(nil, "%-*d", rapid.IntRange(8, 600).Draw(rt, "size"), len(all)),
						Key: fmt.Sprint(rapid.IntRange(1, keys).Draw(rt, "key")), Records: rapid.Int64Range(0, 9).Draw(rt, "records"),
					}
					all, n.states = append(all, s), append(n.states, s)
					l.Hold(s)
				}
			},
			"durable": func(rt *rapid.T) {
				if len(open) == 0 {
					rt.Skip("no object is open")
				}
				i := rapid.IntRange(0, len(open)-1).Draw(rt, "object")
				l.Durable(ids[open[i]])
				n.durable[open[i]] = true
				open = slices.Delete(open, i, i+1)
			},
			"": func(rt *rapid.T) {
				release()
				// Two of each key are left by thinning, and what is left may double.
				if bound := max(l.most, int64(2*2*keys*700)); l.bytes > bound || l.bytes < 0 {
					rt.Fatalf("%d bytes are held, at most %d should be", l.bytes, bound)
				}
			},
		})
		for _, i := range open {
			l.Durable(ids[i])
			n.durable[i] = true
		}
		release()
		for i := len(all) - 1; i >= 0; i-- {
			if next[all[i].Key] <= i {
				rt.Fatalf("state %d did not leave, nor a newer one of its key", i)
			}
		}
		if l.Held() != 0 || l.bytes != 0 {
			rt.Fatalf("%d states, %d bytes are left of nothing", l.Held(), l.bytes)
		}
	})
}

// TestThinLetsStatesLeave: states so large that two of them are over the bound still leave
// during the sync, although there is always an object that is not durable.
func TestThinLetsStatesLeave(t *testing.T) {
	l := Ledger{most: 1}
	var open []ObjectID
	left := 0
	for i := range int64(1000) {
		open = append(open, l.Open(i))
		l.Hold(HeldState{After: i + 1, Records: 1})
		if len(open) > 10 {
			l.Durable(open[0])
			open = open[1:]
		}
		left += len(l.Release())
		if l.Held() > 4 {
			t.Fatalf("%d are held", l.Held())
		}
	}
	if left < 1000/11 {
		t.Errorf("only %d of 1000 states left while the input went on", left)
	}
}

// TestThinIsBackAtItsBound: very many streams raise the bound only as long as they need it.
func TestThinIsBackAtItsBound(t *testing.T) {
	l := Ledger{most: 10_000}
	for i := range 10_000 {
		l.Hold(HeldState{Key: fmt.Sprint(i)})
	}
	if len(l.Release()) != 10_000 {
		t.Fatal("states of different streams were merged")
	}
	for range 10_000 {
		l.Hold(HeldState{})
		if l.bytes > l.most {
			t.Fatalf("%d bytes are held, the bound is %d", l.bytes, l.most)
		}
	}
}

// TestThinBoundsMemory holds half a million states inside one full refresh: half a gigabyte,
// if all of them were kept.
func TestThinBoundsMemory(t *testing.T) {
	const each, streams = 1000, 100
	inUse := func() int64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	before := inUse()
	var l Ledger
	id := l.Open(0)
	given, least := int64(0), int64(0)
	for last := int64(0); given < 500_000; given++ {
		l.Hold(HeldState{After: given, Message: make([]byte, each), Records: 1, Key: string(rune('a' + given%streams))})
		if l.bytes < last && least == 0 {
			least = inUse() - before
		}
		last = l.bytes
	}
	most := inUse() - before
	if least > maxHeld/4 || most > maxHeld*3/2 {
		t.Errorf("%d MiB are in use, and %d were after thinning; the bound is %d", most>>20, least>>20, maxHeld>>20)
	}
	l.Durable(id)
	var records int64
	for _, s := range l.Release() {
		records += s.Records
	}
	if records != given {
		t.Errorf("%d records, want %d", records, given)
	}
}
