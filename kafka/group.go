package kafka

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/sluice-data/sluice/stages"
)

// clientOptions make a client a member of the group.
func (w *Worker) clientOptions() []kgo.Opt {
	k := &w.cfg.Kafka
	opts := []kgo.Opt{
		kgo.ConsumerGroup(k.Group), kgo.ConsumeTopics(w.names()...),
		kgo.Balancers(kgo.CooperativeStickyBalancer()),
		kgo.SessionTimeout(k.SessionTimeout()), kgo.HeartbeatInterval(heartbeat(k.SessionTimeout())),
		// Who dies while the others rebalance keeps them waiting for no longer than else.
		kgo.RebalanceTimeout(k.SessionTimeout()),
		kgo.DisableAutoCommit(),
		// The client must never choose an offset: AdjustFetchOffsetsFn gives it each, or none.
		kgo.ConsumeStartOffset(kgo.NoResetOffset()), kgo.ConsumeResetOffset(kgo.NoResetOffset()),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.WithPools(&pool{}),
		kgo.KeepControlRecords(), // offsets are counted, so those of transactions' marks too
		kgo.MetadataMaxAge(30 * time.Second),
		kgo.FetchMaxBytes(8 << 20), kgo.BrokerMaxReadBytes(128 << 20),
		kgo.FetchMaxWait(500 * time.Millisecond), // what was paused waits for the fetch before it
		kgo.BlockRebalanceOnPoll(),
		kgo.OnPartitionsAssigned(w.onAssigned), kgo.OnOffsetsFetched(w.onFetched), kgo.AdjustFetchOffsetsFn(w.begin),
		kgo.OnPartitionsRevoked(w.onRevoked), kgo.OnPartitionsLost(w.onLost),
	}
	if w.opts.InstanceID != "" {
		opts = append(opts, kgo.InstanceID(w.opts.InstanceID))
	}
	return clientOptions(k, w.log, "worker", append(opts, w.opts.Client...))
}

// names are those of the topics, in order.
func (w *Worker) names() []string { return slices.Sorted(maps.Keys(w.topics)) }

// heartbeat is how often the group hears of a worker.
func heartbeat(session time.Duration) time.Duration { return min(session/3, 3*time.Second) }

// onAssigned makes what the group has given. The client calls it, and those below, one after the other.
func (w *Worker) onAssigned(_ context.Context, client *kgo.Client, added map[string][]int32) {
	client.ResumeFetchPartitions(added) // a pause outlives an assignment
	defer w.reached()                   // what was not at its end may have gone
	w.mu.Lock()
	defer w.mu.Unlock()
	w.totals.Joined = true
	if member, _ := w.group.GroupMetadata(); member != w.memberID {
		if len(w.partitions) > 0 { // see commitOnce
			w.fail(fmt.Errorf("%w: the group has counted this worker out while it joined, and it holds %s from before", errStale, stages.Count(int64(len(w.partitions)), "partition")))
		}
		w.memberID = member
	}
	for topic, numbers := range added {
		for _, n := range numbers {
			w.partitions[id{topic, n}] = newPartition(w, w.topics[topic], n)
		}
	}
	w.totals.Rebalances++
	w.watchIdle()
	w.log.Info(fmt.Sprintf("the group has assigned %s: %v", stages.Count(int64(len(w.partitions)), "partition"), keys(w.partitions)))
}

// onFetched remembers the committed offsets with their metadata.
func (w *Worker) onFetched(_ context.Context, _ *kgo.Client, resp *kmsg.OffsetFetchResponse) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, group := range resp.Groups {
		for _, topic := range group.Topics {
			for _, part := range topic.Partitions {
				c := committed{offset: part.Offset}
				if part.Metadata != nil {
					c.text = *part.Metadata
				}
				w.fetched[id{topic.Topic, part.Partition}] = c
			}
		}
	}
	return nil
}

// begin starts the partitions whose offsets were fetched, and tells the client where.
func (w *Worker) begin(ctx context.Context, offsets map[string]map[int32]kgo.Offset) (map[string]map[int32]kgo.Offset, error) {
	names := slices.Collect(maps.Keys(offsets))
	topics, err := w.admin.ListTopics(ctx, names...)
	if err = cmp.Or(err, topics.Error()); err != nil {
		return nil, fmt.Errorf("looking at the topics: %w", err)
	}
	var ends kadm.ListedOffsets
	if w.opts.UntilEnd {
		ends, err = w.admin.ListCommittedOffsets(ctx, names...)
		if err = cmp.Or(err, ends.Error()); err != nil {
			return nil, fmt.Errorf("looking for the ends of the partitions: %w", err)
		}
	}
	member, _ := w.group.GroupMetadata()
	for name, numbers := range offsets {
		for number := range numbers {
			w.mu.Lock()
			p := w.partitions[id{name, number}]
			c, known := w.fetched[id{name, number}]
			w.mu.Unlock()
			if p == nil {
				delete(numbers, number)
				continue
			}
			if !known { // never take nothing for offset 0
				return nil, fmt.Errorf("%s: the group's answer does not name its committed offset", p)
			}
			if p.done != nil { // its offsets are fetched once more: it begins anew
				p.stop(0)
				p = w.renew(p)
			}
			p.topicID, p.memberID = uuid.UUID(topics[name].ID), member
			position, prepared, err := w.where(ctx, p, c)
			if err != nil {
				if ctx.Err() == nil {
					w.fail(err)
				}
				return nil, err
			}
			if end, ok := ends.Lookup(name, number); ok {
				p.target.Store(end.Offset)
			}
			numbers[number] = kgo.NewOffset().At(position)
			p.start(context.WithoutCancel(ctx), position, prepared)
		}
	}
	w.reached()
	return offsets, nil
}

// where finds the offset at which a partition begins, and what its last owner has prepared.
func (w *Worker) where(ctx context.Context, p *partition, c committed) (int64, intent, error) {
	prepared, err := parseIntent(c.text)
	if err != nil {
		return 0, intent{}, &LostError{Partition: p.String(), Reason: err.Error(), Advice: "no epoch of it is begun before that is clear"}
	}
	deleted := prepared.topic != "" && prepared.topic != shortID(p.topicID)
	if deleted && p.topicID == uuid.Nil { // some brokers know it, and one does not
		return 0, intent{}, fmt.Errorf("%w: %s: a broker did not tell the topic's id", errStale, p)
	}
	if c.offset < 0 || deleted {
		position, err := w.first(ctx, p)
		if errors.Is(err, ErrRefused) && w.moved(ctx, p, c) { // this worker was paused until now
			err = fmt.Errorf("%w: %s: the group has another offset by now", errStale, p)
		}
		return position, intent{}, err
	}
	if prepared.prepared && prepared.config != p.topic.fingerprint {
		return 0, intent{}, &ChangedError{Partition: p.String(), First: c.offset, End: prepared.end}
	}
	return c.offset, prepared, nil
}

// moved reports whether the group has another offset of a partition than it had.
func (w *Worker) moved(ctx context.Context, p *partition, c committed) bool {
	all, err := w.admin.FetchOffsetsForTopics(ctx, w.cfg.Kafka.Group, p.topic.name)
	now, ok := all.Lookup(p.topic.name, p.number)
	return err == nil && ok && now.Err == nil && (now.At != c.offset || now.Metadata != c.text)
}

// first is the offset at which a partition begins of which the group knows nothing. An epoch is
// prepared before its objects are seen, so where there are some, the group knew and has forgotten.
func (w *Worker) first(ctx context.Context, p *partition) (int64, error) {
	tables := append([]*stages.Table{{Dir: p.topic.letters}}, p.topic.catalog.Tables...)
	for _, t := range tables {
		list := w.store.List
		if len(t.Partition) > 0 {
			list = w.store.Walk
		}
		last := ""
		for info, err := range list(ctx, p.below(t), "") {
			if err != nil {
				return 0, fmt.Errorf("looking for objects of %s: %w", p, err)
			}
			if p.made(info.Key) && (last == "" || path.Base(info.Key) > path.Base(last)) {
				last = info.Key
			}
		}
		if last != "" {
			return 0, &LostError{
				Partition: p.String(), Reason: fmt.Sprintf("the group %s has no offset for it, and there are objects of it, the last one %s", w.cfg.Kafka.Group, last),
				Advice: fmt.Sprintf("offsets expire when a group is empty for long (offsets.retention.minutes), or were deleted. Commit the offset behind the last object (%s in its metadata, and 1), for example with kafka-consumer-groups --reset-offsets, "+
					"or, where it does not tell, remove that object and commit the offset in its name; then start again", metaLast),
			}
		}
	}
	starts, err := w.admin.ListStartOffsets(ctx, p.topic.name)
	if err != nil {
		return 0, fmt.Errorf("looking for the beginning of %s: %w", p, err)
	}
	start, ok := starts.Lookup(p.topic.name, p.number)
	if !ok || start.Err != nil {
		return 0, fmt.Errorf("looking for the beginning of %s: %w", p, errors.Join(start.Err, errors.New("the broker does not know the partition")))
	}
	return start.Offset, nil
}

// renew puts a new partition in the place of one that was stopped.
func (w *Worker) renew(p *partition) *partition {
	w.mu.Lock()
	defer w.mu.Unlock()
	p = newPartition(w, p.topic, p.number)
	w.partitions[p.id()] = p
	return p
}

// onRevoked gives partitions away in order.
func (w *Worker) onRevoked(_ context.Context, _ *kgo.Client, gone map[string][]int32) {
	w.stop(gone, leaveTimeout)
}

// onLost drops partitions that others may own already.
func (w *Worker) onLost(_ context.Context, _ *kgo.Client, gone map[string][]int32) {
	w.mu.Lock()
	w.totals.Joined = false
	w.mu.Unlock()
	w.log.Warn("the group has counted this worker out: it did not hear of it in time. It joins again")
	w.stop(gone, 0)
}

// stop stops partitions, side by side, and returns when nothing of them is under way. Kafka checks
// who commits, and not what they own: so no goroutine of a partition may outlive its assignment.
func (w *Worker) stop(gone map[string][]int32, patience time.Duration) {
	var all sync.WaitGroup
	for topic, numbers := range gone {
		for _, n := range numbers {
			if p := w.partition(id{topic, n}); p != nil {
				all.Go(func() { p.stop(patience) })
			}
		}
	}
	all.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	for topic, numbers := range gone {
		for _, n := range numbers {
			delete(w.partitions, id{topic, n})
			delete(w.fetched, id{topic, n})
		}
	}
}

// stopAll stops what the client has not had stopped.
func (w *Worker) stopAll() {
	w.mu.Lock()
	rest := map[string][]int32{}
	for at := range w.partitions {
		rest[at.topic] = append(rest[at.topic], at.number)
	}
	w.mu.Unlock()
	w.stop(rest, 0)
}

// fetchError tells what can be sat out from what can't: the latter is returned.
func (w *Worker) fetchError(e kgo.FetchError) error {
	var lost *kgo.ErrDataLoss
	switch {
	case errors.Is(e.Err, context.Canceled), errors.Is(e.Err, kgo.ErrClientClosed):
		return nil
	case errors.Is(e.Err, kerr.OffsetOutOfRange), errors.As(e.Err, &lost):
		at := id{e.Topic, e.Partition}
		w.doubt(at, 2*heartbeat(w.cfg.Kafka.SessionTimeout()), &LostError{
			Partition: at.String(), Reason: fmt.Sprintf("the log does not have the records at the committed offset any more (%v)", e.Err),
			Advice: "raise the topic's retention; then commit the offset at which to go on, for example with kafka-consumer-groups --reset-offsets",
		})
		return nil
	case errors.Is(e.Err, kerr.UnknownTopicID): // the client stays with the id that it saw first
		return fmt.Errorf("%w: the topic %s was deleted, or deleted and made again", errStale, e.Topic)
	case errors.Is(e.Err, kerr.UnknownTopicOrPartition):
		w.log.Info(fmt.Sprintf("the topic %s is not there yet; waiting for it", e.Topic))
		return nil
	case errors.Is(e.Err, kerr.TopicAuthorizationFailed), errors.Is(e.Err, kerr.GroupAuthorizationFailed), errors.Is(e.Err, kerr.SaslAuthenticationFailed),
		errors.Is(e.Err, kerr.FencedInstanceID), errors.Is(e.Err, kerr.InvalidSessionTimeout), errors.Is(e.Err, kerr.InconsistentGroupProtocol):
		return wrong("working as a member of the group "+w.cfg.Kafka.Group, e.Err)
	}
	w.log.Warn(fmt.Sprintf("fetching from topic %q, partition %d: %v", e.Topic, e.Partition, e.Err))
	return nil
}
