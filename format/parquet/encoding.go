package parquet

import (
	"bytes"
	"encoding/binary"
	"math/bits"

	"github.com/parquet-go/parquet-go/encoding/delta"
	"github.com/parquet-go/parquet-go/encoding/rle"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	parquet "github.com/parquet-go/parquet-go/format"
)

// settle decides whether the dictionary pays, by what there is so far. last says that there is
// no more. It goes by bits before compression.
func (p *pages) settle(last bool) {
	p.settled = true
	n := len(p.indexes)
	if n == 0 || p.chunk.pages[0] > 0 {
		// Of hardly any values among many nulls there are pages already.
		return
	}
	entries := 8 * p.dictBytes()
	if !last {
		// What counts is how fast it still grows.
		grown := float64(p.dict.n-p.half.distinct) / float64(max(1, n-p.half.values))
		entries = int(float64(entries) / float64(p.dict.n) * grown * float64(n))
	}
	cost := n*p.dict.width() + entries
	// A codec finds many of the repetitions that a dictionary does.
	worth := 8 * p.raw * 3 / 4
	if p.shape == varint {
		p.values = p.values[:0]
		for _, k := range p.indexes {
			p.values = append(p.values, p.dict.words[k])
		}
		if deltas, good := p.deltas(p.leaf, p.values); good {
			worth = min(worth, 8*len(deltas))
		}
		p.values = p.values[:0]
	}
	if cost > worth {
		p.leaveDictionary()
	}
}

// leaveDictionary turns the page, which is the first one, into one without.
func (p *pages) leaveDictionary() {
	p.boundsOfDictionary()
	if p.isWords() {
		for _, k := range p.indexes {
			p.values = append(p.values, p.dict.words[k])
		}
	} else {
		for _, k := range p.indexes {
			p.plain = appendPlain(p.plain, p.dict.text(int(k)), p.dict.fixed)
		}
		p.count = len(p.indexes)
	}
	p.indexes = p.indexes[:0]
	p.isDict = false
}

func (p *pages) boundsOfDictionary() {
	if p.isWords() {
		p.bounds.addWords(p.leaf, p.dict.words)
		return
	}
	for k := range p.dict.n {
		p.bounds.addText(p.leaf, p.dict.text(k))
	}
}

// dictBytes is how large the dictionary's page is.
func (p *pages) dictBytes() int {
	if p.isWords() {
		return p.dict.n * p.width()
	}
	return len(p.dict.plain)
}

// appendValues appends the values of the page, and says how they are stored.
func (p *pages) appendValues(dst []byte) ([]byte, parquet.Encoding) {
	switch {
	case p.present() == 0:
		return dst, parquet.Plain
	case p.isDict:
		width := p.dict.width()
		return append(append(dst, byte(width)), p.hybrid(p.indexes, width)...), parquet.RLEDictionary
	case p.shape == boolean:
		return appendBits(dst, p.values), parquet.Plain
	case p.shape == varint:
		if deltas, good := p.deltas(p.leaf, p.values); good {
			return append(dst, deltas...), parquet.DeltaBinaryPacked
		}
	}
	if p.isWords() {
		return appendWords(dst, p.values, p.width()), parquet.Plain
	}
	return append(dst, p.plain...), parquet.Plain
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

// scratch is what is needed for a while only. What the encodings return is theirs until the next call;
// they have no errors.
type scratch struct {
	short   []int32
	encoded []byte
	body    []byte // of a page
	packed  []byte
	header  bytes.Buffer
	thrift  *thrift.Encoder
}

// fewValues are not worth an encoding that is less common.
const fewValues = 64

// deltas returns values as the differences of each to the one before, and whether that is clearly smaller.
func (s *scratch) deltas(l *leaf, values []int64) ([]byte, bool) {
	var e delta.BinaryPackedEncoding
	if l.physical == parquet.Int32 {
		s.short = s.short[:0]
		for _, v := range values {
			s.short = append(s.short, int32(v))
		}
		s.encoded, _ = e.EncodeInt32(s.encoded, s.short)
	} else {
		s.encoded, _ = e.EncodeInt64(s.encoded, values)
	}
	return s.encoded, len(values) >= fewValues && len(s.encoded) < len(values)*l.width()*7/8
}

// appendLevels appends levels as data pages of version 1 have them: behind their length.
func (s *scratch) appendLevels(dst []byte, levels []uint8, highest uint8) []byte {
	e := rle.Encoding{BitWidth: bits.Len8(highest)}
	s.encoded, _ = e.EncodeLevels(s.encoded, levels)
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(s.encoded)))
	return append(dst, s.encoded...)
}

// appendLevel appends one level n times: a run.
func appendLevel(dst []byte, level uint8, n int) []byte {
	at := len(dst)
	dst = binary.AppendUvarint(append(dst, 0, 0, 0, 0), uint64(n)<<1)
	dst = append(dst, level)
	binary.LittleEndian.PutUint32(dst[at:], uint32(len(dst)-at-4))
	return dst
}

// hybrid returns numbers as runs and packed bits.
func (s *scratch) hybrid(numbers []int32, width int) []byte {
	e := rle.Encoding{BitWidth: width}
	s.encoded, _ = e.EncodeInt32(s.encoded, numbers)
	return s.encoded
}
