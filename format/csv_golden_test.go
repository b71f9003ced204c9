package format

import (
	"encoding/csv"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/uuid"
)

var update = flag.Bool("update", false, "write the golden files again")

type goldenRow struct {
	data, changes string
	id            string // seedID if empty
	at            int64  // seedTime if 0
}

// golden is one object. What Airbyte's documentation or tests show is in want too, so that
// -update can't change it.
type golden struct {
	name    string
	dialect Dialect
	table   Table
	rows    []goldenRow
	want    string
}

const seedRecord = `{ "user_id":123, "name": { "first": "John", "last": "Doe" } }`

var goldens = []golden{
	{"seed_unflattened", standard, Table{}, []goldenRow{{data: seedRecord}},
		`"_airbyte_ab_id","_airbyte_emitted_at","_airbyte_data"` + "\r\n" +
			`"26d73cde-7eb1-4e1e-b7db-a4c03b4cf206",1622135805000,"{ ""user_id"":123, ""name"": { ""first"": ""John"", ""last"": ""Doe"" } }"` + "\r\n"},
	{"seed_flattened", standard, Table{Flatten: true, Columns: []string{"user_id", "name"}}, []goldenRow{{data: seedRecord}},
		`"_airbyte_ab_id","_airbyte_emitted_at","user_id","name"` + "\r\n" +
			`"26d73cde-7eb1-4e1e-b7db-a4c03b4cf206",1622135805000,123,"{ ""first"": ""John"", ""last"": ""Doe"" }"` + "\r\n"},
	{"airbyte_0_1", quoteAll, Table{}, []goldenRow{
		{data: `{"foo":73}`, id: "f6767f7d-ce1e-45cc-92db-2ad3dfdd088e", at: 1234},
		{data: `{"bar":84}`, id: "2b95a13f-d54f-4370-a712-1c7bf2716190", at: 2345},
	}, `"_airbyte_ab_id","_airbyte_emitted_at","_airbyte_data"` + "\r\n" +
		`"f6767f7d-ce1e-45cc-92db-2ad3dfdd088e","1234","{""foo"":73}"` + "\r\n" +
		`"2b95a13f-d54f-4370-a712-1c7bf2716190","2345","{""bar"":84}"` + "\r\n"},
	{"airbyte_0_5", standard, Table{}, []goldenRow{{data: `{"id":"1","on":true}`, id: "465e901d-0000-4000-8000-0123456789ab", at: 1709812731552}},
		`"_airbyte_ab_id","_airbyte_emitted_at","_airbyte_data"` + "\r\n" +
			`"465e901d-0000-4000-8000-0123456789ab",1709812731552,"{""id"":""1"",""on"":true}"` + "\r\n"},
	{"basic_types_unflattened", standard, Table{}, basicTypes, ""},
	{"basic_types_flattened", standard, Table{Flatten: true, Columns: []string{"id", "string", "number", "integer", "boolean", "timestamp", "struct"}}, basicTypes, ""},
	{"basic_types_minimal", minimal, Table{Flatten: true, Columns: []string{"id", "string", "number", "integer", "boolean", "timestamp", "struct"}}, basicTypes, ""},
	{"container_types", standard, Table{Flatten: true, Columns: []string{"id", "array", "empty", "loose", "person", "any"}}, []goldenRow{
		{data: `{"id":1,"array":[10,null],"empty":{},"loose":{"extra":"stuff"},"person":{"address":{"street":"1 Main St, \"B\"","zip":[8000]}},"any":[[],{},"x",1.50]}`},
		{data: `{"id":2,"array":[],"empty":{"extra":"stuff"},"person":null,"any":{ "a" : [ 1 , 2 ] }}`},
	}, ""},
	{"funky_characters", standard, Table{Flatten: true, Columns: []string{"fieldWithCamelCase", "FIELD_WITH_ALL_CAPS", "field_name_with_operator+1", "1field_with_a_leading_number", "field with spécial \"character\"", "order"}}, []goldenRow{
		{data: `{"fieldWithCamelCase":"foo\nbar","FIELD_WITH_ALL_CAPS":"a,b","field_name_with_operator+1":"say \"hi\"","1field_with_a_leading_number":1,"field with sp\u00e9cial \"character\"":"こんにちは \ud83d\ude00","order":"\t tabs and spaces "}`},
	}, ""},
	{"line_breaks", standard, Table{Flatten: true, Columns: []string{"currency", "date", "HKD", "NZD"}}, lineBreaks, ""},
	{"line_breaks_lf", Dialect{Delimiter: ',', Quoting: QuoteMinimal, LineEnd: "\n", Header: true}, Table{Flatten: true, Columns: []string{"currency", "date", "HKD", "NZD"}}, lineBreaks, ""},
	{"metadata_v2", standard, Table{Metadata: MetadataV2, GenerationID: new(int64(13)), SyncID: new(int64(42)), Flatten: true, Columns: []string{"id"}}, []goldenRow{
		{data: `{"id":5678,"undeclared":"asdf"}`, at: 1234, changes: `[{"field":"foo","change":"NULLED","reason":"SOURCE_FIELD_SIZE_LIMITATION"}]`},
		{data: `{"id":5679}`, at: 1235},
	}, ""},
	{"undeclared_kept", standard, Table{Flatten: true, Columns: []string{"id"}, KeepUndeclared: true}, []goldenRow{
		{data: `{"city":"Bern","id":1,"tags":["a","b"],"zip":3000}`}, {data: `{"id":2}`}, {data: `{"name":null}`},
	}, ""},
	{"tabs_without_header", Dialect{Delimiter: '\t', Quoting: QuoteMinimal, LineEnd: "\n", Null: `\N`}, Table{Flatten: true, Columns: []string{"a", "b"}}, []goldenRow{
		{data: `{"a":"x,y","b":"x\ty"}`}, {data: `{"a":null,"b":"\\N"}`}, {data: `{"a":""}`},
	}, ""},
}

var basicTypes = []goldenRow{
	{data: `{"id":1,"string":"foo","number":12.34,"integer":42,"boolean":true,"timestamp":"2023-01-23T12:34:56Z","struct":{"foo":1.0}}`},
	{data: `{"id":2,"string":null,"number":null,"integer":null,"boolean":null,"timestamp":null,"struct":null}`},
	{data: `{"id":3}`},
	{data: `{"id":4,"string":"","number":50000.0000000000000001,"integer":99999999999999999999999999999999,"boolean":false,"timestamp":"1504-02-29","struct":{"foo":50000.0000000000000001}}`},
	{data: `{"id":5,"string":{},"number":"foo","integer":"foo","boolean":"foo","timestamp":"foo","struct":"foo"}`},
	{data: `{"id":6,"string":"ࠈൡሗ","number":10000000000000000000000.1234,"integer":-0,"boolean":1e10,"timestamp":1E-5,"struct":[]}`},
}

var lineBreaks = []goldenRow{
	{data: `{"currency":"USD\u2028","date":"2020-03-\n31T00:00:00Z\r","HKD":10.1,"NZD":700.1}`},
	{data: "{\"currency\":\"USD\u2028\",\"date\":\"\\r\\n\\n\\r\",\"HKD\":\"\\n\"}"},
}

func (g *golden) encode(c Encoder) string {
	out := c.AppendHeader(nil)
	for _, one := range g.rows {
		r := row(&g.table, one.data, one.changes)
		if one.id != "" {
			r.ID = uuid.MustParse(one.id)
		}
		if one.at != 0 {
			r.EmittedAt = one.at
		}
		out, _ = c.AppendRow(out, r)
	}
	return string(out)
}

func TestGolden(t *testing.T) {
	known := map[string]bool{}
	for _, g := range goldens {
		file := filepath.Join("testdata", g.name+".csv")
		known[file] = true
		got := g.encode(NewCSV(g.dialect, g.table))
		if g.want != "" && got != g.want {
			t.Errorf("%s:\n got %q\nwant %q", g.name, got, g.want)
			continue
		}
		if *update {
			if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil || got != string(want) {
			t.Errorf("%s: %v\n got %q\nwant %q", file, err, got, want)
		}
		r := csv.NewReader(strings.NewReader(got))
		r.Comma = rune(g.dialect.Delimiter)
		lines := len(g.rows)
		if g.dialect.Header {
			lines++
		}
		if rows, err := r.ReadAll(); err != nil || len(rows) != lines || len(rows[0]) != len(g.table.Header()) {
			t.Errorf("%s: encoding/csv reads %q, %v", g.name, rows, err)
		}
	}
	files, err := filepath.Glob(filepath.Join("testdata", "[a-z]*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if csv := strings.TrimSuffix(file, filepath.Ext(file)) + ".csv"; !known[csv] {
			t.Errorf("%s belongs to no test", file)
		}
	}
}
