// Package scan reads JSON text in place. Valid checks a document; the walkers of this
// package (Members, SkipValue, AppendUnescaped) then go through it without copying and
// without checking again.
package scan

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"

	"github.com/bytedance/sonic"
)

// Valid reports whether doc is one JSON value, exactly as encoding/json.Valid does, at
// about three times its speed. Invalid UTF-8 inside strings is accepted, as there.
//
// sonic checks the structure and the literals; it does not look into strings. A control
// character or a backslash can only stand inside a string of a document with the right
// structure (or, white space, between tokens), so these two are checked over the whole
// document. Whatever looks wrong is decided by encoding/json (it also accepts deeper
// nesting than sonic does), and so is what does not begin with a brace: sonic 1.15.5 takes
// a lone string without its closing quote for valid when its length is a multiple of 32
// (found by FuzzValid).
func Valid(doc []byte) bool {
	if len(doc) == 0 || doc[0] != '{' || hasControl(doc) || !sonic.Valid(doc) {
		return json.Valid(doc)
	}
	return validEscapes(doc)
}

// Explain says why doc is not valid JSON, or nil. It never quotes the document.
func Explain(doc []byte) error {
	var v json.RawMessage
	err := json.Unmarshal(doc, &v)
	if syntax, ok := err.(*json.SyntaxError); ok {
		return fmt.Errorf("%w at byte %d of %d", err, syntax.Offset, len(doc))
	}
	return err
}

// hasControl reports whether doc has a byte below 0x20, looking at eight at a time: the
// borrow of x-0x20 sets a byte's high bit where the byte is smaller and was below 0x80.
func hasControl(doc []byte) bool {
	i := 0
	for ; i+8 <= len(doc); i += 8 {
		x := binary.LittleEndian.Uint64(doc[i:])
		if (x-low*0x20)&^x&high != 0 {
			return true
		}
	}
	for ; i < len(doc); i++ {
		if doc[i] < 0x20 {
			return true
		}
	}
	return false
}

// validEscapes checks every backslash and what follows it.
func validEscapes(doc []byte) bool {
	for {
		i := bytes.IndexByte(doc, '\\')
		if i < 0 {
			return true
		}
		n := escapeLen(doc[i:])
		if n == 0 {
			return false
		}
		doc = doc[i+n:]
	}
}
