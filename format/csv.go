package format

import (
	"bytes"
	"slices"
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
	dialect Dialect
	table   Table
	header  []byte
	special [256]bool // bytes that make QuoteMinimal quote
	asIs    [8]bool   // kinds of values that are cells as they stand in the document, with their quotes if they have any

	// Parts of rows that are always the same.
	missing  part // the delimiter and the cell of a missing value
	lineEnd  part
	meta     part // of v2: the delimiter and the start of _airbyte_meta, to the changes
	metaEnd  part // behind the changes: the end of the cell, and _airbyte_generation_id
	metaNone part // all of it for a row without changes

	fixed int // what a row needs besides its values: see bound
	long  int // the bound above which the bytes of a row are counted
}

// longRow is a length at which room for twice as much is too much to take on trust.
const longRow = 1 << 20

// part is a constant piece of a row. Most are so short that one move writes them.
type part struct {
	start [16]byte
	text  []byte
}

func newPart(text []byte) part {
	p := part{text: text}
	copy(p.start[:], text)
	return p
}

func (p *part) write(dst []byte, n int) int {
	*(*[16]byte)(dst[n:]) = p.start
	if len(p.text) > len(p.start) {
		copy(dst[n:], p.text)
	}
	return n + len(p.text)
}

// NewCSV makes the encoder of a table.
func NewCSV(dialect Dialect, table Table) *CSV {
	c := &CSV{dialect: dialect, table: table, long: longRow}
	for _, b := range []byte{dialect.Delimiter, '"', '\r', '\n'} {
		c.special[b] = true
	}
	c.asIs[scan.Text] = dialect.Quoting != QuoteMinimal
	c.asIs[scan.Bare] = dialect.Quoting != QuoteAll
	c.missing = newPart(append([]byte{dialect.Delimiter}, c.bare(dialect.Null)...))
	c.lineEnd = newPart([]byte(dialect.LineEnd))
	c.makeMeta()
	if dialect.Header {
		for i, name := range table.Header() {
			if i > 0 {
				c.header = append(c.header, dialect.Delimiter)
			}
			c.header = append(c.header, c.text(name)...)
		}
		c.header = append(c.header, dialect.LineEnd...)
	}
	c.fixed = c.fixedSize()
	return c
}

// makeMeta makes what is the same in the v2 metadata of all rows.
func (c *CSV) makeMeta() {
	if c.table.Metadata != MetadataV2 {
		return
	}
	generation := c.dialect.Null
	if id := c.table.GenerationID; id != nil {
		generation = strconv.FormatInt(*id, 10)
	}
	start := slices.Concat([]byte{c.dialect.Delimiter, '"'}, double(c.table.metaPrefix()))
	end := slices.Concat([]byte{'}', '"', c.dialect.Delimiter}, c.bare(generation))
	c.meta, c.metaEnd = newPart(start), newPart(end)
	c.metaNone = newPart(slices.Concat(start, []byte("[]"), end))
}

// bare is the cell of a number or of what stands for null.
func (c *CSV) bare(text string) []byte {
	if c.dialect.Quoting == QuoteAll {
		text = `"` + text + `"`
	}
	return []byte(text)
}

// text is the cell of a text that is not a row's.
func (c *CSV) text(text string) []byte {
	if c.dialect.Quoting == QuoteMinimal && !c.needsQuotes([]byte(text)) {
		return []byte(text)
	}
	return slices.Concat([]byte{'"'}, double([]byte(text)), []byte{'"'})
}

// double doubles quotes; rows have writeDoubled.
func double(text []byte) []byte {
	return bytes.ReplaceAll(text, []byte(`"`), []byte(`""`))
}

// Extension is "csv".
func (c *CSV) Extension() string { return "csv" }

// AppendHeader appends the names of the columns, if the dialect has a header.
func (c *CSV) AppendHeader(dst []byte) []byte { return append(dst, c.header...) }

// AppendRow appends one record and its line end. It asks for room once, and may write behind
// the row within dst's capacity.
func (c *CSV) AppendRow(dst []byte, row *Row) (out []byte, replaced int) {
	n, room := len(dst), c.bound(row)
	all := slices.Grow(dst, room)
	dst = all[: n+room : n+room] // no more: a bound that is too low must show up at once
	n, replaced = c.writeMetadata(dst, n, row)
	var more int
	if c.table.Flatten {
		n, more = c.writeCells(dst, n, row)
	} else {
		dst[n] = c.dialect.Delimiter
		n, more = c.writeJSON(dst, n+1, row.Doc, row.Data, row.Clean)
	}
	n = c.lineEnd.write(dst, n)
	return all[:n], replaced + more
}

// bound is the room that AppendRow takes for a row, so that nothing behind it has to ask
// for room again:
//
//	fixed + 2·(data + changes)    or 3· where they may not be good UTF-8
//
// with the lengths of Row.Data and Row.Changes, and for fixed
//
//	2+36 of the id, 1+2+20 of the time, and the constant parts of v2
//	for each column: the delimiter, two quotes, and the text of null
//	1+2 of an unflattened record, or 2 for the braces of undeclared members
//	the line end, and the slack that short copies use behind their end
//
// A row's values are parts of its data that do not overlap (the commas of undeclared members
// are there too), and so they are together no longer than that: text and numbers as they
// are, JSON with each byte a quote and doubled, and an escape is never shorter than what it
// stands for, two quotes even. A byte that is no UTF-8 becomes three.
//
// For a long row the bytes that can grow are counted, instead of reserving twice its length.
func (c *CSV) bound(row *Row) int {
	factor := 2
	if !row.Clean {
		factor = 3
	}
	if most := c.fixed + factor*(row.Data.Len()+row.Changes.Len()); most <= c.long {
		return most
	}
	return c.fixed + written(row.Data.Of(row.Doc), row.Clean) + written(row.Changes.Of(row.Doc), row.Clean)
}

// fixedSize is the part of bound that is the same for all rows.
func (c *CSV) fixedSize() int {
	columns := 1
	if c.table.Flatten {
		columns = len(c.table.Columns) + 1
	}
	const id, time, braces = 2 + uuidSize, 1 + 2 + 20, 2
	return id + time + len(c.metaNone.text) + columns*(len(c.missing.text)+2) + braces + len(c.lineEnd.text) + slack
}

// written is the number of bytes that become of JSON text: quotes are doubled, and a byte
// that is no UTF-8 becomes three.
func written(raw []byte, clean bool) int {
	size := len(raw)
	if !clean {
		size = repaired(raw)
	}
	return size + bytes.Count(raw, []byte{'"'})
}

// repaired is the length of a text when each byte that is no UTF-8 has become U+FFFD.
func repaired(raw []byte) int {
	size := len(raw)
	if utf8.Valid(raw) {
		return size
	}
	for len(raw) > 0 {
		r, n := utf8.DecodeRune(raw)
		if r == utf8.RuneError && n == 1 {
			size += 2
		}
		raw = raw[n:]
	}
	return size
}
