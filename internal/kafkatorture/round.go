package kafkatorture

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/sluice-data/sluice/internal/gateway"
)

// round is one under way: topics, a group and a bucket of its own.
type round struct {
	*Plan
	opts    Options
	gw      *gateway.Gateway
	cluster *cluster
	network *network
	scratch string

	group      string
	pattern    string
	flags      []string // --config, --catalog
	door       *door
	bucket     *bucket
	watch      *group
	fleet      *fleet
	feeders    []*feeder
	poison     []place
	calmBefore time.Time // STATEs that came until then saw no fault

	brokers sync.Mutex // held while one is away: two of three are enough, one is not

	mu    sync.Mutex
	stage string
	tally *Tally
}

const (
	// quiet is how long a round goes on before its first fault.
	quiet = 10 * time.Second
	// drainLimit is how long what is in Kafka may take to be committed once the faults are over.
	drainLimit = 3 * time.Minute
)

// run plays the round. A broken promise is a *Violation.
func (r *round) run(ctx context.Context) (err error) {
	if err := r.prepare(ctx); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.door.close()) }()
	defer r.fleet.destroy()
	if err := r.fleet.begin(); err != nil {
		return err
	}
	background, stop := context.WithCancel(ctx)
	watching := make(chan struct{})
	go func() { defer close(watching); r.watch.watch(background) }()
	err = r.play(ctx)
	stop()
	<-watching
	if err != nil {
		return err
	}
	r.stage = "the end of the workers"
	r.fleet.end()
	r.tally.Objects, r.tally.InParts = r.door.settle()
	return r.judge(ctx)
}

func (r *round) prepare(ctx context.Context) (err error) {
	r.stage = "the beginning"
	name := fmt.Sprintf("round-%d-%d", r.Seed, r.Round)
	r.group, r.pattern = name, name+".{namespace}.{stream}"
	if r.OneTopic {
		r.pattern = name
	}
	if err := r.gw.MakeBucket(name); err != nil {
		return err
	}
	if r.bucket, err = newBucket(name, filepath.Join(r.gw.DataDir, name), filepath.Join(r.gw.DataDir, "..", "seen-"+name)); err != nil {
		return err
	}
	host := "127.0.0.1"
	if r.network != nil {
		host = r.network.store
	}
	if r.door, err = newDoor(r.gw.Endpoint, host, nil); err != nil {
		return err
	}
	if err := r.writeFiles(); err != nil {
		return errors.Join(err, r.door.close())
	}
	r.watch = newGroup(r.cluster.admin, r.group, r.topics())
	r.fleet = newFleet(r.scratch, r.worker)
	if r.Created || r.Envelope || r.opts.Direct {
		_, err := r.cluster.admin.CreateTopics(ctx, int32(r.Partitions), int16(r.Brokers), nil, r.topics()...)
		if err != nil {
			return errors.Join(err, r.door.close())
		}
	}
	return nil
}

// worker is the command of a worker in a slot.
func (r *round) worker(slot int) *exec.Cmd {
	args := append([]string{"worker"}, r.flags...)
	if r.Static {
		args = append(args, "--instance-id", fmt.Sprintf("%s-worker-%d", r.group, slot))
	}
	binary := r.opts.Binary
	if r.Naive {
		binary, args[0] = r.opts.Self, "naive"
	}
	cmd := r.network.within(slot, binary, args...)
	cmd.Env = environment()
	return cmd
}

// play feeds, torments, and waits until all is committed.
func (r *round) play(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	enough := make(chan struct{})
	more := func() bool {
		select {
		case <-enough:
			return false
		default:
			return true
		}
	}
	feeding, whileFed := errgroup.WithContext(ctx)
	for i := range r.Fronts {
		f := &feeder{rate: r.Rate, script: script{front: i, width: r.Width, every: r.Every, global: r.Global, sent: make([]int, len(streams))}}
		r.feeders = append(r.feeders, f)
		feeding.Go(func() error { return r.feed(whileFed, f, more) })
	}
	if r.Poison > 0 {
		feeding.Go(func() error { return r.spoil(whileFed, r.rng(1)) })
	}
	guarding, ended := context.WithCancel(ctx)
	guard := make(chan error, 1)
	go func() {
		err := r.fleet.guard(guarding)
		if err != nil {
			cancel(err)
		}
		guard <- err
	}()
	err := r.faultTime(whileFed) // which a front that fails ends
	close(enough)
	if err != nil {
		cancel(err)
	} else {
		r.stage = "behind the faults"
	}
	if failed := feeding.Wait(); err == nil {
		err = failed
	}
	if err == nil {
		err = r.watch.drained(ctx, drainLimit)
	}
	ended()
	guarded := <-guard
	return first(guarded, err)
}

// first is the first error.
func first(all ...error) error {
	for _, err := range all {
		if err != nil {
			return err
		}
	}
	return nil
}

func (r *round) faultTime(ctx context.Context) error {
	if err := r.watch.flowing(ctx); err != nil {
		return err
	}
	if err := wait(ctx, quiet); err != nil {
		return err
	}
	r.calmBefore = time.Now()
	if err := r.torment(ctx); err != nil {
		return err
	}
	return wait(ctx, time.Second)
}

// flowing waits until something was committed.
func (g *group) flowing(ctx context.Context) error {
	return g.await(ctx, moveLimit, func(now standing) []place {
		for p, at := range now.committed {
			if at > 0 {
				return nil
			}
			return []place{p}
		}
		return []place{{topic: "nothing is committed yet"}}
	})
}

// feed runs one source to its end.
func (r *round) feed(ctx context.Context, f *feeder, more func() bool) error {
	log := filepath.Join(r.scratch, fmt.Sprintf("front-%d.log", f.script.front))
	switch {
	case r.Naive, r.opts.Direct && !r.Envelope:
		return r.produce(ctx, f, more)
	case r.Envelope:
		cmd := r.cluster.java(ctx, r.opts.Producer, strings.Join(r.cluster.addresses(), ","), r.pattern)
		return f.play(ctx, cmd, log, more, r.bucket)
	}
	cmd := exec.Command(r.opts.Front, append([]string{"write"}, r.flags...)...)
	cmd.Env = environment()
	if err := f.play(ctx, cmd, log, more, r.bucket); err != nil {
		return err
	}
	return f.complete()
}

// judge reads everything, twice: here, by what the sources have sent, and by an auditor in
// another language, by what is in Kafka.
func (r *round) judge(ctx context.Context) error {
	r.stage = "the audit"
	e, err := r.evidence()
	if err != nil {
		return err
	}
	j := try(e)
	r.tally.judged(j)
	r.tally.Offsets += r.watch.offsets()
	r.tally.Exits = append(r.tally.Exits, r.fleet.exits...)
	if r.tally.Rebalances, err = r.cluster.rebalances(r.group); err != nil {
		return err
	}
	r.latencies()
	second, err := r.audit(ctx)
	if err != nil {
		return err
	}
	r.tally.audited(second)
	switch {
	case r.Naive:
		if j.Doubled == 0 || second.Doubled == 0 {
			return &Violation{What: fmt.Sprintf("the test does not bite: a worker that must double rows has doubled %d (%d by the auditor in Python)", j.Doubled, second.Doubled)}
		}
		return nil
	case j.broken():
		return &Violation{What: strings.Join(j.What, "\n  ")}
	case second.broken():
		return &Violation{What: "the auditor in Python: " + strings.Join(second.What, "\n  ")}
	case len(r.fleet.late) > 0:
		return &Violation{What: strings.Join(r.fleet.late, "\n  ")}
	}
	return nil
}

func (r *round) evidence() (*evidence, error) {
	if _, err := r.bucket.look(); err != nil {
		return nil, err
	}
	e := &evidence{poison: r.poison, emitted: r.emitted()}
	for _, f := range r.feeders {
		e.sent = append(e.sent, f.script.sent)
	}
	last := map[string]int{}
	for i, v := range r.bucket.versions {
		o, err := v.read(r.Width)
		if err != nil {
			return nil, &Violation{What: err.Error()}
		}
		e.objects = append(e.objects, seen{v.key, o})
		e.present = append(e.present, true)
		if before, again := last[v.key]; again {
			e.present[before] = false
		}
		last[v.key] = i
	}
	return e, nil
}

// emitted are all STATEs that came out.
func (r *round) emitted() (all []emission) {
	for _, f := range r.feeders {
		for _, a := range f.came {
			all = append(all, emission{f.script.front, f.script.marks[a.mark], a.seen})
		}
	}
	return all
}

// latencies are of STATEs that came before the first fault, and of the others.
func (r *round) latencies() {
	for _, f := range r.feeders {
		for _, a := range f.came {
			if a.at.Before(r.calmBefore) {
				r.tally.Quiet = append(r.tally.Quiet, a.latency)
			} else {
				r.tally.Hurt = append(r.tally.Hurt, a.latency)
			}
		}
	}
}

// Violation is a broken promise.
type Violation struct {
	Round int
	Stage string
	What  string
}

func (v *Violation) Error() string { return fmt.Sprintf("round %d, %s: %s", v.Round, v.Stage, v.What) }

func scratch(in string, p *Plan) (string, error) {
	dir := filepath.Join(in, fmt.Sprintf("round-%d-%d", p.Seed, p.Round))
	if err := os.RemoveAll(dir); err != nil {
		return "", err
	}
	return dir, os.MkdirAll(dir, 0o755)
}
