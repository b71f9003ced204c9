package kafkatorture

import (
	"fmt"
	"slices"
)

// evidence is what is known of a round: what the sources have sent, what came out, and what
// a reader has found. Nothing here is what a worker says of itself.
type evidence struct {
	sent    [][]int // by front, by stream: how many rows
	poison  []place // what is no row
	emitted []emission
	objects []seen // all versions of all objects, in the order in which they came up
	present []bool // of each version: it is what a reader finds at the end
}

// emission is a STATE that came out of a front.
type emission struct {
	front int
	mark  mark
	seen  int // versions that were there when it came
}

// seen is a version of an object, and what is in it.
type seen struct {
	key string
	*object
}

// judgement is what the oracle says.
type judgement struct {
	Rows       int      `json:"rows"`
	Lost       int      `json:"lost"`
	Doubled    int      `json:"doubled"`
	Early      int      `json:"early_states"`
	Changed    int      `json:"changed_objects"` // written twice, and not with the same rows
	Rewritten  int      `json:"rewritten"`       // written twice, with the same rows: what a replay does
	Letters    int      `json:"dead_letters"`
	BadLetters int      `json:"bad_dead_letters"`
	What       []string `json:"what,omitempty"` // the first of each kind
}

func (j *judgement) fail(count *int, format string, args ...any) {
	if *count++; *count <= 3 {
		j.What = append(j.What, fmt.Sprintf(format, args...))
	}
}

// broken reports whether a promise was.
func (j *judgement) broken() bool {
	return j.Lost+j.Doubled+j.Early+j.Changed+j.BadLetters > 0
}

// try compares what was found with what was sent.
func try(e *evidence) *judgement {
	j := &judgement{}
	e.rows(j)
	e.states(j)
	e.letters(j)
	e.rewrites(j)
	return j
}

func (e *evidence) rows(j *judgement) {
	copies := map[row][]string{}
	for i, o := range e.objects {
		if !e.present[i] {
			continue
		}
		for _, r := range o.rows {
			j.Rows++
			copies[r] = append(copies[r], o.key)
		}
	}
	for f, streamRows := range e.sent {
		for s, n := range streamRows {
			for seq := range n {
				r := row{s, f, seq}
				switch in := copies[r]; {
				case len(in) == 0:
					j.fail(&j.Lost, "%v is lost", r)
				case len(in) > 1:
					j.fail(&j.Doubled, "%v is there %d times, in %q", r, len(in), in)
				}
				delete(copies, r)
			}
		}
	}
	for r, in := range copies {
		j.fail(&j.Doubled, "%v was never sent, and is in %q", r, in)
	}
}

// states holds each STATE to its promise: all rows in front of it were in objects that were
// complete when it came out.
func (e *evidence) states(j *judgement) {
	first := map[row]int{}
	for i, o := range e.objects {
		for _, r := range o.rows {
			if _, known := first[r]; !known {
				first[r] = i
			}
		}
	}
	for _, em := range e.emitted {
		for s, n := range em.mark.rows {
			for seq := range n {
				r := row{s, em.front, seq}
				if at, there := first[r]; !there || at >= em.seen {
					j.fail(&j.Early, "STATE %d of %s came out before %v was in a complete object", em.mark.number, front(em.front), r)
					break
				}
			}
		}
	}
}

func (e *evidence) letters(j *judgement) {
	copies := map[place]int{}
	for i, o := range e.objects {
		if e.present[i] {
			for _, p := range o.letters {
				copies[p]++
				j.Letters++
			}
		}
	}
	for _, p := range e.poison {
		if n := copies[p]; n != 1 {
			j.fail(&j.BadLetters, "the record %v is no row, and %d times among the dead letters", p, n)
		}
		delete(copies, p)
	}
	for p := range copies {
		j.fail(&j.BadLetters, "the record %v is among the dead letters", p)
	}
}

// rewrites holds an object that was written again to the rows that it had.
func (e *evidence) rewrites(j *judgement) {
	last := map[string]*object{}
	for _, o := range e.objects {
		before, again := last[o.key]
		last[o.key] = o.object
		switch {
		case !again:
		case !slices.Equal(before.rows, o.rows) || !slices.Equal(before.letters, o.letters):
			j.fail(&j.Changed, "the object %s was written again: %d rows and %d letters before, now %d and %d",
				o.key, len(before.rows), len(before.letters), len(o.rows), len(o.letters))
		default:
			j.Rewritten++
		}
	}
}

func (r row) String() string {
	return fmt.Sprintf("row %d of the stream %s of %s", r.seq, streams[r.stream].name, front(r.front))
}

func (p place) String() string { return fmt.Sprintf("%s/%d/%d", p.topic, p.partition, p.offset) }
