package kafka

import (
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// A barrier is a record with this header and no value. A hard one ends the epoch behind it, so that
// what stands in front of it is in complete objects soon. A soft one ends nothing: workers pass it.
const (
	barrierHeader = "airbyte-barrier"
	barrierHard   = "hard"
	barrierSoft   = "soft"
)

// barrier makes a hard barrier. The front makes no soft ones: what a STATE waits for are the offsets of
// the rows in front of it, which it knows anyway, and nobody acts on a soft barrier.
func barrier(topic string, partition int32) *kgo.Record {
	return &kgo.Record{
		Topic: topic, Partition: partition,
		Headers: []kgo.RecordHeader{{Key: barrierHeader, Value: []byte(barrierHard)}},
	}
}

// schedule says when STATEs are worth hard barriers. Each ends objects, so it is seldom: an age
// apart. Without barriers STATEs leave as well, when workers end their objects by size.
type schedule struct {
	age  time.Duration // 0: only at the end
	last time.Time     // when the last barriers were made; the beginning counts
	held bool          // a STATE has come since
}

// state tells of a STATE. Barriers right behind it let it leave: so it is them that one waits for,
// rather than for the moment.
func (s *schedule) state(now time.Time) (due bool) {
	s.held = true
	return s.due(now)
}

// due reports whether a STATE waits for barriers for longer than it should.
func (s *schedule) due(now time.Time) bool {
	return s.held && s.age > 0 && now.Sub(s.last) >= s.age
}

// made tells that all rows have a barrier behind them now, and whether one had to be made.
func (s *schedule) made(now time.Time, some bool) {
	s.held = false
	if some {
		s.last = now
	}
}
