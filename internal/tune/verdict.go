package tune

import (
	"fmt"
	"slices"
)

// Verdict is what a search has found out.
type Verdict string

// The verdicts. Only after Better there is something to set.
const (
	Better  Verdict = "better"  // a setting that is faster than the default
	Plateau Verdict = "plateau" // nothing is faster by as much as minGain
	Noise   Verdict = "noise"   // what seems faster may be so by chance
	Unsure  Verdict = "unsure"  // the search ended before it had measured enough
)

// minGain is how much faster than the default a setting must be. One that gains less is a
// burden: somebody has to know later why it is there.
const minGain = 0.10

// enough is how many measurements a verdict needs.
const enough = 3

// Result is what a search has measured, and what follows.
type Result struct {
	Tried   []*Tried // in the order of Settings: the default is the first
	Verdict Verdict
	Best    *Tried // to recommend; the default unless the verdict is Better
	Rival   *Tried // the one that was held against the default; the default if that is the best
}

// Default is what was measured of the default.
func (r *Result) Default() *Tried { return r.Tried[0] }

// Gain is how much faster than the default the rival is: 0.2 is 20 %.
func (r *Result) Gain() float64 {
	return part(r.Rival.Rate()-r.Default().Rate(), r.Default().Rate())
}

// Noise is how far measurements of one setting lie apart, as a part of their rate.
func (r *Result) Noise() float64 {
	return (part(r.Rival.Spread(), r.Rival.Rate()) + part(r.Default().Spread(), r.Default().Rate())) / 2
}

// part is a part of the whole; 0 where nothing was measured.
func part(of, whole float64) float64 {
	if whole == 0 {
		return 0
	}
	return of / whole
}

// judge fills in the verdict, by the measurements of the last field.
func (r *Result) judge(field []*Tried) {
	def := r.Default()
	r.Best, r.Rival = def, def
	var rated []Rated
	for _, t := range field {
		if len(t.Samples) >= enough {
			rated = append(rated, Rated{t.Setting, t.Rate()})
		}
	}
	if len(def.Samples) < enough || len(rated) < min(len(field), 2) {
		r.Verdict = Unsure
		return
	}
	chosen := Frugal(rated).Setting
	r.Rival = field[slices.IndexFunc(field, func(t *Tried) bool { return t.Setting == chosen })]
	switch {
	case r.Gain() < minGain:
		r.Verdict = Plateau
	case r.overlap():
		r.Verdict = Noise
	default:
		r.Verdict, r.Best = Better, r.Rival
	}
}

// doubtful reports whether a few more measurements could change the verdict.
func (r *Result) doubtful() bool {
	return r.Verdict == Noise || r.Verdict == Better && r.Noise() > minGain
}

// overlap reports whether some runs of the rival were no faster than some of the default's. One
// of many may be.
func (r *Result) overlap() bool {
	rival, def := r.Rival.sorted(), r.Default().sorted()
	allowed := 0
	if len(rival) >= rounds+moreRounds {
		allowed = 1
	}
	return rival[allowed] <= def[len(def)-1]
}

// Limit is what keeps uploads with the best setting from being faster.
type Limit string

// The limits that can be told.
const (
	LimitCPU         Limit = "cpu"         // of this machine: its cores are busy
	LimitNetwork     Limit = "network"     // or the store: more at a time brings nothing more
	LimitConnections Limit = "connections" // each has a speed of its own, and no more of them fit into the memory
	LimitUnknown     Limit = ""
)

// Limit says what limits, on a machine with so many cores.
func (r *Result) Limit(cores int) Limit {
	const (
		busy = 0.85 // of the cores: there are always some moments of waiting
		flat = 1.10 // twice as many at a time bring less than this
		loud = 0.25 // noise in which nothing can be told
	)
	best := r.Best
	if best.Cores() >= busy*float64(cores) {
		return LimitCPU
	}
	if r.Noise() > loud {
		return LimitUnknown
	}
	for _, t := range r.Tried {
		if len(t.Samples) == 0 {
			continue
		}
		more := t.Concurrency >= 2*best.Concurrency && 2*t.PartSize >= best.PartSize
		fewer := 2*t.Concurrency <= best.Concurrency && t.PartSize == best.PartSize
		if more && t.Rate() < flat*best.Rate() || fewer && best.Rate() < flat*t.Rate() {
			return LimitNetwork
		}
	}
	if r.grows() {
		return LimitConnections
	}
	return LimitUnknown
}

// grows reports whether the best setting is much faster than the one with half as many requests
// at a time.
func (r *Result) grows() bool {
	const much = 1.25
	return slices.ContainsFunc(r.Tried, func(t *Tried) bool {
		return t.PartSize == r.Best.PartSize && 2*t.Concurrency == r.Best.Concurrency && len(t.Samples) > 0 && r.Best.Rate() >= much*t.Rate()
	})
}

// reason says the verdict in a sentence.
func (r *Result) reason() string {
	def, rival := r.Default(), r.Rival
	switch r.Verdict {
	case Better:
		return fmt.Sprintf("%v is %.0f%% faster than the default %v: %.0f against %.0f MB/s, and runs of one setting differ by %.0f%%.",
			rival.Setting, 100*r.Gain(), def.Setting, rival.Rate(), def.Rate(), 100*r.Noise())
	case Noise:
		return fmt.Sprintf("%v seems %.0f%% faster than the default %v, but not in all runs, which differ by %.0f%%: that may be noise. Tune again with more --seconds, or when the network is quieter.",
			rival.Setting, 100*r.Gain(), def.Setting, 100*r.Noise())
	case Plateau:
		text := fmt.Sprintf("Nothing is faster than the default %v (%.0f MB/s) by %.0f%% or more.", def.Setting, def.Rate(), 100*minGain)
		if r.Noise() > minGain {
			text += fmt.Sprintf(" (Runs of one setting differ by %.0f%%: a smaller gain would not be seen.)", 100*r.Noise())
		}
		return text
	case Unsure:
	}
	return "Not enough was measured to tell: give more --seconds, or more --size."
}
