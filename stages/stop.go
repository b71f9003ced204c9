package stages

import (
	"context"
	"math"
)

// Stop ends a sync before its input does, and lets those STATEs leave that can: it closes the
// objects that have rows in front of them, and waits until they are out. What would not let
// another STATE leave is not worth the time, and better not seen: its rows come again.
func (a *Assemble) Stop(ctx context.Context) error {
	// A full refresh that has not ended shows nothing, so no STATE behind its first row leaves.
	bound := int64(math.MaxInt64)
	for i := range a.streams {
		if s := &a.streams[i]; s.table.Refresh == Atomic && s.ended != complete && s.sum.Objects > 0 {
			bound = min(bound, s.waits)
		}
	}
	last := a.opts.Commit.Last(bound)
	if last < 0 {
		return nil
	}
	for i := range a.streams {
		s := &a.streams[i]
		if s.table.Refresh == Atomic || s.object == nil || s.object.Closed() || s.waits >= last {
			continue
		}
		if err := s.object.Close(ctx); err != nil {
			return s.failed(err)
		}
	}
	return a.opts.Commit.Await(ctx, last)
}
