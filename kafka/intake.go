package kafka

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/sluice-data/sluice/internal/scan"
	"github.com/sluice-data/sluice/pipeline"
)

// errLeft ends what is done for a partition that the group gives to somebody else.
var errLeft = errors.New("the partition was given away")

// rules say where a worker ends an epoch by itself. Zero is never.
type rules struct {
	rows  int64
	every time.Duration // of record time
	age   time.Duration
}

// intake fills batches with the records of one epoch, and decides where it ends.
type intake struct {
	p     *partition
	rules rules
	full  func() bool     // the objects have reached their size
	share <-chan struct{} // closed: the memory is wanted back
	block int             // bytes of a batch

	replay bool
	end    int64 // of a replay: the last offset

	next  int64 // behind the last record that was taken
	rows  int64 // lines
	began time.Time
	span  time.Duration // the interval of record time that the epoch is in, from the epoch on
	ended bool
}

// Fill implements pipeline.Source: one line a record. It passes on what there is, and waits only
// where there is nothing.
func (s *intake) Fill(ctx context.Context, b *pipeline.Batch) error {
	if s.due(turn) {
		s.ended = true
	}
	if cap(b.Input) < s.block { // or it would be copied again and again while it grows
		b.Input = make([]byte, 0, s.block+s.block/4)
	}
	for !s.ended {
		r := s.p.queue.head()
		if r == nil {
			if len(b.Origins) > 0 {
				return nil
			}
			if err := s.wait(ctx); err != nil {
				return err
			}
			continue
		}
		if s.endsBefore(r) {
			s.ended = true
			break
		}
		s.p.taken()
		s.take(b, r)
		if len(b.Input) >= s.block {
			break
		}
	}
	if len(b.Origins) == 0 {
		return io.EOF
	}
	return nil
}

// take adds a record to the batch, if it is one of the front's and not of the log's.
func (s *intake) take(b *pipeline.Batch, r *kgo.Record) {
	if s.began.IsZero() {
		s.began = s.p.w.now()
		s.span = s.interval(r)
	}
	s.next = r.Offset + 1
	barrier, kept := "", false
	if !r.Attrs.IsControl() {
		if barrier = barrierOf(r); barrier == "" {
			kept = s.add(b, r)
			s.rows++
		}
	}
	if !kept {
		r.Recycle()
	}
	switch target := s.p.target.Load(); {
	case s.replay:
		s.ended = s.next > s.end
	case barrier == barrierHard, s.rules.rows > 0 && s.rows >= s.rules.rows, s.p.position < target && target <= s.next:
		s.ended = true
	}
}

// add adds the record's value as one line, and reports whether the batch still needs the record's own.
func (s *intake) add(b *pipeline.Batch, r *kgo.Record) (kept bool) {
	origin := pipeline.Origin{Offset: r.Offset, Time: r.Timestamp.UnixMilli()}
	value, same, err := oneLine(r.Value)
	if err == nil && s.p.envelope {
		b.Input, origin.ID, err = appendEnvelope(b.Input, value, s.p.topic.envelope)
		value, same = nil, false
	}
	if err != nil {
		value = nil
		b.Rejects = append(b.Rejects, pipeline.Reject{Line: int32(len(b.Origins)), Err: err})
	}
	if origin.Value = r.Value; same {
		origin.Value = nil
	} else if r.Value == nil {
		origin.Value = []byte{} // and not the line
	}
	b.Input = append(append(b.Input, value...), '\n')
	b.Origins = append(b.Origins, origin)
	return origin.Value != nil
}

// oneLine is a value without line ends. Valid JSON has them between tokens, where a space will do;
// in what is not valid they might stand in a string, which would become another one.
func oneLine(value []byte) (line []byte, same bool, err error) {
	switch {
	case len(value) > 0 && value[0] == '{' && bytes.IndexByte(value, '\n') < 0: // as nearly all are
		return value, true, nil
	case len(bytes.TrimSpace(value)) == 0:
		return nil, false, errors.New("it has no value")
	case bytes.IndexByte(value, '\n') < 0:
		return value, true, nil
	case !scan.Valid(value):
		return nil, false, fmt.Errorf("not valid JSON: %w", scan.Explain(value))
	}
	return bytes.ReplaceAll(value, []byte{'\n'}, []byte{' '}), false, nil
}

// endsBefore reports whether the epoch ends in front of a record.
func (s *intake) endsBefore(r *kgo.Record) bool {
	if s.replay {
		return r.Offset > s.end
	}
	return !s.began.IsZero() && s.interval(r) != s.span
}

// turn is how long an epoch goes on at least whose memory another one waits for: with more busy
// partitions than the memory is enough for, they take turns, and each should make something of it.
const turn = 5 * time.Second

// due reports whether the epoch ends as soon as it can. It is asked once a batch.
func (s *intake) due(turn time.Duration) bool {
	if s.replay || s.began.IsZero() {
		return false
	}
	age := s.p.w.now().Sub(s.began)
	if age >= turn {
		select {
		case <-s.share:
			return true
		default:
		}
	}
	return s.full() || s.rules.age > 0 && age >= s.rules.age
}

func (s *intake) interval(r *kgo.Record) time.Duration {
	if s.rules.every == 0 {
		return 0
	}
	return time.Duration(r.Timestamp.UnixMilli()) * time.Millisecond / s.rules.every
}

// look is how often an intake that waits looks whether its epoch is due.
const look = 100 * time.Millisecond

// wait waits for a record, or the end of the epoch.
func (s *intake) wait(ctx context.Context) error {
	timer := time.NewTimer(look)
	defer timer.Stop()
	wanted := s.share
	if s.replay || s.began.IsZero() {
		wanted = nil // its end is where it is, or there is nothing to give back
	}
	select {
	case <-s.p.queue.more:
	case <-timer.C:
	case <-wanted:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	if s.p.queue.head() == nil && s.due(0) {
		s.ended = true
	}
	return nil
}

// barrierOf is what kind of barrier a record is, or "".
func barrierOf(r *kgo.Record) string {
	i := slices.IndexFunc(r.Headers, func(h kgo.RecordHeader) bool { return h.Key == barrierHeader })
	if i < 0 {
		return ""
	}
	return string(r.Headers[i].Value)
}
