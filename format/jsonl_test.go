package format

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/sluice-data/sluice/internal/scan"
)

// lineStart is what a line of MetadataV1 begins with.
const lineStart = `{"_airbyte_ab_id":"26d73cde-7eb1-4e1e-b7db-a4c03b4cf206","_airbyte_emitted_at":1622135805000`

// line encodes one record and returns what stands behind the metadata, and how many
// characters were replaced. A record that is said to be clean must come out the same.
func line(t *testing.T, table Table, data string) (string, int) {
	t.Helper()
	r := row(&table, data, "")
	got, replaced := NewJSONL(table).AppendRow(nil, r)
	if replaced == 0 {
		r.Clean = true
		if again, n := NewJSONL(table).AppendRow(nil, r); !bytes.Equal(again, got) || n != 0 {
			t.Errorf("%q: clean gives %q, not %q", data, again, got)
		}
	}
	text, ok := strings.CutPrefix(string(got), lineStart+",")
	text, ok2 := strings.CutSuffix(text, "}\n")
	if !ok || !ok2 || !json.Valid(got) || strings.ContainsAny(text, "\r\n") {
		t.Errorf("%q: the row is %q", data, got)
	}
	return text, replaced
}

// Each kind of JSON value, alone in a column and in a record as a whole, comes as it stands but for
// what readers refuse.
func TestJSONLValues(t *testing.T) {
	f := func(value, want string, replaced int) {
		t.Helper()
		table := Table{Flatten: true, Columns: []string{"a", "v", "z"}}
		if got, n := line(t, table, `{"a":1,"v":`+value+`,"z":"y"}`); got != `"a":1,"v":`+want+`,"z":"y"` || n != replaced {
			t.Errorf("%q: got %q, %d, want %q, %d", value, got, n, want, replaced)
		}
		if got, n := line(t, Table{}, `{"v":`+value+`}`); got != `"_airbyte_data":{"v":`+want+`}` || n != replaced {
			t.Errorf("%q: got %q, %d, want %q, %d", value, got, n, want, replaced)
		}
	}
	same := func(value string) { t.Helper(); f(value, value, 0) }
	same(`"abc"`)
	same(`""`)
	same(`null`)
	same(`5`)
	same(`-0`)
	same(`1.0E+30`)
	same(`10.0`)
	same(`50000.0000000000000001`)
	same(`99999999999999999999999999999999`)
	same(`true`)
	same(`{}`)
	same(`[ 1,	null ]`)
	same(`{ "first": "John", "last": "Doe" }`)
	same(`"` + strings.Repeat("long text ", 20) + `"`)
	same(`"a\"b\\ \/ \b\f\n\r\t \u0000 \u00e9 é 😀 \ud83d\ude00 \ud55c` + "\u2028" + `"`)
	same(`{"a":"\"x\"\n\ud83d\ude00"}`)
	same(`"\\ud800"`) // a backslash, and letters
	same(`["\\\\ud800"]`)
	same("[\"\ufffd\",\"\\ufffd\"]") // they came so

	f("[1,\r2]", "[1, 2]", 0)
	f("{\r\"a\"\r:\r\"\\r\"\r}", `{ "a" : "\r" }`, 0)

	f("\"\xff\"", "\"\ufffd\"", 1)
	f("\"a\xff\xfeb\\n\"", "\"a\ufffd\ufffdb\\n\"", 2)
	f("\"\xed\xa0\x80\"", "\"\ufffd\ufffd\ufffd\"", 3) // a surrogate in UTF-8
	f("{\"k\xff\":[\"\xfe\"]}", "{\"k\ufffd\":[\"\ufffd\"]}", 2)
	f(`"\ud800"`, "\"\ufffd\"", 1)
	f(`"a\uDFFFb"`, "\"a\ufffdb\"", 1)
	f(`"\\\ud800"`, "\"\\\\\ufffd\"", 1)
	f(`"\udc00\ud83d\ude00\ud83d"`, "\"\ufffd\\ud83d\\ude00\ufffd\"", 2)
	f(`"\ud83d\ud83d\ude00"`, "\"\ufffd\\ud83d\\ude00\"", 1)
	f(`"\ud83d\n"`, "\"\ufffd\\n\"", 1)
	f(`{"\ud800":["\ud83d","\ude00"]}`, "{\"\ufffd\":[\"\ufffd\",\"\ufffd\"]}", 3)
	f("[\"\xff\\ud800\\n\"\r]", "[\"\ufffd\ufffd\\n\" ]", 2)
}

// A line has all columns, in their order.
func TestJSONLColumns(t *testing.T) {
	f := func(columns []string, data, want string) {
		t.Helper()
		got, n := line(t, Table{Flatten: true, Columns: columns}, data)
		if got != want || n != 0 {
			t.Errorf("%s: got %s, %d, want %s", data, got, n, want)
		}
	}
	f([]string{"b", "a"}, `{"a":1,"b":2}`, `"b":2,"a":1`)
	f([]string{"b", "a"}, `{"x":3}`, `"b":null,"a":null`)
	f([]string{"b", "a"}, `{"a":1,"x":5,"a":null}`, `"b":null,"a":null`)
	f([]string{`q"\`, "<&>\n", "é", "", "\u2028"}, `{"é":1,"":2,"q\"\\":3,"\u003c&>\n":4,"\u2028":5}`, `"q\"\\":3,"<&>\n":4,"é":1,"":2,"\u2028":5`)
	f([]string{strings.Repeat("long_name_", 10)}, `{}`, `"`+strings.Repeat("long_name_", 10)+`":null`)

	got, _ := NewJSONL(Table{Flatten: true}).AppendRow(nil, row(&Table{Flatten: true}, `{"a":1}`, ""))
	if string(got) != lineStart+"}\n" {
		t.Errorf("without columns: %s", got)
	}
}

// Undeclared members stand behind the columns. None makes a key that is there already.
func TestJSONLUndeclared(t *testing.T) {
	f := func(metadata MetadataColumns, data, want string, replaced int) {
		t.Helper()
		table := Table{Flatten: true, Columns: []string{"a", "b"}, KeepUndeclared: true, Metadata: metadata}
		got, n := NewJSONL(table).AppendRow(nil, row(&table, data, ""))
		_, text, ok := strings.Cut(string(got), `,"a":`)
		if text != want+"}\n" || n != replaced || !ok || !json.Valid(got) {
			t.Errorf("%s:\n got %s, %d\nwant %s", data, text, n, want)
		}
	}
	f(MetadataV1, `{"a":1,"b":2}`, `1,"b":2`, 0)
	f(MetadataV1, `{"a":1,"x":5,"b":2}`, `1,"b":2,"x":5`, 0)
	f(MetadataV1, `{"z":"q\"","y" : [1, {"k":null}],"b":2,"x":null}`, `null,"b":2,"z":"q\"","y" : [1, {"k":null}],"x":null`, 0)
	f(MetadataV1, "{\"\xffx\":\"a\xfe\",\"\":\"\\ud800\",\"_\"\r:\r{}}", "null,\"b\":null,\"\ufffdx\":\"a\ufffd\",\"\":\"\ufffd\",\"_\" : {}", 3)

	f(MetadataV1, `{"_airbyte_ab_id":"x","c":1}`, `null,"b":null,"c":1,"_airbyte_additional_properties":{"_airbyte_ab_id":"x"}`, 0)
	f(MetadataV1, `{"\u005fairbyte_emitted_at":["\ud800"],"c":1,"_airbyte_additional_properties":{}}`,
		`null,"b":null,"c":1,"_airbyte_additional_properties":{"\u005fairbyte_emitted_at":["`+"\ufffd"+`"],"_airbyte_additional_properties":{}}`, 1)
	f(MetadataV1, `{"_airbyte_raw_id":1,"_":2,"_airbyte_ab_id2":3,"_airbyte_ab_i":4}`, `null,"b":null,"_airbyte_raw_id":1,"_":2,"_airbyte_ab_id2":3,"_airbyte_ab_i":4`, 0)
	f(MetadataV2, `{"_airbyte_raw_id":1,"_airbyte_ab_id":2,"_airbyte_meta" : 3}`, `null,"b":null,"_airbyte_ab_id":2,"_airbyte_additional_properties":{"_airbyte_raw_id":1,"_airbyte_meta" : 3}`, 0)
	long := `"` + strings.Repeat(`\u005f`, len(UndeclaredColumn)) + `0":1`
	f(MetadataV1, `{`+long+`}`, `null,"b":null,`+long, 0)
}

func TestJSONLMetadataV2(t *testing.T) {
	number := func(n int64) *int64 { return &n }
	f := func(sync, generation *int64, changes, want string) {
		t.Helper()
		const start = `{"_airbyte_raw_id":"26d73cde-7eb1-4e1e-b7db-a4c03b4cf206","_airbyte_extracted_at":1622135805000,"_airbyte_meta":`
		table := Table{Metadata: MetadataV2, SyncID: sync, GenerationID: generation}
		got, replaced := NewJSONL(table).AppendRow(nil, row(&table, `{}`, changes))
		if want = start + want + `,"_airbyte_data":{}}` + "\n"; string(got) != want || replaced != strings.Count(want, "\ufffd") {
			t.Errorf("\n got %s, %d\nwant %s", got, replaced, want)
		}
	}
	f(number(42), number(7), ``, `{"sync_id":42,"changes":[]},"_airbyte_generation_id":7`)
	f(nil, number(0), ``, `{"changes":[]},"_airbyte_generation_id":0`)
	f(number(0), nil, `[]`, `{"sync_id":0,"changes":[]},"_airbyte_generation_id":null`)
	f(number(-1), number(1<<62), `[ { "field" : "a\"b" } , 5 ]`, `{"sync_id":-1,"changes":[ { "field" : "a\"b" } , 5 ]},"_airbyte_generation_id":4611686018427387904`)
	f(nil, nil, "[\"\xff\\ud800\"]", "{\"changes\":[\"\ufffd\ufffd\"]},\"_airbyte_generation_id\":null")
}

// The counts of all parts of a row are added up.
func TestJSONLReplacedIsASum(t *testing.T) {
	table := Table{Metadata: MetadataV2, Flatten: true, Columns: []string{"a", "b"}, KeepUndeclared: true}
	got, n := NewJSONL(table).AppendRow(nil, row(&table, "{\"a\":\"\xff\\ud800\",\"b\":[\"\xff\xff\"],\"c\":\"\xff\",\"_airbyte_meta\":\"\xff\"}", "[\"\xff\"]"))
	if n != 7 || strings.Count(string(got), "\ufffd") != 7 {
		t.Errorf("got %q, %d", got, n)
	}
}

// A half of a pair, and what looks like one, at each place of the words that are looked at together.
func TestHalved(t *testing.T) {
	half := map[string]bool{`\ud83d`: true, `\uDE00`: true, `\ud83d\ud83d\ude00`: true, `\\\ud83d`: true, `\ud83d\\ude00`: true,
		`\ud83d\ude00`: false, `\\ud83d`: false, `\\\\ude00`: false, `\ud7ff`: false, `\ue000`: false, `\n`: false, `ud800`: false, `\u00d8`: false}
	for at := range 140 {
		for text, want := range half {
			for _, front := range []string{"a", "é", `\u00e9`, `\\`, `\ud83d\ude00`} {
				for _, behind := range []string{"", "b", strings.Repeat("c", 100), strings.Repeat(`\"`, 60)} {
					all := strings.Repeat(front, at/len(front)) + strings.Repeat("a", at%len(front)) + text
					for _, doc := range []string{all + `"`, all + `"` + behind + `\ud83d"`} {
						if got := halved([]byte(doc), spanOf(all)); got != want {
							t.Fatalf("%q of %q: got %v", all, doc, got)
						}
					}
					all += behind
					if got := halved([]byte(all+`"`), spanOf(all)); got != want {
						t.Fatalf("%q: got %v", all, got)
					}
				}
			}
		}
	}
}

// spanOf is the span of a text at the start of a document.
func spanOf(text string) scan.Span { return scan.Span{End: uint32(len(text))} }
