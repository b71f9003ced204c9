package main

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
)

// What Airbyte's own suites demand of a destination stands in the tables of the three acceptance
// files: a row has the name of the test that demands it, and data of ours.
// docs/ACCEPTANCE.md lists all of them, with the tests that show what has no row here.

// values are behaviours whose outcome is what was sent, value by value.
var values = []struct {
	name   string
	schema string
	data   []string
}{
	{"testBasicWrite", `{"type":"object","properties":{"id":{"type":"integer"}}}`, []string{`{"id":77,"colour":"is in no schema"}`}},
	{"testSyncNotFailsWithNewFields", `{"type":"object","properties":{"id":{"type":"integer"}}}`, []string{`{"id":1}`, `{"new":{"a":[1]},"id":2,"newer":null}`}},
	{"testSync.exchange_rate", `{"type":"object","properties":{"day":{"type":"string","format":"date-time"},"EUR":{"type":"number"},"NOK":{"type":"number"},"SEK":{"type":"number"}}}`, []string{
		`{"day":"2026-03-01T00:00:00Z","EUR":0.92,"NOK":10.405}`, `{"day":"2026-03-02T00:00:00Z","EUR":1,"NOK":11.0,"SEK":10.5}`,
		`{"SEK":1e1,"day":"2026-03-03T00:00:00Z"}`, `{"day":"2026-03-04T00:00:00Z","EUR":null,"NOK":-0.0,"SEK":0.10}`}},
	{"testSync.edge_case", `{"properties":{"order":{"type":"string"},"group":{"type":"integer"},"camelCase":{},"ALL_CAPS":{},"bytes":{"type":"string","contentEncoding":"base64"},"inner":{"type":"object","properties":{"a":{}}}}}`, []string{
		`{"order":"by","group":1,"camelCase":"cC","ALL_CAPS":"A","bytes":"c2x1aWNl","inner":{"a":{"b":{"c":[{"d":1}]}},"e":"not in the schema"}}`, `{"group":"another type","order":2}`}},
	{"testSync.dates", `{"properties":{"at":{"type":"string","format":"date-time"}}}`, []string{
		`{"at":"2026-2-3"}`, `{"at":"2026-02-03T04:05:06.7"}`, `{"at":"2026-02-03 04:05:06.78901 +01"}`, `{"at":"2026-02-03T04:05:06+0000"}`,
		`{"at":"2026-02-03T04:05:06+01:30"}`, `{"at":"2026/02/03 04:05"}`, `{"at":"0044-03-15T12:00:00Z BC"}`, `{"at":""}`, `{"at":"not a date"}`}},
	{"testAirbyteTimeTypes", `{"type":"object","properties":{"d":{"type":"string","format":"date","airbyte_type":"date"},"tz":{"type":"string","airbyte_type":"timestamp_with_timezone"},"t":{"type":"string","airbyte_type":"time_without_timezone"}}}`, []string{
		`{"d":"0001-01-01","tz":"9999-12-31T23:59:59.999999999Z","t":"00:00:00"}`, `{"d":"2024-02-29","tz":"2022-06-30T23:59:60-12:00","t":"23:59:59.999999"}`}},
	{"testLineBreakCharacters", `{"properties":{"a":{"type":"string"},"b":{"type":"string"}}}`, []string{
		`{"a":"USD\u2028","b":"03-\n31T00\r"}`, `{"a":"` + "\u2028\u2029\u0085" + `","b":"\n\n\r"}`, `{"a":"\u000b\f\u0000","b":"\\n\",\""}`, `{"a":"\r","b":"\n"}`}},
	{"testFunkyCharacters", `{"type":"object","properties":{"camelCase":{},"spécial":{},"spøcial":{},"operator+1":{},"1leading":{},"order by":{},"a.b":{},"q\"uote":{},"comma,":{},"line\nbreak":{},"😀":{}}}`, []string{
		`{"camelCase":"foo\nbar","spécial":1,"spøcial":"ø","operator+1":2,"1leading":3,"order by":"desc","a.b":4,"q\"uote":"\"","comma,":",","line\nbreak":"\n","😀":"😀"}`,
		`{"sp\u00e9cial":"e","\ud83d\ude00":"\ud83d\ude00"}`}},
	{"testBasicTypes", `{"type":"object","properties":{"id":{"type":"integer"},"text":{"type":"string"},"number":{"type":"number"},"integer":{"type":"integer"},"flag":{"type":"boolean"},"struct":{"type":"object","properties":{"n":{"type":"number"}}}}}`, []string{
		`{"id":1,"text":"plain","number":12.5,"integer":7,"flag":true,"struct":{"n":0.5}}`,
		`{"id":2,"text":null,"number":null,"integer":null,"flag":null,"struct":null}`, `{"id":3}`, `{"id":4,"text":"","flag":false}`,
		`{"id":5,"number":70000.0000000000000000003,"integer":88888888888888888888888888888888,"struct":{"n":70000.0000000000000000003}}`,
		`{"id":6,"text":{},"number":"no number","integer":"no integer","flag":"no flag","struct":"no object"}`}},
	{"testNumberTypes", `{"properties":{"n":{"type":"number"},"i":{"type":"integer","airbyte_type":"big_integer"},"list":{"type":"array","items":{"type":"number"}}}}`, []string{
		`{"n":` + strings.Repeat("7", 468) + `.1234,"i":-` + strings.Repeat("9", 468) + `,"list":[` + strings.Repeat("7", 468) + `.1234]}`,
		`{"n":10000000000000000000000.1234,"i":1231123412412314,"list":[10000000000000000000000.1234,0]}`,
		`{"n":1e400,"i":-0,"list":[1E-400,-0.0,1.10]}`, `{"n":"NaN","i":"-12345","list":["Infinity","-Infinity"]}`}},
	{"testContainerTypes", `{"type":"object","properties":{"list":{"type":"array","items":{"type":"integer"}},"open":{"type":"array"},"address":{"type":"object","properties":{"street":{"type":"string"}}},"empty":{"type":"object","properties":{}},"schemaless":{"type":"object"}}}`, []string{
		`{"list":[10,null],"open":[{},[[]],"x"],"address":{"street":"A \"long\" one","more":1},"empty":{"extra":"stuff"},"schemaless":{}}`,
		`{"list":[],"open":[ ],"address":{ "street" : null },"empty":{},"schemaless":{"b":1,"a":{"c":2.50}}}`}},
	{"testDataTypeTestWithNormalization", `{"type":"object","properties":{"s":{"$ref":"WellKnownTypes.json#/definitions/String"},"i":{"$ref":"WellKnownTypes.json#/definitions/Integer"},"b":{"$ref":"WellKnownTypes.json#/definitions/Boolean"},"bin":{"$ref":"WellKnownTypes.json#/definitions/BinaryData"},"o":{"type":"array","items":{"type":"object"}}}}`, []string{
		`{"s":"ࠈൡሗ","i":"42","b":true,"bin":"AP8=","o":[{"i":"-12345"}]}`, `{"s":"","i":"0","b":false,"bin":"","o":[]}`}},
	{"testUnknownTypes", `{"type":"object","properties":{"a":{"type":"whatever"},"b":{"type":["string","whatever"]},"c":{"type":5}}}`, []string{`{"a":"x","b":{"y":[1]},"c":1.50}`, `{"a":[null],"b":null}`}},
	{"testUnions", `{"type":"object","properties":{"a":{"type":["string","integer"]},"b":{"oneOf":[{"type":"string"},{"type":"object","properties":{"x":{}}}]},"c":{"anyOf":[{"type":"boolean"},{"type":"null"}]}}}`, []string{
		`{"a":"1","b":"text","c":true}`, `{"a":1,"b":{"x":1},"c":null}`, `{"a":[],"b":7,"c":"neither"}`}},
	{"testNoColumns", `{"type":"object","properties":{}}`, []string{`{}`, `{}`}},
	{"schema.empty", `{}`, []string{`{}`, `{"a":1}`}},
	{"schema.without_type", `{"properties":{"a":{"type":"string"}}}`, []string{`{"a":"x"}`}},
	{"schema.type_array", `{"type":["null","object"],"properties":{"a":{"type":["null","string"]}}}`, []string{`{"a":null}`}},
	{"schema.any", `{"properties":{"a":{},"b":true,"c":null,"d":{"$ref":"#/nowhere"},"":{}}}`, []string{`{"a":1,"b":"2","c":[3],"d":{"e":4},"":5}`}},
}

// formats are the configs that Airbyte's suite has for CSV and JSONL.
var formats = map[string]fields{
	"CsvUncompressed":         csvFormat(nil),
	"CsvRootLevelFlattening":  csvFormat(fields{"flattening": rootLevel}),
	"CsvGzip":                 csvFormat(fields{"compression": fields{"compression_type": "GZIP"}}),
	"JsonUncompressed":        jsonlFormat(nil),
	"JsonRootLevelFlattening": jsonlFormat(fields{"flattening": rootLevel}),
	"JsonGzip":                jsonlFormat(fields{"compression": fields{"compression_type": "GZIP"}}),
}

// TestAcceptanceValues writes all of them in one sync, once for each config.
func TestAcceptanceValues(t *testing.T) {
	t.Parallel()
	for config, format := range formats {
		t.Run(config, func(t *testing.T) {
			t.Parallel()
			at := inBucket(t)
			j := job{config: format, streams: []stream{{name: "without records", schema: idSchema}}}
			var input []string
			for _, v := range values {
				listed(t, v.name)
				j.streams = append(j.streams, stream{name: v.name, schema: v.schema, sync: 42, more: fields{
					"generation_id": 0, "minimum_generation_id": 0, "include_files": false, "destination_object_name": "x", "of tomorrow": fields{"streams": 1},
				}})
				for _, data := range v.data {
					input = append(input, record(v.name, data))
				}
				input = append(input, streamState(v.name, `{"at":"its end"}`), status(v.name, "COMPLETE"))
			}
			r := at.sync(j, append(input, status("without records", "COMPLETE"))...).ok()
			read, want := (*target).rows, sent
			if strings.HasPrefix(config, "Json") {
				read, want = (*target).jsonRows, sentJSON
			}
			for i, v := range values {
				t.Run(v.name, func(t *testing.T) {
					here := *at
					here.t = t
					rows := read(&here, "data/"+v.name)
					for _, row := range rows {
						delete(row, "_airbyte_ab_id")
					}
					same(t, "rows", rows, want(t, v.schema, v.data, strings.HasSuffix(config, "RootLevelFlattening")))
					same(t, "the count of its STATE", r.counts()[i], float64(len(v.data)))
				})
			}
			same(t, "objects of a stream without records", at.keysIn("data/without_records"), []string{})
		})
	}
}

// sent are the rows that records must become: the whole record, or each field of the schema.
func sent(t *testing.T, schema string, data []string, flattened bool) (rows []map[string]string) {
	t.Helper()
	for _, text := range data {
		row := map[string]string{"_airbyte_emitted_at": "1622135805000", "_airbyte_data": text}
		if flattened {
			delete(row, "_airbyte_data")
			record := members(t, text)
			for column := range members(t, string(members(t, schema)["properties"])) {
				row[column] = cell(record[column])
			}
		}
		rows = append(rows, row)
	}
	return rows
}

// sentJSON are the rows in JSONL, as JSON: fields that the schema lacks are there too.
func sentJSON(t *testing.T, schema string, data []string, flattened bool) (rows []map[string]string) {
	t.Helper()
	for _, text := range data {
		row := map[string]string{"_airbyte_emitted_at": "1622135805000", "_airbyte_data": text}
		if flattened {
			delete(row, "_airbyte_data")
			for column := range members(t, string(members(t, schema)["properties"])) {
				row[column] = "null"
			}
			for field, value := range members(t, text) {
				row[field] = string(value)
			}
		}
		rows = append(rows, row)
	}
	return rows
}

func members(t testing.TB, text string) (m map[string]json.RawMessage) {
	t.Helper()
	if text == "" {
		return nil
	}
	if err := json.Unmarshal([]byte(text), &m); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return m
}

// cell is what a CSV reader makes of a value: the text of a string, nothing for null, and
// else the JSON as it was.
func cell(value json.RawMessage) string {
	var text string
	if string(value) == "null" || json.Unmarshal(value, &text) == nil {
		return text
	}
	return string(value)
}

// listed demands that a behaviour stands in the document.
func listed(t *testing.T, name string) {
	t.Helper()
	doc, err := os.ReadFile("../../docs/ACCEPTANCE.md")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(doc), "/"+name+" |") && !strings.Contains(string(doc), "/"+name+",") {
		t.Errorf("docs/ACCEPTANCE.md has no %s", name)
	}
}
