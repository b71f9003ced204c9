package airbyte

import (
	"github.com/sluice-data/sluice/internal/scan"
)

// StreamID names a stream. Namespace is empty where there is none; the protocol's null,
// "" and absent are the same.
type StreamID struct {
	Namespace string
	Name      string
}

// String is how people write it: public.users.
func (id StreamID) String() string {
	if id.Namespace == "" {
		return id.Name
	}
	return id.Namespace + "." + id.Name
}

// Kind is what a destination does with a message.
type Kind uint8

const (
	Skip     Kind = iota // nothing: LOG, CONTROL and all that is unknown
	Record               // RECORD
	State                // STATE
	Status               // TRACE of type STREAM_STATUS
	Estimate             // TRACE of type ESTIMATE that says how many rows a stream may have
	Failure              // TRACE of type ERROR: the source has failed
)

// StateType is the scope of a STATE.
type StateType uint8

const (
	LegacyState StateType = iota // the whole sync, one blob; also where no type is given
	StreamState
	GlobalState
)

// StreamStatus is the status in a STREAM_STATUS message.
type StreamStatus uint8

const (
	OtherStatus StreamStatus = iota // STARTED, RUNNING and unknown ones
	Complete
	Incomplete
)

// Message is one decoded line. Spans refer to the document given to Decode; Namespace and
// Name may too, or to the Decoder, and hold until its next call.
type Message struct {
	Kind      Kind
	Stream    int32  // of a record, a stream state, a status or an estimate: index in the Decoder's streams; -1: none of them
	Namespace []byte // of the same
	Name      []byte

	Data      scan.Span // Record: the object under data
	Changes   scan.Span // Record: the array under meta.changes, or none
	EmittedAt int64     // Record: milliseconds since the epoch
	NoTime    bool      // Record: there is no emitted_at
	Clean     bool      // Record: data and changes are good UTF-8

	// Values is appended to by each Record: with what stands in data. With a Shape those are
	// one value for each of its keys. Without one, each member's key and its value.
	Values []scan.Value
	Shape  *scan.Shape

	StateType StateType // State
	State     scan.Span // State: the object under state

	Status StreamStatus // Status

	Rows int64 // Estimate
}
