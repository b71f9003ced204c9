package compress

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"strings"
)

// csvRows returns about n bytes of rows as Sluice writes them: a random id, a time, and what
// tables have: numbers, prices, dates, a few words that repeat, a text.
func csvRows(r *rand.Rand, n int) []byte {
	words := strings.Fields("the carefully final deposits sleep quickly above slow ironic accounts " +
		"regular requests haggle furiously among pending packages bold foxes nag blithely even theodolites")
	modes := []string{"AIR", "RAIL", "SHIP", "TRUCK", "MAIL", "FOB", "REG AIR"}
	var b bytes.Buffer
	for row := r.IntN(1 << 20); b.Len() < n; row++ {
		var id [16]byte
		for i := range id {
			id[i] = byte(r.Uint32())
		}
		x := hex.EncodeToString(id[:])
		fmt.Fprintf(&b, "%s-%s-4%s-a%s-%s,%d,%d,%d,%d,%d.%02d,0.0%d,%c,19%02d-%02d-%02d,%s,",
			x[:8], x[8:12], x[13:16], x[17:20], x[20:], 1700000000000+int64(row)*3,
			row, r.IntN(200000), r.IntN(50), r.IntN(90000), r.IntN(100), r.IntN(9), "NRA"[r.IntN(3)],
			92+r.IntN(7), 1+r.IntN(12), 1+r.IntN(28), modes[r.IntN(len(modes))])
		for i := range 2 + r.IntN(6) {
			if i > 0 {
				b.WriteByte(' ')
			}
			b.WriteString(words[r.IntN(len(words))])
		}
		b.WriteString("\r\n")
	}
	return b.Bytes()[:n]
}

func randomBytes(r *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

// nasty are kinds of pieces that are hard on a codec, of about n bytes: matches at the distances
// 1, 4 and 8 from the first byte on, blocks without sequences, blocks with one, and so on.
var nasty = []struct {
	name string
	make func(r *rand.Rand, n int) []byte
}{
	{"one byte", func(r *rand.Rand, n int) []byte { return bytes.Repeat([]byte{byte(r.IntN(3))}, n) }},
	{"period 2", func(r *rand.Rand, n int) []byte { return repeat(randomBytes(r, 2), n) }},
	{"period 4", func(r *rand.Rand, n int) []byte { return repeat(randomBytes(r, 4), n) }},
	{"period 8", func(r *rand.Rand, n int) []byte { return repeat(randomBytes(r, 8), n) }},
	{"periods", func(r *rand.Rand, n int) []byte {
		var b []byte
		for len(b) < n {
			b = append(b, repeat(randomBytes(r, []int{1, 3, 4, 5, 7, 8, 9, 12}[r.IntN(8)]), 4+r.IntN(40))...)
			b = append(b, randomBytes(r, r.IntN(3))...)
		}
		return b[:n]
	}},
	{"few symbols", func(r *rand.Rand, n int) []byte {
		b := randomBytes(r, n)
		for i := range b {
			b[i] = "aaaaab"[b[i]%6]
		}
		return b
	}},
	{"skewed", func(r *rand.Rand, n int) []byte { // literals compress, matches are rare
		b := randomBytes(r, n)
		for i := range b {
			b[i] &= byte(r.Uint32())
		}
		return b
	}},
	{"random", randomBytes},
	{"random, then itself", func(r *rand.Rand, n int) []byte { return repeat(randomBytes(r, n/2+1), n) }},
	{"random with one match", func(r *rand.Rand, n int) []byte {
		b := randomBytes(r, n)
		copy(b[n/2:], b[:min(n/3, 20)])
		return b
	}},
	{"zeros between random", func(r *rand.Rand, n int) []byte {
		b := randomBytes(r, n)
		clear(b[n/4 : n/2])
		return b
	}},
	{"csv", csvRows},
	{"one row", func(r *rand.Rand, n int) []byte { return repeat(csvRows(r, min(n, 1+r.IntN(200))), n) }},
}

// repeat returns n bytes of unit, again and again.
func repeat(unit []byte, n int) []byte {
	if n == 0 {
		return nil
	}
	return bytes.Repeat(unit, n/len(unit)+1)[:n]
}

// sizes of pieces: borders of blocks (64 and 128 KiB), of the encoders' special cases, of the
// window, and what a batch has.
var sizes = []int{0, 1, 2, 3, 4, 7, 8, 9, 15, 16, 17, 31, 32, 33, 64, 127, 128, 129, 255, 256, 257, 300, 1000,
	1024, 1025, 1500, 4096, 16 << 10, 64<<10 - 1, 64 << 10, 64<<10 + 1, 128<<10 - 1, 128 << 10, 128<<10 + 1, 200000,
	256<<10 + 5, 512 << 10, 512<<10 + 1, 1 << 20}

// somePiece returns a piece of any kind; most are short, because borders between pieces are
// what matters.
func somePiece(r *rand.Rand) []byte {
	n := sizes[r.IntN(len(sizes))]
	if r.IntN(4) > 0 || raceDetector && n > 150_000 {
		n = r.IntN(1 << r.IntN(13))
	}
	return nasty[r.IntN(len(nasty))].make(r, n)
}

// pieces cuts what a fuzzer gives into pieces: two bytes say what and how much. Odd kinds are the
// fuzzer's own bytes.
func pieces(data []byte) [][]byte {
	var list [][]byte
	for len(data) > 2 && len(list) < 50 {
		kind, n := int(data[0]), int(data[1])
		data = data[2:]
		if kind&1 == 1 {
			n = min(n, len(data))
			list = append(list, repeat(data[:n], n*(1+kind>>1)))
			data = data[n:]
			continue
		}
		r := rand.New(rand.NewPCG(uint64(n), 1))
		list = append(list, nasty[kind>>1%len(nasty)].make(r, n*n/8))
	}
	return list
}
