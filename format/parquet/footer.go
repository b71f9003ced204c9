package parquet

import (
	"encoding/binary"

	"github.com/parquet-go/parquet-go/encoding/thrift"
	parquet "github.com/parquet-go/parquet-go/format"

	"github.com/sluice-data/sluice/format"
)

// group is what the footer has to know of a row group: its columns, one behind the other.
type group []chunk

// chunk is a column of a row group.
type chunk struct {
	values   int64 // nulls too
	nulls    int64
	size     int64 // bytes, with all headers
	dictSize int64 // of these, what the dictionary's page takes, which comes first
	raw      int64 // before compression
	pages    [storages]int32
	min, max []byte
}

// storages is how many ways there are to store a page of values.
const storages = 3

var encodings = [storages]parquet.Encoding{parquet.RLEDictionary, parquet.Plain, parquet.DeltaBinaryPacked}

func (c *chunk) count(e parquet.Encoding) {
	for i := range encodings {
		if encodings[i] == e {
			c.pages[i]++
		}
	}
}

// AppendTrailer implements format.Packer: the footer, and where it begins.
func (p *Parquet) AppendTrailer(dst []byte, groups []format.Group) []byte {
	meta := parquet.FileMetaData{
		Version:   2, // 1 if there were only what Parquet 1.0 has
		Schema:    p.schema.elements,
		CreatedBy: p.options.CreatedBy,
	}
	for _, g := range groups {
		chunks, _ := g.Info.(group)
		if g.Rows == 0 || chunks == nil {
			continue
		}
		meta.NumRows += g.Rows
		meta.RowGroups = append(meta.RowGroups, p.rowGroup(g, chunks, len(meta.RowGroups)))
	}
	for range p.schema.leaves {
		meta.ColumnOrders = append(meta.ColumnOrders, parquet.ColumnOrder{Value: new(parquet.TypeDefinedOrder)})
	}
	footer, err := thrift.Marshal(new(thrift.CompactProtocol), &meta)
	if err != nil {
		// It writes to memory, and there is no other way to fail.
		panic(err)
	}
	dst = append(dst, footer...)
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(footer)))
	return append(dst, magic...)
}

func (p *Parquet) rowGroup(g format.Group, chunks group, ordinal int) parquet.RowGroup {
	r := parquet.RowGroup{
		NumRows: g.Rows, FileOffset: g.Offset, TotalCompressedSize: g.Size, Ordinal: int16(ordinal),
		Columns: make([]parquet.ColumnChunk, len(chunks)),
	}
	at := g.Offset
	for i := range chunks {
		c := &chunks[i]
		r.TotalByteSize += c.raw
		r.Columns[i].MetaData = p.columnMetaData(c, p.schema.leaves[i], at)
		at += c.size
	}
	return r
}

func (p *Parquet) columnMetaData(c *chunk, l *leaf, at int64) parquet.ColumnMetaData {
	m := parquet.ColumnMetaData{
		Type: l.physical, PathInSchema: l.path, Codec: p.codec.CompressionCodec(), NumValues: c.values,
		TotalUncompressedSize: c.raw, TotalCompressedSize: c.size, DataPageOffset: at,
		Statistics: parquet.Statistics{NullCount: c.nulls, MinValue: c.min, MaxValue: c.max},
	}
	stats := func(page parquet.PageType, e parquet.Encoding, n int32) {
		m.EncodingStats = append(m.EncodingStats, parquet.PageEncodingStats{PageType: page, Encoding: e, Count: n})
	}
	if c.dictSize > 0 {
		m.DictionaryPageOffset = at
		m.DataPageOffset = at + c.dictSize
		stats(parquet.DictionaryPage, parquet.Plain, 1)
	}
	for i, n := range c.pages {
		if n > 0 {
			stats(parquet.DataPage, encodings[i], n)
		}
	}
	used := map[parquet.Encoding]bool{}
	for _, s := range m.EncodingStats {
		if !used[s.Encoding] {
			m.Encoding = append(m.Encoding, s.Encoding)
		}
		used[s.Encoding] = true
	}
	if l.maxDef > 0 || l.maxRep > 0 {
		m.Encoding = append(m.Encoding, parquet.RLE) // of the levels
	}
	return m
}
