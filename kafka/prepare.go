package kafka

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/sluice-data/sluice/stages"
)

// prepare looks at the topics, makes those that are missing, and joins the end of the pipeline to
// them.
func (f *Front) prepare(ctx context.Context, client *kgo.Client, r *frontRun, l *limits) (*produce, error) {
	c := newCluster(&f.cfg.Kafka, client)
	names := f.topics.names()
	var (
		all       map[string]found
		committed offsets
		ends      kadm.ListedOffsets
	)
	err := patiently(ctx, f.outage(), f.warn, func() (err error) {
		if all, err = c.topics(ctx, names); err != nil {
			return err
		}
		if committed, err = c.committed(ctx, sizesOf(all)); err != nil {
			return err
		}
		ends, err = c.ends(ctx, names)
		return err
	})
	if err != nil {
		return nil, err
	}
	sizes, err := c.batches(ctx, names)
	if err != nil {
		f.opts.Log.Debug(fmt.Sprintf("asking for max.message.bytes, which is taken to be the default: %v", err))
	}
	l.topics.Store(&sizes)

	r.watch = &watch{
		cluster: c, commit: r.commit, log: f.opts.Log, now: f.opts.Now, limit: f.outage(),
		topics: all, wake: make(chan struct{}, 1),
	}
	p := &produce{
		front: f, client: client, memory: f.memory, full: &r.full, commit: r.commit, watch: r.watch,
		schedule: schedule{age: f.cfg.CheckpointAge(), last: r.start},
		tell:     func(all []stages.StreamProgress) { r.streams.Store(&all) },
	}
	p.delivered = p.produced
	p.source.streams = make([]stream, len(f.catalog.Tables))
	for _, name := range names {
		o := newOutlet(name, all[name].partitions, min(sizes[name], int(f.memory)), len(p.lanes))
		p.lanes = append(p.lanes, o.lanes...)
		for _, i := range f.topics[name] {
			id := f.catalog.Tables[i].Stream
			p.source.streams[i] = stream{outlet: o, key: stages.StateKey(id)}
			p.source.streams[i].sum.Stream = id
		}
	}
	for _, l := range p.lanes {
		passage, err := begin(l, committed, ends)
		if err != nil {
			return nil, err
		}
		r.watch.passages = append(r.watch.passages, passage)
	}
	return p, nil
}

// begin looks where a partition stands. An offset that was committed for records that do not exist
// would let STATEs leave in front of their rows.
func begin(l *lane, committed offsets, ends kadm.ListedOffsets) (passage, error) {
	end, _ := ends.Lookup(l.topic, l.partition)
	p := passage{topic: l.topic, partition: l.partition, committed: committed[l.topic][l.partition], begin: end.Offset, end: end.Offset}
	if p.committed > p.end {
		return p, &Error{Class: Setting, Err: fmt.Errorf("the group has committed the offset %d of partition %d of the topic %s, which ends at %d: that commit is of another topic of the same name",
			p.committed, l.partition, l.topic, p.end), Advice: "reset the offsets of the group (kafka-consumer-groups.sh --reset-offsets --to-earliest), while no worker runs"}
	}
	return p, nil
}

func (f *Front) warn(err error) { f.opts.Log.Warn(tryingAgain(err)) }
