package format

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
)

// JSONL encodes the rows of one table as lines of JSON objects.
//
//   - Values stand as they came: numbers with their digits, objects and arrays with their
//     white space.
//   - A line of a flattened table has all columns, in their order: what a record lacks is null.
//     So readers, which guess types from the first lines, find one schema.
//   - Undeclared members that are kept follow as further members. One whose key is that of a
//     column of ours would make the line one that readers refuse: it goes into an object,
//     _airbyte_additional_properties, as all of them do in a CSV.
//
// What is not as it came is what makes readers refuse a line, and the file with it: a byte
// that is no UTF-8, and an escape of half a surrogate pair, become U+FFFD; and a carriage
// return between two tokens, where some cut, becomes a space. See mend.
type JSONL struct {
	table Table
	ours  []string // names that undeclared members can't have

	// Parts of rows that are always the same.
	begin    label // to the id
	emitted  label // between id and time
	meta     label // of v2: to the changes
	metaEnd  label // behind the changes: to the generation, or with it
	metaNone label // all of it for a row without changes
	data     label // of a table that is not flattened
	columns  []label
	shadowed label // the key of UndeclaredColumn, and the brace

	fixed int // what a row needs besides its values: see bound
	long  int // the bound above which the bytes of a row are counted
}

// label is a part that holds a key: longer than others, and still mostly one move.
type label struct {
	start [slack]byte
	text  []byte
}

func newLabel(text ...[]byte) label {
	l := label{text: slices.Concat(text...)}
	copy(l.start[:], l.text)
	return l
}

func (l *label) write(dst []byte, n int) int {
	move32(dst[n:], l.start[:])
	if len(l.text) > len(l.start) {
		copy(dst[n:], l.text)
	}
	return n + len(l.text)
}

// NewJSONL makes the encoder of a table.
func NewJSONL(table Table) *JSONL {
	j := &JSONL{table: table, ours: append(table.Metadata.Names(), UndeclaredColumn), long: longRow}
	key := func(i int) []byte { return memberKey(j.ours[i]) } // of a metadata column
	j.begin = newLabel([]byte("{"), key(0)[1:], []byte(`"`))
	j.emitted = newLabel([]byte(`"`), key(1))
	if table.Metadata == MetadataV2 {
		generation := []byte("null")
		if id := table.GenerationID; id != nil {
			generation = strconv.AppendInt(nil, *id, 10)
		}
		j.meta = newLabel(key(2), table.metaPrefix())
		j.metaEnd = newLabel([]byte("}"), key(3), generation)
		j.metaNone = newLabel(j.meta.text, []byte("[]"), j.metaEnd.text)
	}
	j.data = newLabel(memberKey(DataColumn))
	j.shadowed = newLabel(memberKey(UndeclaredColumn), []byte("{"))
	if table.Flatten {
		for _, name := range table.Columns {
			j.columns = append(j.columns, newLabel(memberKey(name)))
		}
	}
	j.fixed = j.fixedSize()
	return j
}

// memberKey is what stands in front of the value of a member that is not the first:
// ,"name":
func memberKey(name string) []byte {
	var text bytes.Buffer
	text.WriteByte(',')
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false)
	_ = e.Encode(name) // no string is an error, and a Buffer has none
	return append(bytes.TrimSuffix(text.Bytes(), []byte("\n")), ':')
}

// Extension is "jsonl".
func (j *JSONL) Extension() string { return "jsonl" }

// AppendHeader appends nothing: each line has its keys.
func (j *JSONL) AppendHeader(dst []byte) []byte { return dst }

// AppendRow appends one record as a line. It asks for room once, and may write behind the row
// within dst's capacity.
func (j *JSONL) AppendRow(dst []byte, row *Row) (out []byte, replaced int) {
	n, room := len(dst), j.bound(row)
	all := slices.Grow(dst, room)
	dst = all[: n+room : n+room] // no more: a bound that is too low must show up at once
	n, replaced = j.writeMetadata(dst, n, row)
	var more int
	if j.table.Flatten {
		n, more = j.writeMembers(dst, n, row)
	} else {
		n = j.data.write(dst, n)
		n, more = writeMended(dst, n, row.Doc, row.Data, row.Clean)
	}
	dst[n], dst[n+1] = '}', '\n'
	return all[:n+2], replaced + more
}

// bound is the room that AppendRow takes for a row, so that nothing behind it has to ask
// for room again:
//
//	fixed + data + changes    or 3· where they may not be good UTF-8
//
// with the lengths of Row.Data and Row.Changes. A row's values are parts of its data that do
// not overlap. They stay as long as they are, but that a byte that is no UTF-8 becomes three.
// An undeclared member has the comma of its own in the data too, but for the first, which may
// have the data's brace.
//
// For a long row those bytes are counted, instead of reserving three times its length.
func (j *JSONL) bound(row *Row) int {
	factor := 1
	if !row.Clean {
		factor = 3
	}
	if most := j.fixed + factor*(row.Data.Len()+row.Changes.Len()); factor == 1 || most <= j.long {
		return most
	}
	return j.fixed + repaired(row.Data.Of(row.Doc)) + repaired(row.Changes.Of(row.Doc))
}

// fixedSize is the part of bound that is the same for all rows.
func (j *JSONL) fixedSize() int {
	const time, null, end = 20, 4, 2
	size := len(j.begin.text) + uuidSize + len(j.emitted.text) + time + len(j.metaNone.text) + end + slack
	if !j.table.Flatten {
		return size + len(j.data.text)
	}
	for i := range j.columns {
		size += len(j.columns[i].text) + null
	}
	return size + len(j.shadowed.text) + len("}")
}
