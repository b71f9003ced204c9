package format

import (
	"strconv"
	"strings"
	"testing"

	"github.com/sluice-data/sluice/internal/scan"
)

// metadata is what stands in front of a row's cells under each quoting.
var metadata = map[Quoting]string{
	QuoteNonNumeric: `"26d73cde-7eb1-4e1e-b7db-a4c03b4cf206",1622135805000`,
	QuoteAll:        `"26d73cde-7eb1-4e1e-b7db-a4c03b4cf206","1622135805000"`,
	QuoteMinimal:    `26d73cde-7eb1-4e1e-b7db-a4c03b4cf206,1622135805000`,
}

// cells encodes one flattened record and returns what stands behind the metadata, and how
// many characters were replaced. A record that is said to be clean must come out the same.
func cells(t *testing.T, d Dialect, table Table, data string) (string, int) {
	t.Helper()
	table.Flatten = true
	r := row(&table, data, "")
	got, replaced := NewCSV(d, table).AppendRow(nil, r)
	if replaced == 0 {
		r.Clean = true
		if again, n := NewCSV(d, table).AppendRow(nil, r); string(again) != string(got) || n != 0 {
			t.Errorf("%q: clean gives %q, not %q", data, again, got)
		}
	}
	meta := strings.ReplaceAll(metadata[d.Quoting], ",", string(d.Delimiter))
	text, ok := strings.CutPrefix(string(got), meta)
	text, ok2 := strings.CutSuffix(text, d.LineEnd)
	if !ok || !ok2 {
		t.Errorf("%q: the row is %q", data, got)
	}
	return strings.TrimPrefix(text, string(d.Delimiter)), replaced
}

// Each kind of JSON value under each quoting.
func TestCSVValues(t *testing.T) {
	f := func(value, nonNumeric, all, minimal string) {
		t.Helper()
		for quoting, want := range map[Quoting]string{QuoteNonNumeric: nonNumeric, QuoteAll: all, QuoteMinimal: minimal} {
			d := Dialect{Delimiter: ',', Quoting: quoting, LineEnd: "\r\n"}
			if got, n := cells(t, d, Table{Columns: []string{"v"}}, `{"v":`+value+`}`); got != want || n != 0 {
				t.Errorf("%s, quoting %d: got %s, %d, want %s", value, quoting, got, n, want)
			}
		}
	}
	f(`"abc"`, `"abc"`, `"abc"`, `abc`)
	f(`""`, `""`, `""`, `""`)
	f(`null`, ``, `""`, ``)
	f(`5`, `5`, `"5"`, `5`)
	f(`"5"`, `"5"`, `"5"`, `5`)
	f(`-0`, `-0`, `"-0"`, `-0`)
	f(`1.0E+30`, `1.0E+30`, `"1.0E+30"`, `1.0E+30`)
	f(`1e10`, `1e10`, `"1e10"`, `1e10`)
	f(`10.0`, `10.0`, `"10.0"`, `10.0`)
	f(`50000.0000000000000001`, `50000.0000000000000001`, `"50000.0000000000000001"`, `50000.0000000000000001`)
	f(`99999999999999999999999999999999`, `99999999999999999999999999999999`, `"99999999999999999999999999999999"`, `99999999999999999999999999999999`)
	f(`true`, `true`, `"true"`, `true`)
	f(`false`, `false`, `"false"`, `false`)
	f(`"true"`, `"true"`, `"true"`, `true`)
	f(`"null"`, `"null"`, `"null"`, `null`)
	f(`{}`, `"{}"`, `"{}"`, `{}`)
	f(`[]`, `"[]"`, `"[]"`, `[]`)
	f(`[ 1 ]`, `"[ 1 ]"`, `"[ 1 ]"`, `[ 1 ]`)
	f("[\t1\r]", "\"[\t1\r]\"", "\"[\t1\r]\"", "\"[\t1\r]\"")
	f(`[10,null]`, `"[10,null]"`, `"[10,null]"`, `"[10,null]"`)
	f(`{"a":"\"x\"\n"}`, `"{""a"":""\""x\""\n""}"`, `"{""a"":""\""x\""\n""}"`, `"{""a"":""\""x\""\n""}"`)
	f(`{ "first": "John", "last": "Doe" }`, `"{ ""first"": ""John"", ""last"": ""Doe"" }"`, `"{ ""first"": ""John"", ""last"": ""Doe"" }"`, `"{ ""first"": ""John"", ""last"": ""Doe"" }"`)
	f(`"a,b"`, `"a,b"`, `"a,b"`, `"a,b"`)
	f(`"a\"b"`, `"a""b"`, `"a""b"`, `"a""b"`)
	f(`"\""`, `""""`, `""""`, `""""`)
	f(`"\"\"a\"\""`, `"""""a"""""`, `"""""a"""""`, `"""""a"""""`)
	f(`"foo\nbar"`, "\"foo\nbar\"", "\"foo\nbar\"", "\"foo\nbar\"")
	f(`"a\rb"`, "\"a\rb\"", "\"a\rb\"", "\"a\rb\"")
	f(`"a\r\nb"`, "\"a\r\nb\"", "\"a\r\nb\"", "\"a\r\nb\"")
	f(`" a\tb "`, "\" a\tb \"", "\" a\tb \"", " a\tb ")
	f(`"a;b|c"`, `"a;b|c"`, `"a;b|c"`, `a;b|c`)
	f(`"\u00e9\ud83d\ude00é😀\/\\\b\f"`, "\"é😀é😀/\\\b\f\"", "\"é😀é😀/\\\b\f\"", "é😀é😀/\\\b\f")
	f(`"\u0000\u001f"`, "\"\x00\x1f\"", "\"\x00\x1f\"", "\x00\x1f")
	f(`"USD\u2028"`, "\"USD\u2028\"", "\"USD\u2028\"", "USD\u2028")
	f("\"USD\u2028\"", "\"USD\u2028\"", "\"USD\u2028\"", "USD\u2028")
	f(`"\u002c"`, `","`, `","`, `","`)
	f(`"<&>"`, `"<&>"`, `"<&>"`, `<&>`)
	f(`"=1+1"`, `"=1+1"`, `"=1+1"`, `=1+1`)
}

// What stands for null differs from every string, the same text too, where quoting can
// tell them apart.
func TestCSVNull(t *testing.T) {
	f := func(quoting Quoting, null, data, want string) {
		t.Helper()
		d := Dialect{Delimiter: ',', Quoting: quoting, LineEnd: "\n", Null: null}
		if got, _ := cells(t, d, Table{Columns: []string{"a", "b", "c"}}, data); got != want {
			t.Errorf("null %q, quoting %d, %s: got %s, want %s", null, quoting, data, got, want)
		}
	}
	for _, null := range []string{"NULL", `\N`, "null", "-"} {
		quoted := strconv.Quote(null)
		record := `{"b":` + quoted + `,"c":null}`
		f(QuoteNonNumeric, null, record, null+`,"`+null+`",`+null)
		f(QuoteMinimal, null, record, null+`,"`+null+`",`+null)
		f(QuoteAll, null, record, `"`+null+`","`+null+`","`+null+`"`)
		f(QuoteNonNumeric, null, `{"a":"","b":"x`+quoted[1:]+`}`, `"","x`+null+`",`+null)
		f(QuoteMinimal, null, `{"a":"","b":"x`+quoted[1:]+`}`, `,x`+null+`,`+null)
	}
	f(QuoteMinimal, "NULL", `{"a":"NUL\u004c","b":"null","c":"NULL "}`, `"NULL",null,NULL `)
	f(QuoteNonNumeric, "", `{"a":"","b":null}`, `"",,`)
	f(QuoteMinimal, "", `{"a":"","b":null}`, `"",,`)
	f(QuoteAll, "", `{"a":"","b":null}`, `"","",""`)
	f(QuoteMinimal, "[]", `{"a":[],"b":[ ],"c":"[]"}`, `"[]",[ ],"[]"`)
	f(QuoteNonNumeric, "NULL", `{"a":1,"b":true,"c":{}}`, `1,true,"{}"`)
}

func TestCSVMissingColumns(t *testing.T) {
	f := func(quoting Quoting, data, want string) {
		t.Helper()
		d := Dialect{Delimiter: ',', Quoting: quoting, LineEnd: "\r\n"}
		if got, _ := cells(t, d, Table{Columns: []string{"a", "b", "c", "d"}}, data); got != want {
			t.Errorf("%s: got %s, want %s", data, got, want)
		}
	}
	f(QuoteNonNumeric, `{"a":1,"b":2,"c":3,"d":4}`, `1,2,3,4`)
	f(QuoteNonNumeric, `{"d":4,"c":3,"b":2,"a":1}`, `1,2,3,4`)
	f(QuoteNonNumeric, `{"b":2,"c":3,"d":4}`, `,2,3,4`)
	f(QuoteNonNumeric, `{"c":3,"d":4}`, `,,3,4`)
	f(QuoteNonNumeric, `{"a":1,"c":3,"d":4}`, `1,,3,4`)
	f(QuoteNonNumeric, `{"a":1,"d":4}`, `1,,,4`)
	f(QuoteNonNumeric, `{"a":1,"b":2,"c":3}`, `1,2,3,`)
	f(QuoteNonNumeric, `{"a":1}`, `1,,,`)
	f(QuoteNonNumeric, `{"b":2}`, `,2,,`)
	f(QuoteNonNumeric, `{}`, `,,,`)
	f(QuoteAll, `{"b":2}`, `"","2","",""`)
	f(QuoteMinimal, `{"b":""}`, `,"",,`)
	f(QuoteNonNumeric, `{"a":1,"x":5,"a":2,"b":null}`, `2,,,`) // dropped, last of duplicates
}

// A scan may say less of a value than there is to know, and may have a value that is none.
func TestCSVKinds(t *testing.T) {
	f := func(data string, kind scan.Kind, same string) {
		t.Helper()
		table := Table{Flatten: true, Columns: []string{"a", "b"}}
		for _, d := range []Dialect{standard, quoteAll, minimal} {
			c := NewCSV(d, table)
			want, _ := c.AppendRow(nil, row(&table, same, ""))
			r := row(&table, data, "")
			r.Values[r.Columns[0]].Kind = kind
			if got, n := c.AppendRow(nil, r); string(got) != string(want) || n != 0 {
				t.Errorf("%s: got %s, %d, want %s", data, got, n, want)
			}
		}
	}
	f(`{"a":"plain","b":1}`, scan.Escaped, `{"a":"plain","b":1}`)
	f(`{"a":["plain"],"b":1}`, scan.DirtyJSON, `{"a":["plain"],"b":1}`)
	f(`{"a":5,"b":1}`, scan.Missing, `{"b":1}`)
	f(`{"a":5,"b":1}`, scan.Null, `{"b":1}`)
}

func TestCSVDelimitersAndLineEnds(t *testing.T) {
	f := func(delimiter byte, lineEnd string, quoting Quoting, want string) {
		t.Helper()
		d := Dialect{Delimiter: delimiter, Quoting: quoting, LineEnd: lineEnd, Header: true}
		table := Table{Flatten: true, Columns: []string{"a", "b;|\t,"}}
		if got := encode(d, table, `{"a":"x;|\t,y","b;|\t,":[1]}`); got != want {
			t.Errorf("delimiter %q:\n got %q\nwant %q", delimiter, got, want)
		}
	}
	const id = "26d73cde-7eb1-4e1e-b7db-a4c03b4cf206"
	f(',', "\n", QuoteNonNumeric, "\"_airbyte_ab_id\",\"_airbyte_emitted_at\",\"a\",\"b;|\t,\"\n\""+id+"\",1622135805000,\"x;|\t,y\",\"[1]\"\n")
	f(';', "\r\n", QuoteNonNumeric, "\"_airbyte_ab_id\";\"_airbyte_emitted_at\";\"a\";\"b;|\t,\"\r\n\""+id+"\";1622135805000;\"x;|\t,y\";\"[1]\"\r\n")
	f('|', "\n", QuoteAll, "\"_airbyte_ab_id\"|\"_airbyte_emitted_at\"|\"a\"|\"b;|\t,\"\n\""+id+"\"|\"1622135805000\"|\"x;|\t,y\"|\"[1]\"\n")
	f('\t', "\r\n", QuoteMinimal, "_airbyte_ab_id\t_airbyte_emitted_at\ta\t\"b;|\t,\"\r\n"+id+"\t1622135805000\t\"x;|\t,y\"\t[1]\r\n")
	for _, delimiter := range []byte(";|\t: ") {
		for other, text := range map[byte]string{';': ";", '|': "|", '\t': `\t`, ',': ",", ':': ":", ' ': " "} {
			d := Dialect{Delimiter: delimiter, Quoting: QuoteMinimal, LineEnd: "\n"}
			want := string(other)
			if other == delimiter {
				want = `"` + want + `"`
			}
			if got, _ := cells(t, d, Table{Columns: []string{"v"}}, `{"v":"`+text+`"}`); got != want {
				t.Errorf("delimiter %q: got %q, want %q", delimiter, got, want)
			}
		}
	}
}

func TestCSVHeader(t *testing.T) {
	f := func(d Dialect, table Table, want string) {
		t.Helper()
		if want != "" {
			want += d.LineEnd
		}
		c := NewCSV(d, table)
		if got := string(c.AppendHeader([]byte("x"))); got != "x"+want {
			t.Errorf("got %q, want %q", got, want)
		}
		if c.Extension() != "csv" {
			t.Errorf("extension %q", c.Extension())
		}
	}
	f(standard, Table{}, `"_airbyte_ab_id","_airbyte_emitted_at","_airbyte_data"`)
	f(minimal, Table{}, `_airbyte_ab_id,_airbyte_emitted_at,_airbyte_data`)
	f(quoteAll, Table{Metadata: MetadataV2}, `"_airbyte_raw_id","_airbyte_extracted_at","_airbyte_meta","_airbyte_generation_id","_airbyte_data"`)
	f(standard, Table{Flatten: true}, `"_airbyte_ab_id","_airbyte_emitted_at"`)
	f(minimal, Table{Flatten: true, KeepUndeclared: true}, `_airbyte_ab_id,_airbyte_emitted_at,_airbyte_additional_properties`)
	f(standard, Table{KeepUndeclared: true, Columns: []string{"a"}}, `"_airbyte_ab_id","_airbyte_emitted_at","_airbyte_data"`)
	columns := []string{"plain", `a"b`, "a,b", "a\r\nb", "é ", "field+1", ""}
	f(standard, Table{Flatten: true, Columns: columns}, `"_airbyte_ab_id","_airbyte_emitted_at","plain","a""b","a,b","a`+"\r\n"+`b","é ","field+1",""`)
	f(minimal, Table{Flatten: true, Columns: columns}, `_airbyte_ab_id,_airbyte_emitted_at,plain,"a""b","a,b","a`+"\r\n"+`b",é ,field+1,""`)
	f(Dialect{Delimiter: '+', Quoting: QuoteMinimal, LineEnd: "\n", Null: "plain", Header: true}, Table{Flatten: true, Columns: columns},
		`_airbyte_ab_id+_airbyte_emitted_at+"plain"+"a""b"+a,b+"a`+"\r\n"+`b"+é +"field+1"+`)
	f(Dialect{Delimiter: ',', LineEnd: "\n"}, Table{Flatten: true, Columns: columns}, ``)
}
