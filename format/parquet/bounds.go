package parquet

import (
	"bytes"
	"encoding/binary"
	"math"
)

// bounds are the smallest and the largest value of a column in a group, from which readers see
// what they need not read.
type bounds struct {
	some, none bool // none: there is no use in them
	lowest     int64
	highest    int64
	min, max   []byte
}

// longest is the longest text that is written as a bound: they stand in the footer, once a group.
const longest = 256

func (b *bounds) reset() {
	b.some, b.none, b.min, b.max = false, false, b.min[:0], b.max[:0]
}

func (b *bounds) addWords(l *leaf, values []int64) {
	if len(values) == 0 {
		return
	}
	if l.shape == double {
		b.addDoubles(values)
		return
	}
	lowest, highest := values[0], values[0]
	for _, v := range values {
		lowest, highest = min(lowest, v), max(highest, v)
	}
	if b.some {
		lowest, highest = min(lowest, b.lowest), max(highest, b.highest)
	}
	b.some, b.lowest, b.highest = true, lowest, highest
}

// addDoubles keeps the bits. NaN is neither small nor large, so there are no bounds with one. Zeros are
// the smallest or the largest of theirs, whatever their sign.
func (b *bounds) addDoubles(values []int64) {
	for _, v := range values {
		f := math.Float64frombits(uint64(v))
		if f != f {
			b.none = true
			return
		}
		if !b.some {
			b.some, b.lowest, b.highest = true, v, v
		}
		if f < math.Float64frombits(uint64(b.lowest)) {
			b.lowest = v
		}
		if f > math.Float64frombits(uint64(b.highest)) {
			b.highest = v
		}
	}
}

func (b *bounds) addText(l *leaf, v []byte) {
	switch {
	case b.none:
	case len(v) > longest:
		// A part of it would be a bound, too, but readers take bounds for values.
		b.none = true
	case !b.some:
		b.some = true
		b.min, b.max = append(b.min, v...), append(b.max, v...)
	case less(l, v, b.min):
		b.min = append(b.min[:0], v...)
	case less(l, b.max, v):
		b.max = append(b.max[:0], v...)
	}
}

// less compares texts by their bytes, and decimals as numbers.
func less(l *leaf, a, b []byte) bool {
	if l.shape == fixed && a[0]>>7 != b[0]>>7 {
		return a[0] > b[0]
	}
	return bytes.Compare(a, b) < 0
}

// values returns the bounds as the footer has them, and nil where there are none.
func (b *bounds) values(l *leaf) (smallest, largest []byte) {
	if !b.some || b.none {
		return nil, nil
	}
	if !l.isWords() {
		// The empty text is a bound, and nil is none.
		return append([]byte{}, b.min...), append([]byte{}, b.max...)
	}
	lowest, highest := uint64(b.lowest), uint64(b.highest)
	if l.shape == double {
		const minus = 1 << 63
		if lowest == 0 {
			lowest = minus
		}
		if highest == minus {
			highest = 0
		}
	}
	both := binary.LittleEndian.AppendUint64(make([]byte, 0, 16), lowest)
	both = binary.LittleEndian.AppendUint64(both, highest)
	n := max(l.width(), 1)
	return both[:n:n], both[8 : 8+n : 8+n]
}
