package compress

import (
	"encoding/binary"
	"fmt"

	"github.com/klauspost/compress/zstd"
)

// defaultZstdLevel is what level 0 stands for. On rows, this encoder's first speed makes of a piece
// what its second makes (1 % more or less), and what the zstd command makes at 3, its default; and it
// is half as fast again as the second.
const defaultZstdLevel = 1

const maxZstdLevel = 22

// zstdWindowLog is the window of all our frames, 512 KiB. No match reaches beyond its piece, and
// a piece is the rows of a batch, which are about as long as its input: at most 512 KiB unless
// a line is longer. A longer piece is right as well, its matches are only not as far. A reader
// needs that much memory; all have it (RFC 8878 asks for 8 MiB, section 3.1.1.1.2).
const zstdWindowLog = 19

// Zstd returns zstd at a level from 1 (fastest) to 22 (smallest), or 0 for the default. Other
// levels are a mistake in the program: it panics. The encoder has four speeds; 1 and 2 are
// its first, 3 to 5 the second, 6 to 9 the third, all above the fourth. A compressor of each needs
// 0.7, 1.9, 4.7 and 35 MiB.
//
// A stream is one frame (RFC 8878). Its blocks are those of the pieces, each made by an encoder
// that starts anew. isAlone says when such blocks may follow others, and a piece for which it
// does not hold is stored as it is.
//
// The frame has no checksum: XXH64 of a whole can't be had from those of its parts, so the
// serial end would have to hash all rows. What is stored is checked by S3's own checksums.
func Zstd(level int) Codec {
	if level == 0 {
		level = defaultZstdLevel
	}
	if level < 1 || level > maxZstdLevel {
		panic(fmt.Sprintf("compress: zstd has no level %d", level))
	}
	return zstdCodec{speed: zstd.EncoderLevelFromZstd(level)}
}

type zstdCodec struct{ speed zstd.EncoderLevel }

func (zstdCodec) Extension() string { return "zst" }

// AppendHeader: magic, no content size, no checksum, no dictionary, the window (RFC 8878,
// section 3.1.1.1).
func (zstdCodec) AppendHeader(dst []byte) []byte {
	dst = binary.LittleEndian.AppendUint32(dst, zstdMagic)
	return append(dst, 0, (zstdWindowLog-10)<<3)
}

// AppendTrailer appends an empty raw block, marked as the last.
func (zstdCodec) AppendTrailer(dst []byte, _ Sum) []byte {
	return append(dst, lastBlock, 0, 0)
}

func (c zstdCodec) NewCompressor() Compressor {
	encoder, err := zstd.NewWriter(nil,
		zstd.WithEncoderLevel(c.speed),
		zstd.WithWindowSize(1<<zstdWindowLog),
		zstd.WithEncoderConcurrency(1), // one state, and no goroutine
		zstd.WithLowerEncoderMem(true), // history of a window and a block, and not of two windows
		zstd.WithEncoderCRC(false))
	if err != nil {
		panic("compress: " + err.Error()) // only options that it does not know
	}
	return &zstdCompressor{encoder: encoder}
}

type zstdCompressor struct {
	encoder *zstd.Encoder
	check   carryCheck
	stored  int // pieces that could not be joined as they were; tests watch it
}

func (z *zstdCompressor) AppendPiece(dst, p []byte) ([]byte, Sum) {
	if len(p) == 0 {
		return dst, Sum{}
	}
	start := len(dst)
	dst = z.encoder.EncodeAll(p, dst)
	frame := dst[start:]
	header := frameHeader(frame)
	if blocks := frame[header:]; header > 0 && z.check.isAlone(blocks) {
		unmarkLast(blocks)
		dst = dst[:start+copy(frame, blocks)]
	} else {
		z.stored++
		dst = appendStored(dst[:start], p)
	}
	return dst, Sum{Bytes: int64(len(p))}
}

// unmarkLast makes the last of the blocks one like the others. The blocks are known to be whole.
func unmarkLast(blocks []byte) {
	for blocks[0]&lastBlock == 0 {
		blocks = blocks[blockSize(blocks):]
	}
	blocks[0] &^= lastBlock
}

// appendStored appends p in raw blocks of the greatest size that a block may have.
func appendStored(dst, p []byte) []byte {
	const most = 128 << 10
	for len(p) > 0 {
		n := min(len(p), most)
		h := n<<3 | rawBlock<<1
		dst = append(dst, byte(h), byte(h>>8), byte(h>>16))
		dst = append(dst, p[:n]...)
		p = p[n:]
	}
	return dst
}

const zstdMagic = 0xfd2fb528

// A block starts with three bytes: 1 bit last, 2 bits type, 21 bits size (RFC 8878, section
// 3.1.1.2).
const (
	lastBlock       = 1
	rawBlock        = 0
	rleBlock        = 1
	compressedBlock = 2
)

// blockType returns the type of the block at the start of b, which has its three bytes.
func blockType(b []byte) int { return int(b[0]) >> 1 & 3 }

// blockSize returns how long the block at the start of b is, with its three bytes.
func blockSize(b []byte) int {
	if blockType(b) == rleBlock {
		return 3 + 1
	}
	return 3 + (int(b[0])|int(b[1])<<8|int(b[2])<<16)>>3
}

// frameHeader returns how long the header of the frame is, or 0 if it is one that we can't do
// without: with a dictionary, a checksum or a window greater than ours.
func frameHeader(frame []byte) int {
	const most = 4 + 1 + 1 + 8
	var b [most]byte
	if copy(b[:], frame) < 6 || binary.LittleEndian.Uint32(b[:]) != zstdMagic {
		return 0
	}
	descriptor := b[4]
	if descriptor&0b1111 != 0 { // reserved, checksum, dictionary
		return 0
	}
	single := descriptor&(1<<5) != 0
	at := 5
	var window uint64
	if !single {
		window = uint64(1) << (10 + b[at]>>3)
		window += window / 8 * uint64(b[at]&7)
		at++
	}
	size := binary.LittleEndian.Uint64(b[at : at+8])
	switch descriptor >> 6 {
	case 0:
		if size &= 0xff; single {
			at++
		}
	case 1:
		size = size&0xffff + 256
		at += 2
	case 2:
		size &= 0xffffffff
		at += 4
	case 3:
		at += 8
	}
	if single {
		window = size
	}
	if at > len(frame) || window > 1<<zstdWindowLog {
		return 0
	}
	return at
}
