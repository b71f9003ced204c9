package kafkatorture

import (
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"
)

// Tally is what rounds come to.
type Tally struct {
	Seed       uint64            `json:"seed"`
	Rounds     int               `json:"rounds"`
	Faults     map[FaultKind]int `json:"faults"`
	Hits       int               `json:"aimed_kills_that_hit"`
	Rebalances int               `json:"rebalances"`
	Offsets    int64             `json:"offsets"` // in Kafka, barriers among them
	Objects    int               `json:"objects"`
	InParts    int               `json:"objects_in_parts"`
	Judgement  judgement         `json:"by_source"`
	Finding    finding           `json:"by_offset"`
	Control    int               `json:"control_doubled"` // rows that the naive worker has doubled
	Quiet      []time.Duration   `json:"state_latency_quiet"`
	Hurt       []time.Duration   `json:"state_latency_faults"`
	Dynamic    []time.Duration   `json:"recovery_dynamic"`
	Static     []time.Duration   `json:"recovery_static"`
	Exits      []string          `json:"exits,omitempty"`
	Violations []*Violation      `json:"violations,omitempty"`
	Duration   time.Duration     `json:"nanoseconds"`
}

func newTally() *Tally { return &Tally{Faults: map[FaultKind]int{}} }

func (t *Tally) judged(j *judgement) {
	t.Judgement = *j
	t.Judgement.What = nil
}

func (t *Tally) audited(f *finding) {
	t.Finding = *f
	t.Finding.What = nil
}

// add adds a round. The control arm's rows are not ours.
func (t *Tally) add(o *Tally, naive bool) {
	if naive {
		t.Control += o.Judgement.Doubled
		return
	}
	t.Rounds++
	for kind, n := range o.Faults {
		t.Faults[kind] += n
	}
	t.Hits += o.Hits
	t.Rebalances += o.Rebalances
	t.Offsets += o.Offsets
	t.Objects += o.Objects
	t.InParts += o.InParts
	a, b := &t.Judgement, o.Judgement
	a.Rows, a.Lost, a.Doubled, a.Early = a.Rows+b.Rows, a.Lost+b.Lost, a.Doubled+b.Doubled, a.Early+b.Early
	a.Changed, a.Rewritten, a.Letters, a.BadLetters = a.Changed+b.Changed, a.Rewritten+b.Rewritten, a.Letters+b.Letters, a.BadLetters+b.BadLetters
	c, d := &t.Finding, o.Finding
	c.Offsets, c.Rows, c.Lost, c.Doubled = c.Offsets+d.Offsets, c.Rows+d.Rows, c.Lost+d.Lost, c.Doubled+d.Doubled
	c.Alien, c.Overlaps, c.Early, c.Letters = c.Alien+d.Alien, c.Overlaps+d.Overlaps, c.Early+d.Early, c.Letters+d.Letters
	t.Quiet, t.Hurt = append(t.Quiet, o.Quiet...), append(t.Hurt, o.Hurt...)
	t.Dynamic, t.Static = append(t.Dynamic, o.Dynamic...), append(t.Static, o.Static...)
	t.Exits = append(t.Exits, o.Exits...)
}

// Kills and Pauses are the figures of the last line. Who is cut off from Kafka is as good as
// paused to the group.
func (t *Tally) Kills() int { return t.Faults[KillWorker] + t.Faults[AimedKill] + t.Faults[KillBroker] }

// Pauses counts the workers that the group has given up, and that live.
func (t *Tally) Pauses() (n int) {
	for kind, times := range t.Faults {
		if kind.pauses() || kind == CutKafka {
			n += times
		}
	}
	return n
}

// Lost and Doubled are the larger of two counts: by what was sent, and by what is in Kafka.
func (t *Tally) Lost() int { return max(t.Judgement.Lost, t.Finding.Lost) }

// Doubled has in it what no record explains.
func (t *Tally) Doubled() int { return max(t.Judgement.Doubled, t.Finding.Doubled+t.Finding.Alien) }

// Early counts the STATEs that came out before their rows were safe.
func (t *Tally) Early() int { return max(t.Judgement.Early, t.Finding.Early) }

// Line is what it all comes to.
func (t *Tally) Line() string {
	return fmt.Sprintf("kills=%d pauses=%d rebalances=%d offsets=%d lost=%d doubled=%d early_states=%d state_latency_median=%dms",
		t.Kills(), t.Pauses(), t.Rebalances, t.Offsets, t.Lost(), t.Doubled(), t.Early(), median(slices.Concat(t.Quiet, t.Hurt)).Milliseconds())
}

// Write writes the table, and the line below it.
func (t *Tally) Write(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(w, "rounds\t%d\t\n", t.Rounds)
	for _, kind := range []FaultKind{KillWorker, AimedKill, PauseFault, TwinFault, LeaveFault, JoinFault, CutKafka, CutStore, SlowFault, KillBroker} {
		fmt.Fprintf(w, "%s\t%d\t\n", kind, t.Faults[kind])
	}
	fmt.Fprintf(w, "of the kills at a complete, hit\t%d\t\n", t.Hits)
	fmt.Fprintf(w, "rebalances\t%d\t\n", t.Rebalances)
	fmt.Fprintf(w, "offsets in Kafka, with barriers\t%d\t\n", t.Offsets)
	fmt.Fprintf(w, "rows read, by source and by offset\t%d, %d\t\n", t.Judgement.Rows, t.Finding.Rows)
	fmt.Fprintf(w, "objects, in parts, written again with the same rows\t%d, %d, %d\t\n", t.Objects, t.InParts, t.Judgement.Rewritten)
	fmt.Fprintf(w, "objects changed, objects that overlap\t%d, %d\t\n", t.Judgement.Changed, t.Finding.Overlaps)
	fmt.Fprintf(w, "dead letters, of them wrong\t%d, %d\t\n", t.Judgement.Letters, max(t.Judgement.BadLetters, t.Finding.Letters))
	fmt.Fprintf(w, "rows that the naive worker doubled\t%d\t\n", t.Control)
	fmt.Fprintf(w, "STATE latency before the first fault\t%s\t\n", spread(t.Quiet))
	fmt.Fprintf(w, "STATE latency with faults\t%s\t\n", spread(t.Hurt))
	fmt.Fprintf(w, "partitions move again after a kill\t%s\t\n", spread(t.Dynamic))
	fmt.Fprintf(w, "the same with static membership\t%s\t\n", spread(t.Static))
	fmt.Fprintf(w, "workers that ended by themselves\t%d\t\n", len(t.Exits))
	fmt.Fprintf(w, "promises broken\t%d\t\n", len(t.Violations))
	fmt.Fprintf(w, "seed\t%d\t\n", t.Seed)
	fmt.Fprintf(w, "duration\t%v\t\n", t.Duration.Round(time.Second))
	if err := w.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintln(out, t.Line())
	return err
}

func median(all []time.Duration) time.Duration { return quantile(all, 0.5) }

func quantile(all []time.Duration, q float64) time.Duration {
	if len(all) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(all))
	return sorted[int(q*float64(len(sorted)-1))]
}

// spread is the median, nine of ten, and the longest.
func spread(all []time.Duration) string {
	if len(all) == 0 {
		return "none"
	}
	var parts []string
	for _, q := range []float64{0.5, 0.9, 1} {
		parts = append(parts, quantile(all, q).Round(time.Millisecond).String())
	}
	return fmt.Sprintf("median %s, 90%% %s, max %s of %d", parts[0], parts[1], parts[2], len(all))
}
