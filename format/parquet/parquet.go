// Package parquet makes Parquet files of typed rows. A row group is made by itself, with places that
// count from its first byte, so any number of workers make groups of one object; the footer, which
// comes last, adds where each of them has landed.
//
// What parquet-go has for it is used: the structs of the format, Thrift, the encodings and the codecs. Its
// writer is not: it takes a row as values of 24 bytes, and twice the time (see docs/DESIGN.md).
package parquet

import (
	"errors"
	"fmt"

	"github.com/parquet-go/parquet-go/compress"

	"github.com/sluice-data/sluice/format"
	"github.com/sluice-data/sluice/format/typed"
)

// Options say how the groups are written. The zero value is usable but for Codec.
type Options struct {
	Codec        string // UNCOMPRESSED, SNAPPY, GZIP, BROTLI, LZ4 or ZSTD
	Level        int    // of GZIP (1 to 9), BROTLI (1 to 11) and ZSTD (1 to 22); 0: 6, 4 and 1
	GroupSize    int64  // bytes of rows that make a group
	PageSize     int    // bytes of a page before compression, about; 0: 1 MiB
	DictSize     int    // bytes of a column's dictionary, about; 0: 1 MiB
	NoDictionary bool
	CreatedBy    string // "sluice version 1.2.3"
}

// Rows is the part of a format.Encoder that makes a record a row of the type that New was given.
type Rows interface {
	AppendRow(dst []byte, row *format.Row) (out []byte, replaced int)
}

// Parquet is the format.Packer of one table.
type Parquet struct {
	Rows
	root    *typed.Type
	options Options
	codec   compress.Codec // for what the footer says of it: each builder has a copy
	schema  schema
}

var _ format.Packer = (*Parquet)(nil)

const (
	magic       = "PAR1"
	defaultSize = 1 << 20
)

// New returns the Packer of a table whose rows are records of the type root.
func New(root *typed.Type, rows Rows, o Options) (*Parquet, error) {
	if o.PageSize == 0 {
		o.PageSize = defaultSize
	}
	if o.DictSize == 0 {
		o.DictSize = defaultSize
	}
	if o.PageSize < 0 || o.DictSize < 0 || o.GroupSize < 0 {
		return nil, errors.New("parquet: sizes of groups, pages and dictionaries can't be negative")
	}
	codec, err := newCodec(codecKey{o.Codec, o.Level})
	if err != nil {
		return nil, err
	}
	p := &Parquet{Rows: rows, root: root, options: o, codec: codec}
	if err := p.schema.build(root); err != nil {
		return nil, fmt.Errorf("parquet: %w", err)
	}
	return p, nil
}

// Root is the type of the rows.
func (p *Parquet) Root() *typed.Type { return p.root }

// AppendHeader implements format.Encoder.
func (p *Parquet) AppendHeader(dst []byte) []byte { return append(dst, magic...) }

// Extension implements format.Encoder.
func (p *Parquet) Extension() string { return "parquet" }

// GroupSize implements format.Packer.
func (p *Parquet) GroupSize() int64 { return p.options.GroupSize }
