package airbyte

import (
	"bytes"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// FuzzCatalog: what is accepted keeps the rules that the engine relies on, says the same when
// it is written down again, and its columns are what encoding/json finds.
func FuzzCatalog(f *testing.F) {
	for _, streams := range []string{
		`{"stream":{"name":"a"}}`, `{"stream":{"name":"a","namespace":null}},{"stream":{"name":"a","namespace":""}}`,
		`{"stream":{"name":"a","namespace":"n","json_schema":{"type":"object","properties":{"b":{},"a":{},"b":{}}}},"destination_sync_mode":"overwrite"}`,
		`{"stream":{"name":"\ud800"},"generation_id":1,"minimum_generation_id":1,"sync_id":9223372036854775807}`,
		`{"stream":{"name":"a","json_schema":{"type":["null","object"],"properties":{"\u00e9":1,"é":2}}},"generation_id":5,"minimum_generation_id":0}`,
		`{"stream":{"name":"a","json_schema":{"type":"o\u0062ject","properties":{"x":1}}}}`, `{"stream":{"name":"a","json_schema":{"type":{"x":"object"}}}}`,
		`{"stream":{"name":"a","json_schema":null}}`, `{"stream":{"name":"a","json_schema":[]}}`, `{"stream":{"name":""}}`, `null`, `{}`,
		`{"stream":{"name":"a"},"destination_sync_mode":"append_dedup"}`, `{"stream":{"name":"a"},"generation_id":1,"minimum_generation_id":2}`, `{"stream":5}`,
		`{"stream":{"name":"a","json_schema":{"properties":null,"properties":{"z":{"properties":{"q":1}}}}},"generation_id":1e3}`,
	} {
		f.Add([]byte(`{"streams":[` + streams + `]}`))
	}
	f.Add([]byte(`{"streams":null}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		c, err := ParseCatalog(raw)
		if err != nil {
			return
		}
		if !json.Valid(raw) {
			t.Fatalf("%q is no JSON", raw)
		}
		seen := map[StreamID]bool{}
		for i := range c.Streams {
			s := &c.Streams[i]
			if s.ID.Name == "" || seen[s.ID] || s.Mode != Append && s.Mode != Overwrite {
				t.Fatalf("%q: stream %d is %+v", raw, i, s)
			}
			seen[s.ID] = true
			if g := s.Generation; g != nil && g.Minimum != 0 && g.Minimum != g.ID {
				t.Fatalf("%q: the generations are %+v", raw, g)
			}
			sameColumns(t, s)
		}
		again, err := ParseCatalog(written(t, c))
		if err != nil || !reflect.DeepEqual(again, c) {
			t.Fatalf("%q became %+v, and written down again %+v, %v", raw, c, again, err)
		}
	})
}

// written is a catalog as a platform would send it.
func written(t *testing.T, c *Catalog) []byte {
	t.Helper()
	var b bytes.Buffer
	b.WriteString(`{"streams":[`)
	for i, s := range c.Streams {
		if i > 0 {
			b.WriteByte(',')
		}
		id, err := json.Marshal(map[string]string{"name": s.ID.Name, "namespace": s.ID.Namespace})
		if err != nil {
			t.Fatal(err)
		}
		b.WriteString(`{"stream":` + strings.TrimSuffix(string(id), "}"))
		if s.Schema != nil { // byte for byte, which Marshal would not do
			b.WriteString(`,"json_schema":` + string(s.Schema))
		}
		rest := map[string]any{"destination_sync_mode": s.Mode, "sync_id": s.SyncID}
		if s.Generation != nil {
			rest["generation_id"], rest["minimum_generation_id"] = s.Generation.ID, s.Generation.Minimum
		}
		text, err := json.Marshal(rest)
		if err != nil {
			t.Fatal(err)
		}
		b.WriteString("}," + string(text[1:]))
	}
	b.WriteString("]}")
	return b.Bytes()
}

// sameColumns compares the columns with what encoding/json reads from the schema.
func sameColumns(t *testing.T, s *Stream) {
	t.Helper()
	columns, err := s.Columns()
	schema := members(s.Schema)
	kind, typed := schema["type"]
	var want []string
	object := true
	if len(s.Schema) > 0 && string(s.Schema) != "null" {
		object = schema != nil && (!typed || saysObject(kind))
		want = keysOf(schema["properties"])
	}
	if object != (err == nil) || object && !slices.Equal(columns, want) {
		t.Fatalf("%s: got the columns %q and %v, want %q and success %v", s.Schema, columns, err, want, object)
	}
}

// keysOf lists the different keys of an object in their order.
func keysOf(object json.RawMessage) (keys []string) {
	d := json.NewDecoder(bytes.NewReader(object))
	if first, err := d.Token(); err != nil || first != json.Delim('{') {
		return nil
	}
	for d.More() {
		key, err := d.Token()
		var value json.RawMessage
		if err != nil || d.Decode(&value) != nil {
			return nil
		}
		if name, ok := key.(string); ok && !slices.Contains(keys, name) {
			keys = append(keys, name)
		}
	}
	return keys
}
