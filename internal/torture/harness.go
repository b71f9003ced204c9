// Package torture kills sluice, again and again, and looks at what is left.
//
// A round is a job of an Airbyte platform: a sync of some streams over what an earlier sync
// has written, in attempts. Each attempt is the real binary in front of a real S3 server, fed
// by a source that goes on behind the last STATE that the attempts before it have written. An
// attempt is killed (kill -9) at a random moment, or at a request that is aimed at: just
// before the store gets it, or when the store has done it and the answer is still on its way.
// Then a reader that shares no code with sluice reads the whole bucket, and an oracle compares
// that with what the source has sent, what STATEs came out, and what the store was seen to do:
// docs/GUARANTEES.md, row by row. In the end an attempt may end, and a day later one more sync
// tidies up.
//
// The plan of a round, the source, the reader of objects and the oracle are pure.
package torture

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/sluice-data/sluice/internal/gateway"
)

// Options say what is done.
type Options struct {
	Binary string // sluice
	Seed   uint64
	First  int // the number of the first round
	Rounds int
	Jobs   int           // rounds at a time
	Limit  time.Duration // after it no round begins; 0: none
	// Draw gives the plan of a round; nil is the function of that name.
	Draw func(seed uint64, round int) *Plan
	// Found is called with each broken promise and the plan that led there, and Done after
	// each round; not by two goroutines at a time.
	Found func(v *Violation, p *Plan)
	Done  func(t *Tally)
}

// Run plays the rounds. An error is not about sluice: the harness could not go on.
func Run(ctx context.Context, opts Options) (*Tally, error) {
	dir, err := os.MkdirTemp(memory(), "sluice-torture-")
	if err != nil {
		return nil, err
	}
	gw, err := gateway.Start(ctx, gateway.Options{Dir: dir})
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	transport := &http.Transport{MaxIdleConnsPerHost: 64}
	total, err := play(ctx, opts, gw, transport)
	transport.CloseIdleConnections()
	return total, errors.Join(err, gw.Stop(), os.RemoveAll(dir))
}

func play(ctx context.Context, opts Options, gw *gateway.Gateway, transport *http.Transport) (*Tally, error) {
	begin := time.Now()
	total := &Tally{Seed: opts.Seed, First: opts.First, Kills: map[string]int{}}
	var mu sync.Mutex
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(max(opts.Jobs, 1))
	draw := opts.Draw
	if draw == nil {
		draw = Draw
	}
	for i := range opts.Rounds {
		if ctx.Err() != nil || opts.Limit > 0 && time.Since(begin) > opts.Limit {
			break
		}
		group.Go(func() error {
			r := &round{
				Plan: draw(opts.Seed, opts.First+i), gw: gw, transport: transport, binary: opts.Binary,
				tally: &Tally{Kills: map[string]int{}, Rounds: 1},
			}
			err := r.run(ctx)
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			mu.Lock()
			defer mu.Unlock()
			var v *Violation
			if errors.As(err, &v) {
				err = nil
				r.tally.Violations = append(r.tally.Violations, v)
				if opts.Found != nil {
					opts.Found(v, r.Plan)
				}
			}
			total.add(r.tally)
			total.Duration = time.Since(begin)
			if opts.Done != nil {
				opts.Done(total)
			}
			if err != nil {
				return fmt.Errorf("round %d, %s: %w", r.Round, r.stage, err)
			}
			return nil
		})
	}
	err := group.Wait()
	return total, err
}

// memory is a file system in memory, where there is one that can hold the server's files, or
// "": the default for temporary files. No disk is needed to kill a process, and some are slow.
func memory() string {
	const shared = "/dev/shm"
	probe := filepath.Join(shared, "sluice-torture-probe-"+rand.Text())
	if os.WriteFile(probe, nil, 0o600) != nil {
		return ""
	}
	defer os.Remove(probe)
	if !keepsAttributes(probe) {
		return ""
	}
	return shared
}
