package format

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"unicode/utf8"

	"github.com/sluice-data/sluice/internal/scan"
)

// writeMended copies JSON text. Nearly always it is as it should be, which takes two searches.
func writeMended(dst []byte, n int, doc []byte, text scan.Span, clean bool) (end, replaced int) {
	raw := text.Of(doc)
	if !clean && !utf8.Valid(raw) || bytes.IndexByte(raw, '\r') >= 0 || halved(doc, text) {
		return mend(dst, n, raw)
	}
	return writeShort(dst, n, doc, int(text.Start), text.Len()), 0
}

// halved says whether JSON text has an escape that is half of a surrogate pair.
func halved(doc []byte, text scan.Span) bool {
	from, size := doc[text.Start:], text.Len()
	first := bytes.IndexByte(from[:size], '\\')
	return first >= 0 && surrogates(from, first, size) && halves(from, first, size)
}

// surrogates says whether there may be an escape of a surrogate in from[at:size]: \ud. It has no
// branch an escape, since escapes seldom come alone and a branch is often predicted wrongly.
func surrogates(from []byte, at, size int) bool {
	const words = 4 * 8
	for ; at < size; at += words {
		if at+words+2 > len(from) { // the document's last bytes
			return true
		}
		b := (*[words + 2]byte)(from[at : at+words+2 : at+words+2])
		if (begins(b[0:])|begins(b[8:])|begins(b[16:])|begins(b[24:]))&high != 0 {
			return true
		}
	}
	return false
}

// begins is not 0 if \ud or \uD begins at one of the first eight bytes of s: it has the highest
// bit of that byte set, and perhaps those of bytes behind it.
func begins(s []byte) uint64 {
	x := binary.LittleEndian.Uint64(s) ^ low*'\\'
	x |= binary.LittleEndian.Uint64(s[1:]) ^ low*'u'
	x |= binary.LittleEndian.Uint64(s[2:])&^(low*('d'^'D')) ^ low*'D'
	return (x - low) &^ x
}

// halves looks at each escape, from a first one on. It finds them as writeUnescaped does.
func halves(from []byte, at, size int) bool {
	for at < size { // which is not inside an escape
		found := marks(from[at:], size-at, '\\')
		next := at + block
		if found == 0 {
			next += plainBlocks(from[at:size], '\\')
		}
		for found != 0 {
			bit := bits.TrailingZeros64(found)
			found &^= 3 << bit // the escape's letter too: it may be a backslash
			escape := at + bit
			next = max(next, escape+2)
			if from[escape+1] != 'u' || scan.Hex4(from[escape+2:])&0xF800 != 0xD800 {
				continue
			}
			_, length := scan.DecodeU(from[escape:size])
			if length < 0 {
				return true
			}
			next = max(next, escape+length)
			found &= ^uint64(0) << min(escape+length-at, block)
		}
		at = next
	}
	return false
}

// mend copies JSON text that readers would refuse, or cut at a carriage return, as one that they
// take. It never gets longer by that, but for bytes that are no UTF-8.
func mend(dst []byte, n int, raw []byte) (end, replaced int) {
	out, replaced := scan.AppendClean(dst[:n], raw)
	for at := n; at < len(out); {
		size := 1
		switch c := out[at]; {
		case c == '\r' || c == '\n':
			out[at] = ' '
		case c == '\\' && out[at+1] == 'u':
			if _, size = scan.DecodeU(out[at:]); size < 0 {
				size = -size
				replaced++
				n += copy(out[n:], "\ufffd")
				at += size
				continue
			}
		case c == '\\':
			size = 2
		}
		n += copy(out[n:], out[at:at+size])
		at += size
	}
	return n, replaced
}
