package torture

import (
	"strings"
	"testing"
)

// one is a plan with one stream of three new rows over two old ones.
func one(refresh string, generations bool) *Plan {
	s := Stream{Name: "users", Refresh: refresh != "", Generations: generations, Old: 2, New: 3}
	return &Plan{Refresh: refresh, Streams: []Stream{s}}
}

// sent is an attempt that sent the rows from:to; each of acks is the number of rows in front
// of a STATE.
func sent(from, to int, acks ...int) *evidence {
	e := newEvidence(1)
	e.from[0], e.sent[0] = from, to
	for _, n := range acks {
		e.emitted = append(e.emitted, []int{n})
	}
	return e
}

// half has shown objects of its set, whole has shown all of them.
func half(e *evidence) *evidence  { e.touched[0] = true; return e }
func whole(e *evidence) *evidence { e.touched[0], e.shown[0] = true, true; return e }

// copies is what a reader sees: how often each row is there, the old ones before the "|".
func copies(text string) *table {
	t := &table{}
	old, new, _ := strings.Cut(text, "|")
	for _, c := range old {
		t.old = append(t.old, int(c-'0'))
	}
	for _, c := range new {
		t.new = append(t.new, int(c-'0'))
	}
	return t
}

func TestOracle(t *testing.T) {
	f := func(p *Plan, when moment, seen, want string, attempts ...*evidence) {
		t.Helper()
		j := try(p, 0, attempts, copies(seen), when)
		got := ""
		if len(j.violations) > 0 {
			got = j.violations[0].what
		}
		if want == "" && got != "" || !strings.Contains(got, want) {
			t.Errorf("%s after %d attempts: got %q, want %q", seen, len(attempts), got, want)
		}
	}
	const lost, often, oldGone, oldOften = "lost", "a row is there 2 times", "earlier sync is gone", "earlier sync is there"

	appends := one("", false)
	f(appends, killed, "11|000", "", sent(0, 0))
	f(appends, killed, "11|110", "", sent(0, 3, 1))
	f(appends, killed, "11|010", lost, sent(0, 3, 1))
	f(appends, killed, "10|111", oldGone, sent(0, 3))
	f(appends, killed, "12|111", oldOften, sent(0, 3))
	f(appends, killed, "11|211", often, sent(0, 3))
	f(appends, killed, "11|111", "a row is there 1 times", sent(0, 2))
	f(appends, ended, "11|122", "", sent(0, 3, 1), sent(1, 3, 3))
	f(appends, ended, "11|211", often, sent(0, 3, 1), sent(1, 3, 3))
	f(appends, ended, "11|110", lost, sent(0, 3, 3))
	f(appends, cancelled, "11|100", "", sent(0, 3, 1))
	f(appends, cancelled, "11|000", lost, sent(0, 3, 1))

	plain := one(atomic, false)
	f(plain, killed, "11|000", "", sent(0, 3))
	f(plain, killed, "11|100", "a row is there 1 times, at most 0", sent(0, 3))
	f(plain, killed, "11|100", "", half(sent(0, 3)))
	f(plain, killed, "01|100", oldGone, half(sent(0, 3)))
	f(plain, killed, "01|111", oldGone, half(sent(0, 3)))
	f(plain, killed, "01|111", "", whole(sent(0, 3)))
	f(plain, killed, "11|110", lost, whole(sent(0, 3)))
	f(plain, killed, "00|211", "", whole(sent(0, 3, 3)), half(sent(0, 3)))
	f(plain, ended, "00|111", "", whole(sent(0, 3, 3)), whole(sent(0, 3, 3)))
	f(plain, ended, "00|211", often, whole(sent(0, 3)), whole(sent(0, 3, 3)))
	f(plain, ended, "10|111", oldOften, whole(sent(0, 3, 3)))
	f(plain, cancelled, "11|000", "", half(sent(0, 3)))
	f(plain, cancelled, "11|100", "a row is there 1 times, at most 0", half(sent(0, 3)))
	f(plain, cancelled, "00|111", "", whole(sent(0, 3)))
	f(plain, cancelled, "11|111", oldOften, whole(sent(0, 3)))

	resumed := one(atomic, true)
	f(resumed, ended, "00|111", "", half(sent(0, 3)), whole(sent(0, 3, 3)))
	f(resumed, ended, "00|211", often, half(sent(0, 3)), whole(sent(0, 3, 3)))
	f(resumed, ended, "00|222", "", whole(sent(0, 3)), whole(sent(0, 3, 3)))
	f(resumed, ended, "00|222", often, whole(sent(0, 3, 3)), sent(3, 3))
	f(resumed, ended, "00|111", "", whole(sent(0, 3, 3)), sent(3, 3))

	steps := one(incremental, true)
	f(steps, killed, "11|100", "", sent(0, 3, 1))
	f(steps, killed, "01|110", oldGone, sent(0, 3, 1))
	f(steps, killed, "01|111", "", sent(0, 3, 1))
	f(steps, ended, "00|122", "", sent(0, 3, 1), sent(1, 3, 3))
	f(steps, ended, "01|111", oldOften, sent(0, 3, 3))
	f(one(incremental, false), ended, "00|122", often, sent(0, 3, 1), sent(0, 3, 3))

	first := one(purgeFirst, false)
	f(first, killed, "01|000", "", sent(0, 0))
	f(first, killed, "00|010", lost, sent(0, 3, 1))
	f(first, killed, "00|000", "", sent(0, 3, 1), sent(0, 0)) // it begins anew
	f(one(purgeFirst, true), killed, "00|000", lost, sent(0, 3, 1), sent(1, 1))
	f(first, ended, "01|111", oldOften, sent(0, 3, 3))
}

// TestCounts sorts rows that are there twice.
func TestCounts(t *testing.T) {
	f := func(p *Plan, seen string, again, window, forbidden, lost int, attempts ...*evidence) {
		t.Helper()
		j := try(p, 0, attempts, copies(seen), ended)
		if j.again != again || j.window != window || j.forbidden != forbidden || j.lost != lost {
			t.Errorf("%s: got %+v", seen, j)
		}
	}
	f(one("", false), "11|122", 2, 0, 0, 0, sent(0, 3, 1), sent(1, 3, 3))
	f(one("", false), "11|220", 1, 0, 1, 1, sent(0, 3, 1), sent(1, 3, 3))
	f(one(atomic, true), "00|222", 0, 3, 0, 0, whole(sent(0, 3)), whole(sent(0, 3, 3)))
}
