package parquet

import (
	"bytes"
	"encoding/binary"
	"math/bits"
)

// transposer brings the values of each column together, as they stand in the rows: all that has to be
// known of a value is where it ends. What makes pages of them has one column at a time then, so it needs
// memory for one, and what it looks up in is in the cache. (To fill pages of all columns
// while the rows are read took ten times the memory of the rows where there are many columns.)
type transposer struct {
	columns []column
	data    []byte // the chunk of rows
	at      int
	bad     bool // the row is no row of this type
}

// column is what the rows have of one column. It belongs to the builder.
type column struct {
	raw        []byte  // the values that are not null
	reps, defs []uint8 // of each value and null: how much of what is around it is there
	there      int     // as long as no value is null there are no defs, but this number of values
	maxDef     uint8   // of a value
	hasReps    bool
}

// begin makes it ready for the values of a leaf.
func (c *column) begin(l *leaf) {
	*c = column{raw: c.raw[:0], reps: c.reps[:0], defs: c.defs[:0], maxDef: l.maxDef, hasReps: l.maxRep > 0}
}

// entries is how many values and nulls it has.
func (c *column) entries() int { return max(c.there, len(c.defs)) }

func (c *column) level(rep, def uint8) {
	if c.hasReps {
		c.reps = append(c.reps, rep)
	}
	if def == c.maxDef && len(c.defs) == 0 {
		c.there++
		return
	}
	c.null(def)
}

// null is level for a null, and for all that comes behind the first.
func (c *column) null(def uint8) {
	for ; c.there > 0; c.there-- {
		c.defs = append(c.defs, c.maxDef)
	}
	c.defs = append(c.defs, def)
}

// present is how many values are in the entries from at to end.
func (c *column) present(at, end int) int {
	if len(c.defs) == 0 {
		return end - at
	}
	return bytes.Count(c.defs[at:end], []byte{c.maxDef})
}

// row takes a row, which is a record of these.
func (t *transposer) row(fields []*node) {
	for _, n := range fields {
		if n.shape <= lastLeaf && n.nullable && t.at < len(t.data) && t.data[t.at] == 2 {
			t.at++
			t.leaf(n, 0)
		} else {
			t.value(n, 0)
		}
	}
}

// value takes the value at t.at. rep is its repetition level.
func (t *transposer) value(n *node, rep uint8) {
	if n.nullable && n.shape != union {
		switch t.byte() {
		case 0:
			t.nulls(n, rep, n.def-1)
			return
		case 2:
		default:
			t.bad = true
		}
	}
	switch n.shape {
	case record:
		for _, child := range n.children {
			t.value(child, rep)
		}
	case array:
		t.array(n, rep)
	case union:
		t.union(n, rep)
	default:
		t.leaf(n, rep)
	}
}

// leaf takes a value of one column.
func (t *transposer) leaf(n *node, rep uint8) {
	c := &t.columns[n.lo]
	c.level(rep, n.def)
	switch n.shape {
	case varint:
		t.varint(c)
	case text:
		from := t.at
		t.skip(t.integer())
		c.raw = append(c.raw, t.data[from:t.at]...)
	case double, decimal:
		t.fixed(c, 8)
	case fixed:
		t.fixed(c, 16)
	case boolean:
		t.fixed(c, 1)
	case nothing:
		c.raw = append(c.raw, emptyObject...)
	}
}

func (t *transposer) array(n *node, rep uint8) {
	count := t.integer()
	if count == 0 {
		t.nulls(n, rep, n.def)
		return
	}
	for i := int64(0); i < count && !t.bad; i++ {
		t.value(n.children[0], rep)
		rep = n.rep
	}
	// One block is all that our rows have.
	t.bad = t.bad || count < 0 || t.byte() != 0
}

func (t *transposer) union(n *node, rep uint8) {
	branch := t.integer()
	if n.nullable {
		if branch == 0 {
			t.nulls(n, rep, n.def-1)
			return
		}
		branch--
	}
	if branch < 0 || branch >= int64(len(n.names)) {
		t.bad = true
		return
	}
	kind := n.children[0]
	c := &t.columns[kind.lo]
	c.level(rep, kind.def)
	c.raw = append(c.raw, n.names[branch]...)
	for i, child := range n.children[1:] {
		if int64(i) == branch {
			t.value(child, rep)
		} else {
			t.nulls(child, rep, n.def)
		}
	}
}

// nulls says in all columns of n that there is nothing below a level.
func (t *transposer) nulls(n *node, rep, def uint8) {
	for i := n.lo; i < n.hi; i++ {
		t.columns[i].level(rep, def)
	}
}

func (t *transposer) byte() byte {
	if t.at >= len(t.data) {
		t.bad = true
		return 0
	}
	b := t.data[t.at]
	t.at++
	return b
}

// skip goes n bytes on.
func (t *transposer) skip(n int64) {
	if n < 0 || n > int64(len(t.data)-t.at) {
		t.bad = true
		n = 0
	}
	t.at += int(n)
}

func (t *transposer) fixed(c *column, n int) {
	from := t.at
	t.skip(int64(n))
	c.raw = append(c.raw, t.data[from:t.at]...)
}

func (t *transposer) integer() int64 {
	if t.at < len(t.data) {
		if b := t.data[t.at]; b < 0x80 {
			t.at++
			return int64(b>>1) ^ -int64(b&1)
		}
	}
	v, n := binary.Varint(t.data[t.at:])
	if n <= 0 {
		t.bad = true
		return 0
	}
	t.at += n
	return v
}

// integerSize returns how many bytes an integer has, of which w has the first eight, or 0 if it has more.
func integerSize(w uint64) int {
	const more = 0x8080808080808080 // set in all bytes but the last
	if last := ^w & more; last != 0 {
		return bits.TrailingZeros64(last)/8 + 1
	}
	return 0
}

// varint moves an integer as it is.
func (t *transposer) varint(c *column) {
	if len(t.data)-t.at >= 8 {
		w := binary.LittleEndian.Uint64(t.data[t.at:])
		if n := integerSize(w); n > 0 {
			c.raw = binary.LittleEndian.AppendUint64(c.raw, w)
			c.raw = c.raw[:len(c.raw)-8+n]
			t.at += n
			return
		}
	}
	from := t.at
	t.integer()
	c.raw = append(c.raw, t.data[from:t.at]...)
}

// appendIntegers appends the first n integers of raw, and returns what is behind them. Its input is what
// varint has moved.
func appendIntegers(dst []int64, raw []byte, n int) ([]int64, []byte) {
	for range n {
		if len(raw) >= 8 {
			w := binary.LittleEndian.Uint64(raw)
			if size := integerSize(w); size > 0 {
				// Seven bits of each byte, brought together in pairs, without a branch.
				w &= 1<<(8*size) - 1
				w = w&0x007f007f007f007f | w&0x7f007f007f007f00>>1
				w = w&0x00003fff00003fff | w&0x3fff00003fff0000>>2
				w = w&0x000000000fffffff | w&0x0fffffff00000000>>4
				dst = append(dst, int64(w>>1)^-int64(w&1))
				raw = raw[size:]
				continue
			}
		}
		v, size := binary.Varint(raw)
		dst = append(dst, v)
		raw = raw[size:]
	}
	return dst, raw
}

// appendTexts does the same for texts.
func appendTexts(dst [][]byte, raw []byte, n int) ([][]byte, []byte) {
	for range n {
		length, size := binary.Varint(raw)
		raw = raw[size:]
		dst = append(dst, raw[:length:length])
		raw = raw[length:]
	}
	return dst, raw
}
