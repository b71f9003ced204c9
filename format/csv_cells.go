package format

import (
	"unicode/utf8"

	"github.com/sluice-data/sluice/internal/scan"
)

// What is in this file writes the cells of a row to dst[n:], where bound has made room, and
// returns the index behind them.

func (c *CSV) writeMetadata(dst []byte, n int, row *Row) (end, replaced int) {
	if c.dialect.Quoting == QuoteMinimal {
		n = writeUUID(dst, n, &row.ID)
	} else {
		dst[n] = '"'
		n = writeUUID(dst, n+1, &row.ID)
		dst[n] = '"'
		n++
	}
	dst[n] = c.dialect.Delimiter
	n = c.quoteAll(dst, n+1)
	n = writeTime(dst, n, row.EmittedAt)
	n = c.quoteAll(dst, n)
	if c.table.Metadata != MetadataV2 {
		return n, 0
	}
	if row.Changes.None() {
		return c.metaNone.write(dst, n), 0
	}
	n = c.meta.write(dst, n)
	n, replaced = writeQuotable(dst, n, row.Doc, row.Changes, row.Clean)
	return c.metaEnd.write(dst, n), replaced
}

// writeCells writes the columns of a flattened record, each with the delimiter in front.
func (c *CSV) writeCells(dst []byte, n int, row *Row) (end, replaced int) {
	doc, values, delimiter := row.Doc, row.Values, c.dialect.Delimiter
	for _, i := range row.Columns {
		if i < 0 {
			n = c.missing.write(dst, n)
			continue
		}
		v := &values[i]
		start, size := int(v.Start), int(v.End-v.Start)
		if c.asIs[v.Kind&7] && size <= slack && start+slack <= len(doc) { // most are
			dst[n] = delimiter
			move32(dst[n+1:], doc[start:])
			n += 1 + size
			continue
		}
		if v.Kind <= scan.Null {
			n = c.missing.write(dst, n)
			continue
		}
		var bad int
		n, bad = c.writeValue(dst, n, row, v)
		replaced += bad
	}
	if c.table.KeepUndeclared {
		var bad int
		n, bad = c.writeMembers(dst, n, row)
		replaced += bad
	}
	return n, replaced
}

// writeValue writes the delimiter and the cell of a value that is more than a copy.
func (c *CSV) writeValue(dst []byte, n int, row *Row, v *scan.Value) (end, replaced int) {
	dst[n] = c.dialect.Delimiter
	n++
	switch {
	case c.asIs[v.Kind&7]:
		return writeShort(dst, n, row.Doc, int(v.Start), v.Len()), 0
	case v.Kind == scan.Bare: // in quotes, as every cell
		dst[n] = '"'
		n = writeShort(dst, n+1, row.Doc, int(v.Start), v.Len())
		dst[n] = '"'
		return n + 1, 0
	case v.Kind == scan.Text:
		text := inner(v.Span)
		if c.needsQuotes(text.Of(row.Doc)) {
			text = v.Span // which has them
		}
		return writeShort(dst, n, row.Doc, int(text.Start), text.Len()), 0
	case v.Kind == scan.Escaped:
		return c.writeEscaped(dst, n, row, inner(v.Span))
	}
	return c.writeJSON(dst, n, row.Doc, v.Span, v.Kind == scan.JSON)
}

// inner is a string without its quotes.
func inner(s scan.Span) scan.Span { return scan.Span{Start: s.Start + 1, End: s.End - 1} }

// writeEscaped writes the cell of a string with escapes or bad UTF-8, given without its
// quotes.
func (c *CSV) writeEscaped(dst []byte, n int, row *Row, text scan.Span) (end, replaced int) {
	raw := text.Of(row.Doc)
	if c.dialect.Quoting != QuoteMinimal && (row.Clean || utf8.Valid(raw)) {
		dst[n] = '"'
		n, replaced = writeUnescaped(dst, n+1, row.Doc, text)
		dst[n] = '"'
		return n + 1, replaced
	}
	// First the text, one byte further on, where it stays if it gets quotes.
	out, replaced := scan.AppendUnescaped(dst[:n+1], raw)
	end = len(out)
	if c.dialect.Quoting == QuoteMinimal && !c.needsQuotes(dst[n+1:end]) {
		copy(dst[n:], dst[n+1:end])
		return end - 1, replaced
	}
	dst[n] = '"'
	end = doubleInPlace(dst, n+1, end)
	dst[end] = '"'
	return end + 1, replaced
}

// writeJSON writes a cell that holds JSON.
func (c *CSV) writeJSON(dst []byte, n int, doc []byte, value scan.Span, clean bool) (end, replaced int) {
	if c.dialect.Quoting == QuoteMinimal && !c.needsQuotes(value.Of(doc)) {
		return n + copy(dst[n:], value.Of(doc)), 0 // without a string, so all of it is ASCII
	}
	dst[n] = '"'
	n, replaced = writeQuotable(dst, n+1, doc, value, clean)
	dst[n] = '"'
	return n + 1, replaced
}

// writeMembers joins the undeclared members of a record to one JSON object, behind the
// delimiter.
func (c *CSV) writeMembers(dst []byte, n int, row *Row) (end, replaced int) {
	if len(row.Extra) == 0 {
		return c.missing.write(dst, n), 0
	}
	dst[n], dst[n+1] = c.dialect.Delimiter, '"'
	n += 2
	separator := byte('{')
	for _, member := range row.Extra {
		dst[n] = separator
		separator = ','
		var bad int
		n, bad = writeQuotable(dst, n+1, row.Doc, member, row.Clean)
		replaced += bad
	}
	dst[n], dst[n+1] = '}', '"'
	return n + 2, replaced
}

// quoteAll writes a quote where every cell has them.
func (c *CSV) quoteAll(dst []byte, n int) int {
	if c.dialect.Quoting != QuoteAll {
		return n
	}
	dst[n] = '"'
	return n + 1
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

// writeQuotable copies JSON text with its quotes doubled and its bad UTF-8 replaced.
func writeQuotable(dst []byte, n int, doc []byte, text scan.Span, clean bool) (end, replaced int) {
	if raw := text.Of(doc); !clean && !utf8.Valid(raw) {
		return writeRepaired(dst, n, raw)
	}
	return writeDoubled(dst, n, doc, text), 0
}
