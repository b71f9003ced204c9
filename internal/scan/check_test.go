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

// FuzzCheck holds the quick check against encoding/json.
func FuzzCheck(f *testing.F) {
	for _, doc := range documents {
		f.Add([]byte(doc))
	}
	f.Fuzz(func(t *testing.T, doc []byte) { checkCheck(t, doc) })
}
