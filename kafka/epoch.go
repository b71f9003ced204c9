package kafka

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strconv"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/sluice-data/sluice/pipeline"
	"github.com/sluice-data/sluice/sink"
	"github.com/sluice-data/sluice/stages"
)

// User metadata of a worker's objects, beside those of a sync.
const (
	metaTopic     = "kafka-topic"
	metaTopicID   = "kafka-topic-id"
	metaPartition = "kafka-partition"
	metaFirst     = "kafka-first-offset"
	metaLast      = "kafka-last-offset" // only of what was made by one request
)

// epoch is a run of a partition's offsets on its way into objects.
type epoch struct {
	*partition
	first  int64
	source *intake
	end    *stages.Epoch
	full   atomic.Bool // an object has reached its size

	promised intent // what the group knows of it
}

// key names the object of a table, or of a partition of it; nil is the one of dead letters.
func (e *epoch) key(t *stages.Table, partition string) string {
	if t == nil {
		return e.place(e.first).key(e.topic.letters, "jsonl")
	}
	return e.place(e.first).key(path.Join(t.Dir, partition), t.Extension())
}

func (e *epoch) metadata(ended bool) sink.Metadata {
	m := sink.Metadata{
		metaTopic: e.topic.name, metaTopicID: e.topicID.String(),
		metaPartition: strconv.Itoa(int(e.number)), metaFirst: strconv.FormatInt(e.first, 10),
	}
	if ended {
		m[metaLast] = strconv.FormatInt(e.last(), 10)
	}
	return m
}

// last is the epoch's last offset, once it is filled.
func (e *epoch) last() int64 { return e.source.next - 1 }

func (e *epoch) letter(o pipeline.Origin) stages.Letter {
	return stages.Letter{Topic: e.topic.name, Partition: e.number, Offset: o.Offset, Timestamp: o.Time}
}

// prepareAndComplete shows what was filled. The intent is committed first: from then on whoever
// owns the partition writes these offsets, no more and no less, under these keys.
func (e *epoch) prepareAndComplete(ctx context.Context) error {
	if !e.promise.CompareAndSwap(none, given) {
		return errLeft // nobody knows of the epoch yet
	}
	rows, rejects := e.end.Rows(), e.end.Rejects()
	if was := e.prepared; was.prepared {
		if was.end != e.last() || was.rows != rows || was.rejects != rejects {
			return &ReplayError{Partition: e.String(), First: e.first, Last: was.end, Rows: was.rows, Rejects: was.rejects, GotLast: e.last(), GotRows: rows, GotRejects: rejects}
		}
		return e.end.Complete(ctx)
	}
	if rows == 0 && rejects == 0 {
		return nil
	}
	looking, lctx := errgroup.WithContext(ctx)
	looking.SetLimit(16) // requests at a time
	for _, key := range e.end.Keys() {
		looking.Go(func() error { return e.free(lctx, key) })
	}
	if err := looking.Wait(); err != nil {
		return e.unlessFenced(ctx, err)
	}
	promised := intent{topic: shortID(e.topicID), prepared: true, end: e.last(), rows: rows, rejects: rejects, config: e.topic.fingerprint}
	if err := e.w.commit(ctx, e.partition, e.first, promised); err != nil {
		return err
	}
	e.promised = promised
	return e.end.Complete(ctx)
}

// unlessFenced is an error, if the worker still owns the partition. Else what it has met is the work
// of a new owner, and in order. Committing once more what the group knows tells.
func (e *epoch) unlessFenced(ctx context.Context, err error) error {
	if fenced := e.w.commit(ctx, e.partition, e.first, e.intent()); fenced != nil {
		return fenced
	}
	return err
}

// intent is what the group knows of the epoch.
func (e *epoch) intent() intent {
	if e.promised.prepared {
		return e.promised
	}
	return intent{topic: shortID(e.topicID)}
}

// free makes sure that nobody has made the object, before anybody may: one that appears under its
// key later is then of the epoch that was prepared, and of no other.
func (e *epoch) free(ctx context.Context, key string) error {
	_, err := e.w.store.Stat(ctx, key)
	switch {
	case errors.Is(err, sink.ErrNotFound):
		return nil
	case err != nil:
		return fmt.Errorf("looking whether %s is there already: %w", key, err)
	}
	return &TakenError{Partition: e.String(), Key: key, Reason: "no epoch was prepared that makes it"}
}

// taken looks at an object that stands under a key of the epoch since it was prepared: another owner
// has made it, of the same rows. This is to find out if that is not so.
func (e *epoch) taken(ctx context.Context, o *sink.Object, t *stages.Table) error {
	info, err := e.w.store.Stat(ctx, o.Key)
	if err != nil {
		return fmt.Errorf("looking at the object that is there already: %w", err)
	}
	wrong := ""
	for key, want := range e.metadata(true) {
		if got, there := info.Metadata[key]; got != want && (there || key != metaLast) {
			wrong = fmt.Sprintf("its %s is %q, not %q", key, got, want)
		}
	}
	if same := t == nil || !t.Packed(); wrong == "" && same && info.Size != o.Size() {
		wrong = fmt.Sprintf("it has %d bytes, not %d", info.Size, o.Size())
	}
	if wrong != "" {
		return &TakenError{Partition: e.String(), Key: o.Key, Reason: wrong}
	}
	e.w.log.Debug(fmt.Sprintf("%s: %s was complete already", e.partition, o.Key))
	return nil
}
