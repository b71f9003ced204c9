package parquet

import (
	"encoding/binary"

	"github.com/parquet-go/parquet-go/encoding/delta"
	"github.com/parquet-go/parquet-go/format"
)

// column is what a builder gathers of one column. It belongs to the builder.
//
// A column starts with a dictionary. After sampleSize values it is clear enough whether that pays; if
// not, values are stored as they are from there on, and integers as differences where that is smaller.
// A dictionary that outgrows its size is closed, and what comes behind is stored without.
type column struct {
	*leaf

	// Of the rows of this block, until take.
	words []int64
	spans []span

	// Of the page that is being filled.
	reps, defs []uint8
	indexes    []int32 // with a dictionary
	values     []int64 // without, of words
	plain      []byte  // without, of bytes
	count      int     // values in plain

	// Of the group.
	dict    dictionary
	isDict  bool
	settled bool
	half    sample // at the half of the sample
	raw     int    // bytes that the values so far would have as they are, until settled
	pages   []byte
	bounds  bounds
	chunk   chunk
	dictAt  int // in pages, where its page is
}

// sample is how many values there were, and how many of them different ones.
type sample struct{ values, distinct int }

const (
	sampleSize = 16 << 10
	// leastSample is what is enough if there are no more in the first page.
	leastSample = 1 << 10
	// pageValues is how many values (and nulls) a page has at most, so that a column of small
	// ones doesn't need much more memory than its rows.
	pageValues = 64 << 10
)

// level says how much of what is around a value is there.
func (c *column) level(rep, def uint8) {
	if c.maxRep > 0 {
		c.reps = append(c.reps, rep)
	}
	if c.maxDef > 0 {
		c.defs = append(c.defs, def)
	}
}

// reset makes it ready for a group.
func (c *column) reset(o *Options) {
	c.words, c.spans = c.words[:0], c.spans[:0]
	c.emptyPage()
	c.dict.reset()
	c.dict.fixed = c.shape == fixed
	c.isDict = !o.NoDictionary && c.shape != boolean
	c.settled = !c.isDict
	c.half, c.raw = sample{}, 0
	c.pages = c.pages[:0]
	c.bounds.reset()
	c.chunk, c.dictAt = chunk{}, 0
}

func (c *column) emptyPage() {
	c.reps, c.defs, c.indexes, c.values, c.plain, c.count = c.reps[:0], c.defs[:0], c.indexes[:0], c.values[:0], c.plain[:0], 0
}

// take moves the values of a block into the page.
func (c *column) take(of *texts) {
	switch {
	case c.isDict && c.leaf.words():
		c.indexes = c.dict.appendWords(c.indexes, c.words)
		c.raw += c.width() * len(c.words)
	case c.isDict:
		if !c.settled {
			for _, s := range c.spans {
				c.raw += len(of.text(s)) + 4
			}
		}
		c.indexes = c.dict.appendTexts(c.indexes, c.spans, of)
	case c.leaf.words():
		c.values = append(c.values, c.words...)
		c.bounds.addWords(c.leaf, c.words)
	default:
		for _, s := range c.spans {
			v := of.text(s)
			c.plain = appendPlain(c.plain, v, c.shape == fixed)
			c.bounds.addText(c.leaf, v)
		}
		c.count += len(c.spans)
	}
	c.words, c.spans = c.words[:0], c.spans[:0]
	if !c.settled && c.half.values == 0 && len(c.indexes) >= sampleSize/2 {
		c.half = sample{len(c.indexes), c.dict.n}
	}
}

// present is how many values the page has, without nulls.
func (c *column) present() int { return len(c.indexes) + len(c.values) + c.count }

// entries is how many values and nulls it has.
func (c *column) entries() int { return max(c.present(), len(c.defs)) }

// size is how many bytes the page has, about.
func (c *column) size() int {
	n := len(c.plain) + c.width()*len(c.values) + len(c.reps)/8 + len(c.defs)/8
	if c.isDict {
		n += len(c.indexes) * c.dict.width() / 8
	}
	return n
}

// outgrown reports whether the dictionary is too large.
func (c *column) outgrown(limit int) bool {
	if c.leaf.words() {
		return c.dict.n*c.width() > limit
	}
	return len(c.dict.plain) > limit
}

// settle decides whether the dictionary pays, by what there is so far. last says that there is
// no more. It goes by bits before compression.
func (c *column) settle(scratch *scratch, last bool) {
	c.settled = true
	n := len(c.indexes)
	if n == 0 || c.chunk.pages[0] > 0 {
		// Of hardly any values among many nulls there are pages already.
		return
	}
	entries := 8 * len(c.dict.plain)
	if c.leaf.words() {
		entries = 8 * c.width() * c.dict.n
	}
	if !last {
		// What counts is how fast it still grows.
		grown := float64(c.dict.n-c.half.distinct) / float64(max(1, n-c.half.values))
		entries = int(float64(entries) / float64(c.dict.n) * grown * float64(n))
	}
	cost := n*c.dict.width() + entries
	// A codec finds many of the repetitions that a dictionary does.
	worth := 8 * c.raw * 3 / 4
	if c.shape == varint {
		values := scratch.values[:0]
		for _, k := range c.indexes {
			values = append(values, c.dict.words[k])
		}
		scratch.values = values
		worth = min(worth, 8*len(scratch.deltas(c.leaf, values)))
	}
	if cost > worth {
		c.leaveDictionary()
	}
}

// leaveDictionary turns the page, which is the first one, into one without.
func (c *column) leaveDictionary() {
	c.boundsOfDictionary()
	if c.leaf.words() {
		for _, k := range c.indexes {
			c.values = append(c.values, c.dict.words[k])
		}
	} else {
		for _, k := range c.indexes {
			c.plain = appendPlain(c.plain, c.dict.text(int(k)), c.dict.fixed)
		}
		c.count = len(c.indexes)
	}
	c.indexes = c.indexes[:0]
	c.isDict = false
	c.dict.reset()
}

func (c *column) boundsOfDictionary() {
	if c.leaf.words() {
		c.bounds.addWords(c.leaf, c.dict.words)
		return
	}
	for k := range c.dict.n {
		c.bounds.addText(c.leaf, c.dict.text(k))
	}
}

// appendValues appends the values of the page, and says how they are stored.
func (c *column) appendValues(dst []byte, scratch *scratch) ([]byte, format.Encoding) {
	switch {
	case c.present() == 0:
		return dst, format.Plain
	case c.isDict:
		width := c.dict.width()
		return append(append(dst, byte(width)), scratch.hybrid(c.indexes, width)...), format.RLEDictionary
	case c.shape == boolean:
		return appendBits(dst, c.values), format.Plain
	case c.shape == varint && len(c.values) > 1:
		if deltas := scratch.deltas(c.leaf, c.values); len(deltas) < len(c.values)*c.width()*7/8 {
			return append(dst, deltas...), format.DeltaBinaryPacked
		}
	}
	if c.leaf.words() {
		return appendWords(dst, c.values, c.width()), format.Plain
	}
	return append(dst, c.plain...), format.Plain
}

func appendWords(dst []byte, values []int64, width int) []byte {
	for _, v := range values {
		if width == 4 {
			dst = binary.LittleEndian.AppendUint32(dst, uint32(v))
		} else {
			dst = binary.LittleEndian.AppendUint64(dst, uint64(v))
		}
	}
	return dst
}

func appendBits(dst []byte, values []int64) []byte {
	for i, v := range values {
		if i%8 == 0 {
			dst = append(dst, 0)
		}
		dst[len(dst)-1] |= byte(v&1) << (i % 8)
	}
	return dst
}

// deltas returns values as the differences of each to the one before.
func (s *scratch) deltas(l *leaf, values []int64) []byte {
	var e delta.BinaryPackedEncoding
	// These encodings have no errors.
	if l.physical == format.Int32 {
		s.short = s.short[:0]
		for _, v := range values {
			s.short = append(s.short, int32(v))
		}
		s.encoded, _ = e.EncodeInt32(s.encoded, s.short)
	} else {
		s.encoded, _ = e.EncodeInt64(s.encoded, values)
	}
	return s.encoded
}
