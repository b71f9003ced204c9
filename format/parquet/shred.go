package parquet

import (
	"encoding/binary"
	"math"
)

// shredder takes rows apart: each value goes to its column, with the levels that say which of the
// optional and repeated things around it are there.
type shredder struct {
	texts
	columns []column
	at      int
	bad     bool // the row is no row of this type
}

// texts are what the spans of a block point at.
type texts struct {
	data      []byte // the chunk of rows
	constants [][]byte
}

// span is a text in data, or if size is negative, the constant ^size. A slice would be three times as
// large, and there are many.
type span struct {
	from uint32
	size int32
}

func (t *texts) text(s span) []byte {
	if s.size < 0 {
		return t.constants[^s.size]
	}
	return t.data[s.from:][:s.size]
}

// row takes a row. It is value for its fields, with the most common ones at hand.
func (s *shredder) row(fields []*node) {
	for _, n := range fields {
		data := s.data[s.at:]
		if n.shape > text || !n.nullable || len(data) < 2 || data[0] != 2 {
			s.value(n, 0)
			continue
		}
		s.at++
		s.leaf(n, 0)
	}
}

// value takes the value at s.at. rep is its repetition level.
func (s *shredder) value(n *node, rep uint8) {
	if n.nullable && n.shape != union {
		switch s.byte() {
		case 0:
			s.nulls(n, rep, n.def-1)
			return
		case 2:
		default:
			s.bad = true
		}
	}
	switch n.shape {
	case record:
		for _, child := range n.children {
			s.value(child, rep)
		}
	case array:
		s.array(n, rep)
	case union:
		s.union(n, rep)
	default:
		s.leaf(n, rep)
	}
}

// leaf takes a value that is not null, of one column.
func (s *shredder) leaf(n *node, rep uint8) {
	c := &s.columns[n.lo]
	c.level(rep, n.def)
	switch n.shape {
	case varint:
		c.words = append(c.words, s.varint())
	case text:
		c.spans = append(c.spans, s.skip(s.varint()))
	case double:
		c.words = append(c.words, int64(binary.LittleEndian.Uint64(s.eight())))
	case decimal:
		c.words = append(c.words, int64(binary.BigEndian.Uint64(s.eight())))
	case fixed:
		c.spans = append(c.spans, s.skip(16))
	case boolean:
		c.words = append(c.words, int64(s.byte()))
	case nothing:
		c.spans = append(c.spans, span{size: ^int32(n.constant)})
	}
}

func (s *shredder) array(n *node, rep uint8) {
	count := s.varint()
	if count == 0 {
		s.nulls(n, rep, n.def)
		return
	}
	for i := int64(0); i < count && !s.bad; i++ {
		s.value(n.children[0], rep)
		rep = n.rep
	}
	// One block is all that our rows have.
	s.bad = s.bad || count < 0 || s.byte() != 0
}

func (s *shredder) union(n *node, rep uint8) {
	branch := s.varint()
	if n.nullable {
		if branch == 0 {
			s.nulls(n, rep, n.def-1)
			return
		}
		branch--
	}
	if branch < 0 || branch >= int64(len(n.children)-1) {
		s.bad = true
		return
	}
	kind := &s.columns[n.children[0].lo]
	kind.level(rep, n.def)
	kind.spans = append(kind.spans, span{size: ^int32(n.constant + int(branch))})
	for i, child := range n.children[1:] {
		if int64(i) == branch {
			s.value(child, rep)
		} else {
			s.nulls(child, rep, n.def)
		}
	}
}

// nulls says in all columns of n that there is nothing below a level.
func (s *shredder) nulls(n *node, rep, def uint8) {
	for i := n.lo; i < n.hi; i++ {
		s.columns[i].level(rep, def)
	}
}

func (s *shredder) byte() byte {
	if s.at >= len(s.data) {
		s.bad = true
		return 0
	}
	b := s.data[s.at]
	s.at++
	return b
}

// zeros are what eight returns where there is nothing.
var zeros [8]byte

func (s *shredder) eight() []byte {
	if len(s.data)-s.at < 8 {
		s.bad = true
		return zeros[:]
	}
	s.at += 8
	return s.data[s.at-8 : s.at]
}

// skip returns where the next n bytes are.
func (s *shredder) skip(n int64) span {
	if n < 0 || n > int64(len(s.data)-s.at) || s.at > math.MaxUint32 || n > math.MaxInt32 {
		s.bad = true
		return span{}
	}
	from := s.at
	s.at += int(n)
	return span{from: uint32(from), size: int32(n)}
}

func (s *shredder) varint() int64 {
	// Most have one byte or two.
	data := s.data[s.at:]
	if len(data) >= 2 {
		a, b := uint64(data[0]), uint64(data[1])
		if a < 0x80 {
			s.at++
			return int64(a>>1) ^ -int64(a&1)
		}
		if b < 0x80 {
			s.at += 2
			a = a&0x7f | b<<7
			return int64(a>>1) ^ -int64(a&1)
		}
	}
	v, n := binary.Varint(data)
	if n <= 0 {
		s.bad = true
		return 0
	}
	s.at += n
	return v
}
