package scan

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"
)

// checkCheck holds Check against encoding/json, with doc at the start of a line.
func checkCheck(t *testing.T, doc []byte) {
	t.Helper()
	if bytes.IndexByte(doc, '\n') >= 0 {
		return
	}
	doc = bytes.Trim(doc, " \t\r")
	line := append(bytes.Clone(doc), '\n')
	end, kind, clean := Check(line, 0)
	if want := json.Valid(doc); want != (end == len(doc) && end > 0) {
		// Past maxDepth it may give up, but must not be wrong.
		if !want || end != 0 || strings.Count(string(doc), "[")+strings.Count(string(doc), "{") <= maxDepth {
			t.Fatalf("Check(%.200q) ends at %d of %d; encoding/json says %v", doc, end, len(doc), want)
		}
	}
	if end == 0 {
		return
	}
	value := doc[:end]
	if !json.Valid(value) {
		t.Fatalf("Check(%.200q) accepts %q", doc, value)
	}
	if clean != utf8.Valid(value) {
		t.Fatalf("Check(%q) says that it is good UTF-8: %v", doc, clean)
	}
	if want := kindOf(value); kind != want {
		t.Fatalf("Check(%q) is of kind %d, want %d", doc, kind, want)
	}
}

func TestCheckAgreesWithEncodingJSON(t *testing.T) {
	for _, doc := range documents {
		checkCheck(t, []byte(doc))
	}
	// Each special byte at each place of strings of each length, in front of what may follow,
	// so that all ways through the loops that take eight bytes at a time are gone.
	for length := range 28 {
		for _, special := range []string{"", `\"`, `\\`, `\u00e9`, `\u00g9`, `\x`, "\x1f", "\x7f", "\x80", "é", "\xed\xa0\x80", "😀", `\`, `"`} {
			for at := range length + 1 {
				for _, rest := range []string{"", "   ", "            "} {
					text := strings.Repeat("a", at) + special + strings.Repeat("b", length-at)
					checkCheck(t, []byte(`"`+text+`"`+rest))
					checkCheck(t, []byte(`{"`+text+`":1}`+rest))
					checkCheck(t, []byte(`["`+text+`é\n"]`+rest))
				}
			}
		}
	}
	for _, sign := range []string{"", "-"} {
		for _, whole := range []string{"", "0", "00", "7", "1234567", "12345678", "123456789", "1234567890123456789012345678901234567890", "12345:78", "1/"} {
			for _, part := range []string{"", ".", ".0", ".12345678", ".123456789", "e5", "E+5", "e-", "e", ".5e+12345678", "e1.5", ".e1"} {
				checkCheck(t, []byte(sign+whole+part))
				checkCheck(t, []byte("["+sign+whole+part+"]"))
			}
		}
	}
}

// checkFirst holds Check against encoding/json for the string at the start of a line,
// whatever stands behind it.
func checkFirst(t *testing.T, line string) {
	t.Helper()
	i := 1
	for i < len(line) && line[i] != '"' {
		if line[i] == '\\' {
			i++
		}
		i++
	}
	want := 0
	if i < len(line) && json.Valid([]byte(line[:i+1])) {
		want = i + 1
	}
	end, kind, clean := Check([]byte(line+"\n"), 0)
	if end != want {
		t.Fatalf("Check(%q) ends at %d, want %d", line, end, want)
	}
	if value := []byte(line[:end]); end > 0 && (kind != kindOf(value) || clean != utf8.Valid(value)) {
		t.Fatalf("Check(%q) says kind %d, good UTF-8 %v", line, kind, clean)
	}
}

// behind is what may stand behind a string. Where it is long, the string is looked at in
// blocks, and nothing in it may count.
var behind = []string{"", `,"\\","` + strings.Repeat("plain ", 20), strings.Repeat("\xff\x01\"\\", 30)}

// Each special piece at each distance from the first byte that is not plain, where blocks
// begin.
func TestCheckInBlocks(t *testing.T) {
	specials := []string{
		"", "\x00", "\x1f", " ", "!", "#", "\x7f", "\x80", "\xa2", "\xdc", "é", "\xc3", "\xed\xa0\x80", "😀", "\xf4\x90\x80\x80", `"`, `]`,
		`\"`, `\/`, `\b`, `\f`, `\n`, `\r`, `\t`, `\v`, `\x`, `\U0041`, "\\\n", "\\\x01", "\\\xff", `\é`, `\ `,
		`\u00e9`, `\uD83d\uDE00`, `\u00g9`, `\u00e`, `\u00`, `\u0`, `\u`, `\u"`, `\u\u00e9`, `\u00e\"`, `\u 00e9`, `\u-0e9`,
	}
	for n := 1; n < 10; n++ {
		for _, after := range []string{"", "n", `"`, "u00e9", "u00", "x"} {
			specials = append(specials, strings.Repeat(`\`, n)+after)
		}
	}
	for _, first := range []string{"", `\n`, "é"} {
		for at := range 71 {
			front := `"` + first + strings.Repeat("a", at)
			for _, special := range specials {
				for _, rest := range []string{"", "b", strings.Repeat("c", 70)} {
					checkFirst(t, front+special+rest) // and no quote
					checkFirst(t, front+special+rest+`"`+behind[at%len(behind)])
				}
			}
			for _, rest := range behind {
				checkFirst(t, front+`\\`+`"`+rest)
				checkFirst(t, front+`"`+rest)
			}
		}
	}
}

func TestEscapeStarts(t *testing.T) {
	for _, pattern := range []uint64{0xffff, 0xf731, 0xb6d, 0x1234, 0xaaaa, 0x5555, 0xefbe, 1} {
		for shift := range 64 {
			backslashes := pattern<<shift | pattern>>(64-shift)
			var want uint64
			for i := 0; i < 64; i++ {
				if backslashes>>i&1 != 0 {
					want |= 1 << i
					i++
				}
			}
			if got := escapeStarts(backslashes); got != want {
				t.Fatalf("%064b: got %064b, want %064b", backslashes, got, want)
			}
		}
	}
}

// Each text of four bytes at the borders of what UTF-8 says, at each place of a word.
func TestValidUTF8(t *testing.T) {
	borders := []byte("a\x7f\x80\x8f\x90\x9f\xa0\xbf\xc0\xc1\xc2\xdf\xe0\xe1\xec\xed\xee\xef\xf0\xf1\xf3\xf4\xf5\xff")
	n := len(borders)
	for i := range n * n * n * n {
		four := []byte{borders[i/n/n/n], borders[i/n/n%n], borders[i/n%n], borders[i%n]}
		want := utf8.Valid(four)
		for _, frame := range [][2]string{{"", ""}, {"1234567"[:i%8], "12345678"}, {"é1234567"[:2+i%7], "é"}} {
			if s := []byte(frame[0] + string(four) + frame[1]); validUTF8(s) != want {
				t.Fatalf("validUTF8(%q) is %v", s, !want)
			}
		}
	}
}

// FuzzCheck holds the quick check against encoding/json.
func FuzzCheck(f *testing.F) {
	for _, doc := range documents {
		f.Add([]byte(doc))
	}
	f.Add([]byte(strings.Repeat(`\"\\é\u00e9`, 12)))
	f.Fuzz(func(t *testing.T, doc []byte) {
		checkCheck(t, doc)
		if len(doc) < 2000 {
			for _, rest := range behind {
				checkFirst(t, `"`+string(doc)+`"`+rest)
			}
		}
	})
}
