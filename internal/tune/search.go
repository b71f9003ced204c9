package tune

import (
	"cmp"
	"context"
	"errors"
	"math/bits"
	"slices"
)

// Sample is one measurement.
type Sample struct {
	Rate    float64 // MB/s
	Cores   float64 // processor cores that this process kept busy
	Retries int64   // requests that had to be made again
}

// Tried is a setting and its measurements.
type Tried struct {
	Setting
	Samples []Sample // of the last rung it was in, or of the rounds
	Final   bool     // it got into the rounds
}

// Rate is the median.
func (t *Tried) Rate() float64 { return t.median(func(s Sample) float64 { return s.Rate }) }

// Cores is the median.
func (t *Tried) Cores() float64 { return t.median(func(s Sample) float64 { return s.Cores }) }

func (t *Tried) median(of func(Sample) float64) float64 {
	if len(t.Samples) == 0 {
		return 0
	}
	var all []float64
	for _, s := range t.Samples {
		all = append(all, of(s))
	}
	slices.Sort(all)
	if n := len(all); n%2 == 0 {
		return (all[n/2-1] + all[n/2]) / 2
	}
	return all[len(all)/2]
}

// sorted are the rates, from the slowest to the fastest.
func (t *Tried) sorted() []float64 {
	var rates []float64
	for _, s := range t.Samples {
		rates = append(rates, s.Rate)
	}
	slices.Sort(rates)
	return rates
}

// Spread is how far the measurements lie apart. Of many, the one at either end is left out:
// something else was going on.
func (t *Tried) Spread() float64 {
	rates := t.sorted()
	if n := len(rates); n >= rounds+moreRounds {
		rates = rates[1 : n-1]
	}
	if len(rates) == 0 {
		return 0
	}
	return rates[len(rates)-1] - rates[0]
}

// Measure measures a setting. share is how much of all time (and bytes) it may take. ErrSpent
// says that there is nothing left.
type Measure func(ctx context.Context, s Setting, share float64) (Sample, error)

// ErrSpent ends a search early: it judges by what it has.
var ErrSpent = errors.New("the time or the bytes of the search are spent")

// The search divides what it may spend: rungs that halve the field, then rounds among the last.
const (
	rungsShare = 0.6
	finalists  = 2 // besides the default
	rounds     = 3
	moreRounds = 2 // where the first ones leave a doubt
)

// Search finds the setting to recommend, by successive halving: it measures all settings for a
// short time, the better half of them for twice as long, and so on; then it measures the last
// ones and the default in turns, several times. Coordinate descent, one parameter after the
// other, takes fewer steps, but gets stuck where memory forbids to go on with one of them: from
// 8 MiB × 16 to 5 MiB × 32 both have to change. The first setting is the default.
func Search(ctx context.Context, settings []Setting, measure Measure) (*Result, error) {
	r := &Result{}
	for _, s := range settings {
		r.Tried = append(r.Tried, &Tried{Setting: s})
	}
	field := slices.Clone(r.Tried)
	spent, err := r.halve(ctx, &field, measure)
	if err == nil && !spent {
		for _, t := range field {
			t.Samples, t.Final = nil, true
		}
		spent, err = r.rounds(ctx, field, rounds, measure)
	}
	if err != nil {
		return nil, err
	}
	if r.judge(field); r.doubtful() && !spent {
		if _, err = r.rounds(ctx, field, moreRounds, measure); err != nil {
			return nil, err
		}
		r.judge(field)
	}
	return r, nil
}

// halve reduces the field to the default and the finalists.
func (r *Result) halve(ctx context.Context, field *[]*Tried, measure Measure) (spent bool, err error) {
	others := len(*field) - 1
	if others <= finalists {
		return false, nil
	}
	// Each rung gets as much as the others.
	rungs := bits.Len(uint((others - 1) / finalists))
	share := rungsShare / float64(rungs)
	for others > finalists {
		for _, t := range *field { // longer measurements take the place of shorter ones
			t.Samples = nil
		}
		if spent, err := sample(ctx, *field, share/float64(len(*field)), measure); spent || err != nil {
			return spent, err
		}
		others = max((others+1)/2, finalists)
		*field = append((*field)[:1], best((*field)[1:])[:others]...)
	}
	return false, nil
}

// best sorts a field: first those that are nearly as fast as the fastest, of which the ones that
// need the least memory are the better ones, and then the others by their rate.
func best(field []*Tried) []*Tried {
	top := slices.MaxFunc(field, func(a, b *Tried) int { return cmp.Compare(a.Rate(), b.Rate()) }).Rate()
	group := func(t *Tried) int {
		if t.Rate() >= nearly*top {
			return 0
		}
		return 1
	}
	slices.SortStableFunc(field, func(a, b *Tried) int {
		if order := cmp.Compare(group(a), group(b)); order != 0 {
			return order
		}
		if group(a) == 0 {
			return cmp.Compare(a.Memory(), b.Memory())
		}
		return cmp.Compare(b.Rate(), a.Rate())
	})
	return field
}

// rounds measures the finalists in turns, forth and back, so that a network that gets faster or
// slower meanwhile does so for all of them.
func (r *Result) rounds(ctx context.Context, field []*Tried, n int, measure Measure) (spent bool, err error) {
	field = slices.Clone(field)
	for range n {
		if spent, err := sample(ctx, field, (1-rungsShare)/rounds/float64(len(field)), measure); spent || err != nil {
			return spent, err
		}
		slices.Reverse(field)
	}
	return false, nil
}

func sample(ctx context.Context, field []*Tried, share float64, measure Measure) (spent bool, err error) {
	for _, t := range field {
		s, err := measure(ctx, t.Setting, share)
		if errors.Is(err, ErrSpent) {
			return true, nil
		}
		if err != nil {
			return false, err
		}
		t.Samples = append(t.Samples, s)
	}
	return false, nil
}
