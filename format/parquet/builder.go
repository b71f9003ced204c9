package parquet

import (
	"fmt"
	"slices"

	"github.com/parquet-go/parquet-go/compress"
	"github.com/parquet-go/parquet-go/encoding/thrift"

	"github.com/sluice-data/sluice/format"
)

// builder implements format.Builder. It keeps a copy of a group's rows, column by column, and what one
// column needs. That stays as large as the largest group made it, but for giant rows.
type builder struct {
	table  *Parquet
	all    []column // that there ever were; the transposer has those of the table
	codecs map[codecKey]compress.Codec
	transposer
	pages pages
}

// NewBuilder implements format.Packer.
func (p *Parquet) NewBuilder() format.Builder {
	b := &builder{codecs: map[codecKey]compress.Codec{}}
	b.pages.thrift = thrift.NewEncoder(new(thrift.CompactProtocol).NewWriter(&b.pages.header))
	return b
}

// begin makes the builder ready for a group of a table. The memory of another one's columns will do.
func (b *builder) begin(p *Parquet) {
	b.table = p
	for len(b.all) < len(p.schema.leaves) {
		b.all = append(b.all, column{})
	}
	b.columns = b.all[:len(p.schema.leaves)]
	for i, l := range p.schema.leaves {
		b.columns[i].begin(l)
	}
	b.pages.codec = b.codec(p)
	b.pages.pageSize, b.pages.dictSize = p.options.PageSize, p.options.DictSize
}

// codec is the builder's own copy of a table's.
func (b *builder) codec(p *Parquet) compress.Codec {
	key := codecKey{p.options.Codec, p.options.Level}
	if _, ok := b.codecs[key]; !ok {
		b.codecs[key], _ = newCodec(key) // New would have failed
	}
	return b.codecs[key]
}

// AppendGroup implements format.Builder.
func (b *builder) AppendGroup(dst []byte, p format.Packer, chunks [][]byte, rows int64) (out []byte, info any, err error) {
	if rows == 0 {
		return dst, nil, nil
	}
	b.begin(p.(*Parquet))
	defer b.end(chunks)
	if err := b.transpose(chunks, rows); err != nil {
		return dst, nil, err
	}
	made := make(group, len(b.columns))
	out = dst
	for i, l := range b.table.schema.leaves {
		if out, err = b.pages.append(out, l, &b.columns[i], !b.table.options.NoDictionary); err != nil {
			return dst, nil, err
		}
		made[i] = b.pages.chunk
	}
	return out, made, nil
}

// end lets go of the group's rows, and of memory that only a giant row needed.
func (b *builder) end(chunks [][]byte) {
	clear(b.pages.texts[:cap(b.pages.texts)])
	if !slices.ContainsFunc(chunks, func(c []byte) bool { return len(c) > giant }) {
		return
	}
	for i := range b.columns {
		drop(&b.columns[i].raw)
	}
	for _, buf := range []*[]byte{&b.pages.plain, &b.pages.dict.plain, &b.pages.body, &b.pages.packed, &b.pages.encoded} {
		drop(buf)
	}
}

// giant is the size of a chunk that has one row only, which is larger than chunks are.
const giant = 1 << 20

func drop(buf *[]byte) {
	if cap(*buf) > giant {
		*buf = nil
	}
}

func (b *builder) transpose(chunks [][]byte, rows int64) error {
	var n int64
	for _, chunk := range chunks {
		b.data, b.at, b.bad = chunk, 0, false
		for b.at < len(chunk) {
			n++
			b.row(b.table.schema.root.children)
			if b.bad {
				return fmt.Errorf("parquet: row %d of a group is not of the table's type; this is a bug, please report it", n)
			}
		}
	}
	b.data = nil
	if n != rows {
		return fmt.Errorf("parquet: a group of %d rows has %d; this is a bug, please report it", rows, n)
	}
	return nil
}
