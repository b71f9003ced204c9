package kafka

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/sluice-data/sluice/airbyte"
	"github.com/sluice-data/sluice/internal/meter"
	"github.com/sluice-data/sluice/pipeline"
	"github.com/sluice-data/sluice/stages"
)

// produce is the end of the front's pipeline: it takes the batches in the order of the input, gives
// each row to a partition of its stream's topic, and STATEs to the ledger. What the ledger calls an
// object is a run: rows of one partition, durable once the committed offset is behind them.
type produce struct {
	source   source
	schedule schedule
	lanes    []*lane
	lines    []int // where the batch's lines begin: scratch

	client *kgo.Client
	memory int64 // bytes of rows that the client holds at most
	full   *meter.Meter
	commit *pipeline.Commit
	watch  *watch
	front  *Front
	tell   func([]stages.StreamProgress)
	told   time.Time
	fail   context.CancelCauseFunc

	delivered func(*kgo.Record, error) // produced, made a value once and not once a row
}

// Process produces the batch's rows and acts on its marks.
func (p *produce) Process(ctx context.Context, b *pipeline.Batch) error {
	if len(b.Records) > 0 && p.client.BufferedProduceBytes()+int64(len(b.Input)) > p.memory {
		p.full.Begin() // for the most part, the batch will wait
		defer p.full.End()
	}
	p.cut(b)
	block := bytes.Clone(b.Input)                 // values stay when the batch is emptied
	records := make([]kgo.Record, len(b.Records)) // one allocation, not one a row
	at := time.Now()                              // the client measures by it how long a record has waited
	marks := b.Marks
	for i := range b.Records {
		for ; len(marks) > 0 && int(marks[0].At) <= i; marks = marks[1:] {
			if err := p.mark(ctx, b, &marks[0]); err != nil {
				return err
			}
		}
		r := &b.Records[i]
		records[i].Value, records[i].Timestamp = trimmed(block[p.lines[r.Line]:p.lines[r.Line+1]]), at
		if err := p.row(ctx, r.Stream, &records[i]); err != nil {
			return &pipeline.LineError{Line: b.Line + int64(r.Line), Err: err}
		}
	}
	for i := range marks {
		if err := p.mark(ctx, b, &marks[i]); err != nil {
			return err
		}
	}
	return context.Cause(ctx) // rows that come behind it were not taken
}

// cut finds the batch's lines.
func (p *produce) cut(b *pipeline.Batch) {
	p.lines = append(p.lines[:0], 0)
	if len(b.Records) == 0 {
		return
	}
	for at := 0; at < len(b.Input); {
		n := bytes.IndexByte(b.Input[at:], '\n') + 1
		if n == 0 {
			n = len(b.Input) - at
		}
		at += n
		p.lines = append(p.lines, at)
	}
}

// trimmed is a line without its end.
func trimmed(line []byte) []byte {
	n := len(line)
	for n > 0 && (line[n-1] == '\n' || line[n-1] == '\r') {
		n--
	}
	return line[:n:n]
}

// row produces a row.
func (p *produce) row(ctx context.Context, stream int32, r *kgo.Record) error {
	s := &p.source.streams[stream]
	size := len(r.Value)
	if size+recordOverhead > s.outlet.limit {
		return fmt.Errorf("RECORD of stream %s: its %d bytes are more than the topic %s takes (%d with some for the way): raise the topic's max.message.bytes, and the replica.fetch.max.bytes of brokers before 0.10.1, or leave the large field out",
			s.sum.Stream, size, s.outlet.topic, s.outlet.limit)
	}
	l := s.outlet.next(size)
	r.Topic, r.Partition = l.topic, l.partition
	if l.since < 0 {
		l.since = p.source.rows
	}
	if l.run == nil {
		l.run = &run{id: p.commit.Open(p.source.rows)}
		p.watch.began(l)
	}
	promise := p.delivered
	if l.run.full(size) {
		promise = p.ends(l, 1)
		l.run = nil
	}
	p.client.Produce(ctx, r, promise)
	p.source.row(stream, size)
	return nil
}

// recordOverhead is what a record and its batch take, beside its value: at most.
const recordOverhead = 128

// produced is told of each row that is in the log, or will not be.
func (p *produce) produced(r *kgo.Record, err error) {
	if err != nil {
		p.failed(r, err)
	}
}

// ends is produced for a record that ends the run of a lane: as its last row (behind: 1), or as the
// barrier behind it (0).
func (p *produce) ends(l *lane, behind int64) func(*kgo.Record, error) {
	id := l.run.id
	return func(r *kgo.Record, err error) {
		if err != nil {
			p.failed(r, err)
		} else if err := p.watch.ended(l, id, r.Offset+behind); err != nil {
			p.fail(err)
		}
	}
}

func (p *produce) failed(r *kgo.Record, err error) {
	if errors.Is(err, context.Canceled) || errors.Is(err, kgo.ErrClientClosed) {
		return // something else has failed
	}
	p.fail(wrong(fmt.Sprintf("producing to partition %d of the topic %s", r.Partition, r.Topic), err))
}

func (p *produce) mark(ctx context.Context, b *pipeline.Batch, m *pipeline.Mark) error {
	now := p.front.opts.Now
	log := p.front.opts.Log
	switch m.Kind {
	case pipeline.StreamState, pipeline.WholeState:
		p.commit.Hold(p.source.state(b, m))
		if p.schedule.state(now()) {
			p.barriers(ctx)
		}
		return nil
	case pipeline.SourceFailed:
		p.source.status, p.source.reported = true, airbyte.ErrorText(m.Text.Of(b.Input))
		log.Warn("the source reported an error: "+p.source.reported, "line", b.Line+int64(m.Line))
		return nil
	case pipeline.StreamEstimate:
		if m.Stream >= 0 {
			p.source.streams[m.Stream].sum.Estimate = m.Rows
		}
		return nil
	case pipeline.StreamStatus, pipeline.StreamComplete, pipeline.StreamIncomplete:
	}
	p.source.status = true
	if m.Stream < 0 {
		log.Warn("a STREAM_STATUS names a stream that is not in the catalog", "line", b.Line+int64(m.Line))
	} else if p.source.end(m) {
		for _, l := range p.source.streams[m.Stream].outlet.lanes {
			p.barrier(ctx, l)
		}
	}
	return nil
}

// barriers puts a barrier behind all rows that have none.
func (p *produce) barriers(ctx context.Context) {
	some := false
	for _, l := range p.lanes {
		some = p.barrier(ctx, l) || some
	}
	p.schedule.made(p.front.opts.Now(), some)
}

// barrier puts one into a partition, if there are rows without in front of it.
func (p *produce) barrier(ctx context.Context, l *lane) bool {
	if l.since < 0 {
		return false
	}
	promise := p.delivered
	if l.run != nil {
		promise = p.ends(l, 0)
	}
	l.run, l.since = nil, -1
	p.client.Produce(ctx, barrier(l.topic, l.partition), promise)
	return true
}

// Tick puts barriers behind the rows of a source that has become quiet.
func (p *produce) Tick(ctx context.Context) error {
	if time.Since(p.told) >= pipeline.WatchEvery {
		p.told = time.Now()
		p.tell(p.source.progress())
	}
	if p.schedule.due(p.front.opts.Now()) {
		p.barriers(ctx)
	}
	return context.Cause(ctx)
}

// Finish ends the input: all that it had is in the log when it returns.
func (p *produce) Finish(ctx context.Context) error {
	p.source.finish()
	p.barriers(ctx)
	err := p.flush(ctx)
	p.tell(p.source.progress())
	return err
}

func (p *produce) flush(ctx context.Context) error {
	_ = p.client.Flush(ctx)   // fails only with ctx
	return context.Cause(ctx) // which a record that fails ends
}

// Stop ends a sync before its input does, and waits for the STATEs that can leave: it puts barriers
// behind the rows in front of them. Those behind them come again.
func (p *produce) Stop(ctx context.Context) error {
	last := p.commit.Last(p.source.rows)
	if last < 0 {
		return nil
	}
	for _, l := range p.lanes {
		if l.since < last {
			p.barrier(ctx, l)
		}
	}
	if err := p.flush(ctx); err != nil {
		return err
	}
	return p.commit.Await(ctx, last)
}
