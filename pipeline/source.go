package pipeline

import (
	"context"
	"io"

	"golang.org/x/sync/errgroup"

	"github.com/sluice-data/sluice/internal/guard"
)

// Source is where a pipeline gets its batches that reads no stream of bytes.
type Source interface {
	// Fill puts whole lines into an empty batch, and may set all that a stage would set. It
	// waits while there is nothing, and returns as soon as ctx ends. At the end it leaves the
	// batch empty and returns io.EOF.
	Fill(ctx context.Context, b *Batch) error
}

// RunSource is Run for a source. No goroutine is left when it returns.
func RunSource(ctx context.Context, in Source, stages []Stage, end End, opts Options) error {
	opts = opts.withDefaults(stages)
	group, ctx := errgroup.WithContext(ctx)
	empty := make(chan *Batch, opts.Batches)
	for range opts.Batches {
		empty <- &Batch{}
	}
	first := make(chan *Batch, opts.Batches)
	group.Go(func() error {
		return guard.Run(func() error { return fill(ctx, in, empty, first, opts.Stats) })
	})
	return flow(ctx, group, first, empty, nil, stages, end, opts)
}

// fill fills empty batches and passes them on until the end of the source.
func fill(ctx context.Context, in Source, empty <-chan *Batch, out chan<- *Batch, stats *Stats) error {
	for seq := int64(0); ; seq++ {
		select {
		case b := <-empty:
			b.seq = seq
			stats.Source.Begin()
			err := in.Fill(ctx, b)
			stats.Source.End()
			if err == io.EOF {
				stats.Ended.Store(true)
				close(out)
				return nil
			}
			if err != nil {
				return err
			}
			stats.Input.Add(int64(len(b.Input)))
			out <- b // room for every batch
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}
