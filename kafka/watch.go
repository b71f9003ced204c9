package kafka

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/sluice-data/sluice/pipeline"
	"github.com/sluice-data/sluice/stages"
)

// How often the committed offsets are asked for, while STATEs wait, and how often it is looked
// whether anybody commits.
const (
	shortestPoll = 100 * time.Millisecond
	longestPoll  = time.Second
	lookAfter    = 30 * time.Second
)

// watch follows the committed offsets of the workers, and tells the ledger which runs are durable.
type watch struct {
	cluster *cluster
	commit  *pipeline.Commit
	log     *slog.Logger
	now     func() time.Time
	limit   time.Duration // how long an outage is sat out
	topics  map[string]found

	mu       sync.Mutex
	passages []passage // by lane.index
	left     int       // runs
	closed   bool      // no more begin

	wake chan struct{} // has room for one: a run has begun or ended

	looked  time.Time // when it was last looked at the workers
	waiting time.Time // since when it waits for them
	alone   bool      // there were none
}

// began tells that a run begins.
func (w *watch) began(l *lane) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.passages[l.index].open++
	w.left++
	w.poke()
}

// ended tells that all of a run is in the log.
func (w *watch) ended(l *lane, id pipeline.ObjectID, pass int64) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.poke()
	return w.passages[l.index].ended(id, pass)
}

// close tells that no more runs begin: run ends with the last one.
func (w *watch) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = true
	w.poke()
}

func (w *watch) poke() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// runs is the number of runs that are not committed.
func (w *watch) runs() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.left
}

// run asks again and again, as long as there is something to wait for.
func (w *watch) run(ctx context.Context) error {
	for pause := shortestPoll; ; {
		w.mu.Lock()
		left, closed := w.left, w.closed
		w.mu.Unlock()
		if left == 0 {
			if closed {
				return nil
			}
			select {
			case <-w.wake:
			case <-ctx.Done():
				return context.Cause(ctx)
			}
			w.looked, w.waiting = w.now(), w.now()
			continue
		}
		moved := false
		err := patiently(ctx, w.limit, w.warn, func() (err error) {
			moved, err = w.look(ctx)
			return err
		})
		if err == nil {
			err = w.lookAround(ctx)
		}
		if err != nil {
			return err
		}
		if moved {
			pause, w.waiting = shortestPoll, w.now()
			continue // nothing may be left
		}
		if w.rest(ctx, pause) {
			pause = shortestPoll
		} else {
			pause = min(2*pause, longestPoll)
		}
	}
}

// rest waits, and reports whether runs have begun or ended meanwhile. They may do so thousands of times
// a second, so that ends no more than a long rest.
func (w *watch) rest(ctx context.Context, pause time.Duration) bool {
	timer := time.NewTimer(shortestPoll)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
		return false
	}
	timer.Reset(pause - shortestPoll)
	select {
	case <-timer.C:
	case <-ctx.Done():
	case <-w.wake:
		return true
	}
	return false
}

func (w *watch) warn(err error) { w.log.Warn(tryingAgain(err)) }

// look takes the committed offsets, and reports whether runs are durable that were not.
func (w *watch) look(ctx context.Context) (bool, error) {
	counts, err := w.count(ctx)
	if err != nil || counts == nil {
		return false, err
	}
	// An offset says nothing of another topic of the same name.
	if err := w.same(ctx); err != nil {
		return false, err
	}
	var ids []pipeline.ObjectID
	w.mu.Lock()
	for i, n := range counts {
		ids = w.passages[i].take(n, ids)
	}
	w.left -= len(ids)
	w.mu.Unlock()
	w.commit.Durable(ids...)
	return true, nil
}

// count finds how many runs of each passage are committed; nil: none of any.
func (w *watch) count(ctx context.Context) ([]int, error) {
	offsets, err := w.cluster.committed(ctx, sizesOf(w.topics))
	if errors.Is(err, kerr.UnknownTopicID) || errors.Is(err, kerr.UnknownTopicOrPartition) {
		return nil, cmp.Or(w.same(ctx), err)
	}
	if err != nil {
		return nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	counts, some := make([]int, len(w.passages)), false
	for i := range w.passages {
		p := &w.passages[i]
		if counts[i], err = p.commit(offsets[p.topic][p.partition]); err != nil {
			return nil, err
		}
		some = some || counts[i] > 0
	}
	if !some {
		return nil, nil
	}
	return counts, nil
}

// same looks whether the topics are those that the sync began with.
func (w *watch) same(ctx context.Context) error {
	now, err := w.cluster.look(ctx, slices.Collect(maps.Keys(w.topics)))
	if err != nil {
		return err
	}
	for name, began := range w.topics {
		switch t := now[name]; {
		case errors.Is(t.err, kerr.UnknownTopicOrPartition), t.id != began.id && t.err == nil:
			return &Error{Err: fmt.Errorf("the topic %s is not the one that the sync began with: somebody has deleted it, and its rows. Sync again", name)}
		case t.err != nil && !errors.Is(t.err, kerr.LeaderNotAvailable):
			return wrong("looking at the topic "+name, t.err)
		}
	}
	return nil
}

// lookAround looks now and then whether there is anybody to wait for, and anything to read for them.
func (w *watch) lookAround(ctx context.Context) error {
	now := w.now()
	if now.Sub(w.looked) < lookAfter {
		return nil
	}
	w.looked = now
	waited := now.Sub(w.waiting).Round(time.Second)
	group := w.cluster.cfg.Group
	switch n, err := w.cluster.members(ctx); {
	case err != nil:
		w.log.Debug(err.Error())
	case n == 0:
		w.alone = true
		w.log.Warn(fmt.Sprintf("the group %q has no worker, so nothing gets into objects: start one, with the same config and catalog (sluice worker --config FILE --catalog FILE). Waiting for %s now", group, waited))
	case w.alone:
		w.alone = false
		w.log.Info(fmt.Sprintf("the group %q has %s now", group, stages.Count(int64(n), "worker")))
	}
	names := slices.Collect(maps.Keys(w.topics))
	starts, err := w.cluster.starts(ctx, names)
	if err != nil {
		w.log.Debug(err.Error())
		return nil
	}
	ends, err := w.cluster.ends(ctx, names)
	if err != nil {
		w.log.Debug(err.Error())
		return nil
	}
	lag, err := w.lag(starts, ends)
	if err == nil && w.runsEnded() {
		w.log.Info(fmt.Sprintf("all rows are in Kafka; the workers of the group %q have %s to go, and have committed nothing that a STATE waits for in %s", group, stages.Count(lag, "record"), waited))
	}
	return err
}

// lag is how many records of the partitions that have rows of ours the workers have not committed.
func (w *watch) lag(starts, ends kadm.ListedOffsets) (lag int64, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i := range w.passages {
		p := &w.passages[i]
		start, _ := starts.Lookup(p.topic, p.partition)
		end, _ := ends.Lookup(p.topic, p.partition)
		if p.lost(start.Offset) {
			return 0, &Error{Err: fmt.Errorf("partition %d of the topic %s begins at the offset %d, and not all rows in front of it were in objects: they are gone. Set retention.ms and retention.bytes of the topic to more than the longest outage of the workers, and sync again",
				p.partition, p.topic, start.Offset)}
		}
		if p.left() > 0 {
			lag += max(end.Offset-max(p.committed, start.Offset), 0)
		}
	}
	return lag, nil
}

// runsEnded reports whether no more runs begin.
func (w *watch) runsEnded() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.closed
}
