package typed

import (
	"encoding/binary"
	"encoding/hex"

	"github.com/google/uuid"

	"github.com/sluice-data/sluice/format"
	"github.com/sluice-data/sluice/internal/scan"
)

// metadata are the columns in front of the source's.
func metadata(columns format.MetadataColumns) []Field {
	types := []*Type{{Kind: UUID}, {Kind: TimestampMillis}}
	if columns == format.MetadataV2 {
		text := &Type{Kind: String}
		change := &Type{Kind: Record, Fields: []Field{{"field", text}, {"change", text}, {"reason", text}}}
		meta := &Type{Kind: Record, Fields: []Field{{"sync_id", &Type{Kind: Long, Nullable: true}}, {"changes", &Type{Kind: Array, Items: change}}}}
		types = append(types, meta, &Type{Kind: Long, Nullable: true})
	}
	fields := make([]Field, len(types))
	for i, name := range columns.Names() {
		fields[i] = Field{name, types[i]}
	}
	return fields
}

// uuidSize is the number of characters of a UUID.
const uuidSize = 36

// appendUUID appends the text of id and its length.
func appendUUID(dst []byte, id *uuid.UUID) []byte {
	n := len(dst)
	dst = append(room(dst, 1+uuidSize), uuidSize*2)[:n+1+uuidSize]
	text := (*[uuidSize]byte)(dst[n+1:])
	hex.Encode(text[0:8], id[0:4])
	hex.Encode(text[9:13], id[4:6])
	hex.Encode(text[14:18], id[6:8])
	hex.Encode(text[19:23], id[8:10])
	hex.Encode(text[24:36], id[10:16])
	text[8], text[13], text[18], text[23] = '-', '-', '-', '-'
	return dst
}

// constant is a nullable integer that is the same in all rows.
func constant(value *int64) []byte {
	if value == nil {
		return []byte{0}
	}
	return binary.AppendVarint([]byte{2}, *value)
}

// metadata appends the metadata columns. ours are the changes that were made to the row.
func (w *writer) metadata(dst []byte, e *Encoder, ours []format.Change) []byte {
	dst = appendUUID(dst, &w.row.ID)
	dst = binary.AppendVarint(dst, w.row.EmittedAt)
	if e.metadata != format.MetadataV2 {
		return dst
	}
	dst = append(dst, e.syncID...)
	dst = w.changes(dst, ours)
	return append(dst, e.generationID...)
}

// changes appends the array of the record's own changes, and of ours behind them.
func (w *writer) changes(dst []byte, ours []format.Change) []byte {
	at, count := len(dst), len(ours)
	dst = append(dst, 0)
	if !w.row.Changes.None() && w.doc[w.row.Changes.Start] == '[' {
		for i := nextElement(w.doc, int(w.row.Changes.Start)+1); i >= 0; {
			end := scan.SkipValue(w.doc, i)
			dst = w.change(dst, i)
			count++
			i = nextElement(w.doc, end)
		}
	}
	if count == 0 {
		return dst
	}
	for i := range ours {
		dst = appendChange(dst, &ours[i])
	}
	return append(settle(dst, at, 1, count), 0)
}

// change appends an element of the record's own changes, the one at doc[i]. What it lacks is "".
func (w *writer) change(dst []byte, i int) []byte {
	var field, change, reason scan.Span
	if w.doc[i] == '{' {
		for m := scan.Object(w.doc, i); m.Next(); {
			switch string(m.Key.Of(w.doc)) {
			case "field":
				field = m.Value
			case "change":
				change = m.Value
			case "reason":
				reason = m.Value
			}
		}
	}
	for _, part := range []scan.Span{field, change, reason} {
		if v := w.nested(part); v.Kind <= scan.Null {
			dst = append(dst, 0)
		} else {
			dst = w.text(dst, v)
		}
	}
	return dst
}

// appendChange appends a change of ours, in the words of Airbyte's protocol.
func appendChange(dst []byte, c *format.Change) []byte {
	change, reason := "NULLED", "DESTINATION_SERIALIZATION_ERROR"
	if c.Truncated {
		change = "TRUNCATED"
	}
	if c.Size {
		reason = "DESTINATION_FIELD_SIZE_LIMITATION"
	}
	for _, text := range []string{c.Field, change, reason} {
		dst = append(appendLength(dst, len(text)), text...)
	}
	return dst
}
