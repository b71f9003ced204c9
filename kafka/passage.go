package kafka

import (
	"fmt"

	"github.com/sluice-data/sluice/pipeline"
)

// passage is what of one partition the workers have not committed yet: the ends of its runs, in
// their order. It is pure: no clock, no lock.
type passage struct {
	topic     string
	partition int32
	committed int64 // as it was seen last; -1: nothing ever was
	begin     int64 // the end of the log when the sync began
	end       int64 // offset behind the last record that is known
	waiting   []passing
	open      int // runs that have begun, and not ended
}

// passing is a run that waits until the committed offset is at least pass.
type passing struct {
	id   pipeline.ObjectID
	pass int64
}

// ended tells that all of a run is in the log, the last of it at an offset below pass. Offsets only
// grow; where they don't, the partition has lost records that were acknowledged.
func (p *passage) ended(id pipeline.ObjectID, pass int64) error {
	if pass <= p.end {
		return &Error{Err: fmt.Errorf("partition %d of the topic %s had the offset %d already, and gives %d now: it has lost records (unclean.leader.election.enable, or the topic was made again). Sync again",
			p.partition, p.topic, p.end-1, pass-1)}
	}
	p.end = pass
	p.open--
	p.waiting = append(p.waiting, passing{id, pass})
	return nil
}

// commit tells the committed offset, and returns how many runs lie in front of it: see take. It never
// goes back, unless somebody resets it; then it says nothing of what is in objects any more.
func (p *passage) commit(offset int64) (int, error) {
	if offset < p.committed {
		now := fmt.Sprint("is ", offset)
		if offset < 0 {
			now = "is gone"
		}
		return 0, &Error{Err: fmt.Errorf("the committed offset of partition %d of the topic %s was %d and %s: somebody has reset or deleted the consumer group, or the topic. Which rows are in objects can't be told; sync again",
			p.partition, p.topic, p.committed, now)}
	}
	p.committed = offset
	n := 0
	for n < len(p.waiting) && p.waiting[n].pass <= offset {
		n++
	}
	return n, nil
}

// take takes away the first n runs.
func (p *passage) take(n int, ids []pipeline.ObjectID) []pipeline.ObjectID {
	for _, w := range p.waiting[:n] {
		ids = append(ids, w.id)
	}
	p.waiting = p.waiting[n:]
	return ids
}

// lost reports whether the log begins behind rows that have not been committed.
func (p *passage) lost(start int64) bool {
	return p.left() > 0 && start > max(p.committed, p.begin)
}

// left is the number of runs that are not committed.
func (p *passage) left() int { return len(p.waiting) + p.open }
