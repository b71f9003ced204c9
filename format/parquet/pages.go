package parquet

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/parquet-go/parquet-go/compress"
	parquet "github.com/parquet-go/parquet-go/format"
)

// pages makes the pages of one column after the other. Its scratch is a builder's.
//
// A column starts with a dictionary. After sampleSize values it is clear enough whether that pays; if
// not, values are stored as they are, and integers as differences where that is smaller. A dictionary
// that outgrows its size is closed, and what comes behind is stored without.
type pages struct {
	*leaf
	scratch
	codec              compress.Codec
	pageSize, dictSize int

	// Of a block: some entries of the column, with which one kind of work is done at a time.
	words []int64
	texts [][]byte

	// Of the page that is being filled.
	from    int     // its first entry
	indexes []int32 // with a dictionary
	values  []int64 // without, of words
	plain   []byte  // without, of bytes
	count   int     // values in plain

	// Of the column.
	start   int // in the group's bytes
	dict    dictionary
	isDict  bool
	settled bool
	half    sample // at the half of the sample
	raw     int    // bytes of the sample's values as they are
	bounds  bounds
	chunk   chunk
}

// sample is how many values there were, and how many of them different ones.
type sample struct{ values, distinct int }

const (
	blockSize  = 1 << 10
	sampleSize = 16 << 10
	// leastSample is what is enough if there are no more in the first page.
	leastSample = 1 << 10
	// pageEntries is how many values and nulls a page has at most: a column of small ones needs
	// memory for numbers of four bytes, or eight.
	pageEntries = 64 << 10
)

// append appends the pages of a column.
func (p *pages) append(dst []byte, l *leaf, c *column, useDictionary bool) ([]byte, error) {
	p.begin(l, len(dst), useDictionary)
	raw, n := c.raw, c.entries()
	for at := 0; at < n; {
		end := min(at+blockSize, n)
		for len(c.reps) > 0 && end < n && c.reps[end] > 0 {
			end++ // to the end of the row: pages have whole ones
		}
		raw = p.decode(raw, c.present(at, end))
		p.take()
		at = end
		if !p.settled && len(p.indexes) >= sampleSize {
			p.settle(false)
		}
		outgrown := p.isDict && p.dictBytes() > p.dictSize
		if at < n && !outgrown && p.size(at) < p.pageSize && at-p.from < pageEntries {
			continue
		}
		var err error
		if dst, err = p.endPage(dst, c, at, at == n); err != nil {
			return dst, err
		}
		if outgrown || at == n {
			if dst, err = p.endDictionary(dst); err != nil {
				return dst, err
			}
		}
	}
	p.chunk.min, p.chunk.max = p.bounds.values(l)
	p.chunk.size = int64(len(dst) - p.start)
	return dst, nil
}

func (p *pages) begin(l *leaf, start int, useDictionary bool) {
	p.leaf, p.start, p.from = l, start, 0
	p.emptyPage()
	p.dict.reset(l.shape == fixed)
	p.isDict = useDictionary && l.shape != boolean
	p.settled = !p.isDict
	p.half, p.raw = sample{}, 0
	p.bounds.reset()
	p.chunk = chunk{}
}

func (p *pages) emptyPage() {
	p.indexes, p.values, p.plain, p.count = p.indexes[:0], p.values[:0], p.plain[:0], 0
}

// decode makes the next n values of raw a block.
func (p *pages) decode(raw []byte, n int) (rest []byte) {
	words, texts := p.words[:0], p.texts[:0]
	switch p.shape {
	case varint:
		words, raw = appendIntegers(words, raw, n)
	case boolean:
		for _, v := range raw[:n] {
			words = append(words, int64(v))
		}
		raw = raw[n:]
	case double:
		for range n {
			words = append(words, int64(binary.LittleEndian.Uint64(raw)))
			raw = raw[8:]
		}
	case decimal:
		for range n {
			words = append(words, int64(binary.BigEndian.Uint64(raw)))
			raw = raw[8:]
		}
	case fixed:
		for range n {
			texts = append(texts, raw[:16:16])
			raw = raw[16:]
		}
	default:
		texts, raw = appendTexts(texts, raw, n)
	}
	p.words, p.texts = words, texts
	return raw
}

// take moves a block into the page.
func (p *pages) take() {
	if !p.settled {
		p.raw += p.plainSize()
	}
	switch {
	case p.isDict && p.isWords():
		p.indexes = p.dict.appendWords(p.indexes, p.words)
	case p.isDict:
		p.indexes = p.dict.appendTexts(p.indexes, p.texts)
	case p.isWords():
		p.values = append(p.values, p.words...)
		p.bounds.addWords(p.leaf, p.words)
	default:
		for _, v := range p.texts {
			p.plain = appendPlain(p.plain, v, p.shape == fixed)
			p.bounds.addText(p.leaf, v)
		}
		p.count += len(p.texts)
	}
	if !p.settled && p.half.values == 0 && len(p.indexes) >= sampleSize/2 {
		p.half = sample{len(p.indexes), p.dict.n}
	}
}

// plainSize is how many bytes the block has as it is.
func (p *pages) plainSize() int {
	n := (len(p.words) + len(p.texts)) * p.width()
	if p.width() == 0 {
		for _, v := range p.texts {
			n += 4 + len(v)
		}
	}
	return n
}

// present is how many values the page has, without nulls.
func (p *pages) present() int { return len(p.indexes) + len(p.values) + p.count }

// size is how many bytes the page has, about, if it ends at an entry.
func (p *pages) size(at int) int {
	n := len(p.plain) + p.width()*len(p.values)
	if p.isDict {
		n += len(p.indexes) * p.dict.width() / 8
	}
	if p.maxRep > 0 {
		n += (at - p.from) / 4 // levels take some bits each
	}
	return n
}

// endPage ends the page in front of an entry.
func (p *pages) endPage(dst []byte, c *column, at int, last bool) ([]byte, error) {
	if !p.settled && (last || len(p.indexes) >= leastSample) {
		p.settle(last)
	}
	body := p.body[:0]
	if p.maxRep > 0 {
		body = p.appendLevels(body, c.reps[p.from:at], p.maxRep)
	}
	switch {
	case p.maxDef > 0 && len(c.defs) > 0:
		body = p.appendLevels(body, c.defs[p.from:at], p.maxDef)
	case p.maxDef > 0:
		body = appendLevel(body, p.maxDef, at-p.from)
	}
	body, encoding := p.appendValues(body)
	p.body = body
	entries := at - p.from
	p.chunk.values += int64(entries)
	p.chunk.nulls += int64(entries - p.present())
	p.chunk.count(encoding)
	p.from = at
	p.emptyPage()
	header := parquet.PageHeader{Type: parquet.DataPage}
	header.DataPageHeader.Set(parquet.DataPageHeader{
		NumValues: int32(entries), Encoding: encoding,
		DefinitionLevelEncoding: parquet.RLE, RepetitionLevelEncoding: parquet.RLE,
	})
	if err := p.pack(&header, body); err != nil {
		return dst, err
	}
	return append(append(dst, p.header.Bytes()...), p.packed...), nil
}

// endDictionary ends the dictionary, if there is one still. Its page stands first, but is known last.
func (p *pages) endDictionary(dst []byte) ([]byte, error) {
	if !p.isDict || p.dict.n == 0 {
		return dst, nil
	}
	p.isDict = false
	p.boundsOfDictionary()
	body := p.dict.plain
	if p.isWords() {
		p.body = appendWords(p.body[:0], p.dict.words, p.width())
		body = p.body
	}
	header := parquet.PageHeader{Type: parquet.DictionaryPage}
	header.DictionaryPageHeader.Set(parquet.DictionaryPageHeader{NumValues: int32(p.dict.n), Encoding: parquet.Plain})
	if err := p.pack(&header, body); err != nil {
		return dst, err
	}
	p.chunk.dictSize = int64(p.header.Len() + len(p.packed))
	dst = slices.Insert(dst, p.start, p.packed...)
	return slices.Insert(dst, p.start, p.header.Bytes()...), nil
}

// pack compresses a page, and makes its header.
func (p *pages) pack(header *parquet.PageHeader, body []byte) (err error) {
	if p.packed, err = p.codec.Encode(p.packed, body); err != nil {
		return fmt.Errorf("parquet: compressing a page with %s: %w", p.codec, err)
	}
	header.UncompressedPageSize, header.CompressedPageSize = int32(len(body)), int32(len(p.packed))
	if int(header.UncompressedPageSize) != len(body) || int(header.CompressedPageSize) != len(p.packed) {
		return errors.New("parquet: a page would be larger than 2 GiB, of which Parquet has none")
	}
	p.header.Reset()
	if err := p.thrift.Encode(header); err != nil {
		return fmt.Errorf("parquet: the header of a page: %w", err)
	}
	p.chunk.raw += int64(p.header.Len() + len(body))
	return nil
}
