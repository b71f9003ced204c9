package avro

import (
	"bytes"
	"encoding/json"
	"slices"
	"testing"

	twmb "github.com/twmb/avro"

	"github.com/sluice-data/sluice/airbyte"
	"github.com/sluice-data/sluice/format"
	"github.com/sluice-data/sluice/format/typed"
)

// tables are schemas of all sorts of columns.
var tables = []struct {
	schema, numbers string
	keep            bool
}{
	{schema: `{"properties":{"a":{"type":"integer"},"b":{"type":"number"},"c":{"type":"string"},"d":{"type":"boolean"},"e":{},"f":{"type":"string","contentEncoding":"base64"}}}`},
	{schema: `{"properties":{"a":{"type":"integer"},"b":{"type":"number"},"c":{"type":"string","airbyte_type":"big_integer"}}}`, numbers: "double", keep: true},
	{schema: `{"properties":{"a":{"type":"number"},"b":{"type":["null","number","boolean"]}}}`, numbers: "decimal(9,4)"},
	{schema: `{"properties":{"a":{"type":"string","format":"date"},"b":{"type":"string","format":"date-time"},"c":{"type":"string","format":"time"},` +
		`"d":{"type":"string","airbyte_type":"timestamp_without_timezone"},"e":{"type":"string","airbyte_type":"time_without_timezone"}}}`},
	{schema: `{"properties":{"a":{"type":"object","properties":{"a":{"type":"integer"},"b":{"type":"object","additionalProperties":true,"properties":{"c":{"type":"string"},"a":{"type":"number"}}}}},` +
		`"b":{"type":"array","items":{"type":"object","properties":{"c":{"type":"array","items":{"type":"number"}},"a":{}}}}}}`},
	{schema: `{"properties":{"a":{"type":["string","integer","boolean","array"],"items":{"type":"integer"}},` +
		`"b":{"oneOf":[{"type":"string","format":"date"},{"type":"number"},{"type":"string"},{"properties":{"a":{"type":"integer"}}},{"properties":{"b":{"type":"boolean"},"a":{"type":"string"}}}]},` +
		`"c":{"type":"array","items":{"type":["integer","boolean"]}}}}`, keep: true},
}

// checkRecord holds a row against the oracle.
func checkRecord(t *testing.T, which int, data []byte) {
	t.Helper()
	of := tables[which%len(tables)]
	table := &format.Table{Flatten: true, KeepUndeclared: of.keep, Columns: columnsOf(t, of.schema)}
	numbers, err := typed.ParseNumbers(of.numbers)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := typed.New(table, []byte(of.schema), numbers)
	if err != nil {
		t.Fatal(err)
	}
	e, err := New(rows, "", "fuzz", Codec{})
	if err != nil {
		t.Fatal(err)
	}
	row := rowOf(table, data)
	out, _ := e.AppendRow(nil, row)
	var got map[string]any
	if rest, err := schemaOf(t, e).Decode(out, &got); err != nil || len(rest) > 0 {
		t.Fatalf("%s: %v, %d bytes are left of %q", data, err, len(rest), out)
	}

	root := rows.Root()
	var o oracle
	want, _ := o.record(&typed.Type{Kind: typed.Record, Fields: root.Fields[2:], Open: root.Open}, "", data)
	for name, v := range want.(map[string]any) {
		if !same(got[name], v) {
			t.Errorf("%s: %s\ngot  %T %v\nwant %T %v", data, name, got[name], got[name], v, v)
		}
	}
	for i := range o.changes {
		o.changes[i].Field = o.changes[i].Field[1:] // a dot of the root's
	}
	if !slices.Equal(row.Changed, o.changes) {
		t.Errorf("%s: changes\ngot  %v\nwant %v", data, row.Changed, o.changes)
	}
}

func schemaOf(t *testing.T, e *Encoder) *twmb.Schema {
	t.Helper()
	start, end := bytes.IndexByte(e.header, '{'), bytes.LastIndexByte(e.header[:len(e.header)-16], '}')
	s, err := twmb.Parse(string(e.header[start : end+1]))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

var values = []string{
	`null`, `true`, `"True"`, `0`, `-1`, `12345678901234567890`, `-9223372036854775808`, `1e3`, `10.0`, `10.5`, `0.1`, `-0.00005`, `99999.99995`, `99999.99985`, `1e-400`, `1e400`,
	`123456789012345678901234567890.123456789012345678`, `0.1234567890123456785`, `0.30000000000000002`, `"12"`, `"1e2"`, `".5"`, `"NaN"`, `"-Infinity"`, `""`, `"AQI="`, `"AQI"`, `"-_8"`,
	`"2024-02-29"`, `"2023-02-29"`, `"2024-02-29T13:14:15Z"`, `"2024-02-29 13:14:15.1234567+01:30"`, `"0044-03-15 BC"`, `"-290307-01-01T00:00:00Z"`, `"12345-01-01T00:00"`,
	`"13:14:15.5-0130"`, `"00:00:00.0000001"`, `"é\u00e9\ud83d\ude00\ud800"`, "\"\xff\"", `[]`, `[1,null,true,"x",[2]]`, `{}`, `{"a":1,"b":{"c":"x","z":[1],"\u007a":2}}`,
	`{"a":"1","b":{"a":1.5,"c":{}}}`, `[{"c":[1,"2",null],"a":{"x":1}},7,{"y":1}]`, `{"b":true,"a":"x"}`, `{"a":1}`, "{\"\xff\":\"\xfe\"}",
}

func TestValues(t *testing.T) {
	for which := range tables {
		for _, value := range values {
			for _, name := range "abcdefg" {
				checkRecord(t, which, []byte(`{"`+string(name)+`":`+value+`}`))
			}
		}
	}
}

// FuzzValues holds rows of any record against the oracle.
func FuzzValues(f *testing.F) {
	for i, value := range values {
		f.Add(uint8(i), []byte(`{"a":`+value+`,"b": `+values[(i+7)%len(values)]+`,"c":`+values[(i+13)%len(values)]+`}`))
	}
	f.Fuzz(func(t *testing.T, which uint8, data []byte) {
		data = bytes.TrimSpace(data)
		if usable(data) {
			checkRecord(t, int(which), data)
		}
	})
}

// FuzzSchemas looks for schemas of which no Avro schema comes, or one that does not fit the rows.
func FuzzSchemas(f *testing.F) {
	for i, of := range tables {
		f.Add([]byte(of.schema), []byte(`{"a":`+values[i]+`}`), of.keep)
	}
	f.Add([]byte(`{"properties":{"a":{"oneOf":[{"$ref":"#/a"},{"type":["null","array"],"items":[{}]}]},"1":{"allOf":[{"airbyte_type":"big_integer","type":"number"}]}}}`), []byte(`{"1":2}`), false)
	f.Fuzz(func(t *testing.T, schema, data []byte, keep bool) {
		columns, err := (&airbyte.Stream{Schema: schema}).Columns()
		if err != nil || !usable(data) || bytes.Count(schema, []byte("{")) > 500 {
			return
		}
		table := &format.Table{Flatten: true, KeepUndeclared: keep, Columns: columns, Metadata: format.MetadataV2}
		e := newEncoder(t, table, string(schema), Codec{})
		out, _ := e.AppendRow(nil, rowOf(table, data))
		var got any
		if rest, err := schemaOf(t, e).Decode(out, &got); err != nil || len(rest) > 0 {
			t.Fatalf("%s: %s: %v, %d bytes are left of %q", schema, data, err, len(rest), out)
		}
	})
}

// usable reports whether a record is one that a sync may bring, and of a depth that the tests' walk knows.
func usable(data []byte) bool {
	return len(data) > 0 && data[0] == '{' && json.Valid(data) && !bytes.ContainsAny(data, "\r\n") && bytes.Count(data, []byte("["))+bytes.Count(data, []byte("{")) < 500
}
