package scan

import "encoding/binary"

// validUTF8 is utf8.Valid for text of which much is not ASCII. That one has branches on the
// length of each character, which cannot be predicted in mixed text; this one has a table of
// what each byte makes of each state.
func validUTF8(s []byte) bool {
	state := uint64(0)
	for ; len(s) >= 8; s = s[8:] {
		x := binary.LittleEndian.Uint64(s)
		if x&high == 0 {
			if state&63 != utf8Between {
				return false
			}
			continue
		}
		state = utf8Steps[byte(x)] >> (state & 63)
		state = utf8Steps[byte(x>>8)] >> (state & 63)
		state = utf8Steps[byte(x>>16)] >> (state & 63)
		state = utf8Steps[byte(x>>24)] >> (state & 63)
		state = utf8Steps[byte(x>>32)] >> (state & 63)
		state = utf8Steps[byte(x>>40)] >> (state & 63)
		state = utf8Steps[byte(x>>48)] >> (state & 63)
		state = utf8Steps[byte(x>>56)] >> (state & 63)
	}
	for _, b := range s {
		state = utf8Steps[b] >> (state & 63)
	}
	return state&63 == utf8Between
}

// The states inside UTF-8 text. Each is the place of six bits in a word of utf8Steps, where
// the state stands that follows it; so a step is one shift, whose lowest bits say by how much
// to shift next.
const (
	utf8Between = 6 * iota // between two characters
	utf8Bad
	utf8One   // one byte must follow, of those that never begin a character
	utf8Two   // two
	utf8Three // three
	utf8E0    // two must follow; the first not below 0xA0: it could be written shorter
	utf8ED    // two; the first not above 0x9F: a surrogate
	utf8F0    // three; the first not below 0x90
	utf8F4    // three; the first not above 0x8F: past the last character
	utf8States
)

// utf8Steps has, for each byte, the states that it leads to.
var utf8Steps = func() (steps [256]uint64) {
	for b := range steps {
		for from := utf8Between; from < utf8States; from += 6 {
			steps[b] |= utf8Next(from, byte(b)) << from
		}
	}
	return steps
}()

// utf8Next is the state that follows from, after b.
func utf8Next(from int, b byte) uint64 {
	if from == utf8Between {
		return utf8First(b)
	}
	if b < 0x80 || b > 0xBF {
		return utf8Bad
	}
	switch {
	case from == utf8One:
		return utf8Between
	case from == utf8Two, from == utf8E0 && b >= 0xA0, from == utf8ED && b <= 0x9F:
		return utf8One
	case from == utf8Three, from == utf8F0 && b >= 0x90, from == utf8F4 && b <= 0x8F:
		return utf8Two
	}
	return utf8Bad
}

// utf8First is the state behind the first byte of a character.
func utf8First(b byte) uint64 {
	switch {
	case b < 0x80:
		return utf8Between
	case b < 0xC2: // of two bytes, 0xC0 and 0xC1 would begin what one can say
		return utf8Bad
	case b < 0xE0:
		return utf8One
	case b == 0xE0:
		return utf8E0
	case b == 0xED:
		return utf8ED
	case b < 0xF0:
		return utf8Two
	case b == 0xF0:
		return utf8F0
	case b < 0xF4:
		return utf8Three
	case b == 0xF4:
		return utf8F4
	}
	return utf8Bad
}
