package live

import (
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/sluice-data/sluice"
)

// Log says how far a sync is, each time the interval has passed, until stop is called.
func Log(log *slog.Logger, progress func() *sluice.Progress, every time.Duration) (stop func()) {
	done := make(chan struct{})
	var ended sync.WaitGroup
	ended.Go(func() {
		tick := time.NewTicker(every)
		defer tick.Stop()
		since := progress()
		for {
			select {
			case <-tick.C:
				now := progress()
				log.Info(Line(now, since))
				since = now
			case <-done:
				return
			}
		}
	})
	return func() { close(done); ended.Wait() }
}

// Line is how far a sync is, for a log. Numbers have all their digits and nothing between them,
// so that programs can read them too.
func Line(now, since *sluice.Progress) string {
	if now.Elapsed == 0 {
		return "progress: looking at the bucket"
	}
	took := now.Elapsed - since.Elapsed
	return fmt.Sprintf("progress: %d rows in %s, now %s/s read and %s/s sent; %d objects complete, %d requests under way, %d repeated; %d states sent, %d held; bottleneck: %s",
		now.Rows, clock(now.Elapsed), size(rate(now.Input-since.Input, took)), size(rate(now.Bytes-since.Bytes, took)),
		now.Objects, now.Flying, now.Retries, now.States, now.Held, now.Limit(since))
}
