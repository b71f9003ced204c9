package kafka

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/sluice-data/sluice/sink"
	"github.com/sluice-data/sluice/stages"
)

// WorkerProgress tells what a worker has done so far.
type WorkerProgress struct {
	Joined      bool  // a member of the group, with partitions or without
	Rebalances  int64 // assignments
	Epochs      int64 // committed
	Replays     int64 // of those: of what another owner had prepared
	Rows        int64
	Bytes       int64 // of objects
	Objects     int64
	DeadLetters int64 // records that could not be written

	Partitions []PartitionProgress // of now
}

// PartitionProgress is where one partition stands.
type PartitionProgress struct {
	Topic     string
	Partition int32
	Committed int64 // offset; behind it nothing is promised
	End       int64 // of the log, as the last fetch said; 0: none yet
}

// Lag is how many offsets of the partition are not committed.
func (p PartitionProgress) Lag() int64 { return max(p.End-p.Committed, 0) }

// Progress may be called at any time, by any goroutine.
func (w *Worker) Progress() WorkerProgress {
	w.mu.Lock()
	defer w.mu.Unlock()
	all := w.totals
	for at, p := range w.partitions {
		all.Partitions = append(all.Partitions, PartitionProgress{Topic: at.topic, Partition: at.number, Committed: p.committed.Load(), End: p.end.Load()})
	}
	slices.SortFunc(all.Partitions, func(a, b PartitionProgress) int { return compare(id{a.Topic, a.Partition}, id{b.Topic, b.Partition}) })
	return all
}

// count adds a committed epoch.
func (w *Worker) count(p *partition, e *epoch, up *sink.Uploader, took time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.totals.Epochs++
	if p.prepared.prepared {
		w.totals.Replays++
	}
	w.totals.DeadLetters += e.end.Rejects()
	w.totals.Rows += e.end.Rows()
	w.totals.Bytes += up.Stats.Bytes.Load()
	objects := e.end.Objects()
	w.totals.Objects += int64(len(objects))
	if n := e.end.Rejects(); n > 0 {
		w.log.Warn(fmt.Sprintf("%s: %s could not be written: see %s", p, stages.Count(n, "record"), e.key(nil, "")))
	}
	for i, s := range e.end.Summary() {
		t := p.topic.catalog.Tables[i]
		p.topic.seen[i].Add(&s, func(warning stages.Warning) { warning.Log(w.log, t) })
	}
	w.log.Debug(fmt.Sprintf("%s: offsets %d to %d, %s in %s, %s", p, e.first, e.last(), stages.Count(e.end.Rows(), "row"), stages.Count(int64(len(objects)), "object"), took.Round(time.Millisecond)))
}

// reached ends Run if that is to be at the end of the partitions, and they are there.
func (w *Worker) reached() {
	if !w.opts.UntilEnd {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, p := range w.partitions {
		if target := p.target.Load(); target < 0 || p.committed.Load() < target {
			return
		}
	}
	if len(w.partitions) > 0 {
		w.fail(errReached)
	}
}

// idleTimeout is how long a worker with UntilEnd waits for partitions: a group gives them to a new
// member only in the second step of a rebalance, and with more workers than partitions never.
const idleTimeout = 15 * time.Second

// watchIdle is called under the lock, with each assignment.
func (w *Worker) watchIdle() {
	if !w.opts.UntilEnd || w.idle != nil {
		return
	}
	w.idle = time.AfterFunc(idleTimeout, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.idle = nil
		if len(w.partitions) == 0 {
			w.fail(errReached)
		}
	})
}

func compare(a, b id) int {
	return cmp.Or(cmp.Compare(a.topic, b.topic), cmp.Compare(a.number, b.number))
}

// keys lists partitions for people.
func keys(all map[id]*partition) []string {
	ids := make([]id, 0, len(all))
	for at := range all {
		ids = append(ids, at)
	}
	slices.SortFunc(ids, compare)
	names := make([]string, len(ids))
	for i, at := range ids {
		names[i] = fmt.Sprintf("%s/%d", at.topic, at.number)
	}
	return names
}

// String is one line for people.
func (p WorkerProgress) String() string {
	text := fmt.Sprintf("%s in %s, %.1f MB, %s", stages.Count(p.Rows, "row"), stages.Count(p.Objects, "object"), float64(p.Bytes)/1e6, stages.Count(p.Epochs, "commit"))
	if p.Replays > 0 {
		text += fmt.Sprintf(", %d of them begun by other workers", p.Replays)
	}
	if p.DeadLetters > 0 {
		text += fmt.Sprintf(", %s", stages.Count(p.DeadLetters, "dead letter"))
	}
	return text
}

// Since is one line for people about the time since an earlier look.
func (p WorkerProgress) Since(last WorkerProgress, took time.Duration) string {
	lag := int64(0)
	for _, part := range p.Partitions {
		lag += part.Lag()
	}
	return fmt.Sprintf("%.0f rows/s, %s, %d offsets behind; so far %s", float64(p.Rows-last.Rows)/took.Seconds(), stages.Count(int64(len(p.Partitions)), "partition"), lag, p)
}
