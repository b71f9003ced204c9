package typed

import (
	"fmt"
	"strings"
	"testing"

	"github.com/sluice-data/sluice/format"
)

// describe is a type in one line.
func describe(t *Type) (text string) {
	switch t.Kind {
	case Decimal:
		text = fmt.Sprintf("decimal(%d,%d)", t.Precision, t.Scale)
	case Time:
		text = "time"
		if t.Zoned {
			text = "utc time"
		}
	case Record:
		var fields []string
		for _, f := range t.Fields {
			fields = append(fields, f.Name+" "+describe(f.Type))
		}
		text = "{" + strings.Join(fields, ", ") + "}"
	case Array:
		text = "[" + describe(t.Items) + "]"
	case Union:
		for i, b := range t.Branches {
			text += map[bool]string{true: " or "}[i > 0] + describe(b)
		}
	default:
		text = map[Kind]string{
			JSON: "json", Boolean: "boolean", Long: "long", Double: "double", String: "string", Bytes: "bytes", Date: "date",
			TimestampMillis: "millis", Timestamp: "timestamp", LocalTimestamp: "local timestamp", UUID: "uuid",
		}[t.Kind]
	}
	if t.Nullable {
		text += "?"
	}
	return text
}

func TestTypes(t *testing.T) {
	numbers, table := Numbers{}, format.Table{Flatten: true, Columns: []string{"x"}}
	f := func(schema, want string) {
		t.Helper()
		root, err := Root(&table, []byte(`{"properties":{"x":`+schema+`}}`), numbers)
		if err != nil {
			t.Fatal(err)
		}
		if got := describe(root.Fields[2].Type); got != want {
			t.Errorf("%s\ngot  %s\nwant %s", schema, got, want)
		}
	}
	f(`{"type":"string"}`, `string?`)
	f(`{"type":["null","string"]}`, `string?`)
	f(`{"type":["string"],"format":"email"}`, `string?`)
	f(`{"type":"string","format":"date"}`, `date?`)
	f(`{"type":"string","format":"date-time"}`, `timestamp?`)
	f(`{"type":"string","format":"date-time","airbyte_type":"timestamp_with_timezone"}`, `timestamp?`)
	f(`{"type":"string","format":"date-time","airbyte_type":"timestamp_without_timezone"}`, `local timestamp?`)
	f(`{"type":"string","airbyte_type":"timestamp_with_timezone"}`, `timestamp?`)
	f(`{"type":"string","format":"time"}`, `utc time?`)
	f(`{"type":"string","format":"time","airbyte_type":"time_with_timezone"}`, `utc time?`)
	f(`{"type":"string","format":"time","airbyte_type":"time_without_timezone"}`, `time?`)
	f(`{"type":"string","contentEncoding":"base64"}`, `bytes?`)
	f(`{"type":"boolean"}`, `boolean?`)
	f(`{"type":"integer"}`, `long?`)
	f(`{"type":"number","airbyte_type":"integer"}`, `long?`)
	f(`{"type":"number"}`, `decimal(38,18)?`)
	f(`{"type":["integer","number"]}`, `decimal(38,18)?`)
	f(`{"type":["number","integer","null"]}`, `decimal(38,18)?`)
	f(`{"type":"string","airbyte_type":"big_integer"}`, `decimal(38,0)?`)
	f(`{"type":"number","airbyte_type":"big_integer"}`, `decimal(38,0)?`)
	f(`{"type":"string","airbyte_type":"big_number"}`, `decimal(38,18)?`)
	f(`{"type":"object"}`, `json?`)
	f(`{"type":"object","properties":{}}`, `json?`)
	f(`{"type":"object","properties":{"b":{"type":"string"},"a":{"type":"integer"},"b":{"type":"boolean"}}}`, `{b boolean?, a long?}?`)
	f(`{"type":"object","additionalProperties":true}`, `json?`)
	f(`{"type":"object","additionalProperties":false,"properties":{"a":{}}}`, `{a json?}?`)
	f(`{"type":"object","additionalProperties":true,"properties":{"a":{}}}`, `{a json?, _airbyte_additional_properties json?}?`)
	f(`{"type":"object","additionalProperties":{"type":"string"},"properties":{"a":{}}}`, `{a json?, _airbyte_additional_properties json?}?`)
	f(`{"properties":{"a":{"type":"string"}}}`, `{a string?}?`)
	f(`{"type":"array"}`, `json?`)
	f(`{"type":"array","items":[{"type":"string"},{"type":"integer"}]}`, `json?`)
	f(`{"type":"array","items":true}`, `json?`)
	f(`{"type":"array","items":{}}`, `[json?]?`)
	f(`{"items":{"type":"array","items":{"type":"integer"}}}`, `[[long?]?]?`)
	f(`{}`, `json?`)
	f(`true`, `json?`)
	f(`"string"`, `json?`)
	f(`{"type":"null"}`, `json?`)
	f(`{"type":[]}`, `json?`)
	f(`{"type":["null"]}`, `json?`)
	f(`{"type":"file"}`, `json?`)
	f(`{"type":7}`, `json?`)
	f(`{"type":["string","file"]}`, `json?`)
	f(`{"enum":["a","b"]}`, `json?`)
	f(`{"type":["string","integer"]}`, `string or long?`)
	f(`{"type":["string","string"]}`, `string?`)
	f(`{"type":["string","number","integer","boolean"]}`, `string or decimal(38,18) or boolean?`)
	f(`{"type":["string","object","null"]}`, `json?`)
	f(`{"type":["integer","array"],"items":{"type":"string"}}`, `long or [string?]?`)
	f(`{"oneOf":[{"type":"null"},{"type":"string"}]}`, `string?`)
	f(`{"oneOf":[{"type":["null","string"]},{"type":["null","string"]}]}`, `string?`)
	f(`{"anyOf":[{"type":"string","format":"date-time"},{"type":"string"}]}`, `timestamp or string?`)
	f(`{"anyOf":[{"type":"string","format":"date-time"},{"type":"integer"}]}`, `json?`)
	f(`{"oneOf":[{"type":"array","items":{"type":"string"}},{"type":"array","items":{"type":"integer"}}]}`, `json?`)
	f(`{"oneOf":[{"properties":{"a":{"type":"string"}}},{"properties":{"b":{"type":"string"}}}]}`, `{a string?} or {b string?}?`)
	f(`{"oneOf":[{"oneOf":[{"type":"string"},{"type":"boolean"}]},{"type":"integer"}]}`, `string or boolean or long?`)
	f(`{"type":"string","oneOf":[{"type":"integer"}]}`, `string?`)
	f(`{"oneOf":[]}`, `json?`)
	f(`{"oneOf":{}}`, `json?`)
	f(`{"allOf":[{"type":"integer"}]}`, `long?`)
	f(`{"allOf":[{"type":"integer"},{"minimum":1}]}`, `json?`)
	for name, want := range map[string]string{
		"String": "string?", "BinaryData": "bytes?", "Date": "date?", "TimestampWithTimezone": "timestamp?", "TimestampWithoutTimezone": "local timestamp?",
		"TimeWithTimezone": "utc time?", "TimeWithoutTimezone": "time?", "Number": "decimal(38,18)?", "Integer": "long?", "Boolean": "boolean?", "Else": "json?",
	} {
		f(`{"$ref":"WellKnownTypes.json#/definitions/`+name+`"}`, want)
	}
	f(`{"$ref":"#/definitions/String"}`, `json?`)
	f(`{"oneOf":[{"$ref":"WellKnownTypes.json#/definitions/Integer"},{"$ref":"WellKnownTypes.json#/definitions/Number"}]}`, `decimal(38,18)?`)
	f(`{"type":`+strings.Repeat(`"object","properties":{"x":{"type":`, 100)+`"string"`+strings.Repeat(`}}`, 100)+`}`, strings.Repeat("{x ", 100)+"string?"+strings.Repeat("}?", 100))

	numbers = Numbers{kind: Double}
	f(`{"type":["integer","number"]}`, `double?`)
	f(`{"type":"string","airbyte_type":"big_integer"}`, `decimal(38,0)?`)
	numbers = Numbers{kind: String}
	f(`{"type":["integer","number"]}`, `string?`)
	f(`{"type":["integer","string"]}`, `long or string?`)
	f(`{"type":"string","airbyte_type":"big_integer"}`, `string?`)
	table.KeepUndeclared = true
	f(`{"type":"object","properties":{"a":{}}}`, `{a json?, _airbyte_additional_properties json?}?`)
	f(`{"type":"object"}`, `json?`)
}

func TestRoot(t *testing.T) {
	f := func(table format.Table, schema, want string) {
		t.Helper()
		table.Flatten = true
		root, err := Root(&table, []byte(schema), Numbers{})
		if err != nil {
			t.Fatal(err)
		}
		if got := describe(root); got != want {
			t.Errorf("%s\ngot  %s\nwant %s", schema, got, want)
		}
	}
	const v1 = `{_airbyte_ab_id uuid, _airbyte_emitted_at millis`
	f(format.Table{}, ``, v1+`}`)
	f(format.Table{}, `null`, v1+`}`)
	f(format.Table{Columns: []string{"a"}}, ``, v1+`, a json?}`)
	f(format.Table{Columns: []string{"b", "a", "c"}}, ` {"properties":{"a":{"type":"string"},"b":{"type":"integer"}}}`, v1+`, b long?, a string?, c json?}`)
	f(format.Table{Columns: []string{"a", "_airbyte_ab_id", "_airbyte_ab_id_2"}, KeepUndeclared: true}, `{}`,
		v1+`, a json?, _airbyte_ab_id_2 json?, _airbyte_ab_id_2_2 json?, _airbyte_additional_properties json?}`)
	f(format.Table{Metadata: format.MetadataV2}, `{}`,
		`{_airbyte_raw_id uuid, _airbyte_extracted_at millis, _airbyte_meta {sync_id long?, changes [{field string, change string, reason string}]}, _airbyte_generation_id long?}`)
	if _, err := New(&format.Table{Flatten: true}, []byte(`{"a":`), Numbers{}); err == nil {
		t.Error("a schema that is no JSON is taken")
	}
	if _, err := New(&format.Table{}, nil, Numbers{}); err == nil {
		t.Error("a table that is not flattened is taken")
	}
}

func TestParseNumbers(t *testing.T) {
	f := func(text, want string) {
		t.Helper()
		n, err := ParseNumbers(text)
		got := describe(n.columnType())
		if err != nil {
			got = err.Error()
		}
		if !strings.HasPrefix(got, want) {
			t.Errorf("%q: got %s, want %s", text, got, want)
		}
	}
	f("", "decimal(38,18)")
	f(DefaultNumbers, "decimal(38,18)")
	f("decimal(10, 2)", "decimal(10,2)")
	f("decimal(38,0)", "decimal(38,0)")
	f("decimal(5,5)", "decimal(5,5)")
	f("double", "double")
	f("string", "string")
	f("float", `"float" is no type of numbers: it must be "double", "string", or a decimal such as "decimal(38,18)"`)
	f("decimal(39,2)", `"decimal(39,2)": a decimal has 1 to 38 digits`)
	f("decimal(0,0)", `"decimal(0,0)": a decimal has`)
	f("decimal(5,6)", `"decimal(5,6)": a decimal has`)
	f("decimal(5)", `"decimal(5)" is no type`)
}
