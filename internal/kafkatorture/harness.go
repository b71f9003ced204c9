// Package kafkatorture proves on Apache Kafka itself that each of its offsets is a row of
// exactly one object, and that no STATE is early.
//
// A round is a plan that is drawn from a seed: real brokers, a real S3 server, fronts that are
// fed as Airbyte feeds a destination, three workers, and what goes wrong. Workers and brokers
// are killed (kill -9), paused until the group has given them up, cut off from Kafka or from
// S3, asked to leave, joined by others; objects take longer to complete than a session lasts.
// Then two readers that share no code with sluice read everything: one in Go compares it with
// what the sources have sent, and one in Python (e2e/kafka/audit.py) with what is in Kafka.
//
// A control arm goes through the same with a worker that commits behind its uploads, as one
// would write it in an hour. If it doubles nothing, the test does not bite, and fails.
//
// The plan, the source, the oracle and the tally are pure.
package kafkatorture

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/sluice-data/sluice/internal/gateway"
)

// Options say what is done.
type Options struct {
	Binary   string // sluice
	Front    string // the sluice of the fronts
	Self     string // this program, for the naive worker
	Libs     string // the jars of Kafka
	Producer string // the source of the producer in Java
	Python   string // an interpreter with what the auditor needs
	Auditor  string
	Work     string // what is left of rounds that have failed
	Direct   bool   // rows go to Kafka without a front, and there are no STATEs

	Seed  uint64
	Plans []*Plan
	Found func(v *Violation, p *Plan) // called with each broken promise
	Done  func(p *Plan, t *Tally)     // called behind each round, with its own tally
}

// Run plays the rounds, those with one broker first. An error is not about sluice: the
// harness could not go on.
func Run(ctx context.Context, opts Options) (total *Tally, err error) {
	begin := time.Now()
	total = newTally()
	total.Seed = opts.Seed
	temp, err := os.MkdirTemp("", "sluice-kafka-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(temp)) }()
	net, err := newNetwork(workers+1, filepath.Join(temp, "network.log"))
	if err != nil {
		return nil, err
	}
	defer net.close()
	gw, err := gateway.Start(ctx, gateway.Options{Dir: temp})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, gw.Stop()) }()
	for _, size := range []int{1, 3} {
		h := &harness{opts: opts, gw: gw, network: net, total: total, dir: filepath.Join(temp, fmt.Sprintf("brokers-%d", size))}
		if err := h.withBrokers(ctx, size); err != nil {
			return total, err
		}
	}
	total.Duration = time.Since(begin)
	return total, nil
}

type harness struct {
	opts    Options
	gw      *gateway.Gateway
	network *network
	total   *Tally
	dir     string
}

func (h *harness) withBrokers(ctx context.Context, size int) error {
	var plans []*Plan
	for _, p := range h.opts.Plans {
		if p.Brokers == size {
			plans = append(plans, p)
		}
	}
	if len(plans) == 0 {
		return nil
	}
	host := "127.0.0.1"
	if h.network != nil {
		host = h.network.kafka
	}
	c, err := startCluster(ctx, h.opts.Libs, h.dir, host, size)
	if err != nil {
		return err
	}
	defer c.stop()
	for _, p := range plans {
		if err := h.play(ctx, c, p); err != nil {
			return err
		}
	}
	return nil
}

func (h *harness) play(ctx context.Context, c *cluster, p *Plan) error {
	dir, err := scratch(h.opts.Work, p)
	if err != nil {
		return err
	}
	r := &round{Plan: p, opts: h.opts, gw: h.gw, cluster: c, network: h.network, scratch: dir, tally: newTally()}
	begin := time.Now()
	err = r.run(ctx)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	r.tally.Duration = time.Since(begin)
	var v *Violation
	switch {
	case errors.Is(err, errStalled):
		v = &Violation{What: err.Error()}
	case errors.As(err, &v):
	case err != nil:
		return fmt.Errorf("round %d, %s: %w", p.Round, r.stage, err)
	}
	h.total.add(r.tally, p.Naive)
	if h.opts.Done != nil {
		h.opts.Done(p, r.tally)
	}
	if v == nil {
		return os.RemoveAll(dir)
	}
	v.Round, v.Stage = p.Round, r.stage
	h.total.Violations = append(h.total.Violations, v)
	if h.opts.Found != nil {
		h.opts.Found(v, p)
	}
	return nil
}
