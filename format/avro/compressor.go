package avro

import (
	"encoding/binary"
	"hash/crc32"
	"io"
	"slices"

	"github.com/dsnet/compress/bzip2"
	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
	"github.com/ulikunitz/xz/lzma"
)

// compressor compresses blocks, one after another. Each is a stream of its own: readers begin anywhere.
type compressor interface {
	append(dst, src []byte) ([]byte, error)
}

// appended is a Writer that appends.
type appended struct{ to []byte }

func (a *appended) Write(p []byte) (int, error) {
	a.to = append(a.to, p...)
	return len(p), nil
}

// resettable is a compressing writer that can be used again.
type resettable interface {
	io.WriteCloser
	Reset(w io.Writer) error
}

// stream is a compressor of such a writer.
type stream struct {
	open   func(w io.Writer) (resettable, error)
	writer resettable // nil before the first block
}

func (s *stream) append(dst, src []byte) ([]byte, error) {
	out := &appended{to: dst}
	err := s.begin(out)
	if err != nil {
		return nil, err
	}
	if _, err = s.writer.Write(src); err == nil {
		err = s.writer.Close()
	}
	dst, out.to = out.to, nil // the writer would keep it until the next block
	return dst, err
}

func (s *stream) begin(out io.Writer) (err error) {
	if s.writer == nil {
		s.writer, err = s.open(out)
		return err
	}
	return s.writer.Reset(out)
}

type deflate struct{ *flate.Writer }

func (d deflate) Reset(w io.Writer) error {
	d.Writer.Reset(w)
	return nil
}

// newDeflate makes a raw deflate stream of each block: no zlib around it.
func newDeflate(c Codec) compressor {
	return &stream{open: func(w io.Writer) (resettable, error) {
		writer, err := flate.NewWriter(w, c.level)
		return deflate{writer}, err
	}}
}

func newBzip2(Codec) compressor {
	return &stream{open: func(w io.Writer) (resettable, error) {
		return bzip2.NewWriter(w, &bzip2.WriterConfig{Level: bzip2.BestCompression})
	}}
}

// newXZ makes a compressor that is new for each block: the writer can't be used again.
func newXZ(c Codec) compressor { return xzCodec{c.level} }

type xzCodec struct{ level int }

// xzDictionaries are the sizes that go with the levels of the xz program, in KiB. It has other settings
// for them too, of which this library knows no more than this one.
var xzDictionaries = [...]int{256, 1 << 10, 2 << 10, 4 << 10, 4 << 10, 8 << 10, 8 << 10, 16 << 10, 32 << 10, 64 << 10}

func (c xzCodec) append(dst, src []byte) ([]byte, error) {
	out := &appended{to: dst}
	// No more than the block has: memory for the dictionary, and more for searching in it, is
	// taken at once.
	size := min(xzDictionaries[c.level]<<10, max(len(src), lzma.MinDictCap))
	writer, err := xz.WriterConfig{DictCap: size}.NewWriter(out)
	if err != nil {
		return nil, err
	}
	if _, err = writer.Write(src); err == nil {
		err = writer.Close()
	}
	return out.to, err
}

type zstdCodec struct{ encoder *zstd.Encoder }

// zstdWindow is the window of all frames: few blocks are larger, and a worker's memory is some of these.
const zstdWindow = 1 << 20

func newZstd(c Codec) compressor {
	encoder, err := zstd.NewWriter(nil,
		zstd.WithEncoderLevel(zstd.EncoderLevelFromZstd(c.level)),
		zstd.WithWindowSize(zstdWindow),
		zstd.WithEncoderConcurrency(1), // one state, and no goroutine
		zstd.WithLowerEncoderMem(true),
		zstd.WithEncoderCRC(c.checksum))
	if err != nil {
		panic(err) // the options are constants, and the level one of the library's own
	}
	return zstdCodec{encoder}
}

func (c zstdCodec) append(dst, src []byte) ([]byte, error) { return c.encoder.EncodeAll(src, dst), nil }

type snappy struct{}

func newSnappy(Codec) compressor { return snappy{} }

// append makes a block of snappy, not its framing format, and behind it the CRC-32 of what was compressed.
func (snappy) append(dst, src []byte) ([]byte, error) {
	most := s2.MaxEncodedLen(len(src))
	if most < 0 {
		return nil, s2.ErrTooLarge
	}
	n := len(dst)
	dst = slices.Grow(dst, most+crc32.Size)
	block := s2.EncodeSnappy(dst[n:n+most], src)
	return binary.BigEndian.AppendUint32(dst[:n+len(block)], crc32.ChecksumIEEE(src)), nil
}
