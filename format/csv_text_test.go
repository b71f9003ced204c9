package format

import (
	"bytes"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/sluice-data/sluice/internal/scan"
)

// Each byte in each place of a block, and beside the mark itself.
func TestMarks(t *testing.T) {
	for _, mark := range []byte{'"', '\\'} {
		for b := range 256 {
			for _, size := range []int{64, 63, 9, 1, 0} {
				for at := range 64 {
					s := bytes.Repeat([]byte{mark}, 64)
					s[at] = byte(b)
					var want uint64
					for i, b := range s[:size] {
						if b == mark {
							want |= 1 << i
						}
					}
					if got := marks(s, size, mark); got != want {
						t.Fatalf("%q: got %x, want %x", s[:size], got, want)
					}
					if got := marks(s[:size], size, mark); got != want {
						t.Fatalf("%q and nothing behind: got %x, want %x", s[:size], got, want)
					}
				}
			}
		}
	}
}

// randomText joins pieces, few or many of which are plain.
func randomText(r *rand.Rand, pieces []string) []byte {
	var text []byte
	rare := 1 + r.IntN(100)
	for n := r.IntN(300); len(text) < n; {
		if r.IntN(rare) == 0 {
			text = append(text, pieces[r.IntN(len(pieces))]...)
		} else {
			text = append(text, "abc \u00e9,#!]["[r.IntN(10)])
		}
	}
	return bytes.ToValidUTF8(text, []byte("?"))
}

// place puts a text into a document, with some or no bytes behind it, and makes memory for
// twice its length and the slack.
func place(r *rand.Rand, text []byte) (dst, doc []byte, s scan.Span) {
	s.Start = uint32(r.IntN(20))
	s.End = s.Start + uint32(len(text))
	doc = append(bytes.Repeat([]byte(`"\`), 10)[:s.Start:s.Start], text...)
	return make([]byte, 3+2*len(text)+slack), append(doc, bytes.Repeat([]byte(`"\`), 100)[:r.IntN(200)]...), s
}

func TestWriteDoubled(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 20000 {
		text := randomText(r, []string{`"`, `""`, `","`, `":"`})
		dst, doc, s := place(r, text)
		if n := writeDoubled(dst, 3, doc, s); !bytes.Equal(dst[3:n], double(text)) {
			t.Fatalf("%q: got %q", text, dst[3:n])
		}
		n := 3 + copy(dst[3:], text)
		if n = doubleInPlace(dst, 3, n); !bytes.Equal(dst[3:n], double(text)) {
			t.Fatalf("%q: in place: %q", text, dst[3:n])
		}
	}
}

func TestWriteUnescaped(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for range 20000 {
		text := randomText(r, []string{`\"`, `\\`, `\n`, `\u0022`, `\u00e9`, `\ud83d\ude00`, `\ud83d`, `\ude00`, `\"\"`, `\/`, `\u005c`})
		want, bad := scan.AppendUnescaped(nil, text)
		dst, doc, s := place(r, text)
		if n, replaced := writeUnescaped(dst, 3, doc, s); !bytes.Equal(dst[3:n], double(want)) || replaced != bad || !utf8.Valid(text) {
			t.Fatalf("%q: got %q, %d, want %q, %d", text, dst[3:n], replaced, double(want), bad)
		}
	}
}

// Each escape, and runs of backslashes, at each place of a block, against encoding/json.
func TestWriteUnescapedInBlocks(t *testing.T) {
	specials := []string{`\"`, `\/`, `\b`, `\f`, `\n`, `\r`, `\t`, `\u0000`, `\u0022`, `\u005C`, `\u007f`, `\u0080`, `\u07ff`, `\u0800`, `\uFFFF`, `\ud7ff`, `\ue000`,
		`\ud83d\uDE00`, `\ud83d`, `\ude00`, `\ud83d\ud83d\ude00`, `\ud83d\n`, `\ud83d\\ude00`, `\u0022\u0022`, `\u00e9\u0022\"`, `\fé\t😀`}
	for n := 2; n < 10; n += 2 {
		for _, after := range []string{"", "n", `\n`, `\"`, `\u00e9`} {
			specials = append(specials, strings.Repeat(`\`, n)+after)
		}
	}
	for at := range 71 {
		for _, special := range specials {
			for _, rest := range []string{"", "b", strings.Repeat("c", 70), strings.Repeat(special, 12)} {
				text := strings.Repeat("é", at%2) + strings.Repeat("a", at) + special + rest
				var want string
				decode(t, []byte(`"`+text+`"`), &want)
				_, bad := scan.AppendUnescaped(nil, []byte(text))
				for _, behind := range []string{"", strings.Repeat(`\"`, 60)} {
					doc := []byte(text + `"` + behind)
					dst := make([]byte, 2*len(text)+slack)
					n, replaced := writeUnescaped(dst, 0, doc, scan.Span{End: uint32(len(text))})
					if !bytes.Equal(dst[:n], double([]byte(want))) || replaced != bad {
						t.Fatalf("%q: got %q, %d, want %q, %d", text, dst[:n], replaced, want, bad)
					}
				}
			}
		}
	}
}

func TestWriteUUID(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	for range 1000 {
		var id uuid.UUID
		for i := range id {
			id[i] = byte(r.Uint32())
		}
		dst := make([]byte, 1+uuidSize)
		if n := writeUUID(dst, 1, &id); string(dst[1:n]) != id.String() {
			t.Fatalf("got %s, want %s", dst[1:n], id)
		}
	}
}

func TestWriteTime(t *testing.T) {
	f := func(ms int64) {
		t.Helper()
		dst := make([]byte, 30)
		if n := writeTime(dst, 1, ms); string(dst[1:n]) != strconv.FormatInt(ms, 10) {
			t.Fatalf("got %s, want %d", dst[1:n], ms)
		}
	}
	for power := int64(1); power <= 1e18; power *= 10 {
		for _, ms := range []int64{power - 1, power, power + 1, -power, 1e12 + power, 1e13 - power, 9e12 - power} {
			f(ms)
		}
	}
	r := rand.New(rand.NewPCG(9, 10))
	for range 100000 {
		f(1e12 + r.Int64N(9e12))
	}
	f(-1 << 63)
	f(1<<63 - 1)
}
