package parquet

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
	"slices"

	"github.com/parquet-go/parquet-go/encoding/rle"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	parquet "github.com/parquet-go/parquet-go/format"

	"github.com/sluice-data/sluice/format"
)

// builder implements format.Builder. Its scratch stays as large as the largest group made it.
type builder struct {
	table *Parquet
	all   []column // that there ever were; the shredder has those of the table
	shredder
	scratch
}

// scratch is what the columns of a builder need only for a while.
type scratch struct {
	values  []int64
	short   []int32
	encoded []byte // by hybrid or deltas
	body    []byte // of a page
	packed  []byte
	header  bytes.Buffer
	thrift  *thrift.Encoder
}

// NewBuilder implements format.Packer.
func (p *Parquet) NewBuilder() format.Builder {
	b := &builder{}
	b.thrift = thrift.NewEncoder(new(thrift.CompactProtocol).NewWriter(&b.header))
	return b
}

// begin makes the builder ready for a group of a table. The memory of another one's columns will do.
func (b *builder) begin(p *Parquet) {
	b.table, b.constants = p, p.schema.constants
	for len(b.all) < len(p.schema.leaves) {
		b.all = append(b.all, column{})
	}
	b.columns = b.all[:len(p.schema.leaves)]
	for i, l := range p.schema.leaves {
		b.columns[i].leaf = l
		b.columns[i].reset(&p.options)
	}
}

// A block is what is taken apart before its values are worked on, column by column: enough to be worth
// the change, and little enough to be in the cache still. Pages end between blocks.
const (
	blockRows = 512
	blockSize = 64 << 10
)

// AppendGroup implements format.Builder.
func (b *builder) AppendGroup(dst []byte, p format.Packer, chunks [][]byte, rows int64) (out []byte, info any, err error) {
	if rows == 0 {
		return dst, nil, nil
	}
	b.begin(p.(*Parquet))
	var n int64
	for _, chunk := range chunks {
		b.data, b.at, b.bad = chunk, 0, false
		for b.at < len(chunk) {
			n += b.block()
			if b.bad {
				return dst, nil, fmt.Errorf("parquet: row %d of a group is not of the table's type; this is a bug, please report it", n)
			}
			if err := b.take(); err != nil {
				return dst, nil, err
			}
		}
	}
	b.data = nil
	if n != rows {
		return dst, nil, fmt.Errorf("parquet: a group of %d rows has %d; this is a bug, please report it", rows, n)
	}
	return b.finish(dst)
}

// block takes the next rows apart.
func (b *builder) block() (rows int64) {
	end := b.at + min(blockSize, b.table.options.PageSize)
	for rows < blockRows && b.at < len(b.data) && b.at < end && !b.bad {
		b.row(b.table.schema.root.children)
		rows++
	}
	return rows
}

// take moves the block into the columns' pages, and ends those that are full.
func (b *builder) take() error {
	for i := range b.columns {
		c := &b.columns[i]
		c.take(&b.texts)
		if !c.settled && len(c.indexes) >= sampleSize {
			c.settle(&b.scratch, false)
		}
		outgrown := c.isDict && c.outgrown(b.table.options.DictSize)
		if !outgrown && c.size() < b.table.options.PageSize && c.entries() < pageValues {
			continue
		}
		if err := b.endPage(c, false); err != nil {
			return err
		}
		if outgrown {
			if err := b.endDictionary(c); err != nil {
				return err
			}
		}
	}
	return nil
}

// finish puts the columns behind each other.
func (b *builder) finish(dst []byte) (out []byte, info any, err error) {
	group := make(group, len(b.columns))
	size := 0
	for i := range b.columns {
		c := &b.columns[i]
		if err := b.endPage(c, true); err != nil {
			return dst, nil, err
		}
		if err := b.endDictionary(c); err != nil {
			return dst, nil, err
		}
		c.chunk.min, c.chunk.max = c.bounds.values(c.leaf)
		c.chunk.size = int64(len(c.pages))
		group[i] = c.chunk
		size += len(c.pages)
	}
	dst = slices.Grow(dst, size)
	for i := range b.columns {
		c := &b.columns[i]
		// The dictionary stands first, but is known last.
		from, to := c.dictAt, c.dictAt+int(c.chunk.dictSize)
		dst = append(dst, c.pages[from:to]...)
		dst = append(dst, c.pages[:from]...)
		dst = append(dst, c.pages[to:]...)
	}
	return dst, group, nil
}

// endPage ends the page of a column, if it has one.
func (b *builder) endPage(c *column, last bool) error {
	if !c.settled && (last || len(c.indexes) >= leastSample) {
		c.settle(&b.scratch, last)
	}
	entries := c.entries()
	if entries == 0 {
		return nil
	}
	body := b.body[:0]
	if c.maxRep > 0 {
		body = b.appendLevels(body, c.reps, c.maxRep)
	}
	if c.maxDef > 0 {
		body = b.appendLevels(body, c.defs, c.maxDef)
	}
	body, encoding := c.appendValues(body, &b.scratch)
	b.body = body
	c.chunk.values += int64(entries)
	c.chunk.nulls += int64(entries - c.present())
	c.chunk.count(encoding)
	header := parquet.PageHeader{Type: parquet.DataPage}
	header.DataPageHeader.Set(parquet.DataPageHeader{
		NumValues: int32(entries), Encoding: encoding,
		DefinitionLevelEncoding: parquet.RLE, RepetitionLevelEncoding: parquet.RLE,
	})
	c.emptyPage()
	return b.appendPage(c, &header, body)
}

// endDictionary makes the dictionary's page, if the column still has one.
func (b *builder) endDictionary(c *column) error {
	if !c.isDict || c.dict.n == 0 {
		return nil
	}
	c.boundsOfDictionary()
	c.isDict = false
	body := c.dict.plain
	if c.leaf.words() {
		b.body = appendWords(b.body[:0], c.dict.words, c.width())
		body = b.body
	}
	header := parquet.PageHeader{Type: parquet.DictionaryPage}
	header.DictionaryPageHeader.Set(parquet.DictionaryPageHeader{NumValues: int32(c.dict.n), Encoding: parquet.Plain})
	c.dictAt = len(c.pages)
	if err := b.appendPage(c, &header, body); err != nil {
		return err
	}
	c.chunk.dictSize = int64(len(c.pages) - c.dictAt)
	return nil
}

// appendPage compresses a page and appends it to the column's.
func (b *builder) appendPage(c *column, header *parquet.PageHeader, body []byte) (err error) {
	if b.packed, err = b.table.codec.Encode(b.packed, body); err != nil {
		return fmt.Errorf("parquet: compressing a page with %s: %w", b.table.codec, err)
	}
	header.UncompressedPageSize, header.CompressedPageSize = int32(len(body)), int32(len(b.packed))
	if int(header.UncompressedPageSize) != len(body) {
		return errors.New("parquet: a page is larger than 2 GiB")
	}
	b.header.Reset()
	if err := b.thrift.Encode(header); err != nil {
		return fmt.Errorf("parquet: the header of a page: %w", err)
	}
	c.chunk.raw += int64(b.header.Len() + len(body))
	c.pages = append(append(c.pages, b.header.Bytes()...), b.packed...)
	return nil
}

// appendLevels appends levels as data pages of version 1 have them: behind their length.
func (s *scratch) appendLevels(dst []byte, levels []uint8, highest uint8) []byte {
	e := rle.Encoding{BitWidth: bits.Len8(highest)}
	s.encoded, _ = e.EncodeLevels(s.encoded, levels)
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(s.encoded)))
	return append(dst, s.encoded...)
}

// hybrid returns numbers as runs and packed bits.
func (s *scratch) hybrid(numbers []int32, width int) []byte {
	e := rle.Encoding{BitWidth: width}
	s.encoded, _ = e.EncodeInt32(s.encoded, numbers)
	return s.encoded
}
