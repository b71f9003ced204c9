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
		if s := &a.streams[i]; s.table.Refresh == Atomic && s.ended != complete && s.first >= 0 {
			bound = min(bound, s.first)
		}
	}
	last := a.opts.Commit.Last(bound)
	if last < 0 {
		return nil
	}
	err := a.closeThose(ctx, func(l *lane) bool { row, _ := l.oldest(); return row < last })
	if err != nil {
		return err
	}
	return a.opts.Commit.Await(ctx, last)
}
