package typed

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/sluice-data/sluice/format"
	"github.com/sluice-data/sluice/internal/scan"
)

// Root returns the type of a flattened table's rows: a record of the metadata columns, of the table's
// columns as the stream's JSON schema describes them, and of the undeclared members if these are kept.
// A column that the schema does not have, or all if there is no schema, is JSON.
func Root(table *format.Table, schema []byte, numbers Numbers) (*Type, error) {
	if len(schema) > 0 && !scan.Valid(schema) {
		return nil, fmt.Errorf("json_schema is not valid JSON: %w", scan.Explain(schema))
	}
	r := &reader{doc: schema, number: numbers.columnType(), keep: table.KeepUndeclared}
	root := &Type{Kind: Record, Fields: metadata(table.Metadata)}
	whole := scan.Span{Start: uint32(scan.SkipSpace(schema, 0)), End: uint32(len(schema))}
	properties := r.members(r.member(whole, "properties"))
	for _, name := range table.Columns {
		t := &Type{Kind: JSON, Nullable: true}
		if p, ok := properties[name]; ok {
			t = r.read(p)
		}
		root.add(name, t)
	}
	if root.Open = table.KeepUndeclared; root.Open {
		root.add(format.UndeclaredColumn, &Type{Kind: JSON, Nullable: true})
	}
	return root, nil
}

// add adds a field, under its name or, if another one has that, under the name and a number: a source
// may send what we write, too.
func (t *Type) add(name string, field *Type) {
	unique := name
	for i := 2; slices.ContainsFunc(t.Fields, func(f Field) bool { return f.Name == unique }); i++ {
		unique = name + "_" + strconv.Itoa(i)
	}
	t.Fields = append(t.Fields, Field{unique, field})
}

// reader reads JSON schemas of all generations that Airbyte's sources write.
type reader struct {
	doc    []byte
	number *Type
	keep   bool // each record is open
}

// read returns the type of the values that a schema describes.
func (r *reader) read(schema scan.Span) *Type {
	var all alternatives
	r.collect(&all, schema)
	return all.join()
}

// alternatives are what the values of a schema may be, besides null.
type alternatives struct {
	types   []*Type
	numbers bool // one of them stands for numbers that need not be integers
}

func (a *alternatives) add(t *Type) { a.types = append(a.types, t) }

// collect adds what a schema allows.
func (r *reader) collect(all *alternatives, schema scan.Span) {
	if kind := r.member(schema, "type"); !kind.None() {
		if names := r.elements(kind); names != nil {
			for _, name := range names {
				r.named(all, r.text(name), schema)
			}
			return
		}
		r.named(all, r.text(kind), schema)
		return
	}
	if ref := r.member(schema, "$ref"); !ref.None() {
		r.wellKnown(all, r.text(ref))
		return
	}
	for _, key := range []string{"oneOf", "anyOf", "allOf"} {
		if list := r.elements(r.member(schema, key)); len(list) > 0 && (key != "allOf" || len(list) == 1) {
			for _, one := range list {
				r.collect(all, one)
			}
			return
		}
	}
	switch { // no type, but what only one type has
	case !r.member(schema, "properties").None():
		r.named(all, "object", schema)
	case !r.member(schema, "items").None():
		r.named(all, "array", schema)
	default:
		all.add(&Type{Kind: JSON})
	}
}

// named adds what a schema's "type", or one in a list of them, allows.
func (r *reader) named(all *alternatives, name string, schema scan.Span) {
	airbyte := r.text(r.member(schema, "airbyte_type"))
	switch {
	case name == "null":
	case name == "boolean":
		all.add(&Type{Kind: Boolean})
	case name == "object":
		all.add(r.object(schema))
	case name == "array":
		all.add(r.array(schema))
	case name != "string" && name != "integer" && name != "number":
		all.add(&Type{Kind: JSON})
	case airbyte == "big_integer":
		all.add(r.bigInteger())
	case airbyte == "big_number", name == "number" && airbyte != "integer":
		r.addNumber(all)
	case name == "string":
		all.add(stringOf(r.text(r.member(schema, "format")), airbyte, r.text(r.member(schema, "contentEncoding"))))
	default:
		all.add(&Type{Kind: Long})
	}
}

// addNumber adds what numbers with digits behind the point are to be.
func (r *reader) addNumber(all *alternatives) {
	t := *r.number
	all.add(&t)
	all.numbers = true
}

// bigInteger is the type of integers that need not fit into 64 bits.
func (r *reader) bigInteger() *Type {
	if r.number.Kind == String {
		return &Type{Kind: String}
	}
	return &Type{Kind: Decimal, Precision: maxDigits}
}

// stringOf is the type of strings.
func stringOf(format, airbyte, encoding string) *Type {
	switch {
	case airbyte == "timestamp_without_timezone":
		return &Type{Kind: LocalTimestamp}
	case format == "date-time", airbyte == "timestamp_with_timezone":
		return &Type{Kind: Timestamp}
	case format == "date":
		return &Type{Kind: Date}
	case airbyte == "time_without_timezone":
		return &Type{Kind: Time}
	case format == "time", airbyte == "time_with_timezone":
		return &Type{Kind: Time, Zoned: true}
	case strings.EqualFold(encoding, "base64"):
		return &Type{Kind: Bytes}
	}
	return &Type{Kind: String}
}

// wellKnown adds what one of the protocol's own types is.
func (r *reader) wellKnown(all *alternatives, ref string) {
	_, name, _ := strings.Cut(ref, "WellKnownTypes.json#/definitions/")
	switch name {
	case "String":
		all.add(&Type{Kind: String})
	case "BinaryData":
		all.add(&Type{Kind: Bytes})
	case "Date":
		all.add(&Type{Kind: Date})
	case "TimestampWithTimezone":
		all.add(&Type{Kind: Timestamp})
	case "TimestampWithoutTimezone":
		all.add(&Type{Kind: LocalTimestamp})
	case "TimeWithTimezone":
		all.add(&Type{Kind: Time, Zoned: true})
	case "TimeWithoutTimezone":
		all.add(&Type{Kind: Time})
	case "Number":
		r.addNumber(all)
	case "Integer":
		all.add(&Type{Kind: Long})
	case "Boolean":
		all.add(&Type{Kind: Boolean})
	default: // another place of the schema, perhaps one around this
		all.add(&Type{Kind: JSON})
	}
}

// object is the type of objects: a record if the schema names members.
func (r *reader) object(schema scan.Span) *Type {
	t := &Type{Kind: Record}
	properties := r.member(schema, "properties")
	of := r.members(properties)
	for _, name := range r.names(properties) {
		t.add(name, r.read(of[name]))
	}
	if len(t.Fields) == 0 {
		return &Type{Kind: JSON}
	}
	others := r.member(schema, "additionalProperties")
	if t.Open = r.keep || r.first(others) == '{' || r.first(others) == 't'; t.Open {
		t.add(format.UndeclaredColumn, &Type{Kind: JSON, Nullable: true})
	}
	return t
}

// array is the type of arrays, if the schema says what all of their items are.
func (r *reader) array(schema scan.Span) *Type {
	items := r.member(schema, "items")
	if r.first(items) != '{' {
		return &Type{Kind: JSON}
	}
	return &Type{Kind: Array, Items: r.read(items)}
}

// join makes one type of the alternatives.
func (a *alternatives) join() *Type {
	var branches []*Type
	for _, t := range a.types {
		alike := func(b *Type) bool { return reflect.DeepEqual(b, t) }
		if t.Kind == Long && a.numbers || slices.ContainsFunc(branches, alike) {
			continue
		}
		branches = append(branches, t)
	}
	switch {
	case len(branches) == 1:
		branches[0].Nullable = true
		return branches[0]
	case len(branches) == 0 || len(branches) > maxBranches || !distinct(branches):
		return &Type{Kind: JSON, Nullable: true}
	}
	return &Type{Kind: Union, Nullable: true, Branches: branches}
}

// maxBranches is a bound that nobody meets; the index of a branch is one byte up to it.
const maxBranches = 60

// distinct reports whether a reader of Avro can tell the branches apart: it knows which one a value is
// of, but there may be only one of each of Avro's own types, apart from records and decimals, which have
// names. JSON next to anything is JSON.
func distinct(branches []*Type) bool {
	seen := map[Kind]bool{}
	for _, t := range branches {
		kind := t.Kind
		switch kind {
		case JSON:
			return false
		case Record, Decimal:
			continue
		case Time, Timestamp, LocalTimestamp:
			kind = Long
		}
		if seen[kind] {
			return false
		}
		seen[kind] = true
	}
	return true
}
