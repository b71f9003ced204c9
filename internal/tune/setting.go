// Package tune finds the part size and the concurrency that uploads to a store are fastest with.
//
// Search decides what to measure and what to make of it, and knows nothing of stores; Meter
// measures one setting, through the uploader of a sync; Report says it to people.
package tune

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/sluice-data/sluice/sink"
)

const mebibyte = 1 << 20

// Setting is what can be tuned.
type Setting struct {
	PartSize    int64 // bytes
	Concurrency int   // requests at a time
}

// Default is what a sync takes where nothing is set (see sink.UploadOptions).
var Default = Setting{PartSize: 8 * mebibyte, Concurrency: 16}

// Memory is what the setting's uploads need: the parts on their way, two that wait for a worker,
// and the one that fills.
func (s Setting) Memory() int64 { return int64(s.Concurrency+3) * s.PartSize }

// Round is what is on its way when every worker has a part.
func (s Setting) Round() int64 { return int64(s.Concurrency) * s.PartSize }

func (s Setting) String() string {
	return fmt.Sprintf("%d MiB × %d", s.PartSize/mebibyte, s.Concurrency)
}

// What is tried.
var (
	partSizes    = []int64{5 * mebibyte, 8 * mebibyte, 16 * mebibyte, 32 * mebibyte, 64 * mebibyte}
	concurrences = []int{4, 8, 16, 32, 64} // 64 is the most that a config may have
)

// Bounds are what keeps a setting from being tried.
type Bounds struct {
	Memory int64           // the budget of a sync's buffers
	Round  int64           // the most bytes that are on their way at a time, so that a few rounds are affordable
	Store  sink.Properties // the part sizes that the store takes
}

// Settings are those that fit. The default is always the first of them: it is what all others
// are held against, and what a sync does that has less memory, too.
func Settings(b Bounds) []Setting {
	all := []Setting{Default}
	for _, part := range partSizes {
		for _, n := range concurrences {
			s := Setting{part, n}
			if s != Default && s.fits(b) {
				all = append(all, s)
			}
		}
	}
	return all
}

func (s Setting) fits(b Bounds) bool {
	return s.Memory() <= b.Memory && s.Round() <= b.Round && s.PartSize >= b.Store.MinPartSize && (b.Store.MaxPartSize == 0 || s.PartSize <= b.Store.MaxPartSize)
}

// Rated is a setting and what it was measured to bring.
type Rated struct {
	Setting
	Rate float64 // MB/s
}

// nearly is the part of the best rate that counts as as good.
const nearly = 0.95

// Fastest is the one with the highest rate.
func Fastest(all []Rated) Rated {
	return slices.MaxFunc(all, func(a, b Rated) int { return cmp.Compare(a.Rate, b.Rate) })
}

// Frugal is the one that needs the least memory among those that are nearly as fast as the
// fastest.
func Frugal(all []Rated) Rated {
	best := Fastest(all)
	chosen := best
	for _, r := range all {
		if r.Rate >= nearly*best.Rate && (r.Memory() < chosen.Memory() || r.Memory() == chosen.Memory() && r.Rate > chosen.Rate) {
			chosen = r
		}
	}
	return chosen
}
