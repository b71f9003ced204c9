// Package format encodes records: bytes in, bytes appended. It has no goroutine, no clock
// and no I/O. An Encoder is made once a stream from a Table and is then read only, so any
// number of workers may share it.
package format

import (
	"strconv"

	"github.com/google/uuid"

	"github.com/sluice-data/sluice/internal/scan"
)

// Encoder writes the records of one stream.
type Encoder interface {
	// AppendHeader appends what stands at the start of each object.
	AppendHeader(dst []byte) []byte

	// AppendRow appends one record. replaced counts the characters that were no UTF-8, or
	// half a surrogate pair, and became U+FFFD.
	AppendRow(dst []byte, row *Row) (out []byte, replaced int)

	// Extension is the end of an object's key, without a dot: "csv", "jsonl".
	Extension() string
}

// Row is one record on its way into a file. Spans refer to Doc, which is valid JSON where
// they point, and has no line feed there: a message is a line.
type Row struct {
	ID        uuid.UUID
	EmittedAt int64 // milliseconds since the epoch
	Doc       []byte
	Changes   scan.Span    // the array record.meta.changes, or none
	Data      scan.Span    // the object record.data; Values and Extra are parts of it
	Values    []scan.Value // of a flattened table: the values found in Data, in the order of its keys
	Columns   []int32      // of a flattened table: for each of Table.Columns the index of its value in Values (a Missing one too) or -1; no two share a value
	Extra     []scan.Span  // with KeepUndeclared: Data's undeclared members, each as a whole, key and value: "city":"Bern"
	Clean     bool         // all that the row's spans point at (Data, Changes, Values, Extra) is good UTF-8

	// What AppendRow has to say of the row, behind what is there already.
	Changed []Change // by encoders of typed columns
	Dropped []string // likewise: paths of undeclared members of nested objects

	Scratch []scan.Span // memory that AppendRow may use, and leaves empty
}

// Table describes what the rows of a stream look like.
type Table struct {
	Metadata MetadataColumns
	Flatten  bool     // one column a root field, else one column _airbyte_data
	Columns  []string // of a flattened table, in order
	// KeepUndeclared keeps the members in Row.Extra: CSV in one more column behind Columns,
	// _airbyte_additional_properties, whose cell is an object of them; JSONL as members of the line.
	KeepUndeclared bool

	GenerationID *int64 // of the v2 metadata; nil: unknown
	SyncID       *int64 // likewise
}

// MetadataColumns chooses the columns in front of the data.
type MetadataColumns int

const (
	// MetadataV1 are _airbyte_ab_id and _airbyte_emitted_at, of the connector's first
	// releases.
	MetadataV1 MetadataColumns = iota
	// MetadataV2 are _airbyte_raw_id, _airbyte_extracted_at, _airbyte_meta and
	// _airbyte_generation_id, as Airbyte writes since 1.0.0 (August 2024).
	MetadataV2
)

// The names of the columns that are not the source's.
const (
	DataColumn       = "_airbyte_data"
	UndeclaredColumn = "_airbyte_additional_properties"
)

// Names of the metadata columns, in their order.
func (m MetadataColumns) Names() []string {
	if m == MetadataV2 {
		return []string{"_airbyte_raw_id", "_airbyte_extracted_at", "_airbyte_meta", "_airbyte_generation_id"}
	}
	return []string{"_airbyte_ab_id", "_airbyte_emitted_at"}
}

// Header returns the names of all columns, in their order.
func (t *Table) Header() []string {
	names := t.Metadata.Names()
	if !t.Flatten {
		return append(names, DataColumn)
	}
	names = append(names, t.Columns...)
	if t.KeepUndeclared {
		names = append(names, UndeclaredColumn)
	}
	return names
}

// metaPrefix is the part of _airbyte_meta that is the same in each row:
// {"sync_id":42,"changes": .
func (t *Table) metaPrefix() []byte {
	b := []byte{'{'}
	if t.SyncID != nil {
		b = append(b, `"sync_id":`...)
		b = append(strconv.AppendInt(b, *t.SyncID, 10), ',')
	}
	return append(b, `"changes":`...)
}
