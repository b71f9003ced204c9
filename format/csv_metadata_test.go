package format

import (
	"strings"
	"testing"
)

// The four columns of v2 under each quoting, with and without what the catalog may lack.
func TestCSVMetadataV2(t *testing.T) {
	number := func(n int64) *int64 { return &n }
	f := func(quoting Quoting, sync, generation *int64, changes, want string) {
		t.Helper()
		table := Table{Metadata: MetadataV2, Flatten: true, SyncID: sync, GenerationID: generation}
		d := Dialect{Delimiter: ',', Quoting: quoting, LineEnd: "\n", Null: "N"}
		got, replaced := NewCSV(d, table).AppendRow(nil, row(&table, `{}`, changes))
		if want = metadata[quoting] + "," + want + "\n"; string(got) != want || replaced != strings.Count(want, "\ufffd") {
			t.Errorf("\n got %s, %d\nwant %s", got, replaced, want)
		}
	}
	f(QuoteNonNumeric, number(42), number(7), ``, `"{""sync_id"":42,""changes"":[]}",7`)
	f(QuoteNonNumeric, nil, number(0), ``, `"{""changes"":[]}",0`)
	f(QuoteNonNumeric, number(0), nil, `[]`, `"{""sync_id"":0,""changes"":[]}",N`)
	f(QuoteNonNumeric, number(-1), number(1<<62), `[ { "field" : "a\"b" } , 5 ]`, `"{""sync_id"":-1,""changes"":[ { ""field"" : ""a\""b"" } , 5 ]}",4611686018427387904`)
	f(QuoteNonNumeric, nil, nil, `[{"field":"foo","change":"NULLED","reason":"SOURCE_FIELD_SIZE_LIMITATION"}]`, `"{""changes"":[{""field"":""foo"",""change"":""NULLED"",""reason"":""SOURCE_FIELD_SIZE_LIMITATION""}]}",N`)
	f(QuoteNonNumeric, nil, nil, "[\"\xff\"]", `"{""changes"":[""`+"\ufffd"+`""]}",N`)
	f(QuoteAll, number(42), number(7), `[1]`, `"{""sync_id"":42,""changes"":[1]}","7"`)
	f(QuoteAll, nil, nil, ``, `"{""changes"":[]}","N"`)
	f(QuoteMinimal, number(42), number(7), `[1]`, `"{""sync_id"":42,""changes"":[1]}",7`)
	f(QuoteMinimal, nil, nil, ``, `"{""changes"":[]}",N`)
}

// v1 has no place for them.
func TestCSVMetadataV1(t *testing.T) {
	n := int64(5)
	table := Table{Flatten: true, SyncID: &n, GenerationID: &n}
	got, replaced := NewCSV(standard, table).AppendRow(nil, row(&table, `{}`, "[\"\xff\"]"))
	if string(got) != metadata[QuoteNonNumeric]+"\r\n" || replaced != 0 {
		t.Errorf("got %s, %d", got, replaced)
	}
}

func TestCSVTime(t *testing.T) {
	f := func(at int64, want string) {
		t.Helper()
		for quoting, quote := range map[Quoting]string{QuoteNonNumeric: "", QuoteMinimal: "", QuoteAll: `"`} {
			table := Table{Flatten: true}
			r := row(&table, `{}`, ``)
			r.EmittedAt = at
			got, _ := NewCSV(Dialect{Delimiter: ',', Quoting: quoting, LineEnd: "\n"}, table).AppendRow(nil, r)
			if _, text, _ := strings.Cut(string(got), ","); text != quote+want+quote+"\n" {
				t.Errorf("%d: got %s", at, got)
			}
		}
	}
	f(0, "0")
	f(1234, "1234")
	f(-5, "-5")
	f(1<<63-1, "9223372036854775807")
}

func TestCSVUndeclared(t *testing.T) {
	f := func(quoting Quoting, data, want string, replaced int) {
		t.Helper()
		d := Dialect{Delimiter: ',', Quoting: quoting, LineEnd: "\r\n", Null: "N"}
		got, n := cells(t, d, Table{Columns: []string{"a", "b"}, KeepUndeclared: true}, data)
		if got != want || n != replaced {
			t.Errorf("%s:\n got %s, %d\nwant %s, %d", data, got, n, want, replaced)
		}
	}
	f(QuoteNonNumeric, `{"a":1,"b":2}`, `1,2,N`, 0)
	f(QuoteNonNumeric, `{}`, `N,N,N`, 0)
	f(QuoteNonNumeric, `{"a":1,"x":5,"b":2}`, `1,2,"{""x"":5}"`, 0)
	f(QuoteNonNumeric, `{"x":5}`, `N,N,"{""x"":5}"`, 0)
	f(QuoteNonNumeric, `{"z":"q\"","y" : [1, {"k":null}],"b":2,"x":null}`, `N,2,"{""z"":""q\"""",""y"" : [1, {""k"":null}],""x"":null}"`, 0)
	f(QuoteNonNumeric, `{"sp\u00e9c,ial":"\n","é":""}`, `N,N,"{""sp\u00e9c,ial"":""\n"",""é"":""""}"`, 0)
	f(QuoteNonNumeric, "{\"\xffx\":\"a\xfe\",\"b\":\"\xfd\",\"y\":\"\xfc\"}", "N,\"\ufffd\",\"{\"\"\ufffdx\"\":\"\"a\ufffd\"\",\"\"y\"\":\"\"\ufffd\"\"}\"", 4)
	f(QuoteNonNumeric, `{"x":"\ud800"}`, `N,N,"{""x"":""\ud800""}"`, 0) // JSON as it came
	f(QuoteAll, `{"a":1,"x":5}`, `"1","N","{""x"":5}"`, 0)
	f(QuoteAll, `{"a":1}`, `"1","N","N"`, 0)
	f(QuoteMinimal, `{"a":1,"x":5}`, `1,N,"{""x"":5}"`, 0)
	f(QuoteMinimal, `{"a":"N","b":"","x":{}}`, `"N",,"{""x"":{}}"`, 0)

	// The commas between its members are JSON's, whatever the delimiter.
	semicolon := Dialect{Delimiter: ';', Quoting: QuoteMinimal, LineEnd: "\n"}
	if got, _ := cells(t, semicolon, Table{KeepUndeclared: true}, `{"x":1,"y":2}`); got != `"{""x"":1,""y"":2}"` {
		t.Errorf("got %s", got)
	}
}

// What is no UTF-8 becomes U+FFFD, once a byte, and is counted.
func TestCSVBadText(t *testing.T) {
	f := func(value, nonNumeric, minimal string, replaced int) {
		t.Helper()
		for quoting, want := range map[Quoting]string{QuoteNonNumeric: nonNumeric, QuoteAll: nonNumeric, QuoteMinimal: minimal} {
			d := Dialect{Delimiter: ',', Quoting: quoting, LineEnd: "\r\n"}
			got, n := cells(t, d, Table{Columns: []string{"a", "v", "z"}}, `{"a":"x","v":`+value+`,"z":"y"}`)
			if left, right := `"x",`, `,"y"`; quoting == QuoteMinimal {
				got = strings.TrimSuffix(strings.TrimPrefix(got, "x,"), ",y")
			} else {
				got = strings.TrimSuffix(strings.TrimPrefix(got, left), right)
			}
			if got != want || n != replaced {
				t.Errorf("%q, quoting %d: got %q, %d, want %q, %d", value, quoting, got, n, want, replaced)
			}
		}
	}
	f("\"\xff\"", "\"\ufffd\"", "\ufffd", 1)
	f("\"a\xff\xfeb\"", "\"a\ufffd\ufffdb\"", "a\ufffd\ufffdb", 2)
	f("\"caf\xc3\"", "\"caf\ufffd\"", "caf\ufffd", 1)
	f("\"\xed\xa0\x80\"", "\"\ufffd\ufffd\ufffd\"", "\ufffd\ufffd\ufffd", 3) // a surrogate in UTF-8
	f("\"a\\\"\xff\\n,\"", "\"a\"\"\ufffd\n,\"", "\"a\"\"\ufffd\n,\"", 1)
	f(`"\ud800"`, "\"\ufffd\"", "\ufffd", 1)
	f(`"\udc00\ud83d\ude00\ud83d"`, "\"\ufffd😀\ufffd\"", "\ufffd😀\ufffd", 2)
	f("\"\ufffd\\ufffd\"", "\"\ufffd\ufffd\"", "\ufffd\ufffd", 0) // they came so
	f("{\"k\xff\":\"\xfe\"}", "\"{\"\"k\ufffd\"\":\"\"\ufffd\"\"}\"", "\"{\"\"k\ufffd\"\":\"\"\ufffd\"\"}\"", 2)
	f("[\"\xff\"]", "\"[\"\"\ufffd\"\"]\"", "\"[\"\"\ufffd\"\"]\"", 1)
	f(`["\ud800"]`, `"[""\ud800""]"`, `"[""\ud800""]"`, 0) // JSON as it came

	data := "{ \"a\" : \"\xff\",\"\xfe\":[\"\\ud800\"]}"
	want := "\"{ \"\"a\"\" : \"\"\ufffd\"\",\"\"\ufffd\"\":[\"\"\\ud800\"\"]}\""
	for _, quoting := range []Quoting{QuoteNonNumeric, QuoteAll, QuoteMinimal} {
		got, n := NewCSV(Dialect{Delimiter: ',', Quoting: quoting}, Table{}).AppendRow(nil, row(&Table{}, data, ""))
		if string(got) != metadata[quoting]+","+want || n != 2 {
			t.Errorf("got %q, %d, want %q", got, n, want)
		}
	}
}

// The counts of all parts of a row are added up.
func TestCSVReplacedIsASum(t *testing.T) {
	table := Table{Metadata: MetadataV2, Flatten: true, Columns: []string{"a", "b"}, KeepUndeclared: true}
	for _, d := range []Dialect{standard, quoteAll, minimal} {
		got, n := NewCSV(d, table).AppendRow(nil, row(&table, "{\"a\":\"\xff\\ud800\",\"b\":[\"\xff\xff\"],\"c\":\"\xff\",\"d\":\"\xff\"}", "[\"\xff\"]"))
		if n != 7 || strings.Count(string(got), "\ufffd") != 7 {
			t.Errorf("got %q, %d", got, n)
		}
	}
	got, n := NewCSV(standard, Table{Metadata: MetadataV2}).AppendRow(nil, row(&Table{}, "{\"a\":\"\xff\xff\"}", "[\"\xff\"]"))
	if n != 3 {
		t.Errorf("got %q, %d", got, n)
	}
}
