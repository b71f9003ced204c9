package format

import (
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
	r := &Row{ID: seedID, EmittedAt: seedTime, Doc: doc, Data: scan.Span{Start: at, End: at + uint32(len(data))}}
	if changes != "" {
		r.Changes = scan.Span{Start: r.Data.End, End: r.Data.End + uint32(len(changes))}
	}
	if table.Flatten {
		r.Cells = flatten(table, doc, int(at))
	}
	return r
}

// flatten finds the cells of the object at doc[at]: the last of duplicates, then what is
// not declared.
func flatten(table *Table, doc []byte, at int) (cells []scan.Cell) {
	found := map[string]scan.Span{}
	declared := map[string]bool{}
	for _, name := range table.Columns {
		declared[name] = true
	}
	var rest []scan.Cell
	for o := scan.Object(doc, at); o.Next(); {
		name, _ := scan.AppendUnescaped(nil, o.Key.Of(doc))
		if found[string(name)] = o.Value; !declared[string(name)] && table.KeepUndeclared {
			whole := scan.Span{Start: o.Key.Start - 1, End: o.Value.End}
			rest = append(rest, scan.Cell{Column: uint32(len(table.Columns)), Span: whole})
		}
	}
	for i, name := range table.Columns {
		if span, ok := found[name]; ok {
			cells = append(cells, scan.Cell{Column: uint32(i), Span: span})
		}
	}
	return append(cells, rest...)
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
