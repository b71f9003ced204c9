package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// TestCells writes one value each through a flattened column and looks at its bytes.
func TestCells(t *testing.T) {
	t.Parallel()
	inBoth(t, func(t *testing.T, at *target) {
		cells := []struct{ value, cell string }{
			{`50000.0000000000000001`, `50000.0000000000000001`},
			{`99999999999999999999999999999999`, `99999999999999999999999999999999`},
			{`-0.0`, `-0.0`}, {`1E+10`, `1E+10`}, {`1.10`, `1.10`}, {`0`, `0`},
			{`true`, `true`}, {`false`, `false`},
			{`null`, ``},
			{`""`, `""`},
			{`"null"`, `"null"`},
			{`"plain"`, `"plain"`},
			{`"a,b"`, `"a,b"`},
			{`"say \"hi\""`, `"say ""hi"""`},
			{`"back\\slash \/ \b\f\t"`, "\"back\\slash / \b\f\t\""},
			{`" blanks "`, `" blanks "`},
			{`"caf\u00e9 \ud83d\ude00 <>&"`, `"café 😀 <>&"`},
			{`"日本語"`, `"日本語"`},
			{`{"a" : [1, null , "x\"y"]}`, `"{""a"" : [1, null , ""x\""y""]}"`},
			{`[]`, `"[]"`}, {`{}`, `"{}"`},
			{`"=1+1"`, `"=1+1"`},
		}
		var input, want []string
		for _, c := range cells {
			input = append(input, record("users", `{"v":`+c.value+`}`))
			want = append(want, `"ID",1622135805000,`+c.cell)
		}
		input = append(input, record("users", `{}`))
		want = append(want, `"ID",1622135805000,`)
		r := at.sync(job{config: flat(), streams: []stream{{name: "users", schema: `{"properties":{"v":{"type":"integer"}}}`}}}, input...).ok()
		same(t, "rows", at.lines("data/users"), want)
		if got := r.logs("WARN"); len(got) > 0 {
			t.Errorf("warnings: %v", got)
		}
	})
}

// TestLineBreaks keeps every kind of them inside a cell.
func TestLineBreaks(t *testing.T) {
	t.Parallel()
	at := inBucket(t)
	at.sync(job{config: flat(), streams: []stream{{name: "users", schema: `{"properties":{"a":{},"b":{}}}`}}},
		record("users", `{"a":"USD\u2028","b":"2020-03-\n31T00:00:00Z\r"}`), record("users", "{\"a\":\"\u2028\u2029\",\"b\":\"x\\r\\ny\"}")).ok()
	same(t, "object", at.masked("data/users"), `"_airbyte_ab_id","_airbyte_emitted_at","a","b"`+"\r\n"+
		`"ID",1622135805000,"USD`+"\u2028"+`","2020-03-`+"\n31T00:00:00Z\r\"\r\n"+
		`"ID",1622135805000,"`+"\u2028\u2029"+`","x`+"\r\ny\"\r\n")
}

// TestColumns come in the order of the schema, whatever the order of a record's keys.
func TestColumns(t *testing.T) {
	t.Parallel()
	at := inBucket(t)
	at.sync(job{config: flat(), streams: []stream{{name: "users", schema: `{"type":["null","object"],"properties":{"C":{},"b":{},"A":{},"a b":{},"é\"":{}}}`},
		{name: "none", schema: `{"type":"object"}`}}},
		record("users", `{"A":1,"b":2,"C":3,"a b":4,"é\"":5}`),
		record("users", `{"C":3,"b":2,"A":1}`),
		record("users", `{"\u00e9\u0022":5,"\u0061\u0020b":4}`),
		record("users", `{"b":1,"b":2,"A":null,"b":3}`), // the last of duplicates
		record("users", `{"b":1,"b":null}`),
		record("none", `{"x":1}`)).ok()
	same(t, "object", at.masked("data/users"), strings.Join([]string{
		`"_airbyte_ab_id","_airbyte_emitted_at","C","b","A","a b","é"""`,
		`"ID",1622135805000,3,2,1,4,5`,
		`"ID",1622135805000,3,2,1,,`,
		`"ID",1622135805000,,,,4,5`,
		`"ID",1622135805000,,3,,,`,
		`"ID",1622135805000,,,,,`, ""}, "\r\n"))
	same(t, "without columns", at.masked("data/none"), "\"_airbyte_ab_id\",\"_airbyte_emitted_at\"\r\n\"ID\",1622135805000\r\n")
}

// TestUnflattened keeps the record as it came, fields that no schema has included.
func TestUnflattened(t *testing.T) {
	t.Parallel()
	at := inBucket(t)
	data := []string{`{ "b" : 1.50, "a":{"x":null}, "b" : 2 }`, `{"undeclared":"\u00e9\n"}`, `{}`, `{"n":99999999999999999999999999999999}`}
	var input []string
	for _, d := range data {
		input = append(input, record("users", d))
	}
	r := at.sync(job{streams: []stream{{name: "users", schema: idSchema}}}, input...).ok()
	same(t, "data", at.data("data/users"), data)
	if got := r.logs("WARN"); len(got) > 0 {
		t.Errorf("warnings: %v", got)
	}
}

// TestUndeclared has fields that the schema does not have: one warning each, and a count.
func TestUndeclared(t *testing.T) {
	t.Parallel()
	at := inBucket(t)
	const n = 8000 // more than one batch
	var input []string
	for i := range n {
		input = append(input, record("users", fmt.Sprintf(`{"extra":%d,"id":%d,"other \"one\"":[1]}`, i, i)))
	}
	input = append(input, record("users", `{"rare":null}`))
	streams := []stream{{name: "users", schema: idSchema}}
	r := at.sync(job{config: flat(), streams: streams}, input...).ok()
	warnings := r.logs("WARN")
	if len(warnings) != 3 {
		t.Errorf("want three warnings, got %v", warnings)
	}
	for _, field := range []string{`"extra"`, `other`, `"rare"`} {
		if !slices.ContainsFunc(warnings, func(w string) bool { return strings.Contains(w, field) && strings.Contains(w, "users") }) {
			t.Errorf("no warning names %s: %v", field, warnings)
		}
	}
	contains(t, "the summary", strings.Join(r.logs("INFO"), "\n"), fmt.Sprintf("extra (%d)", n), "rare (1)", fmt.Sprintf("%d rows", n+1))

	at = inBucket(t)
	keep := csvFormat(fields{"flattening": "Root level flattening", "undeclared_fields": "keep"})
	r = at.sync(job{config: keep, streams: streams},
		record("users", `{"a":1,"id":1,"b":{"x" : "y\"z"}}`), record("users", `{"id":2}`), record("users", `{"c":"\u00e9"}`)).ok()
	if got := r.logs("WARN"); len(got) > 0 {
		t.Errorf("what is kept needs no warning: %v", got)
	}
	same(t, "ids", at.column("data/users", "id"), []string{"1", "2", ""})
	same(t, "kept", at.column("data/users", "_airbyte_additional_properties"), []string{`{"a":1,"b":{"x" : "y\"z"}}`, ``, `{"c":"\u00e9"}`})
}

// TestBadText becomes U+FFFD and is counted; what is around it stays.
func TestBadText(t *testing.T) {
	t.Parallel()
	inBoth(t, func(t *testing.T, at *target) {
		input := []string{
			record("users", "{\"v\":\"a\xffb\"}"),
			record("users", `{"v":"x\ud83dy"}`),
			record("users", `{"v":"\ude00\ud83d\ude00"}`),
			record("users", "{\"v\":{\"k\":\"\xc3(\"}}"),
			record("users", "{\"v\":\"fine é\"}"),
		}
		r := at.sync(job{config: flat(), streams: []stream{{name: "users", schema: `{"properties":{"v":{}}}`}}}, input...).ok()
		same(t, "flattened", at.column("data/users", "v"), []string{"a\ufffdb", "x\ufffdy", "\ufffd😀", "{\"k\":\"\ufffd(\"}", "fine é"})
		contains(t, "the summary", strings.Join(r.logs("INFO"), "\n"), "4 characters")

		r = at.sync(job{streams: []stream{{name: "whole"}}}, record("whole", "{\"a\xff\":\"\xfe\"}")).ok()
		same(t, "unflattened", at.data("data/whole"), []string{"{\"a\ufffd\":\"\ufffd\"}"})
		contains(t, "the summary", strings.Join(r.logs("INFO"), "\n"), "2 characters")
	})
}
