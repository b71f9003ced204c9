package typed

import (
	"encoding/binary"
	"strings"
	"testing"

	"github.com/sluice-data/sluice/format"
)

func TestRecords(t *testing.T) {
	const fields = `"properties":{"a":{"type":"integer"},"b":{"type":"string"},"ü":{"type":"object","properties":{"c":{"type":"boolean"}}}}`
	f := checkValues(t, `{"type":"object",`+fields+`}`)
	f(`{"a":1,"b":"x","ü":{"c":true}}`, `{a: 1, b: "x", ü: {c: true}}`)
	f(`{ "\u00fc" : { "c" : false } , "b" : null , "a" : 2 }`, `{a: 2, b: null, ü: {c: false}}`)
	f(`{}`, `{a: null, b: null, ü: null}`)
	f(`{"a":1,"a":2}`, `{a: 2, b: null, ü: null}`)
	f(`{"\u0061":1,"a":2,"b":"x"}`, `{a: 2, b: "x", ü: null}`)
	f(`{"a":1,"other":1,"b":"x"}`, `{a: 1, b: "x", ü: null} -x.other`)
	f(`{"ü":{"\u00e9":[1],"c":true}}`, `{a: null, b: null, ü: {c: true}} -x.ü.é`)
	f(`{"a":"one","ü":{"c":3}}`, `{a: null, b: null, ü: {c: null}} x.a:null x.ü.c:null`)
	f(`{"a":1e99,"ü":7}`, `{a: null, b: null, ü: null} x.a:null,size x.ü:null`)
	f("{\"b\":\"\xff\"}", `{a: null, b: "�", ü: null} replaced:1`)
	f(`{"b":{"a":1}}`, `{a: null, b: "{\"a\":1}", ü: null}`)
	f(`[1]`, `null x:null`)
	f(`"{}"`, `null x:null`)
	for _, open := range []string{`true`, `{"type":"string"}`, `{}`} {
		f = checkValues(t, `{"type":"object","additionalProperties":`+open+`,`+fields+`}`)
		f(`{"a":1,"b":"x"}`, `{a: 1, b: "x", ü: null, _airbyte_additional_properties: null}`)
		f(`{"z" : [1],"a":1, "\u0079":"\u0079", "z":2}`, `{a: 1, b: null, ü: null, _airbyte_additional_properties: {"z" : [1],"\u0079":"\u0079","z":2}}`)
		f("{\"z\":\"\xff\"}", `{a: null, b: null, ü: null, _airbyte_additional_properties: {"z":"�"}} replaced:1`)
		f(`{"z":"`+strings.Repeat("z", 60)+`"}`, `{a: null, b: null, ü: null, _airbyte_additional_properties: {"z":"`+strings.Repeat("z", 60)+`"}}`)
	}
	f = checkValues(t, `{"type":"object","properties":{"a\\tb":{"type":"integer"}}}`)
	f(`{"a\\tb":1,"a\tb":2}`, `{a\tb: 1} -x.a`+"\tb")
	f(`{"a\tb":2,"a\u005ctb":1}`, `{a\tb: 1} -x.a`+"\tb")
	f = checkValues(t, `{"type":"object","additionalProperties":false,`+fields+`}`)
	f(`{"z":1}`, `{a: null, b: null, ü: null} -x.z`)
	f = checkValues(t, `{"type":"object","additionalProperties":true,"properties":{"_airbyte_additional_properties":{"type":"string"}}}`)
	f(`{"_airbyte_additional_properties":"a","b":1}`, `{_airbyte_additional_properties: "a", _airbyte_additional_properties_2: {"b":1}}`)
}

func TestArrays(t *testing.T) {
	f := checkValues(t, `{"type":"array","items":{"type":["null","integer"]}}`)
	f(`[]`, `[]`)
	f(`[ 1 , 2 ,null]`, `[1, 2, null]`)
	f(`[1,"x",3]`, `[1, null, 3] x:null`)
	f(`{}`, `null x:null`)
	f(`"[1]"`, `null x:null`)
	for _, n := range []int{63, 64, 65, 8191, 8192, 10000} {
		list := "[" + strings.TrimSuffix(strings.Repeat("7,", n), ",") + "]"
		f(list, strings.ReplaceAll(list, ",", ", "))
	}
	f = checkValues(t, `{"type":"array","items":{"type":"array","items":{"type":"object","properties":{"a":{"type":"array","items":{}}}}}}`)
	f(`[[],[{"a":[1,"x",{"b":[]}]},null,{}],null]`, `[[], [{a: [1, "x", {"b":[]}]}, null, {a: null}], null]`)
	f(`[[{"a":1},{"b":2}]]`, `[[{a: null}, {a: null}]] x.a:null -x.b`)
}

func TestUnions(t *testing.T) {
	f := checkValues(t, `{"type":["null","string","integer","boolean"]}`)
	f(`"1"`, `"1"`)
	f(`1`, `1`)
	f(`true`, `true`)
	f(`null`, `null`)
	f(`1.5`, `null x:null`)
	f(`1e30`, `null x:null,size`)
	f(`{}`, `null x:null`)
	f = checkValues(t, `{"oneOf":[{"type":"string","format":"date"},{"type":"string"},{"type":"number"}]}`)
	f(`"2024-01-01"`, `2024-01-01`)
	f(`"2024-01-01T00:00:00Z"`, `2024-01-01`)
	f(`"2024-01-01T00:00:01Z"`, `"2024-01-01T00:00:01Z"`)
	f(`"soon"`, `"soon"`)
	f(`0.0000000000000000001`, `0.000000000000000000 x:cut,size`)
	f = checkValues(t, `{"anyOf":[{"type":"object","properties":{"a":{"type":"integer"}}},{"type":"object","properties":{"b":{"type":"integer"},"c":{"type":"string"}}}]}`)
	f(`{"a":1}`, `{a: 1}`)
	f(`{"b":1}`, `{b: 1, c: null}`)
	f(`{"b":"x"}`, `{a: null} -x.b`)
	f(`{"b":1,"c":"\ud800"}`, `{b: 1, c: "�"} replaced:1`)
	f(`{"b":1,"d":1}`, `{a: null} -x.b -x.d`)
	f(`{}`, `{a: null}`)
	f(`[]`, `null x:null`)
	const open = `"type":"object","additionalProperties":true,"properties":`
	f = checkValues(t, `{"anyOf":[{`+open+`{"a":{"type":"integer"}}},{`+open+`{"b":{"type":"integer"}}}]}`)
	f(`{"b":1}`, `{b: 1, _airbyte_additional_properties: null}`)
	f(`{"b":1,"c":1}`, `{a: null, _airbyte_additional_properties: {"b":1,"c":1}}`)
	f = checkValues(t, `{"anyOf":[{"properties":{"x":{"oneOf":[{"type":"integer"},{"type":"boolean"}]}}},{"properties":{"x":{"type":"array","items":{"oneOf":[{"type":"number"},{"type":"string"}]}}}}]}`)
	f(`{"x":["a",1e99]}`, `{x: null} x.x:null`)
	f(`{"x":["a",1]}`, `{x: ["a", 1.000000000000000000]}`)
	f(`{"x":{}}`, `{x: null} x.x:null`)
}

func TestMetadata(t *testing.T) {
	generation, sync := int64(7), int64(-42)
	f := func(table format.Table, data, changes, want string) {
		t.Helper()
		table.Flatten, table.Columns = true, []string{"a", "_airbyte_meta"}
		e, err := New(&table, []byte(`{"properties":{"a":{"type":"integer"}}}`), Numbers{})
		if err != nil {
			t.Fatal(err)
		}
		out, replaced := e.AppendRow([]byte("before"), rowOf(&table, data, changes))
		got, rest := show(e.Root(), out[6:])
		if got += told(&format.Row{}, replaced); got != want || len(rest) > 0 || string(out[:6]) != "before" {
			t.Errorf("%s %s\ngot  %s%q\nwant %s", data, changes, got, rest, want)
		}
	}
	const id = "26d73cde-7eb1-4e1e-b7db-a4c03b4cf206"
	const v1 = `{_airbyte_ab_id: ` + id + `, _airbyte_emitted_at: 2021-05-27T17:16:45Z, `
	const v2 = `{_airbyte_raw_id: ` + id + `, _airbyte_extracted_at: 2021-05-27T17:16:45Z, _airbyte_meta: {sync_id: `
	f(format.Table{}, `{"a":1}`, "", v1+`a: 1, _airbyte_meta: null}`)
	f(format.Table{}, `{"a":"x","b":2}`, `[{"field":"b"}]`, v1+`a: null, _airbyte_meta: null}`)
	f(format.Table{KeepUndeclared: true}, `{"a":1,"b":2}`, "", v1+`a: 1, _airbyte_meta: null, _airbyte_additional_properties: {"b":2}}`)
	f(format.Table{KeepUndeclared: true}, `{"a":1}`, "", v1+`a: 1, _airbyte_meta: null, _airbyte_additional_properties: null}`)
	two := format.Table{Metadata: format.MetadataV2}
	f(two, `{"a":1}`, "", v2+`null, changes: []}, _airbyte_generation_id: null, a: 1, _airbyte_meta_2: null}`)
	two.GenerationID, two.SyncID = &generation, &sync
	f(two, `{"a":1}`, `[]`, v2+`-42, changes: []}, _airbyte_generation_id: 7, a: 1, _airbyte_meta_2: null}`)
	f(two, `{"a":1,"_airbyte_meta":{}}`, `[{"field":"b","change":"NULLED","reason":"x\ud800"}, {"reason":1,"other":[]}, 5]`,
		v2+`-42, changes: [{field: "b", change: "NULLED", reason: "x�"}, {field: "", change: "", reason: "1"}, {field: "", change: "", reason: ""}]},`+
			` _airbyte_generation_id: 7, a: 1, _airbyte_meta_2: {}} replaced:1`)
	f(two, `{"a":"x"}`, `[{"field":"b","change":"NULLED","reason":"\ud800"}]`,
		v2+`-42, changes: [{field: "b", change: "NULLED", reason: "�"}, {field: "a", change: "NULLED", reason: "DESTINATION_SERIALIZATION_ERROR"}]},`+
			` _airbyte_generation_id: 7, a: null, _airbyte_meta_2: null} replaced:1`)
	f(two, `{"a":1e50}`, "",
		v2+`-42, changes: [{field: "a", change: "NULLED", reason: "DESTINATION_FIELD_SIZE_LIMITATION"}]}, _airbyte_generation_id: 7, a: null, _airbyte_meta_2: null}`)
}

// Changes of other rows stand in front in Row.Changed where nobody has taken them yet.
func TestChangesAreOfTheRow(t *testing.T) {
	table := format.Table{Metadata: format.MetadataV2, Flatten: true, Columns: []string{"a"}}
	e, err := New(&table, []byte(`{"properties":{"a":{"type":"integer"}}}`), Numbers{})
	if err != nil {
		t.Fatal(err)
	}
	row := rowOf(&table, `{"a":true}`, "")
	one, _ := e.AppendRow(nil, row)
	two, _ := e.AppendRow(nil, row)
	if string(one) != string(two) || len(row.Changed) != 2 {
		t.Errorf("got %q and %q, %d changes", one, two, len(row.Changed))
	}
}

// Whatever room there is, the row is the same, and nothing behind the capacity is touched.
func TestAppendRowKeepsToItsMemory(t *testing.T) {
	table := format.Table{Metadata: format.MetadataV2, Flatten: true, KeepUndeclared: true}
	schema := `{"properties":{"a":{"type":"integer"},"b":{"type":"string"},"c":{"type":"object","properties":{"d":{"type":"array","items":{"type":"number"}}}},"e":{"type":["string","integer"]}}}`
	table.Columns = columnsOf(schema)
	e, err := New(&table, []byte(schema), Numbers{})
	if err != nil {
		t.Fatal(err)
	}
	for _, data := range []string{
		`{"a":"\u0031","b":"\u00e9` + strings.Repeat("é", 40) + `","c":{"d":[1,2,3.5,"4","\u0035"]},"e":7,"f":1}`,
		`{"a":"one","b":[1],"c":{"d":["x"]},"e":{},"f":{"g":"` + strings.Repeat("h", 80) + `"}}`,
	} {
		row := rowOf(&table, data, "")
		want, _ := e.AppendRow(nil, row)
		for room := range 3 * len(want) {
			memory := []byte(strings.Repeat("\xa5", room+6+64))
			row.Changed = row.Changed[:0]
			got, _ := e.AppendRow(append(memory[:0:room+6], "before"...), row)
			if string(got[:6]) != "before" || string(got[6:]) != string(want) || strings.Count(string(memory[room+6:]), "\xa5") != 64 {
				t.Fatalf("%s: with room for %d bytes: got %q, want %q", data, room, got, want)
			}
		}
	}
}

func TestSettle(t *testing.T) {
	for _, count := range []int{0, 1, 63, 64, 8191, 8192, 1 << 20, 1 << 30} {
		for reserved := range 6 {
			got := settle([]byte("ab"+"......"[:reserved]+"cd"), 2, reserved, count)
			if want := string(binary.AppendVarint([]byte("ab"), int64(count))) + "cd"; string(got) != want {
				t.Errorf("%d in %d bytes: got %q, want %q", count, reserved, got, want)
			}
		}
	}
}
