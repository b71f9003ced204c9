package torture

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"text/tabwriter"
	"time"
)

// Tally is what the rounds come to.
type Tally struct {
	Seed       uint64         `json:"seed"`
	First      int            `json:"first_round"`
	Rounds     int            `json:"rounds"`
	Attempts   int            `json:"attempts"` // without the earlier syncs
	Kills      map[string]int `json:"kills"`    // by place
	Missed     int            `json:"missed"`   // attempts that ended before they could be killed
	Rows       int            `json:"rows_checked"`
	Objects    int            `json:"objects_checked"`
	Lost       int            `json:"rows_lost"`
	Forbidden  int            `json:"rows_doubled_forbidden"`
	Again      int            `json:"rows_doubled_allowed"`           // behind the last STATE
	Window     int            `json:"rows_doubled_allowed_by_window"` // an atomic refresh died between its table and its STATE
	Violations []*Violation   `json:"violations"`
	Duration   time.Duration  `json:"nanoseconds"`
}

func (t *Tally) kill(s *Shot) { t.Kills[s.Place()]++ }

// Killed is the number of all kills.
func (t *Tally) Killed() int {
	n := 0
	for _, k := range t.Kills {
		n += k
	}
	return n
}

func (t *Tally) add(o *Tally) {
	t.Rounds += o.Rounds
	t.Attempts += o.Attempts
	t.Missed += o.Missed
	t.Rows += o.Rows
	t.Objects += o.Objects
	t.Lost += o.Lost
	t.Forbidden += o.Forbidden
	t.Again += o.Again
	t.Window += o.Window
	t.Violations = append(t.Violations, o.Violations...)
	for place, n := range o.Kills {
		t.Kills[place] += n
	}
}

// Write writes the table.
func (t *Tally) Write(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(w, "rounds\t%d\t\n", t.Rounds)
	fmt.Fprintf(w, "attempts\t%d\t\n", t.Attempts)
	fmt.Fprintf(w, "kills\t%d\t\n", t.Killed())
	for _, place := range slices.Sorted(maps.Keys(t.Kills)) {
		fmt.Fprintf(w, "%s\t%d\t\n", place, t.Kills[place])
	}
	fmt.Fprintf(w, "ended before the kill\t%d\t\n", t.Missed)
	fmt.Fprintf(w, "objects checked\t%d\t\n", t.Objects)
	fmt.Fprintf(w, "rows checked\t%d\t\n", t.Rows)
	fmt.Fprintf(w, "rows lost\t%d\t\n", t.Lost)
	fmt.Fprintf(w, "rows doubled, forbidden\t%d\t\n", t.Forbidden)
	fmt.Fprintf(w, "rows doubled, behind the last STATE\t%d\t\n", t.Again)
	fmt.Fprintf(w, "rows doubled, atomic refresh without its STATE\t%d\t\n", t.Window)
	fmt.Fprintf(w, "promises broken\t%d\t\n", len(t.Violations))
	fmt.Fprintf(w, "seed\t%d\t\n", t.Seed)
	fmt.Fprintf(w, "duration\t%v\t\n", t.Duration.Round(time.Second))
	return w.Flush()
}
