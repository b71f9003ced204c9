package stages

import (
	"bytes"
	"strconv"

	"github.com/sluice-data/sluice/airbyte"
	"github.com/sluice-data/sluice/internal/scan"
	"github.com/sluice-data/sluice/pipeline"
)

// held makes of a STATE what the ledger holds, and counts the records that it covers: those
// since the last one of its stream, or of the whole sync.
func (a *Assemble) held(b *pipeline.Batch, m *pipeline.Mark) pipeline.HeldState {
	held := NewHeldState(a.rows, b, m)
	switch {
	case m.Kind == pipeline.WholeState:
		held.Records, a.counted = a.passed-a.counted, a.passed
	case m.Stream < 0:
		held.Key = KeyOfState(&a.decoder, held.Message)
	default:
		s := &a.streams[m.Stream]
		held.Key = s.key
		held.Records, s.counted = s.counted, 0
	}
	return held
}

// NewHeldState takes a STATE out of its batch, behind so many rows. Whose it is and what it covers, its
// taker knows.
func NewHeldState(after int64, b *pipeline.Batch, m *pipeline.Mark) pipeline.HeldState {
	return pipeline.HeldState{
		After:   after,
		Message: bytes.Clone(m.Text.Of(b.Input)), // the batch will be emptied
		State:   scan.Span{Start: m.State.Start - m.Text.Start, End: m.State.End - m.Text.Start},
	}
}

// KeyOfState is the key of the state of a stream that is not in the catalog. That is rare, so decode
// did not keep its name.
func KeyOfState(d *airbyte.Decoder, message []byte) string {
	var m airbyte.Message
	_ = d.Decode(message, 0, len(message), &m) // decode has accepted it before
	return StateKey(airbyte.StreamID{Namespace: string(m.Namespace), Name: string(m.Name)})
}

// StateKey tells the states of streams apart. Names may have any character in them, so they
// are quoted.
func StateKey(id airbyte.StreamID) string {
	return strconv.Quote(id.Namespace) + strconv.Quote(id.Name)
}

// EmitStates is the end of a STATE's way: it gives the message to emit as it leaves, with the
// number of records that it covers.
func EmitStates(emit func(message []byte) error) func(*pipeline.HeldState) error {
	return func(s *pipeline.HeldState) error {
		return emit(airbyte.AppendState(nil, s.Message, s.State, s.Records))
	}
}
