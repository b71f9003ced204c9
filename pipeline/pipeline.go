package pipeline

import (
	"context"
	"errors"
	"io"
	"runtime/pprof"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/sluice-data/sluice/internal/guard"
	"github.com/sluice-data/sluice/internal/meter"
)

// Stage is one step of the way, done by Workers goroutines.
type Stage struct {
	Name    string // labels its goroutines in profiles
	Workers int
	Busy    *meter.Meter // time that its workers work, all together; may be nil
	// New makes one worker's copy. The function changes the batch in place and must not
	// keep it. An error stops the pipeline; it is reported in the order of the input, so
	// that of two bad lines the first one is named, whatever worker met which.
	New func() func(context.Context, *Batch) error
}

// End takes the batches in the order of the input, on one goroutine.
type End interface {
	// Process takes one batch. It must not keep it, or bytes of it.
	Process(ctx context.Context, b *Batch) error
	// Tick is called every Options.Tick, also while the input is quiet.
	Tick(ctx context.Context) error
	// Finish is called once, after the last batch.
	Finish(ctx context.Context) error
	// Stop is called once, in place of Finish, when Options.Stop is closed: it brings to an end
	// what is worth it.
	Stop(ctx context.Context) error
}

// Options are the bounds of a pipeline. The zero value of a field means its default.
type Options struct {
	Batches int           // that circulate; default 2 a worker of the widest stage, and 4
	Block   int           // bytes of input a batch, where no single line is longer; default 512 KiB
	MaxLine int           // bytes; default 1 GiB, at most scan.MaxDocument
	Tick    time.Duration // default 1 s
	// Stop, once closed, has the end called to a halt behind the batch that it works on: Run
	// then returns ErrStopped.
	Stop  <-chan struct{}
	Stats *Stats // filled while Run goes on; may be nil
}

// Stats tell how far a pipeline is and what it waits for. They may be read at any time.
type Stats struct {
	Input  atomic.Int64 // bytes read
	Ended  atomic.Bool  // the input is at its end
	Source meter.Meter  // reading, or waiting for something to read
	Room   meter.Meter  // waiting to read, because all batches are on their way
	End    meter.Meter  // in the End
}

// ErrStopped is what Options.Stop ends Run with.
var ErrStopped = errors.New("stopped")

// Run reads in to its end through the stages. It returns when all goroutines but a blocked
// Read have ended, with the first error, or nil after End.Finish.
func Run(ctx context.Context, in io.Reader, stages []Stage, end End, opts Options) error {
	opts = opts.withDefaults(stages)
	group, ctx := errgroup.WithContext(ctx)

	empty := make(chan *Batch, opts.Batches)
	for range opts.Batches {
		empty <- &Batch{}
	}
	source := make(chan filled, opts.Batches)
	r := &reader{in: in, block: opts.Block, maxLine: opts.MaxLine, line: 1, large: make(chan struct{}, 1), stats: opts.Stats}
	go r.read(ctx, empty, source)

	first := make(chan *Batch, opts.Batches)
	group.Go(func() error { return receive(ctx, source, first) })
	return flow(ctx, group, first, empty, r.large, stages, end, opts)
}

// flow takes the batches of first through the stages to the end, and back to empty.
func flow(ctx context.Context, group *errgroup.Group, first chan *Batch, empty chan<- *Batch, large <-chan struct{}, stages []Stage, end End, opts Options) error {
	last := first
	for _, stage := range stages {
		last = startStage(ctx, group, stage, last, opts.Batches)
	}
	group.Go(func() error {
		return guard.Run(func() error { return finish(ctx, last, empty, large, end, opts) })
	})
	return group.Wait()
}

func (o Options) withDefaults(stages []Stage) Options {
	if o.Stats == nil {
		o.Stats = &Stats{}
	}
	if o.Block == 0 {
		o.Block = 512 << 10
	}
	if o.MaxLine == 0 {
		o.MaxLine = 1 << 30
	}
	if o.Tick == 0 {
		o.Tick = time.Second
	}
	if o.Batches == 0 {
		widest := 1
		for _, s := range stages {
			widest = max(widest, s.Workers)
		}
		o.Batches = 2*widest + 4
	}
	return o
}

// receive joins the group with the goroutine that reads, and closes out at the end of the
// input.
func receive(ctx context.Context, source <-chan filled, out chan<- *Batch) error {
	for {
		select {
		case f := <-source:
			if errors.Is(f.err, io.EOF) {
				close(out)
				return nil
			}
			if f.err != nil {
				return f.err
			}
			out <- f.batch // room for every batch
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// startStage starts the workers of a stage. It returns the stage's output, which is closed
// when its input is closed and every worker has ended.
func startStage(ctx context.Context, group *errgroup.Group, s Stage, in <-chan *Batch, batches int) chan *Batch {
	out := make(chan *Batch, batches)
	if s.Busy == nil {
		s.Busy = &meter.Meter{}
	}
	var workers errgroup.Group
	for range s.Workers {
		process := s.New()
		workers.Go(func() error {
			pprof.SetGoroutineLabels(pprof.WithLabels(ctx, pprof.Labels("stage", s.Name)))
			for {
				select {
				case b, more := <-in:
					if !more {
						return nil
					}
					if b.err == nil {
						s.Busy.Begin()
						b.err = guard.Run(func() error { return process(ctx, b) })
						s.Busy.End()
					}
					out <- b // room for every batch
				case <-ctx.Done():
					return context.Cause(ctx)
				}
			}
		})
	}
	group.Go(func() error {
		defer close(out)
		return workers.Wait()
	})
	return out
}

// finish puts the batches back into the order of the input, hands them to the end, and
// returns them empty. The ring has a place for each batch that circulates, so it is never
// full.
func finish(ctx context.Context, in <-chan *Batch, empty chan<- *Batch, large <-chan struct{}, end End, opts Options) error {
	ring := make([]*Batch, opts.Batches)
	next := int64(0)
	tick := time.NewTicker(opts.Tick)
	defer tick.Stop()
	for {
		select {
		case b, more := <-in:
			if !more {
				if err := context.Cause(ctx); err != nil {
					return err // closed by workers that gave up
				}
				return end.Finish(ctx)
			}
			ring[b.seq%int64(len(ring))] = b
			for b = ring[next%int64(len(ring))]; b != nil; b = ring[next%int64(len(ring))] {
				if b.err != nil {
					return b.err
				}
				opts.Stats.End.Begin()
				err := end.Process(ctx, b)
				opts.Stats.End.End()
				if err != nil {
					return err
				}
				ring[next%int64(len(ring))] = nil
				next++
				b.reset()
				if b.large {
					b.large = false
					<-large
				}
				empty <- b // room for every batch
			}
		case <-tick.C:
			if err := end.Tick(ctx); err != nil {
				return err
			}
		case <-opts.Stop:
			if err := end.Stop(ctx); err != nil {
				return err
			}
			return ErrStopped
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}
