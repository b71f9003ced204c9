package compress

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/klauspost/compress/zstd"
	"pgregory.net/rapid"
)

var codecs = []struct {
	name  string
	codec Codec
	slow  bool
}{
	{"gzip 1", Gzip(1), false}, {"gzip 2", Gzip(2), false}, {"gzip 4", Gzip(4), false},
	{"gzip 6", Gzip(6), false}, {"gzip 7", Gzip(7), false}, {"gzip 9", Gzip(9), true},
	{"zstd 1", Zstd(1), false}, {"zstd 3", Zstd(3), false}, {"zstd 6", Zstd(6), false}, {"zstd 19", Zstd(19), true},
}

// stream compresses the pieces, each by one of the compressors, and joins them.
func stream(codec Codec, compressors []Compressor, pieces [][]byte) []byte {
	out := codec.AppendHeader(nil)
	var all, sum Sum
	for i, p := range pieces {
		out, sum = compressors[i%len(compressors)].AppendPiece(out, p)
		all = all.Join(sum)
	}
	return codec.AppendTrailer(out, all)
}

func compressors(codec Codec, n int) []Compressor {
	list := make([]Compressor, n)
	for i := range list {
		list[i] = codec.NewCompressor()
	}
	return list
}

// decode reads a stream as strictly as the decoders allow: one member or frame, and no byte
// behind it.
func decode(codec Codec, in []byte) ([]byte, error) {
	if codec.Extension() == "gz" {
		in := bytes.NewReader(in) // a ByteReader, so nothing is read ahead
		r, err := gzip.NewReader(in)
		if err != nil {
			return nil, err
		}
		r.Multistream(false)
		out, err := io.ReadAll(r)
		if err == nil && in.Len() > 0 {
			err = fmt.Errorf("%d bytes behind the member", in.Len())
		}
		return out, err
	}
	if _, length, err := walkFrame(in); err != nil || length != len(in) {
		return nil, fmt.Errorf("the frame has %d of %d bytes: %v", length, len(in), err)
	}
	return decoder.DecodeAll(in, nil)
}

var decoder = func() *zstd.Decoder {
	d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(1<<zstdWindowLog))
	if err != nil {
		panic(err)
	}
	return d
}()

// walkFrame returns the number of blocks of the frame at the start of in, and its length.
func walkFrame(in []byte) (blocks, length int, err error) {
	at := frameHeader(in)
	if at == 0 {
		return 0, 0, fmt.Errorf("a header that is not ours")
	}
	for {
		blocks++
		if at+3 > len(in) || at+blockSize(in[at:]) > len(in) {
			return blocks, at, fmt.Errorf("block %d is cut off", blocks)
		}
		last := in[at]&lastBlock != 0
		at += blockSize(in[at:])
		if last {
			return blocks, at, nil
		}
	}
}

// mustBe fails unless the stream of the pieces decodes to them.
func mustBe(t interface{ Fatalf(string, ...any) }, codec Codec, name string, in []byte, pieces [][]byte) {
	want := slices.Concat(pieces...)
	got, err := decode(codec, in)
	if err != nil || !bytes.Equal(got, want) {
		at := 0
		for at < min(len(got), len(want)) && got[at] == want[at] {
			at++
		}
		t.Fatalf("%s, %d pieces: error %v, %d bytes, want %d, equal up to %d", name, len(pieces), err, len(got), len(want), at)
	}
}

func TestJoinedPieces(t *testing.T) {
	workersOf := map[string][]Compressor{}
	for _, c := range codecs {
		workersOf[c.name] = compressors(c.codec, 2)
	}
	rapid.Check(t, func(t *rapid.T) {
		c := codecs[rapid.IntRange(0, len(codecs)-1).Draw(t, "codec")]
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		list := make([][]byte, rapid.IntRange(0, 30).Draw(t, "pieces"))
		for i := range list {
			list[i] = somePiece(r)
		}
		workers := workersOf[c.name]
		mustBe(t, c.codec, c.name, stream(c.codec, workers, list), list)
		r.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
		mustBe(t, c.codec, c.name+", once more", stream(c.codec, workers, list), list)
	})
}

// Each kind at each size, by itself and behind others.
func TestEachKindOfPiece(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, c := range codecs {
		workers := compressors(c.codec, 1)
		for _, kind := range nasty {
			var list [][]byte
			for _, n := range sizes {
				if n > 150_000 && (testing.Short() || raceDetector || c.slow || c.codec.Extension() == "gz") {
					continue // deflate has no blocks or windows as long as that
				}
				if n > 20_000 && raceDetector && c.slow {
					continue
				}
				list = append(list, kind.make(r, n))
			}
			mustBe(t, c.codec, c.name+", "+kind.name, stream(c.codec, workers, list), list)
		}
		for _, w := range workers {
			if z, ok := w.(*zstdCompressor); ok && z.stored > 0 {
				t.Errorf("%s: %d pieces were stored; this encoder kept to the rules until now, so rows would not be compressed any more", c.name, z.stored)
			}
		}
	}
}

func FuzzJoinedPieces(f *testing.F) {
	f.Add([]byte{0, 200, 2, 30, 4, 30, 6, 30, 8, 200, 22, 255, 11, 4, 'a', 'b', 'c', 'd', 1, 1, 'x'})
	f.Add([]byte{255, 4, 'a', 'b', 'c', 'd', 255, 8, 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 255, 1, 'a'})
	f.Add([]byte("\x18\x28the sum of three pieces \x01\x03abc\x0a\x50\x16\xa0"))
	workers := map[string][]Compressor{}
	for _, c := range codecs {
		workers[c.name] = compressors(c.codec, 2)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		list := pieces(data)
		for _, c := range codecs {
			if c.slow && len(data) > 50 {
				continue
			}
			mustBe(t, c.codec, c.name, stream(c.codec, workers[c.name], list), list)
		}
	})
}

func TestEmptyObject(t *testing.T) {
	for _, c := range codecs {
		f := func(what string, list ...[]byte) {
			mustBe(t, c.codec, c.name+" of "+what, stream(c.codec, compressors(c.codec, 1), list), list)
		}
		f("nothing")
		f("an empty piece", nil)
		f("a piece between empty ones", nil, []byte("x"), nil)
	}
}

// A piece does not depend on what its compressor did before, and leaves alone what dst has.
func TestPieceDependsOnNothing(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for _, c := range codecs {
		used := c.codec.NewCompressor()
		for range 40 {
			p := somePiece(r)
			dst := []byte("in front")
			got, sum := used.AppendPiece(dst, p)
			want, _ := c.codec.NewCompressor().AppendPiece(nil, p)
			if string(got[:len(dst)]) != "in front" || !bytes.Equal(got[len(dst):], want) {
				t.Fatalf("%s: a piece of %d bytes differs behind others", c.name, len(p))
			}
			if z := c.codec.Extension() == "zst"; sum.Bytes != int64(len(p)) || !z && sum.CRC32 != crc32.ChecksumIEEE(p) {
				t.Fatalf("%s: a piece of %d bytes has the sum %v", c.name, len(p), sum)
			}
		}
	}
}

func TestNoAllocations(t *testing.T) {
	if raceDetector {
		t.Skip("slow, and what it counts is the same without")
	}
	rows := csvRows(rand.New(rand.NewPCG(5, 6)), 300<<10)
	for _, c := range codecs {
		w := c.codec.NewCompressor()
		dst := make([]byte, 0, 2*len(rows))
		f := func(n int) {
			w.AppendPiece(dst, rows[:n])
			if got := testing.AllocsPerRun(10, func() { w.AppendPiece(dst, rows[:n]) }); got > 0 {
				t.Errorf("%s: %v allocations for a piece of %d", c.name, got, n)
			}
		}
		f(300 << 10)
		f(1000)
		f(20)
		f(1)
	}
}

func TestExtensionsAndLevels(t *testing.T) {
	f := func(codec Codec, want string) {
		t.Helper()
		if got := codec.Extension(); got != want {
			t.Errorf("extension %q, want %q", got, want)
		}
	}
	f(Gzip(0), "gz")
	f(Zstd(0), "zst")
	if Gzip(0) != Gzip(defaultGzipLevel) || Zstd(0) != Zstd(defaultZstdLevel) {
		t.Error("level 0 is not the default")
	}
	refuses := func(name string, f func()) {
		t.Helper()
		defer func() {
			if recover() == nil {
				t.Errorf("%s is taken", name)
			}
		}()
		f()
	}
	refuses("gzip 10", func() { Gzip(10) })
	refuses("gzip -1", func() { Gzip(-1) })
	refuses("zstd 23", func() { Zstd(23) })
	refuses("zstd -1", func() { Zstd(-1) })
}

// The length in the trailer is modulo 2^32 (RFC 1952, section 2.3.1).
func TestGzipTrailer(t *testing.T) {
	f := func(all Sum, want string) {
		t.Helper()
		if got := Gzip(0).AppendTrailer(nil, all); string(got) != "\x03\x00"+want {
			t.Errorf("%v: got % x, want %x behind the final block", all, got, want)
		}
	}
	f(Sum{}, "\x00\x00\x00\x00\x00\x00\x00\x00")
	f(Sum{Bytes: 258, CRC32: 0x01020304}, "\x04\x03\x02\x01\x02\x01\x00\x00")
	f(Sum{Bytes: 1<<32 + 5, CRC32: 1}, "\x01\x00\x00\x00\x05\x00\x00\x00")
	f(Sum{Bytes: 1<<32 - 1, CRC32: 1}, "\x01\x00\x00\x00\xff\xff\xff\xff")
}
