package bench

import (
	"context"
	"fmt"
	"io"
	"runtime"

	"golang.org/x/sync/errgroup"

	"github.com/sluice-data/sluice/config"
	"github.com/sluice-data/sluice/pipeline"
	"github.com/sluice-data/sluice/sink"
)

// copyOnly is the ceiling: the engine's own reader, batches, end on one goroutine, and
// uploader, with nothing between them. The bytes go into objects as they came. What an
// engine of this build loses against it is the price of looking at the data.
func copyOnly(ctx context.Context, in io.Reader, store sink.Store) (uploaded int64, err error) {
	cfg := config.Default()
	up := sink.NewUploader(store, sink.UploadOptions{
		PartSize:    cfg.Upload.PartSize(),
		Concurrency: cfg.Upload.Concurrency,
		Memory:      cfg.Upload.Memory(),
		MaxObject:   cfg.FileSize(),
	})
	end := &copyEnd{set: up.NewSet(false)}
	group, gctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		defer up.Close()
		// As many batches as the engine has with its default number of workers.
		workers := min(runtime.GOMAXPROCS(0), 8)
		return pipeline.Run(gctx, in, nil, end, pipeline.Options{Batches: 2*workers + 4})
	})
	group.Go(func() error { return up.Run(gctx) })
	err = group.Wait()
	return up.Stats.Bytes.Load(), err
}

// copyEnd appends each batch to the open object.
type copyEnd struct {
	set    *sink.Set
	object *sink.Object
	opened int
}

var _ pipeline.End = (*copyEnd)(nil)

func (e *copyEnd) Process(ctx context.Context, b *pipeline.Batch) error {
	if e.object == nil || e.object.Closed() {
		e.opened++
		noMeta := func(int64) sink.Metadata { return nil }
		e.object = e.set.Open(fmt.Sprintf("bench/%d", e.opened), noMeta, func() {})
	}
	if err := e.object.Append(ctx, b.Input, 1); err != nil {
		return err
	}
	if e.object.Full() {
		return e.object.Close(ctx)
	}
	return nil
}

func (e *copyEnd) Tick(context.Context) error { return nil }

func (e *copyEnd) Stop(context.Context) error { return nil }

func (e *copyEnd) Finish(ctx context.Context) error { return e.set.Commit(ctx, nil) }
