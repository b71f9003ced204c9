package tune

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/sluice-data/sluice/sink"
)

// surface is how fast a network is with a setting, in MB/s.
type surface func(Setting) float64

// connections each have a speed; together they have no more than the line.
func connections(each, line float64) surface {
	return func(s Setting) float64 {
		// A request costs 40 ms whatever its size.
		per := float64(s.PartSize) / 1e6
		return min(line, float64(s.Concurrency)*per/(per/each+0.04))
	}
}

// hill is fastest at one setting, and slower with each step away from it.
func hill(top Setting, height, step float64) surface {
	return func(s Setting) float64 {
		away := math.Abs(math.Log2(float64(s.PartSize)/float64(top.PartSize))) + math.Abs(math.Log2(float64(s.Concurrency)/float64(top.Concurrency)))
		return height * math.Pow(step, away)
	}
}

// noisy measures a surface, with an error of so many parts to both sides.
func noisy(rate surface, noise float64, seed uint64) Measure {
	rng := rand.New(rand.NewPCG(seed, 0))
	return func(_ context.Context, s Setting, _ float64) (Sample, error) {
		return Sample{Rate: rate(s) * (1 + noise*(2*rng.Float64()-1))}, nil
	}
}

// within is what a machine of so many MiB tries.
func within(mib int64) []Setting {
	return Settings(Bounds{Memory: mib * mebibyte, Round: 1 << 40, Store: sink.Properties{MinPartSize: 5 * mebibyte}})
}

func mib(part int64, n int) Setting { return Setting{part * mebibyte, n} }

func TestSettings(t *testing.T) {
	f := func(want string, b Bounds) {
		t.Helper()
		var got []string
		for _, s := range Settings(b) {
			got = append(got, fmt.Sprintf("%d×%d", s.PartSize/mebibyte, s.Concurrency))
		}
		if all := strings.Join(got, " "); all != want {
			t.Errorf("%+v\n got %s\nwant %s", b, all, want)
		}
	}
	f("8×16 5×4 5×8 5×16 5×32 8×4 8×8 16×4 16×8 32×4", Bounds{Memory: 256 * mebibyte, Round: 1 << 40})
	f("8×16 5×4 5×8 5×16 8×4 8×8 16×4", Bounds{Memory: 256 * mebibyte, Round: 100 * mebibyte})
	f("8×16 8×4 8×8 16×4 16×8 32×4", Bounds{Memory: 256 * mebibyte, Round: 1 << 40, Store: sink.Properties{MinPartSize: 6 * mebibyte}})
	f("8×16 5×4 5×8 5×16 5×32", Bounds{Memory: 256 * mebibyte, Round: 1 << 40, Store: sink.Properties{MaxPartSize: 5 * mebibyte}})
	f("8×16 5×4", Bounds{Memory: 40 * mebibyte, Round: 1 << 40})
	f("8×16", Bounds{Memory: 32 * mebibyte, Round: 1 << 40}) // it does not fit either, but is what a sync does
	if n := len(within(1 << 20)); n != len(partSizes)*len(concurrences) {
		t.Errorf("with all memory there are %d settings", n)
	}
}

// TestSearch finds the best of several surfaces, whatever the noise, and the default where
// nothing is gained.
func TestSearch(t *testing.T) {
	f := func(name string, settings []Setting, rate surface, noise float64, verdict Verdict, best Setting, limit Limit) {
		t.Helper()
		for seed := range uint64(20) {
			r, err := Search(t.Context(), settings, noisy(rate, noise, seed))
			if err != nil {
				t.Fatal(err)
			}
			if r.Verdict != verdict || r.Best.Setting != best || r.Limit(4) != limit {
				t.Errorf("%s, seed %d: got %s, %v, limit %q (gain %.2f, noise %.2f); want %s, %v, limit %q",
					name, seed, r.Verdict, r.Best.Setting, r.Limit(4), r.Gain(), r.Noise(), verdict, best, limit)
			}
		}
	}
	f("slow connections", within(256), connections(20, 1e4), 0.03, Better, mib(5, 32), LimitConnections)
	f("slow connections, much memory", within(1024), connections(60, 1e5), 0.03, Better, mib(8, 64), LimitConnections)
	f("slow connections, little memory", within(64), connections(20, 1e4), 0.03, Plateau, Default, LimitUnknown)
	f("a line that 16 fill", within(256), connections(20, 200), 0.03, Plateau, Default, LimitNetwork)
	f("a line that 4 fill", within(1024), connections(100, 100), 0.03, Plateau, Default, LimitNetwork)
	f("a line that 32 fill", within(1024), connections(20, 400), 0.02, Better, mib(5, 32), LimitNetwork)
	f("the same everywhere", within(1024), func(Setting) float64 { return 100 }, 0.05, Plateau, Default, LimitNetwork)
	f("a hill in a corner", within(8192), hill(mib(64, 64), 1000, 0.7), 0.03, Better, mib(64, 64), LimitConnections)
	f("a hill of few", within(8192), hill(mib(32, 4), 1000, 0.8), 0.03, Better, mib(32, 4), LimitNetwork)
	f("the default is the best", within(1024), hill(Default, 500, 0.8), 0.05, Plateau, Default, LimitNetwork)
	f("only the default", within(32), connections(20, 1e4), 0.03, Plateau, Default, LimitUnknown)
}

// TestNoise: where measurements lie far apart, nobody is sent to change settings for a gain that
// may be chance. Here there is none.
func TestNoise(t *testing.T) {
	wrong, told := 0, 0
	for seed := range uint64(200) {
		r, err := Search(t.Context(), within(256), noisy(func(Setting) float64 { return 100 }, 0.4, seed))
		if err != nil {
			t.Fatal(err)
		}
		if r.Verdict == Better {
			wrong++
		} else if r.Best.Setting != Default {
			t.Fatalf("the verdict is %s, but the best %v", r.Verdict, r.Best.Setting)
		}
		if r.Verdict == Noise {
			told++
		}
	}
	if wrong > 20 || told == 0 {
		t.Errorf("of 200 searches in noise %d recommend something, %d speak of noise", wrong, told)
	}
}

// TestCost: a search spends what it was given, and no more.
func TestCost(t *testing.T) {
	f := func(settings []Setting, rate surface, noise float64, most float64, measurements int) {
		t.Helper()
		spent, n := 0.0, 0
		measure := noisy(rate, noise, 1)
		_, err := Search(t.Context(), settings, func(ctx context.Context, s Setting, share float64) (Sample, error) {
			spent += share
			n++
			return measure(ctx, s, share)
		})
		if err != nil || spent > most+1e-9 || n > measurements {
			t.Errorf("%d settings: %.3f of what there is, %d measurements, error %v", len(settings), spent, n, err)
		}
	}
	f(within(256), connections(20, 1e4), 0, 1, 29)
	f(within(8192), connections(20, 1e4), 0, 1, 66)
	f(within(32), connections(20, 1e4), 0, 1, 3)
	f(within(40), connections(20, 1e4), 0, 1, 6)
	// Rounds that are added in doubt.
	f(within(256), connections(20, 1e4), 0.9, 1.27, 35)
}

// TestSpent ends a search after so many measurements.
func TestSpent(t *testing.T) {
	f := func(after int, verdict Verdict) {
		t.Helper()
		n := 0
		measure := noisy(connections(20, 1e4), 0, 1)
		r, err := Search(t.Context(), within(256), func(ctx context.Context, s Setting, share float64) (Sample, error) {
			if n++; n > after {
				return Sample{}, ErrSpent
			}
			return measure(ctx, s, share)
		})
		if err != nil || r.Verdict != verdict {
			t.Errorf("after %d: got %+v, %v", after, r, err)
		}
		if verdict == Unsure && r.Best.Setting != Default {
			t.Errorf("after %d: the best is %v", after, r.Best.Setting)
		}
		var text strings.Builder
		report := &Report{Result: r, Cores: 4, Memory: 256 * mebibyte}
		if err := errors.Join(report.Text(&text), report.JSON(&text)); err != nil {
			t.Errorf("after %d: %v", after, err)
		}
	}
	f(0, Unsure)
	f(1, Unsure)
	f(12, Unsure)
	f(22, Unsure)
	f(1000, Better)
}

func TestFailing(t *testing.T) {
	denied := errors.New("denied")
	n := 0
	_, err := Search(t.Context(), within(256), func(context.Context, Setting, float64) (Sample, error) {
		if n++; n > 5 {
			return Sample{}, denied
		}
		return Sample{Rate: 1}, nil
	})
	if !errors.Is(err, denied) || n != 6 {
		t.Errorf("got %v after %d measurements", err, n)
	}
}

// TestLimitCPU: cores that are busy are the limit, whatever else there is.
func TestLimitCPU(t *testing.T) {
	f := func(cores float64, of int, want Limit) {
		t.Helper()
		r, err := Search(t.Context(), within(256), func(_ context.Context, s Setting, _ float64) (Sample, error) {
			return Sample{Rate: 100, Cores: cores}, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if got := r.Limit(of); got != want {
			t.Errorf("%.1f of %d cores: got %q, want %q", cores, of, got, want)
		}
	}
	f(1.9, 2, LimitCPU)
	f(1.9, 4, LimitNetwork)
}
