package format

import (
	"bytes"
	"slices"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/sluice-data/sluice/internal/scan"
)

// The dialects that the tests share.
var (
	standard = Dialect{Delimiter: ',', Quoting: QuoteNonNumeric, LineEnd: "\r\n", Header: true}
	quoteAll = Dialect{Delimiter: ',', Quoting: QuoteAll, LineEnd: "\r\n", Header: true}
	minimal  = Dialect{Delimiter: ',', Quoting: QuoteMinimal, LineEnd: "\r\n", Header: true}
)

// seedID is the id of the example in the documentation.
var seedID = uuid.MustParse("26d73cde-7eb1-4e1e-b7db-a4c03b4cf206")

const seedTime = 1622135805000

// row makes the row of a record: what the stages before the encoder do, the plain way. The
// record stands in the middle of a document, as it does in a batch.
func row(table *Table, data, changes string) *Row {
	const before = "\"\xff{"
	doc := []byte(before + data + changes + `,"}`)
	at := uint32(len(before))
	r := rowOf(table, doc, scan.Span{Start: at, End: at + uint32(len(data))})
	if changes != "" {
		r.Changes = scan.Span{Start: r.Data.End, End: r.Data.End + uint32(len(changes))}
	}
	return r
}

// rowOf makes the row of the record at doc[data].
func rowOf(table *Table, doc []byte, data scan.Span) *Row {
	r := &Row{ID: seedID, EmittedAt: seedTime, Doc: doc, Data: data}
	if !table.Flatten {
		return r
	}
	index := map[string]int32{} // in Values, by key: of duplicates the last counts
	for o := scan.Object(doc, int(data.Start)); o.Next(); {
		key, _ := scan.AppendUnescaped(nil, o.Key.Of(doc))
		if slices.Contains(table.Columns, string(key)) {
			index[string(key)] = int32(len(r.Values))
			r.Values = append(r.Values, scan.Value{Span: o.Value, Kind: kindOf(o.Value.Of(doc))})
		} else if table.KeepUndeclared {
			r.Extra = append(r.Extra, scan.Span{Start: o.Key.Start - 1, End: o.Value.End})
		}
	}
	for _, name := range table.Columns {
		i, ok := index[name]
		if !ok {
			i = -1
		}
		r.Columns = append(r.Columns, i)
	}
	return r
}

// kindOf looks at a value.
func kindOf(raw []byte) scan.Kind {
	good := utf8.Valid(raw)
	switch {
	case raw[0] == 'n':
		return scan.Null
	case raw[0] == '"' && good && !bytes.ContainsRune(raw, '\\'):
		return scan.Text
	case raw[0] == '"':
		return scan.Escaped
	case (raw[0] == '{' || raw[0] == '[') && good:
		return scan.JSON
	case raw[0] == '{' || raw[0] == '[':
		return scan.DirtyJSON
	}
	return scan.Bare
}

// encode writes a whole object: the header and one row a record.
func encode(d Dialect, table Table, records ...string) string {
	c := NewCSV(d, table)
	out := c.AppendHeader(nil)
	for _, data := range records {
		out, _ = c.AppendRow(out, row(&table, data, ""))
	}
	return string(out)
}
