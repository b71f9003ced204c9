package format

import (
	"bytes"
	"strconv"
	"unicode/utf8"

	"github.com/sluice-data/sluice/internal/scan"
)

// Quoting says which cells stand in quotes.
type Quoting int

const (
	// QuoteNonNumeric quotes strings and JSON; numbers, booleans and nulls are bare. So
	// null (nothing) and the empty string ("") differ.
	QuoteNonNumeric Quoting = iota
	// QuoteAll quotes every cell, as the connector's first releases did.
	QuoteAll
	// QuoteMinimal quotes what RFC 4180 demands, and what a reader would take for null.
	QuoteMinimal
)

// Dialect is a way to write CSV. The zero value is not usable: Delimiter must be set.
type Dialect struct {
	Delimiter byte
	Quoting   Quoting
	LineEnd   string // "\r\n" or "\n", behind every record, the last one too
	Null      string // what stands for null and for a missing field; bare, so it must need no quotes
	Header    bool
}

// CSV encodes the rows of one table by RFC 4180.
//
//   - A string is its text; quotes inside a quoted cell are doubled.
//   - A number keeps the digits that came; true and false are themselves.
//   - An object, an array, and the whole record of an unflattened table are their JSON as it
//     came, white space included.
type CSV struct {
	dialect  Dialect
	table    Table
	header   []byte
	meta     []byte    // start of _airbyte_meta, its quotes doubled
	generate []byte    // the cell _airbyte_generation_id
	special  [256]bool // bytes that make QuoteMinimal quote
	nulls    []byte    // the cell of a missing field
	extra    int       // index of the column of undeclared fields, or -1
}

// NewCSV makes the encoder of a table.
func NewCSV(dialect Dialect, table Table) *CSV {
	c := &CSV{dialect: dialect, table: table, extra: -1}
	for _, b := range []byte{dialect.Delimiter, '"', '\r', '\n'} {
		c.special[b] = true
	}
	c.nulls = c.appendBare(nil, []byte(dialect.Null))
	if table.Flatten && table.KeepUndeclared {
		c.extra = len(table.Columns)
	}
	c.generate = c.nulls
	if table.GenerationID != nil {
		c.generate = c.appendBare(nil, strconv.AppendInt(nil, *table.GenerationID, 10))
	}
	c.meta = appendDoubled(nil, table.metaPrefix())
	if dialect.Header {
		for i, name := range table.Header() {
			if i > 0 {
				c.header = append(c.header, dialect.Delimiter)
			}
			c.header = c.appendText(c.header, []byte(name))
		}
		c.header = append(c.header, dialect.LineEnd...)
	}
	return c
}

// Extension is "csv".
func (c *CSV) Extension() string { return "csv" }

// AppendHeader appends the names of the columns, if the dialect has a header.
func (c *CSV) AppendHeader(dst []byte) []byte { return append(dst, c.header...) }

// AppendRow appends one record and its line end.
func (c *CSV) AppendRow(dst []byte, row *Row) (out []byte, replaced int) {
	dst, replaced = c.appendMetadata(dst, row)
	if c.table.Flatten {
		var n int
		dst, n = c.appendCells(dst, row)
		replaced += n
	} else {
		dst = append(dst, c.dialect.Delimiter)
		var n int
		dst, n = c.appendJSON(dst, row.Data.Of(row.Doc), row.Clean)
		replaced += n
	}
	return append(dst, c.dialect.LineEnd...), replaced
}

func (c *CSV) appendMetadata(dst []byte, row *Row) (out []byte, replaced int) {
	if c.dialect.Quoting == QuoteMinimal {
		dst = appendUUID(dst, &row.ID)
	} else {
		dst = append(dst, '"')
		dst = appendUUID(dst, &row.ID)
		dst = append(dst, '"')
	}
	dst = append(dst, c.dialect.Delimiter)
	dst = c.quoteAll(dst)
	dst = strconv.AppendInt(dst, row.EmittedAt, 10)
	dst = c.quoteAll(dst)
	if c.table.Metadata != MetadataV2 {
		return dst, 0
	}
	dst = append(dst, c.dialect.Delimiter, '"')
	dst = append(dst, c.meta...)
	if row.Changes.None() {
		dst = append(dst, "[]"...)
	} else {
		dst, replaced = appendDoubledClean(dst, row.Changes.Of(row.Doc), row.Clean)
	}
	dst = append(dst, '}', '"', c.dialect.Delimiter)
	return append(dst, c.generate...), replaced
}

// appendCells appends the columns of a flattened record, each with the delimiter in front.
func (c *CSV) appendCells(dst []byte, row *Row) (out []byte, replaced int) {
	next := uint32(0) // the column whose turn it is
	cells := row.Cells
	for len(cells) > 0 {
		cell := cells[0]
		for ; next < cell.Column; next++ {
			dst = append(dst, c.dialect.Delimiter)
			dst = append(dst, c.nulls...)
		}
		dst = append(dst, c.dialect.Delimiter)
		var n int
		if int(cell.Column) == c.extra {
			dst, n = c.appendMembers(dst, row, cells)
			cells = nil
		} else {
			dst, n = c.appendValue(dst, row.Doc, cell.Span, row.Clean)
			cells = cells[1:]
		}
		replaced += n
		next++
	}
	for last := uint32(c.columns()); next < last; next++ {
		dst = append(dst, c.dialect.Delimiter)
		dst = append(dst, c.nulls...)
	}
	return dst, replaced
}

// columns is the number of columns behind the metadata of a flattened table.
func (c *CSV) columns() int {
	if c.extra >= 0 {
		return c.extra + 1
	}
	return len(c.table.Columns)
}

// appendMembers joins the undeclared members of a record to one JSON object.
func (c *CSV) appendMembers(dst []byte, row *Row, members []scan.Cell) (out []byte, replaced int) {
	dst = append(dst, '"', '{')
	for i, m := range members {
		if i > 0 {
			dst = append(dst, ',')
		}
		var n int
		dst, n = appendDoubledClean(dst, m.Of(row.Doc), row.Clean)
		replaced += n
	}
	return append(dst, '}', '"'), replaced
}

// appendValue appends the cell of one JSON value.
func (c *CSV) appendValue(dst, doc []byte, value scan.Span, clean bool) (out []byte, replaced int) {
	raw := value.Of(doc)
	switch raw[0] {
	case '"':
		return c.appendString(dst, raw[1:len(raw)-1], clean)
	case '{', '[':
		return c.appendJSON(dst, raw, clean)
	case 'n':
		return append(dst, c.nulls...), 0
	}
	return c.appendBare(dst, raw), 0
}

// appendString appends the cell of a JSON string, given without its quotes.
func (c *CSV) appendString(dst, s []byte, clean bool) (out []byte, replaced int) {
	escaped := bytes.IndexByte(s, '\\') >= 0
	if !escaped && c.dialect.Quoting != QuoteMinimal && (clean || utf8.Valid(s)) {
		// The common case. Without an escape there is no quote inside.
		dst = append(dst, '"')
		dst = append(dst, s...)
		return append(dst, '"'), 0
	}
	// The text goes behind the cell's place first and is then quoted into it.
	start := len(dst)
	if escaped {
		dst, replaced = scan.AppendUnescaped(dst, s)
	} else {
		dst, replaced = scan.AppendClean(dst, s)
	}
	end := len(dst)
	dst = c.appendText(dst, dst[start:end])
	return append(dst[:start], dst[end:]...), replaced
}

// appendJSON appends a cell that holds JSON.
func (c *CSV) appendJSON(dst, raw []byte, clean bool) (out []byte, replaced int) {
	if c.dialect.Quoting == QuoteMinimal && !c.needsQuotes(raw) {
		return scan.AppendClean(dst, raw)
	}
	dst = append(dst, '"')
	dst, replaced = appendDoubledClean(dst, raw, clean)
	return append(dst, '"'), replaced
}

// appendText appends a cell of good UTF-8 text.
func (c *CSV) appendText(dst, text []byte) []byte {
	if c.dialect.Quoting == QuoteMinimal && !c.needsQuotes(text) {
		return append(dst, text...)
	}
	dst = append(dst, '"')
	dst = appendDoubled(dst, text)
	return append(dst, '"')
}

// appendBare appends a number, a boolean or what stands for null.
func (c *CSV) appendBare(dst, raw []byte) []byte {
	dst = c.quoteAll(dst)
	dst = append(dst, raw...)
	return c.quoteAll(dst)
}

// quoteAll appends a quote where every cell has them.
func (c *CSV) quoteAll(dst []byte) []byte {
	if c.dialect.Quoting == QuoteAll {
		return append(dst, '"')
	}
	return dst
}

// needsQuotes says whether QuoteMinimal quotes a text: where it holds something that CSV
// gives a meaning, or would read as null.
func (c *CSV) needsQuotes(text []byte) bool {
	if string(text) == c.dialect.Null {
		return true
	}
	for _, b := range text {
		if c.special[b] {
			return true
		}
	}
	return false
}

// appendDoubledClean appends raw with its quotes doubled and its bad UTF-8 replaced.
func appendDoubledClean(dst, raw []byte, clean bool) (out []byte, replaced int) {
	if clean || utf8.Valid(raw) {
		return appendDoubled(dst, raw), 0
	}
	start := len(dst)
	dst, replaced = scan.AppendClean(dst, raw)
	end := len(dst)
	dst = appendDoubled(dst, dst[start:end])
	return append(dst[:start], dst[end:]...), replaced
}

// appendDoubled appends s with each quote doubled.
func appendDoubled(dst, s []byte) []byte {
	for {
		i := bytes.IndexByte(s, '"')
		if i < 0 {
			return append(dst, s...)
		}
		dst = append(dst, s[:i+1]...)
		dst = append(dst, '"')
		s = s[i+1:]
	}
}
