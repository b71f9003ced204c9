package stages

import (
	"context"
	"fmt"

	"github.com/sluice-data/sluice/sink"
)

// replacement deletes the objects that a full refresh replaces. Workers of the uploader call it.
type replacement struct {
	opts  *AssembleOptions
	table *Table
	purge sink.Purge
}

func (r *replacement) Find(ctx context.Context, own map[string]bool) error {
	r.purge.Keep = own
	if err := r.purge.Find(ctx, r.opts.Store); err != nil {
		return fmt.Errorf("stream %s: looking for the objects that its new ones replace failed: %w", r.table.Stream, err)
	}
	return nil
}

func (r *replacement) Delete(ctx context.Context, own map[string]bool) error {
	r.purge.Keep = own
	n, err := r.purge.Delete(ctx, r.opts.Store)
	if err != nil {
		return fmt.Errorf("stream %s: its new objects are complete, but removing those that they replace failed: %w", r.table.Stream, err)
	}
	if n > 0 {
		r.opts.Log.Info(fmt.Sprintf("stream %s: removed %s", r.table.Stream, Count(int64(n), "older object")))
	}
	return nil
}
