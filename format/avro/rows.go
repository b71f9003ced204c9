package avro

import (
	"bytes"
	"encoding/binary"
	"errors"
)

// CountRows is the number of rows that the blocks of a file tell. Each of them has to end with the
// file's marker.
func CountRows(file []byte) (int64, error) {
	broken := errors.New("this is no whole Avro file")
	rest, ok := bytes.CutPrefix(file, []byte("Obj\x01"))
	number := func() int64 {
		n, size := binary.Varint(rest)
		if size <= 0 {
			ok = false
			return 0
		}
		rest = rest[size:]
		return n
	}
	skip := func(n int64) (skipped []byte) {
		if ok = ok && n >= 0 && n <= int64(len(rest)); ok {
			skipped, rest = rest[:n], rest[n:]
		}
		return skipped
	}
	for entries := number(); ok && entries > 0; entries-- { // the metadata: names and values
		skip(number())
		skip(number())
		if entries == 1 {
			entries = number() + 1 // of the next block of them; 0 ends it
		}
	}
	marker := skip(16)
	var rows int64
	for ok && len(rest) > 0 {
		rows += number()
		skip(number())
		ok = ok && bytes.Equal(skip(16), marker)
	}
	if !ok {
		return 0, broken
	}
	return rows, nil
}
