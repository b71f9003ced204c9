package scan

import (
	"encoding/json"
	"strings"
	"testing"
)

// documents are the shapes that a scanner gets wrong first; the fuzz tests start from them.
var documents = []string{
	`{"a":1}`, `{"a":01}`, "{\"a\":\"\x01\"}", "{\"a\":\"\xff\"}", `{"a":"\ud800"}`, `{"a":"\u12"}`, `{"a":1.}`,
	`{"a":-}`, `{"a":fnull}`, `falsetrue`, `[true,false,null]`, `[truE]`, `falsy`, `t`, `nulll`, `{"a":1e}`, `{"a":1}x`, ` {"a":1} `, `{"a":1,}`, `{"a" 1}`, `"\x"`, "\"\x7f\"", "\"a\tb\"", `nul`, `1 2`, ``,
	`{"a":1}}`, "{\"\x01\":1}", "\x00{}", "{}\x00", "\"a\\\x01\"", "[1,]", "-0", "-01", "1E+", "+1", ".5", "tru",
	"[1 2]", "\ufeff{}", "{\"a\":\"x\n\"}", "{\t\"a\"\r\n:\t[1,\t2 ]}", `"\ud83d\ude00"`, `"\ud83d\ud83d\ude00"`, `"\ude00"`,
	`{"\u0061":{"b":"}\"{"},"c":["]\\"]}`, `"\\\\\""`, `{"":""}`, `{"a":{},"b":[],"c":null,"d":true,"e":-1.5e-7}`, `"\u0000"`,
	strings.Repeat("[", 5000) + strings.Repeat("]", 5000), strings.Repeat("[", 10001) + strings.Repeat("]", 10001), `"\`, `"\u00e9é"`,
	"\"\xed\xa0\x80\"", "\"\xf0\x9f\x98\"", `{"a":1,"a":2}`, `[[[]],{"x":[{}]}]`, `"\/\b\f\n\r\t"`,
}

func TestValidAgreesWithEncodingJSON(t *testing.T) {
	for _, doc := range documents {
		if got, want := Valid([]byte(doc)), json.Valid([]byte(doc)); got != want {
			t.Errorf("Valid(%.60q) = %v, want %v", doc, got, want)
		}
		if got, want := Explain([]byte(doc)) == nil, json.Valid([]byte(doc)); got != want {
			t.Errorf("Explain(%.60q) == nil is %v, want %v", doc, got, want)
		}
	}
}

func FuzzValid(f *testing.F) {
	for _, doc := range documents {
		f.Add([]byte(doc))
	}
	f.Fuzz(func(t *testing.T, doc []byte) {
		if got, want := Valid(doc), json.Valid(doc); got != want {
			t.Fatalf("Valid(%q) = %v, want %v", doc, got, want)
		}
	})
}

// FuzzWalk holds the walkers against encoding/json: every member of every object, and
// every string.
func FuzzWalk(f *testing.F) {
	for _, doc := range documents {
		f.Add([]byte(doc))
	}
	f.Fuzz(func(t *testing.T, doc []byte) {
		if Valid(doc) {
			checkValue(t, doc, 0)
		}
	})
}

func TestWalkAgreesWithEncodingJSON(t *testing.T) {
	for _, doc := range documents {
		if Valid([]byte(doc)) {
			checkValue(t, []byte(doc), 0)
		}
	}
}

func checkValue(t *testing.T, doc []byte, depth int) {
	t.Helper()
	at := SkipSpace(doc, 0)
	end := SkipValue(doc, at)
	if rest := SkipSpace(doc, end); rest != len(doc) {
		t.Fatalf("SkipValue(%q) stops at %d", doc, end)
	}
	switch {
	case depth > 20: // each level is decoded again: enough is enough
	case doc[at] == '"':
		var want string
		if err := json.Unmarshal(doc, &want); err != nil {
			t.Fatal(err)
		}
		if got, _ := AppendUnescaped(nil, doc[at+1:end-1]); string(got) != want {
			t.Fatalf("AppendUnescaped(%q) = %q, want %q", doc, got, want)
		}
	case doc[at] == '{':
		var want map[string]json.RawMessage
		if err := json.Unmarshal(doc, &want); err != nil {
			t.Fatal(err)
		}
		got := map[string]string{}
		for m := Object(doc, at); m.Next(); {
			key, _ := AppendUnescaped(nil, m.Key.Of(doc))
			got[string(key)] = string(m.Value.Of(doc)) // the last of duplicate keys wins
			checkValue(t, m.Value.Of(doc), depth+1)
		}
		if len(got) != len(want) {
			t.Fatalf("Object(%q) has %d members, want %d", doc, len(got), len(want))
		}
		for k, v := range want {
			if got[k] != string(v) {
				t.Fatalf("member %q of %q is %q, want %q", k, doc, got[k], v)
			}
		}
	}
}

func TestReplacedCharactersAreCounted(t *testing.T) {
	f := func(in, want string, replaced int) {
		t.Helper()
		if got, n := AppendUnescaped(nil, []byte(in)); string(got) != want || n != replaced {
			t.Errorf("AppendUnescaped(%q) = %q, %d, want %q, %d", in, got, n, want, replaced)
		}
	}
	f(`plain`, "plain", 0)
	f(`a\nb\t\"\\\/`, "a\nb\t\"\\/", 0)
	f(`\u00e9\ud83d\ude00`, "é😀", 0)
	f(`\ud800`, "\ufffd", 1)
	f(`\ud800\ud83d\ude00\udc00`, "\ufffd😀\ufffd", 2)
	f("\xff\xfe", "\ufffd\ufffd", 2)
	f("\ufffd\\ufffd", "\ufffd\ufffd", 0) // they were there before
	f("caf\xc3", "caf\ufffd", 1)
}

func TestWalkAllocatesNothing(t *testing.T) {
	doc := []byte(`{"type":"RECORD","record":{"stream":"users","data":{"id":1,"name":"Ada \"L\"","tags":["a","b"]},"emitted_at":1}}`)
	buf := make([]byte, 0, 64)
	allocs := testing.AllocsPerRun(100, func() {
		if !Valid(doc) {
			t.Fatal("not valid")
		}
		for m := Object(doc, 0); m.Next(); {
			buf, _ = AppendUnescaped(buf[:0], m.Key.Of(doc))
		}
	})
	if allocs != 0 {
		t.Errorf("%v allocations a document, want 0", allocs)
	}
}
