package format

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"unicode/utf8"

	"github.com/sluice-data/sluice/internal/scan"
)

// What is in this file copies text into rows: to dst[n:], and it returns the index behind
// what it wrote. A move of a fixed number of bytes is many times as fast as a copy of few
// bytes whose number is not known. So short texts are copied together with what happens to
// stand behind them in the document, and what is written next covers that up.

// slack is how far behind the end of a text may be written.
const slack = 32

// writeShort copies src[start:start+size], which is probably short.
func writeShort(dst []byte, n int, src []byte, start, size int) int {
	if size > slack || start+slack > len(src) {
		return n + copy(dst[n:], src[start:start+size])
	}
	move32(dst[n:], src[start:])
	return n + size
}

// move32 copies 32 bytes. (As one array they would go through the runtime's memmove.)
func move32(dst, src []byte) {
	to, from := (*[32]byte)(dst), (*[32]byte)(src)
	*(*[16]byte)(to[:]) = *(*[16]byte)(from[:])
	*(*[16]byte)(to[16:]) = *(*[16]byte)(from[16:])
}

// writeDoubled copies a text and doubles each quote. It looks for quotes in 64 bytes at a
// time, and then copies what stands between two of them: the second quote of each pair is
// the first byte of the next piece.
func writeDoubled(dst []byte, n int, doc []byte, text scan.Span) int {
	to, from, size := dst[n:], doc[text.Start:], text.Len()
	piece, doubled := 0, 0 // start of the piece that is not copied yet; quotes so far
	for at := 0; at < size; at += block {
		found := marks(from[at:], size-at, '"')
		if found == 0 {
			at += plainBlocks(from[at:size], '"')
			continue
		}
		for ; found != 0; found &= found - 1 {
			quote := at + bits.TrailingZeros64(found)
			if quote-piece < 16 && piece+16 <= len(from) { // most are, in JSON: 32 would cost a quarter more
				out := piece + doubled
				*(*[16]byte)(to[out : out+16 : out+16]) = *(*[16]byte)(from[piece : piece+16 : piece+16])
			} else {
				copy(to[piece+doubled:], from[piece:quote+1])
			}
			piece = quote
			doubled++
		}
	}
	return writeShort(dst, n+piece+doubled, from, piece, size-piece)
}

// writeUnescaped copies the text of a JSON string of good UTF-8, given without its quotes,
// and doubles each quote in it. It looks for backslashes as writeDoubled does for quotes. An
// escape is never shorter than what it stands for, so there is always room for what is still
// to come, and for the slack behind it.
func writeUnescaped(dst []byte, n int, doc []byte, text scan.Span) (end, replaced int) {
	from, size := doc[text.Start:], text.Len()
	piece := 0 // start of the piece that is not copied yet
	for at := 0; at < size; at += block {
		if at+block+slack > len(from) { // the document's last bytes
			out, bad := scan.AppendUnescaped(dst[:n], from[piece:size])
			return doubleInPlace(dst, n, len(out)), replaced + bad
		}
		found := blockMarks((*[block]byte)(from[at:at+block:at+block]), low*'\\')
		if size-at < block {
			found &= 1<<(size-at) - 1
		}
		if piece > at {
			found &= ^uint64(0) << (piece - at) // the rest is of an escape that began before
		}
		if found == 0 {
			at += plainBlocks(from[at:size], '\\')
			continue
		}
		for found != 0 {
			bit := bits.TrailingZeros64(found)
			found &^= 3 << bit // the escape's letter too: it may be a backslash
			escape := at + bit
			move32(dst[n:n+slack:n+slack], from[piece:piece+slack:piece+slack]) // limits that spare some checks
			if escape-piece > slack {
				copy(dst[n:], from[piece:escape])
			}
			n += escape - piece
			if short := shortEscapes[from[escape+1]]; short != 0 {
				binary.LittleEndian.PutUint16(dst[n:n+2:n+2], uint16(short))
				n += int(short >> 16)
				piece = escape + 2
				continue
			}
			r := scan.Hex4(from[escape+2 : escape+6 : escape+6])
			if r < 0x80 || r&0xF800 == 0xD800 { // ASCII, or a surrogate
				var bad int
				n, piece, bad = writeCode(dst, n, from, escape)
				replaced += bad
				found &= ^uint64(0) << (piece - at)
				continue
			}
			// It is two bytes or three. Written so, that takes no branch, which would often be
			// predicted wrongly.
			two, three := 0x80C0|r>>6|r&0x3F<<8, 0x8080E0|r>>12|r>>6&0x3F<<8|r&0x3F<<16
			length := 2
			if r >= 0x800 {
				two = three
			}
			if r >= 0x800 {
				length = 3
			}
			binary.LittleEndian.PutUint32(dst[n:n+4:n+4], uint32(two))
			n += length
			piece = escape + 6
		}
	}
	return writeShort(dst, n, from, piece, size-piece), replaced
}

// shortEscapes has for the letter of a two-letter escape the bytes that are written for it,
// and in the upper half their number.
var shortEscapes = [256]uint32{
	'"':  2<<16 | '"'<<8 | '"',
	'\\': 1<<16 | '\\',
	'/':  1<<16 | '/',
	'b':  1<<16 | '\b',
	'f':  1<<16 | '\f',
	'n':  1<<16 | '\n',
	'r':  1<<16 | '\r',
	't':  1<<16 | '\t',
}

// writeCode writes what the \u escape at from[at], or a pair of them, stands for. next is the
// index behind it.
func writeCode(dst []byte, n int, from []byte, at int) (end, next, replaced int) {
	r, length := scan.DecodeU(from[at:])
	if r == '"' {
		dst[n] = '"'
		n++
	}
	if length < 0 {
		length = -length
		replaced++
	}
	return len(utf8.AppendRune(dst[:n], r)), at + length, replaced
}

// block is the number of bytes that marks looks at.
const block = 64

// marks has a bit for each of the first 64 bytes of s[:size] that is the mark.
func marks(s []byte, size int, mark byte) (found uint64) {
	if len(s) < block { // the document's last bytes
		for i, b := range s[:size] {
			if b == mark {
				found |= 1 << i
			}
		}
		return found
	}
	found = blockMarks((*[block]byte)(s), low*uint64(mark))
	if size < block {
		found &= 1<<size - 1
	}
	return found
}

// blockMarks has a bit for each byte of b that is the mark, which all has in each byte.
func blockMarks(b *[block]byte, all uint64) uint64 {
	return ^(others(b[0:], all) | others(b[8:], all)<<8 | others(b[16:], all)<<16 | others(b[24:], all)<<24 |
		others(b[32:], all)<<32 | others(b[40:], all)<<40 | others(b[48:], all)<<48 | others(b[56:], all)<<56)
}

// low has the lowest, high the highest bit of each byte of a word.
const (
	low  = 0x0101010101010101
	high = 0x8080808080808080
)

// others has a bit for each of the first eight bytes of s that is not the mark. Less one, a byte whose other bits are zero loses the highest bit that it
// was lent; the product then gathers the highest bits of all bytes in its highest byte.
func others(s []byte, all uint64) uint64 {
	x := binary.LittleEndian.Uint64(s) ^ all
	return ((x | high) - low | x) & high * 0x0002040810204081 >> 56
}

// plainBlocks is the number of bytes without a mark behind the first block of s, which has
// none: long text is not looked at in blocks.
func plainBlocks(s []byte, mark byte) int {
	if len(s) <= block {
		return 0
	}
	if i := bytes.IndexByte(s[block:], mark); i >= 0 {
		return i
	}
	return len(s) - block
}

// writeRepaired copies a text with its quotes doubled and each byte that is no UTF-8
// replaced.
func writeRepaired(dst []byte, n int, raw []byte) (end, replaced int) {
	out, replaced := scan.AppendClean(dst[:n], raw)
	return doubleInPlace(dst, n, len(out)), replaced
}

// doubleInPlace doubles the quotes of dst[start:end], from its end on. It is for the rare
// text that has to be made before its quotes can be found.
func doubleInPlace(dst []byte, start, end int) int {
	last := end + bytes.Count(dst[start:end], []byte{'"'})
	for to := last; to > end; end-- {
		to--
		dst[to] = dst[end-1]
		if dst[to] == '"' {
			to--
			dst[to] = '"'
		}
	}
	return last
}
