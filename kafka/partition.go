package kafka

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"github.com/sluice-data/sluice/internal/guard"
	"github.com/sluice-data/sluice/pipeline"
	"github.com/sluice-data/sluice/sink"
	"github.com/sluice-data/sluice/stages"
)

// partition is what a worker does for one partition while the group has assigned it: epoch by
// epoch, on a goroutine of its own.
type partition struct {
	w        *Worker
	topic    *topicPlan
	topicID  uuid.UUID
	number   int32
	memberID string // of the group's member that it was assigned to
	envelope bool
	queue    *queue

	position int64  // the committed offset: where the next epoch begins
	prepared intent // of a last owner, or none

	committed atomic.Int64 // position, for those who watch
	end       atomic.Int64 // of the log, likewise
	target    atomic.Int64 // offset at which the worker may leave; -1: none

	doubted atomic.Bool // see Worker.doubt

	once    sync.Once     // closes leave
	leave   chan struct{} // closed: the group takes the partition away
	promise atomic.Int32  // whether that may end what is under way: see stop
	cancel  context.CancelCauseFunc
	done    chan struct{} // closed when nothing is under way any more; nil before start
}

func newPartition(w *Worker, topic *topicPlan, number int32) *partition {
	p := &partition{
		w: w, topic: topic, number: number, queue: newQueue(w.backlog), leave: make(chan struct{}),
		envelope: w.envelope,
	}
	p.target.Store(-1)
	return p
}

func (p *partition) id() id { return id{p.topic.name, p.number} }

// String is how people name it.
func (p *partition) String() string { return p.id().String() }

// place is that of an epoch which begins at an offset.
func (p *partition) place(first int64) place {
	return place{topic: p.topic.name, topicID: p.topicID, partition: p.number, first: first}
}

// start begins to work at a committed offset.
func (p *partition) start(ctx context.Context, position int64, prepared intent) {
	p.position, p.prepared = position, prepared
	p.committed.Store(position)
	ctx, p.cancel = context.WithCancelCause(ctx)
	p.done = make(chan struct{})
	go func() {
		defer close(p.done)
		err := guard.Run(func() error { return p.run(ctx) })
		if err != nil && ctx.Err() == nil && !errors.Is(err, errLeft) {
			p.w.ended(p, err)
		}
	}()
}

// leaveTimeout is what an epoch that is prepared gets to be committed, when the group takes its
// partition away. Who owns it next does the same anyway.
const leaveTimeout = 5 * time.Second

// What has been promised: an epoch goes from none to given before it is prepared, or else stop goes
// to refused.
const (
	none int32 = iota
	given
	refused
)

// stop ends the work: at once where nothing was promised, and else when the epoch is committed, or
// after patience.
func (p *partition) stop(patience time.Duration) {
	p.once.Do(func() { close(p.leave) })
	defer p.queue.drop()
	if p.done == nil {
		return
	}
	if p.promise.CompareAndSwap(none, refused) {
		patience = 0
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-p.done:
	case <-timer.C:
		p.cancel(errLeft)
		<-p.done
	}
	p.cancel(errLeft)
}

// taken drops the queue's head, which somebody has.
func (p *partition) taken() {
	if p.queue.pop() {
		p.w.resume(p)
	}
}

// run does epoch after epoch.
func (p *partition) run(ctx context.Context) error {
	p.tidy(ctx)
	for {
		if err := p.await(ctx); err != nil {
			return err
		}
		share, err := p.w.memory.take(ctx, p.w.assigned())
		if err != nil {
			return err
		}
		err = p.epoch(ctx, share)
		p.w.memory.give(share)
		if err != nil {
			return err
		}
	}
}

// below is what the keys of a table's objects begin with that epochs of the partition make: as much as
// is the same where the table itself has partitions.
func (p *partition) below(t *stages.Table) string {
	if len(t.Partition) > 0 {
		return t.Dir + "/"
	}
	return t.Dir + "/" + p.place(0).prefix()
}

// made reports whether a key is one that epochs of the partition make.
func (p *partition) made(key string) bool {
	return strings.HasPrefix(path.Base(key), p.place(0).prefix())
}

// tidy aborts the uploads that an owner before has left: they cost storage. One that is only late
// loses its upload too, which does no harm, since the partition is ours. A store that can't list
// them is none to worry about: docs/SCALING.md has a rule for the bucket.
func (p *partition) tidy(ctx context.Context) {
	aborted := 0
	for _, t := range p.topic.catalog.Tables {
		for up, err := range p.w.opts.Store.Uploads(ctx, p.below(t)) {
			if err == nil && !p.made(up.Key) {
				continue
			}
			if err == nil {
				err = p.w.opts.Store.AbortUpload(ctx, up)
			}
			if err != nil {
				p.w.log.Debug(fmt.Sprintf("%s: looking for unfinished uploads: %v", p, err))
				return
			}
			aborted++
		}
	}
	if aborted > 0 {
		p.w.log.Info(fmt.Sprintf("%s: aborted %s of an owner before", p, stages.Count(int64(aborted), "unfinished upload")))
	}
}

// await waits for a record: a partition that is quiet costs nothing.
func (p *partition) await(ctx context.Context) error {
	select {
	case <-p.leave:
		return errLeft
	default:
	}
	for p.queue.head() == nil {
		select {
		case <-p.queue.more:
		case <-p.leave:
			return errLeft
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// epoch does one epoch: fill, prepare, complete, commit. What if the process dies here? Before the
// prepare is committed nothing is visible, and the next owner begins anew. From then on it finds
// the intent, and does the same once more.
func (p *partition) epoch(ctx context.Context, share *share) error {
	begun := time.Now()
	opts := p.w.uploads
	groups, uploads := p.topic.catalog.Divide(share.size)
	opts.Memory = uploads
	gather := stages.NewGather(p.topic.catalog, pipeline.Stage{Name: "pack", Workers: 1}, groups)
	up := sink.NewUploader(p.w.store, opts)
	e := &epoch{partition: p, first: p.position, promised: p.prepared}
	e.end = stages.NewEpoch(stages.EpochOptions{
		Catalog: p.topic.catalog, Headers: p.topic.headers, Uploader: up, Gather: gather,
		Key: e.key, Metadata: e.metadata, Taken: e.taken, Letter: e.letter,
		Full: func() { e.full.Store(true) },
	})
	e.source = &intake{
		p: p, rules: p.w.rules, full: func() bool { return e.full.Load() || up.Stats.Crowded.Load() }, share: share.wanted, block: blockSize,
		replay: p.prepared.prepared, end: p.prepared.end, next: p.position,
	}
	group, gctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		defer up.Close()
		defer gather.Close()
		if err := pipeline.RunSource(gctx, e.source, p.steps(), e.end, pipeline.Options{Batches: 6, Tick: time.Minute}); err != nil {
			return err
		}
		return e.prepareAndComplete(gctx)
	})
	group.Go(func() error { return gather.Run(gctx) })
	group.Go(func() error { return up.Run(gctx) })
	err := group.Wait()
	if aborting := up.AbortAll(ctx); aborting != nil && ctx.Err() == nil {
		p.w.log.Warn(fmt.Sprintf("%s: tidying up: %v", p, aborting))
	}
	if errors.Is(err, sink.ErrNoUpload) {
		err = e.unlessFenced(ctx, err) // a new owner tidies up
	}
	if err != nil {
		return err
	}
	if err := p.w.commit(ctx, p, e.source.next, intent{topic: shortID(p.topicID)}); err != nil {
		return err
	}
	p.promise.Store(none)
	p.w.count(p, e, up, time.Since(begun))
	p.position, p.prepared = e.source.next, intent{}
	p.committed.Store(p.position)
	p.w.reached()
	return nil
}

// blockSize is the bytes of input of a batch: a worker has a pipeline a partition, so less than a
// sync that has one.
const blockSize = 256 << 10

// steps are the stages of one epoch. Partitions work side by side, so each stage is one goroutine.
func (p *partition) steps() []pipeline.Stage {
	c := p.topic.catalog
	return stages.Steps(c, 1,
		func() stages.Step { return stages.NewRejectingDecode(c).Process },
		func() stages.Step { return stages.NewOriginStamp(p.topicID, p.number).Process })
}
