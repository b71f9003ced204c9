package pipeline

import (
	"unsafe"

	"github.com/google/uuid"

	"github.com/sluice-data/sluice/compress"
	"github.com/sluice-data/sluice/internal/scan"
)

// Batch is the unit of work on every edge: a block of whole lines and what the stages make
// of it. It belongs to whoever holds it: exactly one stage, or one channel. No stage keeps
// a reference to it, or to bytes inside it, after it has passed it on.
//
// All spans in a batch refer to Input.
type Batch struct {
	seq   int64 // place in the order of the input
	large bool  // holds the token of reader.large

	Line  int64  // number of the first line, from 1
	Input []byte // whole lines

	Origins []Origin // of each line, where the source knows them
	Rejects []Reject // lines that are left out: only from who asked for that
	Records []Record
	Marks   []Mark
	Values  []scan.Value // of all records: see ValuesOf
	Columns []int32      // of records that have no plan in common with others
	Extra   []scan.Span  // undeclared members that are kept

	Partitions []string // paths that its records belong to: see Record.Partition

	Output   []byte // the encoded records, in order: see Record.End
	Segments []Segment

	Undeclared []Undeclared // fields that are not in the schema
	Replaced   []Replaced   // characters that became U+FFFD
	Changed    []Changed    // values that their columns can't hold as they came

	err error // of the stage that failed; later stages leave such a batch alone
}

// Record is one RECORD message.
type Record struct {
	Stream    int32 // index in the catalog
	Partition int32 // number of the path in Batch.Partitions, from 1; 0: its table has none
	Line      int32 // of the batch, from 0
	Data      scan.Span
	Changes   scan.Span
	EmittedAt int64 // milliseconds since the epoch
	NoTime    bool  // the source gave no emitted_at
	Clean     bool  // Data and Changes are good UTF-8
	First     int32 // its values are Batch.Values[First:Last]
	Last      int32
	Shape     *scan.Shape // whose keys the values belong to; nil: keys and values take turns
	ID        uuid.UUID
	Columns   []int32     // of a flattened record: see format.Row
	Extra     []scan.Span // likewise
	End       int         // end of its row in Batch.Output; it begins where the one before ends
}

// Mark is a message between the records that the end of the pipeline acts on.
type Mark struct {
	At     int32 // number of the batch's records in front of it
	Line   int32 // of the batch, from 0
	Kind   MarkKind
	Stream int32     // index in the catalog; -1: another stream or none
	Text   scan.Span // the whole message
	State  scan.Span // of a state: the object under "state"
	Rows   int64     // of an estimate
}

// MarkKind tells marks apart.
type MarkKind uint8

const (
	StreamState      MarkKind = iota // a STATE of one stream
	WholeState                       // a STATE of the whole sync, LEGACY or GLOBAL
	StreamStatus                     // a STREAM_STATUS that ends nothing
	StreamComplete                   // the stream's successful end
	StreamIncomplete                 // its failure
	SourceFailed                     // a TRACE ERROR of the source
	StreamEstimate                   // how many rows the source expects it to have
)

// Segment is rows of one stream. Its bytes are Output[Start:End].
//
// As encode makes it, its records are neighbours, with no mark between them, and their rows
// end where Record.End says. A packed one (compressed) has the rows of a stream from
// anywhere in the batch, and is one piece.
type Segment struct {
	Stream    int32
	Partition int32 // of all its records
	First     int32 // Records[First] is its first record
	Rows      int32
	Start     int
	End       int
	Sum       compress.Sum // of a packed segment: what it was before
}

// Undeclared counts a field that is not in its stream's schema.
type Undeclared struct {
	Stream int32
	Field  string
	Count  int64
}

// Replaced counts replaced characters.
type Replaced struct {
	Stream int32
	Count  int64
}

// Changed counts the values of a field that are not in their rows as they came.
type Changed struct {
	Stream    int32
	Field     string // the path of a nested one
	Truncated bool   // they lost digits; else they became null
	Count     int64
}

// Origin is where a line stands in a log, and what the log knows of it.
type Origin struct {
	Offset int64
	Time   int64     // milliseconds since the epoch
	ID     uuid.UUID // of the row, where the record brought one
	Value  []byte    // as it came, where the line is not the same; not a part of Input
}

// Reject is a line that can't be written.
type Reject struct {
	Line int32 // of the batch, from 0
	Text scan.Span
	Err  error
}

// Each buffer of a batch may grow to hold one giant record. What has grown past this many
// bytes is given back to the runtime when the batch is emptied, so that one record does
// not set the memory of the whole sync.
const maxKept = 4 << 20

// reset empties the batch for its next round.
func (b *Batch) reset() {
	b.Input = emptied(b.Input)
	clear(b.Origins) // they hold memory of the log's client
	b.Origins = emptied(b.Origins)
	clear(b.Rejects)
	b.Rejects = emptied(b.Rejects)
	b.Output = emptied(b.Output)
	b.Records = emptied(b.Records)
	b.Marks = emptied(b.Marks)
	b.Values = emptied(b.Values)
	b.Columns = emptied(b.Columns)
	b.Extra = emptied(b.Extra)
	b.Segments = emptied(b.Segments)
	b.Undeclared = b.Undeclared[:0]
	b.Partitions = b.Partitions[:0]
	b.Replaced = b.Replaced[:0]
	b.Changed = b.Changed[:0]
	b.err = nil
}

func emptied[T any](s []T) []T {
	var zero T
	if cap(s)*int(unsafe.Sizeof(zero)) > maxKept {
		return nil
	}
	return s[:0]
}

// ValuesOf returns the values of a record.
func (b *Batch) ValuesOf(r *Record) []scan.Value { return b.Values[r.First:r.Last] }
