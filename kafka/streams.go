package kafka

import (
	"github.com/sluice-data/sluice/airbyte"
	"github.com/sluice-data/sluice/pipeline"
	"github.com/sluice-data/sluice/stages"
)

// stream is what the front knows of a stream of the catalog.
type stream struct {
	sum     stages.StreamSummary
	outlet  *outlet
	key     string // of its states
	counted int64  // records since its last state
}

// source is what a source has said of its streams, and what follows for the sync.
type source struct {
	streams  []stream
	rows     int64 // produced: the number of the next one
	counted  int64 // records in front of the last LEGACY or GLOBAL state
	status   bool  // it says how its streams end, or that it has failed: no COMPLETE is a failure
	reported string
	decoder  airbyte.Decoder
}

// row counts a row.
func (s *source) row(i int32, bytes int) {
	stream := &s.streams[i]
	stream.counted++
	stream.sum.Rows++
	stream.sum.Bytes += int64(bytes)
	s.rows++
}

// state makes of a STATE what the ledger holds, and counts the records that it covers: those since the
// last one of its stream, or of the whole sync.
func (s *source) state(b *pipeline.Batch, m *pipeline.Mark) pipeline.HeldState {
	held := stages.NewHeldState(s.rows, b, m)
	switch {
	case m.Kind == pipeline.WholeState:
		held.Records, s.counted = s.rows-s.counted, s.rows
	case m.Stream < 0:
		held.Key = stages.KeyOfState(&s.decoder, held.Message)
	default:
		stream := &s.streams[m.Stream]
		held.Key = stream.key
		held.Records, stream.counted = stream.counted, 0
	}
	return held
}

// end takes a status that ends a stream, and reports whether it is the first that does.
func (s *source) end(m *pipeline.Mark) bool {
	sum := &s.streams[m.Stream].sum
	first := !sum.Ended
	switch m.Kind {
	case pipeline.StreamComplete:
		sum.Ended = true
		sum.Complete = !sum.Failed
	case pipeline.StreamIncomplete:
		// Where it said COMPLETE before, the sync has to fail all the same.
		sum.Ended, sum.Failed, sum.Complete = true, true, false
	default:
		return false
	}
	return first
}

// finish ends all streams that no status has ended: successfully if the source sends no statuses at
// all, as failed if it does, or has reported an error: its records may have ended anywhere.
func (s *source) finish() {
	for i := range s.streams {
		if sum := &s.streams[i].sum; !sum.Ended {
			sum.Ended, sum.Failed, sum.Complete = true, s.status, !s.status
		}
	}
}

// failed are the streams that did not end successfully.
func (s *source) failed() (ids []airbyte.StreamID) {
	for i := range s.streams {
		if sum := &s.streams[i].sum; !sum.Complete {
			ids = append(ids, sum.Stream)
		}
	}
	return ids
}

// summary is what was done with each stream, in the order of the catalog.
func (s *source) summary() (all []stages.StreamSummary) {
	for i := range s.streams {
		all = append(all, s.streams[i].sum)
	}
	return all
}

// progress is how far each stream is.
func (s *source) progress() []stages.StreamProgress {
	all := make([]stages.StreamProgress, len(s.streams))
	for i := range s.streams {
		all[i] = s.streams[i].sum.StreamProgress
	}
	return all
}
