package stages

import "github.com/sluice-data/sluice/compress"

// Header is what each object of a table begins with, compressed if the table is.
type Header struct {
	bytes []byte
	sum   compress.Sum // of what is compressed
}

// NewHeaders makes those of the catalog's tables.
func NewHeaders(catalog *Catalog) []Header {
	var packer compress.Compressor // one for all: it may have many megabytes
	all := make([]Header, len(catalog.Tables))
	for i, t := range catalog.Tables {
		h := &all[i]
		h.bytes = t.Encoder.AppendHeader(nil)
		if t.Codec == nil {
			continue
		}
		if packer == nil {
			packer = t.Codec.NewCompressor()
		}
		h.bytes, h.sum = packer.AppendPiece(t.Codec.AppendHeader(nil), h.bytes)
	}
	return all
}
