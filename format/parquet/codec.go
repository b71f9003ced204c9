package parquet

import (
	"fmt"

	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"
	"github.com/parquet-go/parquet-go/compress"
	"github.com/parquet-go/parquet-go/compress/brotli"
	"github.com/parquet-go/parquet-go/compress/gzip"
	"github.com/parquet-go/parquet-go/compress/lz4"
	"github.com/parquet-go/parquet-go/compress/snappy"
	"github.com/parquet-go/parquet-go/compress/uncompressed"
	parquetzstd "github.com/parquet-go/parquet-go/compress/zstd"
)

// levels are the highest and the usual level of the codecs that have some.
var levels = map[string]struct{ highest, usual int }{
	"GZIP":   {9, 6},
	"BROTLI": {11, 4},
	"ZSTD":   {22, 1}, // as in Arrow; 3 makes files as large (docs/FORMATS.md)
}

// codecKey is what makes codecs equal.
type codecKey struct {
	name  string
	level int
}

// newCodec returns the codec of a name, as Airbyte's configs have them. It keeps encoders for later, each of some
// MiB, so a builder has one for all of its tables.
func newCodec(key codecKey) (compress.Codec, error) {
	name, level := key.name, key.level
	has, some := levels[name]
	switch {
	case some && (level < 0 || level > has.highest):
		return nil, fmt.Errorf("parquet: %s has levels from 1 to %d, not %d", name, has.highest, level)
	case level != 0 && (name == "SNAPPY" || name == "LZ4" || name == "UNCOMPRESSED"):
		return nil, fmt.Errorf("parquet: %s has no levels; leave the level out, or choose GZIP, BROTLI or ZSTD", name)
	}
	if level == 0 {
		level = has.usual
	}
	switch name {
	case "UNCOMPRESSED":
		return new(uncompressed.Codec), nil
	case "SNAPPY":
		return new(fastSnappy), nil
	case "GZIP":
		return &gzip.Codec{Level: level}, nil
	case "BROTLI":
		return &brotli.Codec{Quality: level}, nil
	case "LZ4":
		// LZ4_RAW in the file: the codec that is called LZ4 there is Hadoop's framing, and deprecated,
		// because no two readers agree on it.
		return &lz4.Codec{Level: lz4.Fastest}, nil
	case "ZSTD":
		return &literalZstd{Codec: parquetzstd.Codec{Level: zstd.EncoderLevelFromZstd(level)}}, nil
	case "LZO":
		return nil, fmt.Errorf("parquet: LZO can't be written, and hardly any reader takes it; choose ZSTD for small files, or SNAPPY or LZ4 for speed")
	}
	return nil, fmt.Errorf("parquet: unknown codec %q; choose UNCOMPRESSED, SNAPPY, GZIP, BROTLI, LZ4 or ZSTD", name)
}

// fastSnappy is Snappy as it is meant to be: parquet-go takes the encoder that is half as fast, for
// a few percent.
type fastSnappy struct{ snappy.Codec }

func (*fastSnappy) Encode(dst, src []byte) ([]byte, error) {
	return s2.EncodeSnappy(dst[:cap(dst)], src), nil
}

// literalZstd packs bytes without repetitions too. parquet-go has the encoder leave out the entropy coding where
// it finds none, and ids in hex take 36 bytes then in place of 20.
type literalZstd struct {
	parquetzstd.Codec
	encoder *zstd.Encoder // nil at first
}

// zstdWindow is as much as a page has.
const zstdWindow = 1 << 20

func (c *literalZstd) Encode(dst, src []byte) (_ []byte, err error) {
	if c.encoder == nil {
		if c.encoder, err = zstd.NewWriter(nil,
			zstd.WithEncoderLevel(c.Level),
			zstd.WithAllLitEntropyCompression(true),
			zstd.WithWindowSize(zstdWindow),
			zstd.WithEncoderConcurrency(1), // one state, and no goroutine
			zstd.WithZeroFrames(true),
			zstd.WithEncoderCRC(false)); err != nil {
			return nil, err
		}
	}
	return c.encoder.EncodeAll(src, dst[:0]), nil
}
