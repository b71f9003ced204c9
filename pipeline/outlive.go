package pipeline

import (
	"context"
	"time"
)

// WatchEvery is how often those who watch a sync are told of its streams, of which there may be
// thousands.
const WatchEvery = time.Second / 4

// TickFor is how often End.Tick has something to look at, where that is due at an age; 0: never.
func TickFor(age time.Duration) time.Duration {
	if age == 0 {
		return WatchEvery
	}
	return min(max(age/10, 10*time.Millisecond), WatchEvery)
}

// Outlive returns a context for work that may go on for a while when that of the caller has ended: for
// so long, or until hurry is closed. It is cancelled with ErrStopped then, or by cancel. stopping is told
// why the caller's has ended. end has to be called when the work is done.
func Outlive(ctx context.Context, patience time.Duration, hurry <-chan struct{}, stopping func(cause error)) (work context.Context, cancel context.CancelCauseFunc, end func()) {
	work, cancel = context.WithCancelCause(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		stopping(context.Cause(ctx))
		timer := time.NewTimer(patience)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-hurry:
		case <-work.Done():
		}
		cancel(ErrStopped)
	})
	return work, cancel, func() { stop(); cancel(nil) }
}
