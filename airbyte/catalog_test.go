package airbyte

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// parse parses a catalog with one configured stream.
func parse(t *testing.T, members string) Stream {
	t.Helper()
	c, err := ParseCatalog([]byte(`{"streams":[{` + members + `}]}`))
	if err != nil || len(c.Streams) != 1 {
		t.Fatalf("%s: %v, %v", members, c, err)
	}
	return c.Streams[0]
}

// What counts as a full refresh: see Stream.FullRefresh.
func TestFullRefresh(t *testing.T) {
	f := func(members string, want bool) {
		t.Helper()
		s := parse(t, `"stream":{"name":"s"},`+members)
		if got := s.FullRefresh(); got != want {
			t.Errorf("%s: got %v, want %v", members, got, want)
		}
	}
	f(`"destination_sync_mode":"overwrite"`, true)
	f(`"destination_sync_mode":"append"`, false)
	f(`"destination_sync_mode":null`, false)
	f(`"sync_mode":"full_refresh"`, false)
	f(`"destination_sync_mode":"append","generation_id":3,"minimum_generation_id":3`, true)
	f(`"destination_sync_mode":"overwrite","generation_id":3,"minimum_generation_id":0`, false)
	f(`"destination_sync_mode":"overwrite","generation_id":3,"minimum_generation_id":3`, true)
	f(`"destination_sync_mode":"append","generation_id":3,"minimum_generation_id":0`, false)
	f(`"destination_sync_mode":"overwrite","generation_id":0,"minimum_generation_id":0`, true)
	f(`"destination_sync_mode":"append","generation_id":0,"minimum_generation_id":0`, false)
	f(`"destination_sync_mode":"overwrite","generation_id":null,"minimum_generation_id":null`, true)
	f(`"destination_sync_mode":"overwrite","generation_id":3`, true) // half of the ids is none
	f(`"destination_sync_mode":"append","minimum_generation_id":3`, false)
}

func TestParseCatalog(t *testing.T) {
	const schema = `{ "type" : "object", "properties":{"b":{},"a":{}}, "max": 12345678901234567890 }`
	c, err := ParseCatalog([]byte(`{"x":1,"streams":[
		{"stream":{"name":"users","namespace":"public","json_schema":` + schema + `,"supported_sync_modes":["full_refresh"],"is_resumable":true},
		 "sync_mode":"incremental","destination_sync_mode":"overwrite","generation_id":12,"minimum_generation_id":12,"sync_id":42,"cursor_field":["id"],"new":[]},
		{"stream":{"name":"users","namespace":null},"destination_sync_mode":"append","sync_id":null},
		{"stream":{"name":"public.users","namespace":""}},
		{"stream":{"name":"n\u0061me \" こ","namespace":"sp\u00e9cial","json_schema":null}}]}`))
	if err != nil {
		t.Fatal(err)
	}
	f := func(i int, want string) {
		t.Helper()
		s := c.Streams[i]
		got := fmt.Sprintf("%q.%q %s", s.ID.Namespace, s.ID.Name, s.Mode)
		if s.Generation != nil {
			got += fmt.Sprint(" generation ", *s.Generation)
		}
		if s.SyncID != nil {
			got += fmt.Sprint(" sync ", *s.SyncID)
		}
		if got += " " + string(s.Schema); got != want {
			t.Errorf("stream %d:\n got %s\nwant %s", i, got, want)
		}
	}
	f(0, `"public"."users" overwrite generation {12 12 false} sync 42 `+schema) // the schema byte for byte
	f(1, `""."users" append `)
	f(2, `""."public.users" append `)
	f(3, `"spécial"."name \" こ" append null`)
	if len(c.Streams) != 4 {
		t.Errorf("%d streams, want 4", len(c.Streams))
	}
	if c, err := ParseCatalog([]byte("\ufeff" + `{"streams":[]}`)); err != nil || len(c.Streams) != 0 {
		t.Errorf("no streams, behind a byte order mark: %v, %v", c, err)
	}
}

func TestMarkPlaceholders(t *testing.T) {
	f := func(want bool, ids ...string) {
		t.Helper()
		var streams []string
		for i, id := range ids {
			streams = append(streams, fmt.Sprintf(`{"stream":{"name":"s%d"},"destination_sync_mode":"overwrite"%s}`, i, id))
		}
		c, err := ParseCatalog([]byte(`{"streams":[` + strings.Join(streams, ",") + `]}`))
		if err != nil {
			t.Fatal(err)
		}
		before := fmt.Sprint(c.Streams)
		if got := c.MarkPlaceholders(); got != want || !want && fmt.Sprint(c.Streams) != before {
			t.Errorf("%v: got %t, %v", ids, got, c.Streams)
		}
		for i := range c.Streams {
			if s := &c.Streams[i]; want && (s.Counted() || s.Generation.ID != 1 || !s.FullRefresh()) {
				t.Errorf("%v: stream %d has generation %v, sync %v, full refresh %t", ids, i, s.Generation, s.SyncID, s.FullRefresh())
			}
		}
	}
	ids := func(generation, minimum, sync int) string {
		return fmt.Sprintf(`,"generation_id":%d,"minimum_generation_id":%d,"sync_id":%d`, generation, minimum, sync)
	}
	f(true, ids(1, 1, 1))
	f(true, ids(1, 1, 1), ids(1, 1, 1))
	f(false, ids(1, 1, 1), ids(2, 2, 1)) // a platform's: somebody counts
	f(false, ids(1, 1, 1), ``)
	f(false, ids(1, 1, 2))
	f(false, ids(1, 0, 1))
	f(false, ids(2, 2, 1))
	f(false, `,"generation_id":1,"minimum_generation_id":1`)
	f(false, `,"sync_id":1`)
	f(false, ``)
	f(false)
}

func TestParseCatalogErrors(t *testing.T) {
	f := func(in, want string) {
		t.Helper()
		if c, err := ParseCatalog([]byte(in)); err == nil || err.Error() != want || c != nil {
			t.Errorf("%s\n got %v\nwant %s", in, err, want)
		}
	}
	stream := func(members, want string) {
		t.Helper()
		f(`{"streams":[{"stream":{"name":"a"}},{`+members+`}]}`, `catalog, stream 2 `+want)
	}
	const named = `"stream":{"namespace":"n","name":"s"},`
	f(`{}`, `the catalog has no "streams"`)
	f(`null`, `the catalog has no "streams"`)
	f(`{"streams":null}`, `the catalog has no "streams"`)
	f(`{"type":"CATALOG","catalog":{"streams":[]}}`, `the catalog has no "streams"`)
	f(``, `the catalog is no ConfiguredAirbyteCatalog: unexpected end of JSON input`)
	f(`{"streams":[`, `the catalog is no ConfiguredAirbyteCatalog: unexpected end of JSON input`)
	f(`{"streams":[]}}`, `the catalog is no ConfiguredAirbyteCatalog: invalid character '}' after top-level value`)
	f(`[]`, `the catalog is no ConfiguredAirbyteCatalog: it is a JSON array, an object is expected`)
	f(`{"streams":{}}`, `the catalog is no ConfiguredAirbyteCatalog: streams is a JSON object, which can't stand there`)
	f(`{"streams":[{"stream":{"name":5}}]}`, `the catalog is no ConfiguredAirbyteCatalog: streams.stream.name is a JSON number, which can't stand there`)
	stream(``, `(): it has no name`)
	stream(`"stream":null`, `(): it has no name`)
	stream(`"stream":{"name":""}`, `(): it has no name`)
	stream(`"stream":{"name":null,"namespace":"n"}`, `(n.): it has no name`)
	f(`{"streams":[{"stream":{"name":"a"}},{"stream":{"name":"a","namespace":""}}]}`, `catalog, stream 2: a is there twice`)
	f(`{"streams":[{"stream":{"name":"a","namespace":"n"}},{"stream":{"name":"a"}},{"stream":{"name":"\u0061","namespace":"n"}}]}`, `catalog, stream 3: n.a is there twice`)
	stream(named+`"destination_sync_mode":"append_dedup"`, `(n.s): destination_sync_mode is "append_dedup": this destination supports "append" and "overwrite"; files in a bucket can't be merged (in PyAirbyte the write_strategy must be "append" or "replace" then)`)
	stream(named+`"destination_sync_mode":"Overwrite"`, `(n.s): destination_sync_mode is "Overwrite": this destination supports "append" and "overwrite"`)
	stream(named+`"include_files":true`, `(n.s): include_files is true: this destination writes records, and no files; turn it off, or deselect the stream`)
	const rule = `: the minimum must be 0 (append) or the generation itself (full refresh)`
	stream(named+`"generation_id":3,"minimum_generation_id":2`, `(n.s): minimum_generation_id is 2 and generation_id is 3`+rule)
	stream(named+`"generation_id":3,"minimum_generation_id":4`, `(n.s): minimum_generation_id is 4 and generation_id is 3`+rule)
	stream(named+`"generation_id":3,"minimum_generation_id":-1`, `(n.s): minimum_generation_id is -1 and generation_id is 3`+rule)
	for _, wrong := range []string{
		`[]`, `"x"`, `{"streams":{}}`, `{"streams":["s"]}`, `{"streams":[{"stream":"s"}]}`, `{"streams":[{"stream":{"name":5}}]}`,
		`{"streams":[{"stream":{"name":"s","namespace":5}}]}`, `{"streams":[{"stream":{"name":"s"},"destination_sync_mode":1}]}`,
		`{"streams":[{"stream":{"name":"s"},"generation_id":"1"}]}`, `{"streams":[{"stream":{"name":"s"},"sync_id":1.5}]}`,
	} {
		if _, err := ParseCatalog([]byte(wrong)); err == nil || !strings.HasPrefix(err.Error(), "the catalog is no ConfiguredAirbyteCatalog: ") {
			t.Errorf("%s: %v", wrong, err)
		}
	}
}

func TestColumns(t *testing.T) {
	f := func(schema, want string) {
		t.Helper()
		s := parse(t, `"stream":{"name":"s","json_schema": `+schema+` }`)
		if got, err := s.Columns(); err != nil || strings.Join(got, "|") != want {
			t.Errorf("%s\n got %q, %v\nwant %q", schema, got, err, want)
		}
	}
	f(`{"type":"object","properties":{"b":{"type":"string"},"C":{"type":"integer"},"a":{"type":"object","properties":{"x":{}}}}}`, `b|C|a`)
	f(`{"properties":{"Z":{},"a":{},"é":{},"1":{},"A":{}},"type":["null","object"]}`, `Z|a|é|1|A`)
	f(`{"type" : [ "object" , "null" ] , "properties" : { "a" : { } , "b" : { } } }`, `a|b`)
	f(`{"properties":{"a":{}}}`, `a`)
	f(`{"properties":{"a":true,"b":null,"c":{"type":"whatever"},"d":{"oneOf":[{},{"type":"string"}]}}}`, `a|b|c|d`)
	f(`{"properties":{"a":{"type":"string"}},"x":{"type":"array"},"items":{"properties":{"b":{}}}}`, `a`)
	f(`{"properties":{"a":{},"b":{},"a":{},"\u0061":{}}}`, `a|b`)
	f(`{"properties":{"sp\u00e9cial":{},"こんにちは":{},"a\"b":{},"x\\y":{},"field+1":{},"\ud83d\ude00":{}}}`, `spécial|こんにちは|a"b|x\y|field+1|😀`)
	f(`{"prop\u0065rties":{"a":{}},"typ\u0065":"object"}`, `a`)
	f(`{"properties":{"a":{}},"type":"\u006fbject"}`, `a`)
	f(`{"properties":{"a":{}},"properties":{"b":{}},"type":"array","type":"object"}`, `b`)
	f(`{"properties":{"type":{},"properties":{"type":"array"}}}`, `type|properties`)
	f(`{"properties":{"":{}}}`, ``)
	f(`{"oneOf":[{"properties":{"a":{}}}],"properties":{"b":{}}}`, `b`)
	f(`{"type":"object","additionalProperties":true}`, ``)
	f(`{"type":"object","properties":{}}`, ``)
	f(`{"type":"object","properties":null}`, ``)
	f(`{"type":"object","properties":["a",{"b":1}]}`, ``)
	f(`{"properties":"{\"a\":1}","x":{"b":{}}}`, ``)
	f(`{}`, ``)
	f(`null`, ``)
	if got, err := (&Stream{}).Columns(); err != nil || got != nil {
		t.Errorf("no schema: %q, %v", got, err)
	}
	// A property without a name is a column all the same.
	if got, _ := (&Stream{Schema: json.RawMessage("\n{\"properties\":{\"\":{}}} ")}).Columns(); !slices.Equal(got, []string{""}) {
		t.Errorf("got %q", got)
	}
}

func TestColumnsErrors(t *testing.T) {
	f := func(schema, want string) {
		t.Helper()
		s := Stream{Schema: json.RawMessage(schema)}
		if got, err := s.Columns(); err == nil || err.Error() != want || got != nil {
			t.Errorf("%s\n got %q, %v\nwant %s", schema, got, err, want)
		}
	}
	const rest = `: use "No flattening" of CSV or JSONL, or deselect the stream`
	f(`{"type":"array","items":{}}`, `cannot flatten without an object schema (its type is "array")`+rest)
	f(`{"type":"string","properties":{"a":{}}}`, `cannot flatten without an object schema (its type is "string")`+rest)
	f(`{"type":["string","null"]}`, `cannot flatten without an object schema (its type is ["string","null"])`+rest)
	f(`{"type":[]}`, `cannot flatten without an object schema (its type is [])`+rest)
	f(`{"type":"objects"}`, `cannot flatten without an object schema (its type is "objects")`+rest)
	f(`{"type":{"x":"object"}}`, `cannot flatten without an object schema (its type is {"x":"object"})`+rest)
	f(`[]`, `cannot flatten: json_schema is no object`+rest)
	f(`true`, `cannot flatten: json_schema is no object`+rest)
	f(`"object"`, `cannot flatten: json_schema is no object`+rest)
	for _, key := range []string{"$ref", "allOf", "anyOf", "oneOf"} {
		f(`{"`+key+`":[{"properties":{"a":{}}}]}`, `cannot flatten: json_schema has no properties at its root, but `+key+`, which makes no columns`+rest)
		f(`{"properties":{},"type":"object","`+key+`":[]}`, `cannot flatten: json_schema has no properties at its root, but `+key+`, which makes no columns`+rest)
	}
	f(`{"properties":`, `json_schema is not valid JSON: unexpected end of JSON input at byte 14 of 14`)
	f(`{"properties":{]}`, `json_schema is not valid JSON: invalid character ']' looking for beginning of object key string at byte 16 of 17`)
}
