package torture

import "testing"

// TestDiesTwice kills two attempts of one refresh at places that are chosen, and then has the
// platform give it up: each attempt leaves something behind, and the day after all of it must
// be gone.
func TestDiesTwice(t *testing.T) {
	binary := buildSluice(t)
	f := func(generations bool, first, second Shot) {
		t.Helper()
		plan := func(seed uint64, round int) *Plan {
			return &Plan{
				Seed: seed, Round: round, Refresh: atomic, States: perStream, FileSize: 0.005, Concurrency: 1, Cancelled: true,
				Streams: []Stream{{Name: "users", Refresh: true, Generations: generations, Old: 10, New: 200, Width: 100, Every: 100}},
				Shots:   []Shot{first, second},
			}
		}
		total, err := Run(t.Context(), Options{
			Binary: binary, Rounds: 1, Draw: plan,
			Found: func(v *Violation, _ *Plan) { t.Errorf("generations %t: %v", generations, v) },
		})
		if err != nil {
			t.Fatal(err)
		}
		if total.Killed() != 2 {
			t.Errorf("%v, %v: %d kills", first, second, total.Killed())
		}
	}
	const complete = "CompleteMultipartUpload"
	halfShown := Shot{Kind: BeforeRequest, Op: complete, N: 3}
	shown := Shot{Kind: BeforeRequest, Op: "DeleteObjects", N: 1}
	early := Shot{Kind: BeforeRequest, Op: "UploadPart", N: 2}
	for _, generations := range []bool{false, true} {
		f(generations, halfShown, early)
		f(generations, halfShown, halfShown)
	}
	// With generations the first attempt was acknowledged, and the second has nothing to send.
	f(false, shown, early)
	f(false, shown, halfShown)
}
