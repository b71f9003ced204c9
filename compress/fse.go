package compress

import "math/bits"

// How the codes of a kind are given (RFC 8878, section 3.1.1.3.2.1.1).
const (
	fsePredefined = 0
	fseRLE        = 1
	fseCompressed = 2
	fseRepeat     = 3
)

// fseKind is what the format says about one of the three kinds of codes (sections 3.1.1.3.2.2
// and 3.1.1.3.2.1.1).
type fseKind struct {
	predefined *fseTable
	maxLog     int
	symbols    int
}

const maxFSELog = 9

var fseKinds = [3]fseKind{
	{predefinedTable(6, []int16{
		4, 3, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1, 1, 1, 2, 2,
		2, 2, 2, 2, 2, 2, 2, 3, 2, 1, 1, 1, 1, 1, -1, -1, -1, -1}), 9, len(lengthBits)},
	{predefinedTable(5, []int16{
		1, 1, 1, 1, 1, 1, 2, 2, 2, 1, 1, 1, 1, 1, 1,
		1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1}), 8, 32},
	{predefinedTable(6, []int16{
		1, 4, 3, 2, 2, 2, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1,
		1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
		1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1, -1, -1}), 9, len(matchBits)},
}

// lengthBits and matchBits are how many bits follow a code of a literal length or of a match
// length (section 3.1.1.3.2.1.1). Behind an offset's code, it is the code.
var (
	lengthBits = [36]uint8{16: 1, 1, 1, 1, 2, 2, 3, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}
	matchBits  = [53]uint8{32: 1, 1, 1, 1, 2, 2, 3, 3, 4, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}
)

// fseTable decodes one kind of codes.
type fseTable struct {
	log   int // the number of cells is 1<<log
	cells [1 << maxFSELog]fseCell
}

// fseCell is a state: what it stands for, and how to find the next.
type fseCell struct {
	symbol uint8
	bits   uint8
	base   uint16
}

// next returns the state behind this one.
func (c *fseCell) next(r *backward) int { return int(c.base) + r.read(int(c.bits)) }

// read takes the table from the start of b, and returns what is behind it.
func (t *fseTable) read(b []byte, mode byte, kind fseKind) (rest []byte, ok bool) {
	switch mode {
	case fsePredefined:
		t.log = kind.predefined.log
		copy(t.cells[:1<<t.log], kind.predefined.cells[:])
		return b, true
	case fseRLE:
		if len(b) == 0 || int(b[0]) >= kind.symbols {
			return nil, false
		}
		t.log, t.cells[0] = 0, fseCell{symbol: b[0]}
		return b[1:], true
	case fseCompressed:
		var room [maxFSESymbols]int16
		counts, log, rest, ok := readCounts(b, room[:kind.symbols], kind.maxLog)
		if ok {
			t.build(log, counts)
		}
		return rest, ok
	}
	return nil, false
}

const maxFSESymbols = len(matchBits)

// readCounts reads how many of the cells each symbol has (section 4.1.1). A count of -1 is one
// cell that is reached from all.
func readCounts(b []byte, room []int16, maxLog int) (counts []int16, log int, rest []byte, ok bool) {
	r := forward{b: b}
	log = 5 + r.peek(4)
	r.at += 4
	if log > maxLog {
		return nil, 0, nil, false
	}
	left := 1 << log
	n := 0
	for left > 0 {
		if n == len(room) || r.at > 8*len(b) {
			return nil, 0, nil, false
		}
		// The field has values up to left+1. Where all but its highest bit are below `short`,
		// that bit is left out.
		width := bits.Len(uint(left + 1))
		short := 1<<width - 1 - (left + 1)
		value := r.peek(width - 1)
		if value < short {
			r.at += width - 1
		} else {
			if value = r.peek(width); value >= 1<<(width-1) {
				value -= short
			}
			r.at += width
		}
		count := value - 1
		room[n] = int16(count)
		n++
		if count < 0 {
			count = 1
		}
		left -= count
		for again := count == 0; again; {
			zeros := r.peek(2)
			r.at += 2
			again = zeros == 3
			if n+zeros > len(room) || r.at > 8*len(b) {
				return nil, 0, nil, false
			}
			clear(room[n : n+zeros])
			n += zeros
		}
	}
	used := (r.at + 7) / 8
	if left < 0 || used > len(b) {
		return nil, 0, nil, false
	}
	return room[:n], log, b[used:], true
}

// build lays the symbols out over the cells (section 4.1.1). The counts add up to 1<<log.
func (t *fseTable) build(log int, counts []int16) {
	t.log = log
	size := 1 << log
	cells := t.cells[:size]
	var seen [maxFSESymbols]int
	end := size
	for s, count := range counts {
		if seen[s] = int(count); count < 0 {
			end--
			cells[end].symbol = uint8(s)
			seen[s] = 1
		}
	}
	at, step := 0, size>>1+size>>3+3
	for s, count := range counts {
		for ; count > 0; count-- {
			cells[at].symbol = uint8(s)
			for at = (at + step) & (size - 1); at >= end; {
				at = (at + step) & (size - 1)
			}
		}
	}
	for i := range cells {
		c := &cells[i]
		x := seen[c.symbol]
		seen[c.symbol]++
		width := log - (bits.Len(uint(x)) - 1)
		c.bits = uint8(width)
		c.base = uint16(x<<width - size)
	}
}

func predefinedTable(log int, counts []int16) *fseTable {
	t := new(fseTable)
	t.build(log, counts)
	return t
}

// forward reads bits from the first byte on, lowest bit first.
type forward struct {
	b  []byte
	at int // in bits
}

// peek returns the next n bits, at most 16. Behind the end there are zeros.
func (r *forward) peek(n int) int {
	value := 0
	for i := range 3 {
		if at := r.at/8 + i; at < len(r.b) {
			value |= int(r.b[at]) << (8 * i)
		}
	}
	return value >> (r.at % 8) & (1<<n - 1)
}

// backward reads bits from the last byte back, as FSE does (section 4.1).
type backward struct {
	b    []byte
	left int // bits in front; negative: too many were read
}

// newBackward leaves out the highest bit that is set, which marks the end.
func newBackward(b []byte) *backward {
	if len(b) == 0 || b[len(b)-1] == 0 {
		return &backward{left: -1}
	}
	return &backward{b: b, left: 8*(len(b)-1) + bits.Len8(b[len(b)-1]) - 1}
}

// skip goes over n bits.
func (r *backward) skip(n int) { r.left -= n }

// read returns n bits, at most 16.
func (r *backward) read(n int) int {
	if r.left -= n; r.left < 0 {
		return 0
	}
	f := forward{b: r.b, at: r.left}
	return f.peek(n)
}
