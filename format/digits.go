package format

import (
	"strconv"

	"github.com/google/uuid"
)

// The digits of each byte, and of each number below 100: a look into a table makes two at
// a time.
var (
	hexPairs     = makePairs(256, 16)
	decimalPairs = makePairs(100, 10)
)

func makePairs(count, base int) (pairs [256][2]byte) {
	const digits = "0123456789abcdef"
	for i := range count {
		pairs[i] = [2]byte{digits[i/base], digits[i%base]}
	}
	return pairs
}

// uuidSize is the number of characters of a UUID.
const uuidSize = 36

// writeUUID writes the text of id to dst[n:].
func writeUUID(dst []byte, n int, id *uuid.UUID) int {
	text := (*[uuidSize]byte)(dst[n:])
	putHex(text[0:4], id[0], id[1])
	putHex(text[4:8], id[2], id[3])
	putHex(text[9:13], id[4], id[5])
	putHex(text[14:18], id[6], id[7])
	putHex(text[19:23], id[8], id[9])
	putHex(text[24:28], id[10], id[11])
	putHex(text[28:32], id[12], id[13])
	putHex(text[32:36], id[14], id[15])
	text[8], text[13], text[18], text[23] = '-', '-', '-', '-'
	return n + uuidSize
}

func putHex(text []byte, a, b byte) {
	*(*[2]byte)(text[0:]) = hexPairs[a]
	*(*[2]byte)(text[2:]) = hexPairs[b]
}

// writeTime writes a number to dst[n:]. Milliseconds since the epoch have 13 digits from
// 2001 to 2286: one, and three times four.
func writeTime(dst []byte, n int, ms int64) int {
	if ms < 1e12 || ms >= 1e13 {
		return len(strconv.AppendInt(dst[:n], ms, 10))
	}
	text := (*[13]byte)(dst[n:])
	high, rest := uint32(ms/1e8), uint32(ms%1e8) // of five and eight digits
	text[0] = byte('0' + high/1e4)
	putDecimal(text[1:5], high%1e4)
	putDecimal(text[5:9], rest/1e4)
	putDecimal(text[9:13], rest%1e4)
	return n + len(text)
}

func putDecimal(text []byte, x uint32) {
	*(*[2]byte)(text[0:]) = decimalPairs[byte(x/100)]
	*(*[2]byte)(text[2:]) = decimalPairs[byte(x%100)]
}
