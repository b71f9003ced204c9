package compress

import (
	"bytes"
	"fmt"
	"math/bits"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/klauspost/compress/zstd"
)

// oneSequence is a compressed block of one sequence: so many literals, an offset's value as it
// stands in the block (1 to 3 are recent distances, others the distance plus 3), the length of
// the match. Its three codes are of the kind RLE, so only the extra bits of the offset follow.
func oneSequence(literals, offset, match int) []byte {
	b := sequenceHead(literals, fseRLE)
	code := bits.Len(uint(offset)) - 1
	b = append(b, byte(literals), byte(code), byte(match-3))
	return finish(extraBits(b, offset, code))
}

// sameTables is such a block with the tables of the one before, so its codes are equal, too.
func sameTables(literals, offset int) []byte {
	return finish(extraBits(sequenceHead(literals, fseRepeat), offset, bits.Len(uint(offset))-1))
}

func sequenceHead(literals int, mode byte) []byte {
	b := []byte{0, 0, 0, byte(literals << 3)} // raw literals
	b = append(b, "abcdefghijklmno"[:literals]...)
	return append(b, 1, mode<<6|mode<<4|mode<<2) // one sequence
}

// extraBits appends the lower bits of the offset, and the bit that marks the end.
func extraBits(b []byte, offset, code int) []byte {
	for v := offset&^(1<<code) | 1<<code; v > 0; v >>= 8 {
		b = append(b, byte(v))
	}
	return b
}

// finish writes the header of a block that has three bytes of room for it.
func finish(b []byte) []byte {
	h := (len(b)-3)<<3 | compressedBlock<<1
	b[0], b[1], b[2] = byte(h), byte(h>>8), byte(h>>16)
	return b
}

func raw(s string) []byte { return appendStored(nil, []byte(s)) }

// onlyLiterals is a compressed block without sequences. Their content is not good.
func onlyLiterals(kind byte) []byte { return finish([]byte{0, 0, 0, kind, 1 << 6, 0, 'x', 0}) }

// behind returns blocks that leave other distances and tables than a frame starts with, and what
// they are of.
func behind(seed uint64) (blocks, content []byte) {
	content = csvRows(rand.New(rand.NewPCG(seed, 0)), 3000)
	e, err := zstd.NewWriter(nil, zstd.WithEncoderCRC(false))
	if err != nil {
		panic(err)
	}
	frame := e.EncodeAll(content, nil)
	blocks = frame[frameHeader(frame):]
	blocks[0] &^= lastBlock
	// The last three distances are 701, 702, 703 and so on: none that a small test has.
	for i := range 3 {
		b := oneSequence(1, 704+i+int(seed), 3)
		blocks = append(blocks, b...)
	}
	content, err = decoder.DecodeAll(append(Zstd(1).AppendTrailer(append(Zstd(1).AppendHeader(nil), blocks...), Sum{}), nil...), nil)
	if err != nil {
		panic(err)
	}
	return blocks, content
}

// staysItself decodes the blocks at the start of a frame and behind others. It reports whether
// they are the same everywhere, and whether they are blocks at all. The last one is not marked.
func staysItself(blocks []byte) (same, good bool) {
	codec := Zstd(1)
	alone, err := decoder.DecodeAll(codec.AppendTrailer(append(codec.AppendHeader(nil), blocks...), Sum{}), nil)
	if err != nil {
		return false, false
	}
	for _, f := range fronts {
		got, err := decoder.DecodeAll(codec.AppendTrailer(slices.Concat(codec.AppendHeader(nil), f.blocks, blocks), Sum{}), nil)
		if err != nil || !bytes.Equal(got, slices.Concat(f.content, alone)) {
			return false, true
		}
	}
	return true, true
}

var fronts = func() (list [3]struct{ blocks, content []byte }) {
	for i := range list {
		list[i].blocks, list[i].content = behind(uint64(i * 10))
	}
	return list
}()

// markLast marks the last of the blocks, or the first if they can't be walked.
func markLast(blocks []byte) []byte {
	if blocks = slices.Clone(blocks); len(blocks) == 0 {
		return blocks
	}
	last := 0
	for at := 0; at+3 <= len(blocks); at += blockSize(blocks[at:]) {
		last = at
	}
	blocks[last] |= lastBlock
	return blocks
}

func TestWhatIsCarried(t *testing.T) {
	var check carryCheck
	f := func(name string, want bool, list ...[]byte) {
		t.Helper()
		blocks := slices.Concat(list...)
		if same, good := staysItself(blocks); !good || same != want {
			t.Errorf("%s: by the decoder %v (good: %v), want %v", name, same, good, want)
		}
		if got := check.isAlone(markLast(blocks)); got != want {
			t.Errorf("%s: got %v, want %v", name, got, want)
		}
	}
	r := raw("abcdefghijkl")
	f("raw", true, r)
	f("a new distance", true, oneSequence(4, 5, 3))
	f("the first one, at once", false, oneSequence(4, 1, 3))
	f("the second", false, oneSequence(5, 2, 3))
	f("the third", false, oneSequence(9, 3, 3))
	f("no literals: the second", false, r, oneSequence(0, 1, 3))
	f("no literals: the third", false, r, oneSequence(0, 2, 3))
	f("one, and it again", true, oneSequence(4, 5, 3), oneSequence(1, 1, 3))
	f("one, and it again behind a raw block", true, oneSequence(4, 5, 3), r, oneSequence(1, 1, 3))
	f("one, and it again, without literals", false, oneSequence(4, 5, 3), oneSequence(0, 1, 3))
	f("one, and the second", false, oneSequence(4, 5, 3), oneSequence(1, 2, 3))
	f("one, and the third", false, oneSequence(4, 5, 3), r, oneSequence(1, 3, 3))
	f("one, and it less 1", true, oneSequence(4, 6, 3), oneSequence(0, 3, 3))
	f("one, it less 1, the second", true, oneSequence(4, 6, 3), oneSequence(0, 3, 3), oneSequence(1, 2, 3))
	f("one, it less 1, the third", false, r, oneSequence(4, 6, 3), oneSequence(0, 3, 3), oneSequence(1, 3, 3))
	f("two, and the second", true, oneSequence(4, 5, 3), oneSequence(4, 6, 3), oneSequence(1, 2, 3))
	f("two, and the second, without literals", true, oneSequence(4, 5, 3), oneSequence(4, 6, 3), oneSequence(0, 1, 3))
	f("two, swapped, and the third", false, oneSequence(4, 5, 3), oneSequence(4, 6, 3), oneSequence(1, 2, 3), r, oneSequence(1, 3, 3))
	f("two, and the third, without literals", false, oneSequence(4, 5, 3), oneSequence(4, 6, 3), r, oneSequence(0, 2, 3))
	f("three, and all", true, oneSequence(4, 5, 3), oneSequence(4, 6, 3), oneSequence(4, 7, 3), oneSequence(1, 3, 3), oneSequence(0, 2, 3), oneSequence(1, 2, 3))
	f("tables of their own", true, oneSequence(4, 5, 3), sameTables(4, 6))

	g := func(name string, want bool, list ...[]byte) {
		t.Helper()
		if got := check.isAlone(markLast(slices.Concat(list...))); got != want {
			t.Errorf("%s: got %v, want %v", name, got, want)
		}
	}
	const huffman, treeless = 2, 3
	g("tables of another piece", false, sameTables(4, 5))
	g("a Huffman table of its own", true, onlyLiterals(huffman))
	g("that of another piece", false, onlyLiterals(treeless))
	g("that of another piece, behind raw", false, r, onlyLiterals(treeless))
	g("again", true, onlyLiterals(huffman), r, onlyLiterals(treeless))
	three := slices.Concat(oneSequence(4, 5, 3), oneSequence(4, 6, 3), oneSequence(4, 7, 3))
	g("distances are not all", false, three, onlyLiterals(treeless))
	g("behind the last", false, markLast(r), r)
	g("a reserved type", false, []byte{3 << 1, 0, 0})
	g("all but the third", false, onlyLiterals(huffman), oneSequence(4, 5, 3), oneSequence(4, 6, 3), oneSequence(4, 3, 3))
	g("all and the third", true, onlyLiterals(huffman), three, oneSequence(4, 3, 3))
	g("bits that nobody reads", false, finish(append(oneSequence(4, 5, 3), 1)))
	border := len(three) / 3
	for i := range three {
		g("cut off", i > 0 && i%border == 0, three[:i])
	}
}

// readsAll fails unless the sequences of each block, read to their end with our tables, take all
// their bits and not one more. A wrong table, or a wrong step, hardly gets there.
func readsAll(t *testing.T, name string, blocks []byte) {
	t.Helper()
	var c carryCheck
	for len(blocks) > 0 {
		size := blockSize(blocks)
		b := blocks[3:size]
		kind := blockType(blocks)
		blocks = blocks[size:]
		if kind != compressedBlock {
			continue
		}
		b, ok := c.literals(b)
		n, b, good := c.sequencesHeader(b)
		if !ok || !good {
			t.Fatalf("%s: the header of a block is not understood", name)
		}
		if n == 0 {
			continue
		}
		r := newBackward(b)
		var at [3]int
		for i := range at {
			at[i] = r.read(c.tables[i].log)
		}
		for ; n > 0; n-- {
			length, offset, match := c.tables[0].cells[at[0]], c.tables[1].cells[at[1]], c.tables[2].cells[at[2]]
			r.skip(int(offset.symbol) + int(matchBits[match.symbol]) + int(lengthBits[length.symbol]))
			if n > 1 {
				at[0] = length.next(r)
				at[2] = match.next(r)
				at[1] = offset.next(r)
			}
		}
		if r.left != 0 {
			t.Fatalf("%s: a block has %d bits left behind its sequences", name, r.left)
		}
	}
}

func TestTablesReadAllSequences(t *testing.T) {
	r := rand.New(rand.NewPCG(14, 15))
	for _, c := range codecs {
		z, ok := c.codec.NewCompressor().(*zstdCompressor)
		if !ok {
			continue
		}
		for _, kind := range nasty {
			for _, n := range []int{50, 300, 5000, 300_000} {
				out, _ := z.AppendPiece(nil, kind.make(r, n))
				readsAll(t, fmt.Sprintf("%s, %s, %d", c.name, kind.name, n), out)
			}
		}
	}
}

// An encoder that made what can't be joined, here frames with a checksum, would cost size and
// nothing else.
func TestRefusedPiecesAreStored(t *testing.T) {
	encoder, err := zstd.NewWriter(nil, zstd.WithEncoderCRC(true))
	if err != nil {
		t.Fatal(err)
	}
	f := func(n int) {
		t.Helper()
		z := &zstdCompressor{encoder: encoder}
		p := csvRows(rand.New(rand.NewPCG(1, uint64(n))), n)
		in := stream(Zstd(1), []Compressor{z, Zstd(1).NewCompressor()}, [][]byte{p, []byte("joined"), p})
		mustBe(t, Zstd(1), "stored", in, [][]byte{p, []byte("joined"), p})
		if z.stored != 2 {
			t.Errorf("%d pieces of %d bytes are stored, want 2", z.stored, n)
		}
		const rest = 6 + 3 + 6 + 3 // header, "joined", trailer
		if over := len(in) - 2*n - rest; over != 2*3*((n+128<<10-1)/(128<<10)) {
			t.Errorf("%d bytes have %d of overhead", n, over)
		}
	}
	f(1)
	f(128 << 10)
	f(128<<10 + 1)
	f(1 << 20)
}

func TestFrameHeader(t *testing.T) {
	f := func(hex string, want int) {
		t.Helper()
		if got := frameHeader([]byte("\x28\xb5\x2f\xfd" + hex + "\x01\x00\x00")); got != want {
			t.Errorf("% x: got %d, want %d", hex, got, want)
		}
	}
	f("\x00\x48", 6)             // 512 KiB
	f("\x00\x49", 0)             // and an eighth
	f("\x00\x50", 0)             // 1 MiB
	f("\x00\x07", 6)             // 1 KiB and 7 eighths
	f("\x20\xff", 6)             // one segment, 255 bytes
	f("\x60\x00\x00", 7)         // 256 bytes
	f("\xa0\x00\x00\x08\x00", 9) // 512 KiB
	f("\xa0\x01\x00\x08\x00", 0) // one more
	f("\xe0\x00\x00\x08\x00\x00\x00\x00\x00", 13)
	f("\xe0\x00\x00\x00\x00\x01\x00\x00\x00", 0)
	f("\x40\x48\x00\x00", 8) // a window and a size
	f("\x04\x48", 0)         // checksum
	f("\x01\x48\x01", 0)     // dictionary
	f("\x08\x48", 0)         // reserved
	if frameHeader(nil) != 0 || frameHeader([]byte("\x28\xb5\x2f\xfd\x00")) != 0 || frameHeader([]byte("123456789")) != 0 {
		t.Error("that is no frame")
	}
}

// What the check passes decodes to the same behind other blocks. The decoder is the judge.
func FuzzWhatIsCarried(f *testing.F) {
	r := rand.New(rand.NewPCG(7, 7))
	for _, speed := range []zstd.EncoderLevel{1, 2, 3, 4} {
		e, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(speed), zstd.WithEncoderCRC(false), zstd.WithWindowSize(64<<10))
		if err != nil {
			f.Fatal(err)
		}
		for _, kind := range nasty {
			frame := e.EncodeAll(kind.make(r, 300), nil)
			f.Add(frame[frameHeader(frame):])
		}
	}
	f.Add(slices.Concat(oneSequence(4, 5, 3), oneSequence(4, 6, 3), oneSequence(0, 2, 3), sameTables(0, 2)))
	f.Add(oneSequence(9, 3, 3))
	var check carryCheck
	f.Fuzz(func(t *testing.T, blocks []byte) {
		if !check.isAlone(blocks) {
			return
		}
		blocks = slices.Clone(blocks)
		unmarkLast(blocks)
		if same, good := staysItself(blocks); good && !same {
			t.Fatalf("passed, and not the same: %x", blocks)
		}
	})
}
