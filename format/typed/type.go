// Package typed writes records as rows of typed columns: the binary encoding of Avro, which Avro files
// hold as it is, and from which Parquet's columns are built.
package typed

// Kind is what a column's values are.
type Kind uint8

const (
	// JSON is the text of any value, as it came. It is what remains where a schema does not say more.
	JSON    Kind = iota
	Boolean      // one byte, 0 or 1
	Long         // an integer of 64 bits
	Double
	Decimal // of Type.Precision and Scale: see Type.Size
	String
	Bytes           // what the source sends as base64
	Date            // days since 1970-01-01
	Time            // microseconds of the day; Type.Zoned: in UTC
	TimestampMillis // milliseconds since 1970-01-01, UTC; of our own columns only
	Timestamp       // microseconds since 1970-01-01, UTC
	LocalTimestamp  // microseconds since 1970-01-01 00:00 by the clock on a wall somewhere
	UUID            // its text; of our own columns only
	Record          // of Type.Fields
	Array           // of Type.Items
	Union           // of Type.Branches
)

// Type is the type of a column, or of a part of one. In a row it is what Avro makes of it:
//
//	nullable       the branch as an integer: 0 is null, 1 the value; of a union 1 is its first branch
//	Boolean        one byte
//	Double         eight bytes, the lowest first
//	Decimal        Size bytes, the highest first: the number without its point, as two's complement
//	String, JSON, UUID, Bytes    the length, and the bytes
//	Record         its fields, one behind the other
//	Array          the number of items, the items, 0; of none only the 0
//	all others     an integer
//
// Integers, lengths and numbers of items are zigzag varints: encoding/binary's Varint. All that comes
// from a source is nullable.
type Type struct {
	Kind     Kind
	Nullable bool

	Precision, Scale int     // of a Decimal: digits in all, and behind the point
	Zoned            bool    // of a Time: it is UTC, not by some clock on the wall
	Fields           []Field // of a Record
	Open             bool    // of a Record: its last field is the JSON of the members that have none of their own, or null
	Items            *Type   // of an Array
	Branches         []*Type // of a Union, without null; none of them is nullable
}

// Field is a field of a record. The columns of a table are the fields of one record.
type Field struct {
	Name string // no other field of the record has it
	Type *Type
}

// Size is how many bytes a Decimal takes.
func (t *Type) Size() int {
	if t.Precision <= longDigits {
		return 8
	}
	return 16
}

const (
	longDigits = 18 // that fit into 8 bytes
	maxDigits  = 38 // that fit into 16
)
