package scan

import (
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"
)

// texts are kinds of strings; each makes one, without quotes, of about n bytes.
var texts = []struct {
	name   string
	size   int
	pieces []string
}{
	{"plain/short", 12, plainPieces},
	{"plain/long", 2000, plainPieces},
	{"escapes/few", 60, append(strings.Fields(`\" \" \n \\`), repeated(plainPieces, 5)...)},
	{"escapes/many", 90, append(strings.Fields(`\" \" \n \\ \t \/ \u00e9 \u2013 é ü 😀 \\\\`), repeated(plainPieces, 2)...)},
	{"escapes/short", 12, append(strings.Fields(`\" \n`), plainPieces...)},
	{"escapes/long", 2000, append(strings.Fields(`\" \" \n \\ \t \/ \u00e9 \u2013 \\\\`), repeated(plainPieces, 2)...)},
	{"escapes/only", 90, strings.Fields(`\u041f\u0440 \u0438\u0432\u0435\u0442 \u043c\u0438\u0440`)},
	{"latin", 30, append(strings.Fields("é ü ß ç"), plainPieces...)},
	{"cyrillic", 90, strings.SplitAfter("съешь же ещё этих мягких французских булок, да выпей чаю ", " ")},
	{"cjk", 90, []string{"天地玄黄", "宇宙洪荒", "日月盈昃，", "辰宿列張。", "寒來暑往"}},
	{"emoji", 90, append(strings.Fields("😀 👍 🎉"), plainPieces...)},
}

var plainPieces = strings.SplitAfter("furiously quick pending deposits sleep carefully above the regular ", " ")

func repeated(s []string, n int) (all []string) {
	for range n {
		all = append(all, s...)
	}
	return all
}

// BenchmarkCheck checks strings that differ from each other, as a source's do, and so many
// that a processor cannot learn them by heart: it can with 64 KiB.
func BenchmarkCheck(b *testing.B) {
	for _, text := range texts {
		b.Run(text.name, func(b *testing.B) {
			r := rand.New(rand.NewPCG(1, 2))
			var doc []byte
			for len(doc) < 512<<10 {
				doc = append(doc, '"')
				for n := len(doc) + text.size/2 + r.IntN(text.size); len(doc) < n; {
					doc = append(doc, text.pieces[r.IntN(len(text.pieces))]...)
				}
				doc = append(doc, '"')
			}
			doc = append(doc, '\n')
			b.SetBytes(int64(len(doc)))
			b.ReportAllocs()
			for b.Loop() {
				for i := 0; doc[i] == '"'; {
					end, _, clean := Check(doc, i)
					if end == 0 || !clean || !utf8.RuneStart(doc[end]) {
						b.Fatal(i)
					}
					i = end
				}
			}
		})
	}
}
