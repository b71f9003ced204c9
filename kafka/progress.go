package kafka

import (
	"sync/atomic"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/sluice-data/sluice"
)

// sent counts what the brokers have taken.
type sent struct{ bytes, batches atomic.Int64 }

// OnProduceBatchWritten is a hook of the client's.
func (s *sent) OnProduceBatchWritten(_ kgo.BrokerMetadata, _ string, _ int32, m kgo.ProduceBatchMetrics) {
	s.bytes.Add(int64(m.CompressedBytes))
	s.batches.Add(1)
}

// Progress tells how far Run is. It may be called at any time, from any goroutine. To a front, the
// store is Kafka and the workers: Bytes and Parts are the record batches that it took, Flying
// are the runs of rows that no worker has committed. How many objects there are only workers know.
func (f *Front) Progress() *sluice.Progress {
	p := &sluice.Progress{MemoryLimit: f.memory}
	r := f.run.Load()
	if r == nil {
		return p
	}
	p.Elapsed = f.opts.Now().Sub(r.start)
	p.Input, p.Ended = r.stats.Input.Load(), r.stats.Ended.Load()
	p.Source, p.Room, p.Store = r.stats.Source.Total(), r.stats.Room.Total(), r.full.Total()
	p.Stages = []sluice.StageTime{
		{Name: r.decode.Name, Workers: r.decode.Workers, Took: r.decode.Busy.Total()},
		{Name: "produce", Workers: 1, Took: max(r.stats.End.Total()-p.Store, 0)},
	}
	p.Bytes, p.Parts, p.Flying = r.sent.bytes.Load(), r.sent.batches.Load(), r.watch.runs()
	p.Memory = r.client.BufferedProduceBytes()
	p.States, p.Held = r.commit.Sent(), r.commit.Held()
	if all := r.streams.Load(); all != nil {
		p.Streams = *all
	}
	for i := range p.Streams {
		p.Rows += p.Streams[i].Rows
	}
	return p
}

func (f *Front) summary(p *produce) *sluice.Summary {
	now := f.Progress()
	s := &sluice.Summary{
		Streams: p.source.summary(), Input: now.Input, Bytes: now.Bytes, States: now.States, Held: now.Held,
		Took: now.Elapsed, Source: now.Source, Store: now.Store, Stages: now.Stages,
	}
	for i := range s.Streams {
		s.Rows += s.Streams[i].Rows
	}
	return s
}
