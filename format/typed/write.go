package typed

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"math"
	"unicode/utf8"

	"github.com/sluice-data/sluice/format"
	"github.com/sluice-data/sluice/internal/scan"
)

// writer writes one row.
type writer struct {
	row        *format.Row
	doc        []byte
	replaced   int
	undeclared int // nested records that keep undeclared members
}

// verdict says how a value and its column agree.
type verdict uint8

const (
	exact     verdict = iota
	truncated         // written, but for some of its digits
	tooLarge          // not written: its type is right
	mismatch          // not written
)

// scalar is more than any value takes that is not text.
const scalar = 32

// value appends a nullable value.
func (w *writer) value(dst []byte, c *column, v scan.Value) []byte {
	dst = room(dst, 1+scalar)
	if v.Kind <= scan.Null {
		return append(dst, 0)
	}
	start := len(dst)
	if c.kind != Union {
		dst = append(dst, c.index)
	}
	dst, found := w.put(dst, c, v)
	if found == exact {
		return dst
	}
	w.row.Changed = append(w.row.Changed, format.Change{Field: c.path, Truncated: found == truncated, Size: found != mismatch})
	if found == truncated {
		return dst
	}
	return append(dst[:start], 0)
}

// put appends a value without what says that it is not null. There is room for a scalar.
func (w *writer) put(dst []byte, c *column, v scan.Value) (out []byte, found verdict) {
	switch c.kind {
	case JSON:
		if v.Kind == scan.DirtyJSON || v.Kind == scan.Escaped && !w.row.Clean {
			return w.repaired(dst, v.Span), exact
		}
		return appendText(dst, w.doc, v.Span), exact
	case String:
		return w.text(dst, v), exact
	case Record:
		if w.doc[v.Start] != '{' {
			return dst, mismatch
		}
		return w.record(dst, c, int(v.Start)), exact
	case Array:
		if w.doc[v.Start] != '[' {
			return dst, mismatch
		}
		return w.array(dst, c, int(v.Start)), exact
	case Union:
		return w.union(dst, c, v)
	}
	// The rest may stand in strings, some of it only there.
	text := w.doc[v.Start:v.End]
	quoted := text[0] == '"'
	switch {
	case v.Kind == scan.Text:
		text = text[1 : len(text)-1]
	case v.Kind == scan.Escaped:
		// Behind what is written: it is read before anything else is written there.
		text, _ = scan.AppendUnescaped(dst[len(dst)+scalar:len(dst)+scalar:cap(dst)], text[1:len(text)-1])
	case v.Kind != scan.Bare:
		return dst, mismatch
	}
	return putText(dst, c, text, quoted)
}

// putText appends what is neither text nor nested, from its text.
func putText(dst []byte, c *column, text []byte, quoted bool) (out []byte, found verdict) {
	switch c.kind {
	case Long:
		var x int64
		x, found = parseLong(text)
		return binary.AppendVarint(dst, x), found
	case Decimal:
		return appendDecimal(dst, c, text)
	case Double:
		x, found := parseDouble(text, quoted)
		return binary.LittleEndian.AppendUint64(dst, math.Float64bits(x)), found
	case Boolean:
		return appendBoolean(dst, text)
	}
	if !quoted {
		return dst, mismatch
	}
	if c.kind == Bytes {
		return appendBase64(dst, text)
	}
	var m moment
	var x int64
	switch c.kind {
	case Date:
		x, found = m.date(text)
	case Time:
		x, found = m.time(text, c.zoned)
	default:
		x, found = m.timestamp(text, c.kind == Timestamp)
	}
	return binary.AppendVarint(dst, x), found
}

func appendBoolean(dst, text []byte) (out []byte, found verdict) {
	switch {
	case string(text) == "true":
		return append(dst, 1), exact
	case string(text) == "false":
		return append(dst, 0), exact
	case bytes.EqualFold(text, []byte("true")): // Python's
		return append(dst, 1), exact
	case bytes.EqualFold(text, []byte("false")):
		return append(dst, 0), exact
	}
	return dst, mismatch
}

// text appends a value as a text: a string as itself, anything else as its JSON.
func (w *writer) text(dst []byte, v scan.Value) []byte {
	switch v.Kind {
	case scan.Text:
		return appendText(dst, w.doc, scan.Span{Start: v.Start + 1, End: v.End - 1})
	case scan.Escaped:
		at, raw := len(dst), w.doc[v.Start+1:v.End-1]
		n := lengthSize(len(raw)) // it will be about as long
		dst = room(dst, n+len(raw))
		dst, bad := scan.AppendUnescaped(dst[:at+n], raw)
		w.replaced += bad
		return settle(dst, at, n, len(dst)-at-n)
	case scan.DirtyJSON:
		return w.repaired(dst, v.Span)
	}
	return appendText(dst, w.doc, v.Span)
}

// repaired appends text in which bytes may be no UTF-8.
func (w *writer) repaired(dst []byte, s scan.Span) []byte {
	at, n := len(dst), lengthSize(s.Len())
	dst = room(dst, n+s.Len())
	dst, bad := scan.AppendClean(dst[:at+n], s.Of(w.doc))
	w.replaced += bad
	return settle(dst, at, n, len(dst)-at-n)
}

// slack is how far behind the end of a short text is copied: a move of fixed size is faster than a copy.
const slack = 32

// appendText appends a part of the document and its length.
func appendText(dst, doc []byte, s scan.Span) []byte {
	size := s.Len()
	dst = appendLength(room(dst, size+binary.MaxVarintLen32+slack), size)
	if size > slack || int(s.Start)+slack > len(doc) {
		return append(dst, s.Of(doc)...)
	}
	n := len(dst)
	to, from := (*[slack]byte)(dst[n:n+slack]), (*[slack]byte)(doc[s.Start:])
	*(*[16]byte)(to[:]) = *(*[16]byte)(from[:])
	*(*[16]byte)(to[16:]) = *(*[16]byte)(from[16:])
	return dst[:n+size]
}

// appendLength appends the length of a text.
func appendLength(dst []byte, n int) []byte {
	if n < 64 {
		return append(dst, byte(n*2))
	}
	return binary.AppendVarint(dst, int64(n))
}

// lengthSize is how many bytes a length takes.
func lengthSize(n int) int {
	var text [binary.MaxVarintLen64]byte
	return binary.PutVarint(text[:], int64(n))
}

// settle writes a length or a count to dst[at:], where reserved bytes are held for it, in front of what
// it counts: that moves if it needs other than these.
func settle(dst []byte, at, reserved, count int) []byte {
	var text [binary.MaxVarintLen64]byte
	n := binary.PutVarint(text[:], int64(count))
	if n != reserved {
		end := len(dst)
		dst = room(dst, n)[:end+n-reserved]
		copy(dst[at+n:], dst[at+reserved : end][:end-at-reserved])
	}
	copy(dst[at:], text[:n])
	return dst
}

// nested is a value that is no root field.
func (w *writer) nested(s scan.Span) scan.Value {
	v := scan.Value{Span: s}
	if s.None() {
		return v
	}
	text := s.Of(w.doc)
	good := w.row.Clean || utf8.Valid(text)
	switch text[0] {
	case 'n':
		v.Kind = scan.Null
	case '"':
		v.Kind = scan.Text
		if !good || bytes.IndexByte(text, '\\') >= 0 {
			v.Kind = scan.Escaped
		}
	case '{', '[':
		v.Kind = scan.JSON
		if !good {
			v.Kind = scan.DirtyJSON
		}
	default:
		v.Kind = scan.Bare
	}
	return v
}

// appendBase64 appends the bytes that a text stands for: with either of the two alphabets, and with or
// without padding.
func appendBase64(dst, text []byte) (out []byte, found verdict) {
	encoding := base64.StdEncoding
	if bytes.ContainsAny(text, "-_") {
		encoding = base64.URLEncoding
	}
	if len(text)%4 != 0 && bytes.IndexByte(text, '=') < 0 && !bytes.ContainsAny(text, "\r\n") {
		encoding = encoding.WithPadding(base64.NoPadding)
	}
	at, most := len(dst), encoding.DecodedLen(len(text))
	n := lengthSize(most)
	dst = room(dst, scalar+len(text)+n+most) // the text may be where we would write
	decoded := dst[at+n : at+n+most]
	size, err := encoding.Decode(decoded, text)
	if err != nil {
		return dst, mismatch
	}
	return settle(dst[:at+n+size], at, n, size), exact
}
