package torture

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/sluice-data/sluice/internal/gateway"
)

// round is a job under way: an earlier sync, attempts that are killed, one that may end, and
// the day after.
type round struct {
	*Plan
	gw        *gateway.Gateway
	transport *http.Transport
	binary    string
	scratch   string

	stage    string // what is under way, for the report
	bucket   *bucket
	platform *platform
	attempts []*evidence
	uploads  map[string]bool // keys of uploads that dead attempts have begun
	tally    *Tally
}

// run plays the round. A broken promise is a *Violation.
func (r *round) run(ctx context.Context) (err error) {
	name := fmt.Sprintf("round-%d", r.Round)
	if r.bucket, err = openBucket(ctx, r.gw, &http.Client{Transport: r.transport}, name, r.Plan); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(filepath.Join(r.gw.DataDir, name))) }()
	if r.scratch, err = os.MkdirTemp("", "sluice-torture-"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(r.scratch)) }()
	r.platform = &platform{numbers: map[string]int{}}
	r.uploads = map[string]bool{}

	if err := r.earlierSync(ctx); err != nil {
		return err
	}
	for i := range r.Shots {
		r.stage = fmt.Sprintf("attempt %d, killed %v", i+1, r.Shots[i])
		dead, err := r.attempt(ctx, &r.Shots[i])
		if err != nil {
			return err
		}
		if !dead {
			r.tally.Missed++
			return r.dayAfter(ctx, ended)
		}
	}
	if r.Cancelled {
		return r.dayAfter(ctx, cancelled)
	}
	r.stage = "the last attempt"
	if _, err := r.attempt(ctx, nil); err != nil {
		return err
	}
	return r.dayAfter(ctx, ended)
}

// earlierSync writes the old rows. Nothing is killed.
func (r *round) earlierSync(ctx context.Context) error {
	r.stage = "the sync before"
	a := newAttempt(r.Streams, &platform{numbers: map[string]int{}})
	if err := r.play(ctx, a, oldEra, nil); err != nil {
		return err
	}
	if a.code != 0 {
		return r.fail("it ended with the code %d: %s", a.code, a.said)
	}
	tables, err := r.look(ctx)
	if err != nil {
		return err
	}
	for i, t := range tables {
		for n, copies := range t.old {
			if copies != 1 {
				return r.failAt(i, t, violation{row{oldEra, n}, fmt.Sprintf("the row is there %d times", copies)})
			}
		}
	}
	return nil
}

// attempt runs the job once, and judges what is visible then.
func (r *round) attempt(ctx context.Context, shot *Shot) (dead bool, err error) {
	a := newAttempt(r.Streams, r.platform)
	a.pause = r.pause()
	r.attempts = append(r.attempts, &a.evidence)
	if err := r.play(ctx, a, newEra, shot); err != nil {
		return false, err
	}
	r.tally.Attempts++
	if a.killed {
		r.tally.kill(shot)
		for _, key := range a.trigger.created() {
			r.uploads[key] = true
		}
		_, err := r.judge(ctx, killed)
		return true, err
	}
	if a.code != 0 {
		return false, r.fail("the attempt failed by itself, with the code %d: %s", a.code, a.said)
	}
	sum, err := r.judge(ctx, ended)
	if err != nil {
		return false, err
	}
	r.tally.Again += sum.again
	r.tally.Window += sum.window
	return false, r.acknowledged()
}

// acknowledged demands that after the end the platform knows every row.
func (r *round) acknowledged() error {
	for i, s := range r.Streams {
		if n := r.platform.numbers[s.Name]; n != s.New {
			return r.failAt(i, nil, violation{row{newEra, n}, fmt.Sprintf("the sync has ended, and the last STATE covers %d rows of %d", n, s.New)})
		}
	}
	return nil
}

// play runs the binary once.
func (r *round) play(ctx context.Context, a *attempt, e era, shot *Shot) (err error) {
	rng := rand.New(rand.NewPCG(r.Seed, uint64(r.Round)<<8+uint64(len(r.attempts))))
	a.script = newScript(r.Plan, e, a.from, rng)
	if a.trigger, err = newTrigger(r.gw.Endpoint, r.transport, shot, a.kill); err != nil {
		return err
	}
	args, err := files{r.config(a.trigger.url, e), r.catalog(e)}.write(r.scratch)
	if err != nil {
		return err
	}
	return a.run(ctx, r.binary, args)
}

// look reads the bucket and counts what was read.
func (r *round) look(ctx context.Context) ([]*table, error) {
	tables, err := r.bucket.read(ctx, r.Streams)
	if err != nil {
		return nil, r.fail("%v", err)
	}
	for _, t := range tables {
		r.tally.Objects += len(t.objects)
		for _, o := range t.objects {
			r.tally.Rows += len(o.rows)
		}
	}
	return tables, nil
}

// judge compares what is visible with what the attempts allow, and tells what it has counted.
func (r *round) judge(ctx context.Context, when moment) (sum judgement, err error) {
	tables, err := r.look(ctx)
	if err != nil {
		return sum, err
	}
	for i, t := range tables {
		j := try(r.Plan, i, r.attempts, t, when)
		r.tally.Lost += j.lost
		r.tally.Forbidden += j.forbidden
		sum.again += j.again
		sum.window += j.window
		if len(j.violations) > 0 {
			return sum, r.failAt(i, t, j.violations[0])
		}
	}
	left, err := r.bucket.uploads(ctx)
	if err != nil {
		return sum, err
	}
	for _, key := range left {
		if !r.uploads[key] {
			return sum, r.fail("the upload of %s is unfinished: the sync should have ended it", key)
		}
	}
	return sum, nil
}

// Violation is a broken promise.
type Violation struct {
	Round   int      `json:"round"`
	Stage   string   `json:"stage"`
	Stream  string   `json:"stream,omitempty"`
	Row     string   `json:"row,omitempty"`
	Objects []string `json:"objects,omitempty"`
	What    string   `json:"what"`
}

func (v *Violation) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "round %d, %s: ", v.Round, v.Stage)
	if v.Stream != "" {
		fmt.Fprintf(&b, "stream %s, %s: ", v.Stream, v.Row)
	}
	b.WriteString(v.What)
	if len(v.Objects) > 0 {
		fmt.Fprintf(&b, " (in %s)", strings.Join(v.Objects, ", "))
	}
	return b.String()
}

func (r *round) fail(format string, args ...any) error {
	return &Violation{Round: r.Round, Stage: r.stage, What: fmt.Sprintf(format, args...)}
}

func (r *round) failAt(stream int, t *table, v violation) error {
	found := &Violation{
		Round: r.Round, Stage: r.stage, Stream: r.Streams[stream].Name, What: v.what,
		Row: fmt.Sprintf("%s row %d", v.row.era, v.row.number),
	}
	if t != nil {
		found.Objects = t.where(v.row)
		slices.Sort(found.Objects)
	}
	return found
}
