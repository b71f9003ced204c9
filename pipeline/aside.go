package pipeline

import (
	"context"
	"runtime/pprof"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/sluice-data/sluice/internal/guard"
	"github.com/sluice-data/sluice/internal/meter"
)

// Aside does work for an End that is too much for its one goroutine, on others, and gives it back
// in order. Of it all but Run and Used is for the goroutine of the End.
//
// A stage can't do that: its work is on one batch, and this is on what was gathered of many. While
// one piece of it is done, all batches may pass.
type Aside[T any] struct {
	opts  AsideOptions[T]
	queue []*asked[T] // in order
	jobs  chan *asked[T]
	used  atomic.Int64
}

// AsideOptions say what is done aside.
type AsideOptions[T any] struct {
	Name    string // labels its goroutines in profiles
	Workers int
	Busy    *meter.Meter // time that its workers work, all together; may be nil
	// New makes one worker's copy of what is done.
	New func() func(context.Context, T) error
	// Done takes back what is done, in the order of Do, on the goroutine of the End.
	Done func(context.Context, T) error
}

// asked is a piece of work.
type asked[T any] struct {
	work T
	err  error
	done chan struct{} // closed when it is done
}

// NewAside makes one. Run has to be called, and Close in the end.
func NewAside[T any](opts AsideOptions[T]) *Aside[T] {
	if opts.Busy == nil {
		opts.Busy = &meter.Meter{}
	}
	// One more than workers, so that none waits for the End.
	return &Aside[T]{opts: opts, jobs: make(chan *asked[T], opts.Workers+1)}
}

// Run does the work until Close, or until ctx ends. Its errors come back where the work does.
func (a *Aside[T]) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	for range a.opts.Workers {
		do := a.opts.New()
		group.Go(func() error {
			pprof.SetGoroutineLabels(pprof.WithLabels(ctx, pprof.Labels("stage", a.opts.Name)))
			for {
				select {
				case job, more := <-a.jobs:
					if !more {
						return nil
					}
					a.opts.Busy.Begin()
					job.err = guard.Run(func() error { return do(ctx, job.work) })
					a.opts.Busy.End()
					close(job.done)
				case <-ctx.Done():
					return context.Cause(ctx)
				}
			}
		})
	}
	return group.Wait()
}

// Close tells Run to return when all work is done.
func (a *Aside[T]) Close() { close(a.jobs) }

// Do hands work over. It takes back what is done, and waits for it while there is too much.
func (a *Aside[T]) Do(ctx context.Context, work T) error {
	for len(a.queue) == cap(a.jobs) {
		if err := a.Next(ctx); err != nil {
			return err
		}
	}
	job := &asked[T]{work: work, done: make(chan struct{})}
	a.queue = append(a.queue, job)
	a.jobs <- job // room for all of the queue
	return a.Look(ctx)
}

// Use counts bytes of memory that the work takes, or that are free again. Used is their number, for all who
// want to know.
func (a *Aside[T]) Use(bytes int64) { a.used.Add(bytes) }
func (a *Aside[T]) Used() int64     { return a.used.Load() }

// Under is how much work was handed over and not taken back.
func (a *Aside[T]) Under() int { return len(a.queue) }

// Next waits for the oldest work, and takes it back. There has to be some.
func (a *Aside[T]) Next(ctx context.Context) error {
	job := a.queue[0]
	select {
	case <-job.done:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	a.queue[0] = nil
	a.queue = a.queue[1:]
	if job.err != nil {
		return job.err
	}
	return a.opts.Done(ctx, job.work)
}

// Look takes back what is done, and waits for nothing.
func (a *Aside[T]) Look(ctx context.Context) error {
	for len(a.queue) > 0 {
		select {
		case <-a.queue[0].done:
			if err := a.Next(ctx); err != nil {
				return err
			}
		default:
			return nil
		}
	}
	return nil
}

// Wait takes back all.
func (a *Aside[T]) Wait(ctx context.Context) error {
	for len(a.queue) > 0 {
		if err := a.Next(ctx); err != nil {
			return err
		}
	}
	return nil
}
