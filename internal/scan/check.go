package scan

import (
	"encoding/binary"
	"math/bits"
)

// Check goes through the JSON value that begins at doc[i], and through nothing else. It
// returns the index behind the value, what the value is, and whether all of it is good
// UTF-8. An end of 0 means that it is not valid, or that it is nested too deeply for this
// quick way: then Valid must decide.
//
// doc must go on behind the value, and end with a line feed: no value on one line has one,
// so nothing here can run past the end of doc.
func Check(doc []byte, i int) (end int, kind Kind, clean bool) { return check(doc, i, maxDepth) }

// check is Check with the number of levels that may follow.
func check(doc []byte, i, depth int) (end int, kind Kind, clean bool) {
	switch doc[i] {
	case '"':
		return checkString(doc, i)
	case '{', '[':
		if depth == 0 {
			return 0, Missing, true
		}
		if doc[i] == '{' {
			end, clean = checkObject(doc, i, depth-1)
		} else {
			end, clean = checkArray(doc, i, depth-1)
		}
		return end, nestedKind(clean), clean
	case 't', 'f', 'n':
		return checkLiteral(doc, i)
	}
	return checkNumber(doc, i), Bare, true
}

// checkLiteral checks true, false or null.
func checkLiteral(doc []byte, i int) (end int, kind Kind, clean bool) {
	if i+5 > len(doc) { // behind the shorter ones there is a line feed at least
		return 0, Missing, true
	}
	switch string(doc[i : i+4]) {
	case "true":
		return i + 4, Bare, true
	case "null":
		return i + 4, Null, true
	case "fals":
		if doc[i+4] == 'e' {
			return i + 5, Bare, true
		}
	}
	return 0, Missing, true
}

// checkString checks the string whose opening quote is at doc[i].
func checkString(doc []byte, i int) (end int, kind Kind, clean bool) {
	if end = plainEnd(doc, i+1); doc[end] == '"' {
		return end + 1, Text, true
	}
	return checkText(doc, end)
}

// plainEnd returns the index of the first byte at or after doc[i] that is not plain, or one
// of the last eight of doc. This is the loop that most of a run's time is spent in. It looks
// at two words at a time, and picks the word without a jump: whether a text is longer than
// eight bytes is hard to predict.
func plainEnd(doc []byte, i int) int {
	for i+16 <= len(doc) {
		b := doc[i : i+16 : i+16]
		x, y := notPlain(binary.LittleEndian.Uint64(b)), notPlain(binary.LittleEndian.Uint64(b[8:16]))
		n := i
		if x == 0 {
			n += 8
		}
		if x == 0 {
			x = y
		}
		if x != 0 {
			return n + bits.TrailingZeros64(x)/8
		}
		i += 16
	}
	return lastPlain(doc, i)
}

// lastPlain is plainEnd for the last bytes of doc.
func lastPlain(doc []byte, i int) int {
	if i+8 <= len(doc) {
		if found := notPlain(binary.LittleEndian.Uint64(doc[i:])); found != 0 {
			return i + bits.TrailingZeros64(found)/8
		}
		i += 8
	}
	return i
}

// notPlain marks the first byte of x that is a quote, a backslash, a control character or
// not ASCII, by its highest bit. Bytes behind it may be marked wrongly: a subtraction
// borrows only from them.
//
// One bit is turned, so that a quote changes places with a space, and stands right behind the
// control characters: one subtraction finds both.
func notPlain(x uint64) uint64 {
	stop, backslash := x^low*('"'^0x20), x^low*'\\'
	return ((stop - low*0x21) | (backslash - low) | x) & high
}

// checkNumber checks the number at doc[i] and returns the index behind it, or 0. Most have
// no exponent and fit eight bytes, which are loaded once.
func checkNumber(doc []byte, i int) (end int) {
	sign := 0
	if doc[i] == '-' {
		sign = 1 // and not a jump: that would often be predicted wrongly
	}
	i += sign
	if i+8 > len(doc) {
		return longNumber(doc, i)
	}
	others := notDigits(binary.LittleEndian.Uint64(doc[i : i+8 : i+8]))
	stop := bits.TrailingZeros64(others) / 8
	others &= others - 1
	if others == 0 || stop == 0 || stop > 1 && doc[i] == '0' {
		return longNumber(doc, i)
	}
	if doc[i+stop] == '.' {
		point := stop
		if stop = bits.TrailingZeros64(others) / 8; stop == point+1 {
			return 0
		}
	}
	if doc[i+stop]|0x20 == 'e' {
		return longNumber(doc, i)
	}
	return i + stop
}

// longNumber is checkNumber for any number, behind its sign.
func longNumber(doc []byte, i int) (end int) {
	whole := i
	if i = digits(doc, i); i == whole || i > whole+1 && doc[whole] == '0' {
		return 0
	}
	if doc[i] == '.' {
		i++
		part := i
		if i = digits(doc, i); i == part {
			return 0
		}
	}
	if doc[i]|0x20 == 'e' {
		i++
		if doc[i] == '+' || doc[i] == '-' {
			i++
		}
		part := i
		if i = digits(doc, i); i == part {
			return 0
		}
	}
	return i
}

// notDigits marks the bytes of x that are no digits, by their highest bits. Bytes behind one
// that is not ASCII may be marked wrongly: an addition carries only into them.
func notDigits(x uint64) uint64 {
	x ^= low * '0'
	return ((x + low*(0x80-10)) | x) & high
}

// digits returns the index of the first byte at or after doc[i] that is no digit. It looks
// at eight bytes at a time: the length of a number is hard to predict for a processor, and
// a branch a digit would be wrong once a number.
func digits(doc []byte, i int) int {
	for i+8 <= len(doc) {
		if found := notDigits(binary.LittleEndian.Uint64(doc[i : i+8 : i+8])); found != 0 {
			return i + bits.TrailingZeros64(found)/8
		}
		i += 8
	}
	for doc[i]-'0' < 10 {
		i++
	}
	return i
}

// maxDepth bounds the objects and arrays inside each other that the quick way follows.
const maxDepth = 1000

// checkArray checks the array whose bracket is at doc[i].
func checkArray(doc []byte, i, depth int) (end int, clean bool) {
	clean = true
	if i = skipBlank(doc, i+1); doc[i] == ']' {
		return i + 1, true
	}
	for {
		stop, _, ok := check(doc, i, depth)
		if stop == 0 {
			return 0, true
		}
		clean = clean && ok
		if i = skipBlank(doc, stop); doc[i] != ',' {
			break
		}
		i = skipBlank(doc, i+1)
	}
	if doc[i] != ']' {
		return 0, true
	}
	return i + 1, clean
}

// checkObject checks the object whose brace is at doc[i].
func checkObject(doc []byte, i, depth int) (end int, clean bool) {
	clean = true
	if i = skipBlank(doc, i+1); doc[i] == '}' {
		return i + 1, true
	}
	for {
		if doc[i] != '"' {
			return 0, true
		}
		stop, _, ok := checkString(doc, i)
		if stop == 0 {
			return 0, true
		}
		clean = clean && ok
		if i = skipBlank(doc, stop); doc[i] != ':' {
			return 0, true
		}
		i = skipBlank(doc, i+1)
		if stop, _, ok = check(doc, i, depth); stop == 0 {
			return 0, true
		}
		clean = clean && ok
		if i = skipBlank(doc, stop); doc[i] != ',' {
			break
		}
		i = skipBlank(doc, i+1)
	}
	if doc[i] != '}' {
		return 0, true
	}
	return i + 1, clean
}

// skipBlank skips the white space that can stand inside a line.
func skipBlank(doc []byte, i int) int {
	// Mostly there is none, and one comparison tells.
	for doc[i] <= ' ' && (doc[i] == ' ' || doc[i] == '\t' || doc[i] == '\r') {
		i++
	}
	return i
}
