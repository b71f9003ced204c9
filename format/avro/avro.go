// Package avro writes Avro's object container files. Rows come as what they are in there already; what
// is left is the schema, the file's header, and blocks of rows, compressed or not.
package avro

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/sluice-data/sluice/format"
	"github.com/sluice-data/sluice/format/typed"
)

// Encoder writes the objects of one table.
//
//	object = magic, metadata (the schema, the codec's name), marker, blocks
//	block  = number of rows, length, the rows, marker
type Encoder struct {
	*typed.Encoder
	codec  Codec
	header []byte
	marker [16]byte
}

var _ format.Packer = (*Encoder)(nil)

// New makes an encoder from one that writes the rows. The schema's outermost record has the stream's
// namespace, which may be empty, and name.
func New(rows *typed.Encoder, namespace, name string, codec Codec) (*Encoder, error) {
	text, err := json.Marshal(newSchema(rows.Root(), namespace, name))
	if err != nil {
		return nil, fmt.Errorf("writing the Avro schema: %w", err)
	}
	e := &Encoder{Encoder: rows, codec: codec, header: []byte("Obj\x01")}
	e.header = binary.AppendVarint(e.header, 2) // entries
	for _, part := range []string{"avro.codec", codec.container(), "avro.schema", string(text)} {
		e.header = append(binary.AppendVarint(e.header, int64(len(part))), part...)
	}
	e.header = append(e.header, 0)
	// A marker is what readers that begin in the middle look for, and so it must not come up in rows by
	// chance. It usually is random for that, but then the same rows would not make the same object
	// twice. A hash is as unlikely to come up.
	sum := sha256.Sum256(e.header)
	copy(e.marker[:], sum[:])
	e.header = append(e.header, e.marker[:]...)
	return e, nil
}

// Extension is "avro".
func (e *Encoder) Extension() string { return "avro" }

// AppendHeader appends what stands in front of the first block.
func (e *Encoder) AppendHeader(dst []byte) []byte { return append(dst, e.header...) }

// GroupSize is 0: a block of a batch's rows is about as large as readers want it.
func (e *Encoder) GroupSize() int64 { return 0 }

// AppendTrailer appends nothing: an object is its header and its blocks.
func (e *Encoder) AppendTrailer(dst []byte, _ []format.Group) []byte { return dst }

// NewBuilder makes one worker's scratch memory.
func (e *Encoder) NewBuilder() format.Builder {
	return &builder{compress: e.codec.newCompressor()}
}

type builder struct {
	compress compressor // nil: rows stay as they are
	rows     []byte     // of several chunks, to be compressed as one
}

// AppendGroup appends a block. A trailer has nothing to know of it.
func (b *builder) AppendGroup(dst []byte, p format.Packer, chunks [][]byte, rows int64) (out []byte, info any, err error) {
	if rows == 0 {
		return dst, nil, nil
	}
	marker := p.(*Encoder).marker[:]
	dst = binary.AppendVarint(dst, rows)
	at := len(dst)
	if b.compress == nil {
		dst = append(dst, lengthOf(chunks)...)
		for _, chunk := range chunks {
			dst = append(dst, chunk...)
		}
		return append(dst, marker...), nil, nil
	}
	dst = append(dst, make([]byte, binary.MaxVarintLen64)...) // for the length, which is known behind
	dst, err = b.compress.append(dst, b.join(chunks))
	if err != nil {
		return nil, nil, fmt.Errorf("compressing an Avro block: %w", err)
	}
	start := at + binary.MaxVarintLen64
	n := binary.PutVarint(dst[at:start], int64(len(dst)-start))
	dst = slices.Delete(dst, at+n, start)
	return append(dst, marker...), nil, nil
}

// maxKept bounds the memory that is kept for joining chunks: a giant row must not stay.
const maxKept = 4 << 20

// join makes one text of the chunks; mostly there is one.
func (b *builder) join(chunks [][]byte) []byte {
	if len(chunks) == 1 {
		return chunks[0]
	}
	if cap(b.rows) > maxKept {
		b.rows = nil
	}
	b.rows = b.rows[:0]
	for _, chunk := range chunks {
		b.rows = append(b.rows, chunk...)
	}
	return b.rows
}

// lengthOf is the length of all chunks, as a block has it.
func lengthOf(chunks [][]byte) []byte {
	size := 0
	for _, chunk := range chunks {
		size += len(chunk)
	}
	return binary.AppendVarint(nil, int64(size))
}
