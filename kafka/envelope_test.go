package kafka

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/sluice-data/sluice/airbyte"
)

var envelopeStreams = map[string]airbyte.StreamID{"users": {Namespace: "pub\"lic", Name: "users"}, "orders": {Name: "orders"}, "é": {Name: "é"}}

func TestEnvelope(t *testing.T) {
	f := func(value, want string) {
		t.Helper()
		line, _, err := appendEnvelope([]byte("before\n"), []byte(value), envelopeStreams)
		got := string(bytes.TrimPrefix(line, []byte("before\n")))
		if err != nil {
			if got != "" {
				t.Errorf("%s: %q is left of what failed", value, got)
			}
			got = "error: " + err.Error()
		}
		if got != want && !(err != nil && strings.HasPrefix(got, want)) {
			t.Errorf("%s: got %s, want %s", value, got, want)
		}
	}
	f(`{"_airbyte_ab_id":"x","_airbyte_stream":"users","_airbyte_emitted_at":7,"_airbyte_data":{"a":[1]}}`, `{"type":"RECORD","record":{"stream":"users","namespace":"pub\"lic","emitted_at":7,"data":{"a":[1]}}}`)
	f(` {"_airbyte_data":{},"more":1,"_airbyte_stream":"orders"} `, `{"type":"RECORD","record":{"stream":"orders","data":{}}}`)
	f(`{"_airbyte_data":{},"_airbyte_stream":"nobody"}`, `{"type":"RECORD","record":{"stream":"nobody","data":{}}}`) // decode will say so
	f(`{"_airbyte_data":{},"_airbyte_stream":"\u00e9"}`, `{"type":"RECORD","record":{"stream":"\u00e9","data":{}}}`)
	f(`{"_airbyte_data":1,"_airbyte_data":{"a":2},"_airbyte_stream":"orders"}`, `{"type":"RECORD","record":{"stream":"orders","data":{"a":2}}}`)
	const not = "error: not a record of Airbyte's Kafka destination: "
	f(`{"_airbyte_stream":"users"}`, not)
	f(`{"_airbyte_data":{}}`, not)
	f(`[]`, not)
	f(`"x"`, not)
	f(`{"_airbyte_data":{},"_airbyte_stream":7}`, "error: _airbyte_stream is no string")
	f(`{"_airbyte_data":{},"_airbyte_stream":null}`, "error: _airbyte_stream is no string")
	f(`{"type":"RECORD","record":{"stream":"users","data":{}}}`, not) // of the other input
	f(`{"_airbyte_data":`, "error: not valid JSON: ")
	f(``, "error: not valid JSON: ")
}

// TestEnvelopeIDs: only what is surely the id of one row is taken for one.
func TestEnvelopeIDs(t *testing.T) {
	const id = "01234567-89ab-4def-8123-456789abcdef"
	f := func(field string, want bool) {
		t.Helper()
		_, got, err := appendEnvelope(nil, []byte(`{"_airbyte_stream":"users",`+field+`"_airbyte_data":{}}`), envelopeStreams)
		if err != nil || (got != uuid.Nil) != want || want && got != uuid.MustParse(id) {
			t.Errorf("%s: got %s, %v; want an id: %v", field, got, err, want)
		}
	}
	f(`"_airbyte_ab_id":"`+id+`",`, true)
	f(`"_airbyte_ab_id":"`+strings.ToUpper(id)+`",`, true)
	f(``, false)
	f(`"_airbyte_ab_id":null,`, false)
	f(`"_airbyte_ab_id":7,`, false)
	f(`"_airbyte_ab_id":"",`, false)
	f(`"_airbyte_ab_id":"7|Bern",`, false) // a partition key
	f(`"_airbyte_ab_id":"`+strings.Repeat("x", 36)+`",`, false)
	f(`"_airbyte_ab_id":"`+strings.ReplaceAll(id, "-", "")+`",`, false)
	f(`"_airbyte_ab_id":"{`+id+`}",`, false)
	f(`"_airbyte_ab_id":"urn:uuid:`+id+`",`, false)
	f(`"_airbyte_ab_id":"`+id[:35]+`\u0066",`, false)
	f(`"_airbyte_ab_id":["`+id[:34]+`"],`, false)
}

// FuzzEnvelope: nothing makes it panic, and what it takes is a RECORD with the same data.
func FuzzEnvelope(f *testing.F) {
	for _, seed := range []string{
		`{"_airbyte_ab_id":"01234567-89ab-4def-8123-456789abcdef","_airbyte_stream":"users","_airbyte_emitted_at":1763793600000,"_airbyte_data":{"id":1,"x":"\ud800"}}`,
		"{\n\"_airbyte_data\": {\r\n},\t\"_airbyte_stream\":\"orders\",\"_airbyte_emitted_at\":-1.5e3}\n",
		`{"_airbyte_data":[],"_airbyte_stream":"\u00e9","_airbyte_emitted_at":"now"}`, `{"_airbyte_data":{},"_airbyte_stream":"nobody","_airbyte_ab_id":"\"}`, `[`, ``, "\xff", `{"_airbyte_stream":"","_airbyte_data":{}}`,
	} {
		f.Add([]byte(seed))
	}
	ids := []airbyte.StreamID{envelopeStreams["users"], envelopeStreams["orders"], envelopeStreams["é"]}
	f.Fuzz(func(t *testing.T, value []byte) {
		one, _, err := oneLine(value)
		if err != nil {
			return
		}
		line, _, err := appendEnvelope(nil, one, envelopeStreams)
		if err != nil {
			return
		}
		if bytes.IndexByte(line, '\n') >= 0 {
			t.Fatalf("%q became more than a line: %q", value, line)
		}
		var was struct {
			Stream string          `json:"_airbyte_stream"`
			Data   json.RawMessage `json:"_airbyte_data"`
		}
		if err := json.Unmarshal(value, &was); err != nil {
			t.Skip("the library finds keys that differ in their case")
		}
		var m airbyte.Message
		if _, err := airbyte.NewDecoder(ids).Next(line, 0, &m); err != nil {
			var object map[string]any
			if was.Stream != "" && json.Unmarshal(was.Data, &object) == nil && object != nil && !bytes.Contains(value, []byte("emitted_at")) {
				t.Fatalf("%q became %q, and that is no RECORD: %v", value, line, err)
			}
			return // dead letter: decode says what is wrong
		}
		if m.Kind != airbyte.Record {
			t.Fatalf("%q became %q, a message of kind %v", value, line, m.Kind)
		}
		var want, got any
		if json.Unmarshal(was.Data, &want) != nil || json.Unmarshal(m.Data.Of(line), &got) != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("%q became %q", value, line)
		}
	})
}
