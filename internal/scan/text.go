package scan

import (
	"encoding/binary"
	"math/bits"
)

// checkText goes on with a string at doc[i], behind its plain beginning. Up to the first
// escape it looks at eight bytes at a time, and then at blocks: escapes seldom come alone, and
// a loop that stops at each of them has a branch that cannot be predicted.
func checkText(doc []byte, i int) (end int, kind Kind, clean bool) {
	first := i
	other := uint64(0) // gathers bytes; a high bit is set where one was not ASCII
	if doc[i] != '\\' {
		i, other = wideEnd(doc, i)
	}
	kind = Text
	if doc[i] != '"' {
		end, more, escapes := checkEscapes(doc, i)
		if end == 0 {
			return 0, Missing, true
		}
		if escapes {
			kind = Escaped
		}
		i = end
		other |= more
	}
	if other&high != 0 && !validUTF8(doc[first:i]) {
		return i + 1, Escaped, false
	}
	return i + 1, kind, true
}

// wideEnd is plainEnd for text that need not be ASCII; other has the bits of its bytes.
func wideEnd(doc []byte, i int) (end int, other uint64) {
	for i+8 <= len(doc) {
		x := binary.LittleEndian.Uint64(doc[i : i+8 : i+8])
		found := (zeroBytes(x^low*'"') | zeroBytes(x^low*'\\') | (x-low*0x20)&^x) & high
		if found != 0 {
			n := bits.TrailingZeros64(found) &^ 7
			return i + n/8, other | x&(1<<n-1)
		}
		other |= x
		i += 8
	}
	return i, other
}

// block is the number of bytes that checkEscapes looks at together, and beyond is how far
// behind them an escape can reach.
const (
	block  = 64
	beyond = 5
)

// checkEscapes goes on with a string at doc[i], which is not inside an escape, to its closing
// quote. It returns the index of that, or 0 if the string is not valid; whether there was an
// escape; and other as in checkText, where bytes behind the end may count too.
func checkEscapes(doc []byte, i int) (end int, other uint64, escapes bool) {
	cut := uint64(0) // 1: the first byte belongs to the backslash in front of it
	for i+block+beyond <= len(doc) {
		b := (*[block + beyond]byte)(doc[i : i+block+beyond : i+block+beyond])
		backslashes, stops, bytes := marks((*[block]byte)(b[:]))
		starts := escapeStarts(backslashes &^ cut)
		stops &^= starts<<1 | cut
		cut = starts >> (block - 1)
		starts &= stops ^ (stops - 1) // those in front of the first stop
		other |= bytes
		for ; starts != 0; starts &= starts - 1 {
			e := bits.TrailingZeros64(starts) & (block - 1)
			// Branches, since they nearly always go the same way: a loop without any took
			// more than half as long again.
			if c := b[e+1]; escaped[c] == 0 && (c != 'u' || Hex4(b[e+2:e+6]) < 0) {
				return 0, 0, false
			}
		}
		if stops != 0 {
			if i += bits.TrailingZeros64(stops); doc[i] != '"' {
				return 0, 0, false // a control character
			}
			return i, other, true
		}
		i += block
		escapes = true // nothing else has led here, but near the end of doc
	}
	return checkLast(doc, i+int(cut), other, escapes)
}

// marks has a bit for each byte of b that is a backslash, and for each that is a quote or a
// control character. other has the bits of all bytes.
func marks(b *[block]byte) (backslashes, stops, other uint64) {
	x0, x1 := binary.LittleEndian.Uint64(b[0:]), binary.LittleEndian.Uint64(b[8:])
	x2, x3 := binary.LittleEndian.Uint64(b[16:]), binary.LittleEndian.Uint64(b[24:])
	x4, x5 := binary.LittleEndian.Uint64(b[32:]), binary.LittleEndian.Uint64(b[40:])
	x6, x7 := binary.LittleEndian.Uint64(b[48:]), binary.LittleEndian.Uint64(b[56:])
	backslashes = ^(noBackslash(x0) | noBackslash(x1)<<8 | noBackslash(x2)<<16 | noBackslash(x3)<<24 |
		noBackslash(x4)<<32 | noBackslash(x5)<<40 | noBackslash(x6)<<48 | noBackslash(x7)<<56)
	stops = ^(noStop(x0) | noStop(x1)<<8 | noStop(x2)<<16 | noStop(x3)<<24 |
		noStop(x4)<<32 | noStop(x5)<<40 | noStop(x6)<<48 | noStop(x7)<<56)
	return backslashes, stops, x0 | x1 | x2 | x3 | x4 | x5 | x6 | x7
}

// noBackslash has a bit for each byte of x that is no backslash. Each byte is lent its
// highest bit; less one, only a zero loses it.
func noBackslash(x uint64) uint64 {
	x ^= low * '\\'
	return gather(x | ((x | high) - low))
}

// noStop has a bit for each byte of x that is neither a quote nor a control character. One
// bit of each byte is turned, so that a quote changes places with a space: then it stands
// right behind the control characters, and a subtraction finds both.
func noStop(x uint64) uint64 {
	x ^= low * ('"' ^ 0x20)
	return gather(x | ((x | high) - low*0x21))
}

// gather makes one byte of the highest bits of eight.
func gather(x uint64) uint64 { return x & high * 0x0002040810204081 >> 56 }

// escapeStarts leaves the backslashes that begin an escape: in a run of backslashes the
// first, the third and so on.
func escapeStarts(backslashes uint64) uint64 {
	const even = 0x5555555555555555
	first := backslashes &^ (backslashes << 1)
	// Added to its first bit, a run becomes the one bit behind it.
	odd := backslashes & (backslashes + first&even) // runs that begin at an odd bit
	return (backslashes&^odd)&even | odd&^even
}

// checkLast is checkEscapes near the end of doc, a byte at a time. bytes and seen are what
// there was before.
func checkLast(doc []byte, i int, bytes uint64, seen bool) (end int, other uint64, escapes bool) {
	for {
		switch c := doc[i]; {
		case c == '"':
			return i, bytes, seen
		case c == '\\':
			n := escapeLen(doc[i:])
			if n == 0 {
				return 0, 0, false
			}
			i += n
			seen = true
		case c < 0x20:
			return 0, 0, false
		default:
			bytes |= uint64(c)
			i++
		}
	}
}

// escapeLen is the length of the escape at the start of s, which has a backslash there; 0
// if it is none.
func escapeLen(s []byte) int {
	switch {
	case len(s) >= 2 && escaped[s[1]] != 0:
		return 2
	case len(s) >= 6 && s[1] == 'u' && Hex4(s[2:]) >= 0:
		return 6
	}
	return 0
}
