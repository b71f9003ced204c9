package scan

import (
	"encoding/binary"
	"math/bits"
)

// Span is a run of bytes of a document: doc[Start:End]. The zero Span is "none": no value
// of a document ends at 0.
type Span struct{ Start, End uint32 }

// None reports whether there is no value.
func (s Span) None() bool { return s.End == 0 }

// Of returns the bytes of the span.
func (s Span) Of(doc []byte) []byte { return doc[s.Start:s.End] }

// Len is the number of bytes.
func (s Span) Len() int { return int(s.End - s.Start) }

// MaxDocument is the longest document, in bytes, that spans can address.
const MaxDocument = 1<<32 - 1

// Members walks the members of one JSON object, in the order they stand in the document.
// The document must be valid.
type Members struct {
	doc []byte
	at  int // before the next member, at the closing brace, or (after NextKey) at a value

	Key   Span // of the current member's key, without its quotes, escapes as they are
	Value Span // of the current member's value; not after NextKey
}

// Object starts a walk of the object that begins with the brace at doc[at].
func Object(doc []byte, at int) Members {
	return Members{doc: doc, at: at + 1}
}

// Next goes to the next member; false at the end of the object.
func (m *Members) Next() bool {
	if !m.NextKey() {
		return false
	}
	m.Skip()
	return true
}

// NextKey goes to the next member's key; false at the end of the object. It is for members
// whose value is an object that is walked anyway, so that it is not skipped first: Skip or
// Leave must follow.
func (m *Members) NextKey() bool {
	doc := m.doc
	at := m.at
	for doc[at] != '"' {
		if doc[at] == '}' {
			m.at = at
			return false
		}
		at++ // white space or a comma
	}
	end := skipString(doc, at)
	m.Key = Span{uint32(at + 1), uint32(end - 1)}
	for at = end; doc[at] != ':'; at++ {
	}
	m.at = SkipSpace(doc, at+1)
	return true
}

// At is where the value of the current member begins, after NextKey.
func (m *Members) At() int { return m.at }

// Skip goes behind the value of the current member and sets Value.
func (m *Members) Skip() {
	end := SkipValue(m.doc, m.at)
	m.Value = Span{uint32(m.at), uint32(end)}
	m.at = end
}

// Leave goes behind the value of the current member, which a walk of its own has reached
// the end of.
func (m *Members) Leave(inner *Members) { m.at = inner.at + 1 }

// SkipSpace returns the index of the first byte at or after i that is not white space.
func SkipSpace(doc []byte, i int) int {
	for i < len(doc) && (doc[i] == ' ' || doc[i] == '\t' || doc[i] == '\n' || doc[i] == '\r') {
		i++
	}
	return i
}

// SkipValue returns the index behind the value that begins at doc[i].
func SkipValue(doc []byte, i int) int {
	switch doc[i] {
	case '"':
		return skipString(doc, i)
	case '{', '[':
		return skipNested(doc, i)
	}
	for i < len(doc) {
		switch doc[i] {
		case ',', '}', ']', ' ', '\t', '\n', '\r':
			return i
		}
		i++
	}
	return i
}

// skipString returns the index behind the closing quote of the string at doc[i]. Most
// strings are short, so it looks at eight bytes at a time right here: a call of
// bytes.IndexByte costs more than it saves.
func skipString(doc []byte, i int) int {
	i++
	for i+8 <= len(doc) {
		x := binary.LittleEndian.Uint64(doc[i:])
		found := zeroBytes(x^(low*'"')) | zeroBytes(x^(low*'\\'))
		if found == 0 {
			i += 8
			continue
		}
		i += bits.TrailingZeros64(found) / 8
		if doc[i] == '"' {
			return i + 1
		}
		i += 2 // the escaped character can't end the string
	}
	for doc[i] != '"' {
		if doc[i] == '\\' {
			i++
		}
		i++
	}
	return i + 1
}

// low has the lowest, high the highest bit of each byte of a word.
const (
	low  = 0x0101010101010101
	high = 0x8080808080808080
)

// zeroBytes sets the highest bit of the first byte of x that is zero. Bytes behind the
// first may be set wrongly.
func zeroBytes(x uint64) uint64 { return (x - low) &^ x & high }

// skipNested returns the index behind the object or array at doc[i]. (Looking for quotes and
// brackets eight bytes at a time is slower: they stand too close together.)
func skipNested(doc []byte, i int) int {
	depth := 0
	for {
		switch doc[i] {
		case '"':
			i = skipString(doc, i)
			continue
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return i + 1
			}
		}
		i++
	}
}
