package torture

import "testing"

// TestDiesTwice kills two attempts of one refresh at places that are chosen, and then has the
// platform give it up: each attempt leaves something behind, and the day after all of it must
// be gone.
func TestDiesTwice(t *testing.T) {
	var plans []*Plan
	f := func(generations bool, layout int, first, second Shot) {
		plans = append(plans, &Plan{
			Round: len(plans), Layout: layout, Refresh: atomic, States: perStream, FileSize: 0.005, Concurrency: 1, Cancelled: true,
			Streams: []Stream{{Name: "users", Refresh: true, Generations: generations, Old: 10, New: 200, Width: 100, Every: 100}},
			Shots:   []Shot{first, second},
		})
	}
	halfShown := Shot{Kind: BeforeRequest, Op: "CompleteMultipartUpload", N: 3}
	shown := Shot{Kind: BeforeRequest, Op: "DeleteObjects", N: 1}
	early := Shot{Kind: BeforeRequest, Op: "UploadPart", N: 2}
	for _, layout := range []int{0, 5, 6} { // without partitions and with them
		for _, generations := range []bool{false, true} {
			f(generations, layout, halfShown, early)
			f(generations, layout, halfShown, halfShown)
		}
		// With generations the first attempt was acknowledged, and the second has nothing to send.
		f(false, layout, shown, early)
		f(false, layout, shown, halfShown)
	}
	total, err := Run(t.Context(), Options{
		Binary: buildSluice(t), Rounds: len(plans), Jobs: 2,
		Draw:  func(_ uint64, round int) *Plan { return plans[round] },
		Found: func(v *Violation, p *Plan) { t.Errorf("%v\n%v", v, p) },
	})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := total.Killed(), 2*len(plans); got != want && len(total.Violations) == 0 {
		t.Errorf("%d kills, want %d", got, want)
	}
}
