package kafkatorture

import (
	"fmt"
	"strings"
	"testing"
)

// The cases begin with a round in which all is well, and change one thing each.
func TestOracle(t *testing.T) {
	const letter = "_sluice_dead_letters/t.jsonl"
	poison := place{"t", 1, 7}
	of := func(key string, from, to int) seen {
		o := seen{key, &object{}}
		for seq := from; seq < to; seq++ {
			o.rows = append(o.rows, row{0, 0, seq})
		}
		return o
	}
	good := func() *evidence {
		return &evidence{
			sent: [][]int{{10, 0}}, poison: []place{poison},
			objects: []seen{of("a", 0, 4), of("b", 4, 10), {letter, &object{letters: []place{poison}}}},
			present: []bool{true, true, true},
			emitted: []emission{{0, mark{0, []int{4, 0}}, 1}, {0, mark{1, []int{10, 0}}, 2}},
		}
	}
	f := func(want string, change func(*evidence)) {
		t.Helper()
		e := good()
		change(e)
		j := try(e)
		got := fmt.Sprintf("rows %d lost %d doubled %d early %d changed %d rewritten %d letters %d bad %d",
			j.Rows, j.Lost, j.Doubled, j.Early, j.Changed, j.Rewritten, j.Letters, j.BadLetters)
		if got != want {
			t.Errorf("got  %s\nwant %s\n%s", got, want, strings.Join(j.What, "\n"))
		}
		if bad := !strings.Contains(want, "lost 0 doubled 0 early 0 changed 0") || !strings.HasSuffix(want, "bad 0"); bad != j.broken() {
			t.Errorf("%s is broken: %t", got, j.broken())
		}
	}
	again := func(e *evidence, o seen, replaces int) {
		e.objects, e.present = append(e.objects, o), append(e.present, true)
		e.present[replaces] = false
	}
	f("rows 10 lost 0 doubled 0 early 0 changed 0 rewritten 0 letters 1 bad 0", func(*evidence) {})
	f("rows 10 lost 2 doubled 0 early 0 changed 0 rewritten 0 letters 1 bad 0", func(e *evidence) { e.sent[0][0] = 12 })
	f("rows 10 lost 0 doubled 1 early 0 changed 0 rewritten 0 letters 1 bad 0", func(e *evidence) {
		e.sent[0][0], e.emitted = 9, nil // a row that nobody has sent
	})
	f("rows 12 lost 0 doubled 2 early 0 changed 0 rewritten 0 letters 1 bad 0", func(e *evidence) { e.objects[1] = of("b", 2, 10) })
	// The second object came up when its STATE was out.
	f("rows 10 lost 0 doubled 0 early 1 changed 0 rewritten 0 letters 1 bad 0", func(e *evidence) { e.emitted[1].seen = 1 })
	f("rows 10 lost 0 doubled 0 early 1 changed 0 rewritten 0 letters 1 bad 0", func(e *evidence) { e.emitted[0].mark.rows[0] = 5 })
	f("rows 10 lost 0 doubled 0 early 0 changed 0 rewritten 0 letters 1 bad 0", func(e *evidence) { e.emitted[0].mark.rows[0] = 0 })
	// A replay writes the same again, and a worker that was given up must not write another.
	f("rows 10 lost 0 doubled 0 early 0 changed 0 rewritten 1 letters 1 bad 0", func(e *evidence) { again(e, of("a", 0, 4), 0) })
	f("rows 9 lost 1 doubled 0 early 0 changed 1 rewritten 0 letters 1 bad 0", func(e *evidence) { again(e, of("a", 0, 3), 0) })
	f("rows 10 lost 0 doubled 0 early 0 changed 0 rewritten 0 letters 0 bad 1", func(e *evidence) { e.objects[2].letters = nil })
	f("rows 10 lost 0 doubled 0 early 0 changed 0 rewritten 0 letters 2 bad 1", func(e *evidence) {
		e.objects[2].letters = []place{poison, poison}
	})
	f("rows 10 lost 0 doubled 0 early 0 changed 0 rewritten 0 letters 1 bad 1", func(e *evidence) { e.poison = nil })
}
