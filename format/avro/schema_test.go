package avro

import (
	"strings"
	"testing"

	twmb "github.com/twmb/avro"

	"github.com/sluice-data/sluice/format"
	"github.com/sluice-data/sluice/format/typed"
)

// TestSchema has one line for each kind of column: what stands in the schema for column "x y".
func TestSchema(t *testing.T) {
	f := func(column, want string) {
		t.Helper()
		e := newEncoder(t, &format.Table{Columns: []string{"x y"}}, `{"properties":{"x y":`+column+`}}`, Codec{})
		_, schema, _ := strings.Cut(string(e.header), `"timestamp-millis"}},`)
		schema, _, _ = strings.Cut(schema, `]}`+"\x00"+string(e.marker[:]))
		if want = `{"name":"x_y","doc":"x y","type":["null",` + want + `],"default":null}`; schema != want {
			t.Errorf("%s\ngot  %s\nwant %s", column, schema, want)
		}
		schemaOf(t, e)
	}
	f(`{"type":"boolean"}`, `"boolean"`)
	f(`{"type":"integer"}`, `"long"`)
	f(`{"type":"number"}`, `{"type":"fixed","name":"x_y_decimal","size":16,"logicalType":"decimal","precision":38,"scale":18}`)
	f(`{"type":"string"}`, `"string"`)
	f(`{"type":"string","contentEncoding":"base64"}`, `"bytes"`)
	f(`{}`, `"string"`)
	f(`{"type":"string","format":"date"}`, `{"type":"int","logicalType":"date"}`)
	f(`{"type":"string","format":"time"}`, `{"type":"long","logicalType":"time-micros"}`)
	f(`{"type":"string","format":"date-time"}`, `{"type":"long","logicalType":"timestamp-micros"}`)
	f(`{"type":"string","airbyte_type":"timestamp_without_timezone"}`, `{"type":"long","logicalType":"local-timestamp-micros"}`)
	f(`{"type":"array","items":{"type":"string"}}`, `{"type":"array","items":["null","string"]}`)
	f(`{"type":["string","integer"]}`, `"string","long"`)
	f(`{"type":"object","properties":{"a-b":{"type":"array","items":{"properties":{"c":{"type":"integer"}}}}}}`,
		`{"type":"record","name":"x_y","fields":[{"name":"a_b","doc":"a-b","type":["null",{"type":"array","items":["null",`+
			`{"type":"record","name":"x_y_a_b","fields":[{"name":"c","type":["null","long"],"default":null}]}]}],"default":null}]}`)
	f(`{"oneOf":[{"properties":{"a":{"type":"integer"}}},{"properties":{"b":{"type":"integer"}}}]}`,
		`{"type":"record","name":"x_y","fields":[{"name":"a","type":["null","long"],"default":null}]},{"type":"record","name":"x_y_2","fields":[{"name":"b","type":["null","long"],"default":null}]}`)
}

func TestSchemaOfMetadata(t *testing.T) {
	e := newEncoder(t, &format.Table{Metadata: format.MetadataV2}, `{}`, Codec{})
	want := `{"type":"record","namespace":"public","name":"users","fields":[{"name":"_airbyte_raw_id","type":{"type":"string","logicalType":"uuid"}},` +
		`{"name":"_airbyte_extracted_at","type":{"type":"long","logicalType":"timestamp-millis"}},` +
		`{"name":"_airbyte_meta","type":{"type":"record","name":"_airbyte_meta","fields":[{"name":"sync_id","type":["null","long"],"default":null},` +
		`{"name":"changes","type":{"type":"array","items":{"type":"record","name":"_airbyte_meta_changes","fields":[` +
		`{"name":"field","type":"string"},{"name":"change","type":"string"},{"name":"reason","type":"string"}]}}}]}},` +
		`{"name":"_airbyte_generation_id","type":["null","long"],"default":null}]}`
	if !strings.Contains(string(e.header), want) {
		t.Errorf("got  %s\nwant %s", e.header, want)
	}
}

func TestNames(t *testing.T) {
	f := func(name, want string) {
		t.Helper()
		if got := sanitise(name); got != want {
			t.Errorf("%q: got %q, want %q", name, got, want)
		}
	}
	f("a_B9", "a_B9")
	f("_a", "_a")
	f("9a", "_9a")
	f("", "_")
	f("a b-c.d$", "a_b_c_d_")
	f("né€😀", "n___")
	f("\xff", "_")
	f("-1", "_1")
	fields := func(want string, names ...string) {
		t.Helper()
		var all []typed.Field
		for _, name := range names {
			all = append(all, typed.Field{Name: name})
		}
		if got := strings.Join(fieldNames(all), " "); got != want {
			t.Errorf("%q: got %s, want %s", names, got, want)
		}
	}
	fields("a b", "a", "b")
	fields("a_b_2 a_b a_b_3", "a b", "a_b", "a-b")
	fields("a_b_3 a_b a_b_2", "a b", "a_b", "a_b_2")
}

// Names of records and decimals must be unique in all of a schema, whatever the source's are.
func TestSchemasAreValid(t *testing.T) {
	for _, properties := range []string{
		`{"users":{"properties":{"users":{"properties":{"users":{"type":"number"}}}}}}`,
		`{"a":{"properties":{"b_c":{"properties":{"x":{"type":"number"}}}}},"a_b":{"properties":{"c":{"properties":{"x":{"type":"number"}}}}}}`,
		`{"a_decimal":{"properties":{"x":{"type":"integer"}}},"a":{"type":"number"},"a b":{"type":"number"},"a_b":{"type":"number"}}`,
		`{"a":{"type":"array","items":{"oneOf":[{"type":"number"},{"type":"string","airbyte_type":"big_integer"},{"type":"boolean"}]}}}`,
		`{"_airbyte_ab_id":{"type":"string"},"":{"type":"string"},"ü":{"properties":{"":{"type":"number"}}}}`,
	} {
		schema := `{"properties":` + properties + `}`
		schemaOf(t, newEncoder(t, &format.Table{Columns: columnsOf(t, schema), KeepUndeclared: true}, schema, Codec{}))
	}
	rows, err := typed.New(&format.Table{Flatten: true}, nil, typed.Numbers{})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"", "7 up", "日本"} {
		e, err := New(rows, "my-db..2.x", name, Codec{})
		if err != nil {
			t.Fatal(err)
		}
		if root := schemaOf(t, e).Root(); root.Namespace != "my_db._2.x" || name != "" && root.Doc != name {
			t.Errorf("%q: %q, %q", name, root.Namespace, root.Doc)
		}
	}
	if _, err := twmb.Parse(`{"type":"record","name":"a b","fields":[]}`); err == nil {
		t.Error("the library does not look at names")
	}
}
