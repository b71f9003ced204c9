// Package compress makes one compressed stream of pieces that were compressed apart, so that
// the work is done by any number of workers and the end of the pipeline only puts bytes
// behind each other:
//
//	object = header, the pieces in their order, trailer
//
// What comes out is one gzip member or one zstd frame, not one for each piece: several are
// allowed in a file, but some readers stop behind the first, without an error (see
// docs/COMPRESSION.md).
//
// A piece has its own matches only, so short pieces compress worse and slower: of 16 KiB a
// little, of 1 KiB much. The package has no goroutine, no clock and no I/O.
package compress

// Codec is a way to compress. It is immutable, so everybody may share it.
type Codec interface {
	// Extension is the end of an object's key, without a dot: "gz", "zst".
	Extension() string

	// NewCompressor makes one worker's scratch memory.
	NewCompressor() Compressor

	// AppendHeader appends what stands in front of the first piece.
	AppendHeader(dst []byte) []byte

	// AppendTrailer appends what stands behind the last piece; all is the sum of all pieces.
	// An object without pieces is good, too: a stream of no bytes.
	AppendTrailer(dst []byte, all Sum) []byte
}

// Compressor compresses pieces. It is used by one goroutine at a time.
type Compressor interface {
	// AppendPiece appends p, compressed; sum describes p. The result may follow any other
	// piece of the same codec, whichever compressor made it. An empty piece is no bytes. p and
	// the free end of dst must not overlap. Neither is kept.
	AppendPiece(dst, p []byte) (out []byte, sum Sum)
}

// Sum describes bytes before their compression. The zero Sum is that of no bytes.
type Sum struct {
	Bytes int64
	CRC32 uint32 // of IEEE 802.3; 0 from a codec that has no use for it
}

// Join returns the sum of the bytes of s with those of next behind them.
func (s Sum) Join(next Sum) Sum {
	return Sum{Bytes: s.Bytes + next.Bytes, CRC32: crc32Combine(s.CRC32, next.CRC32, next.Bytes)}
}
