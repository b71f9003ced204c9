package avro

import (
	"encoding/json"
	"strconv"
	"strings"

	"github.com/sluice-data/sluice/format/typed"
)

// What is in this file makes a schema's JSON. No name of it is defined in one place and used in another:
// not every reader follows that, and none of ours is worth it.

type record struct {
	Type      string  `json:"type"`
	Namespace string  `json:"namespace,omitempty"`
	Name      string  `json:"name"`
	Doc       string  `json:"doc,omitempty"`
	Fields    []field `json:"fields"`
}

type field struct {
	Name    string          `json:"name"`
	Doc     string          `json:"doc,omitempty"`
	Type    any             `json:"type"`
	Default json.RawMessage `json:"default,omitempty"`
}

type array struct {
	Type  string `json:"type"`
	Items any    `json:"items"`
}

type logical struct {
	Type        string `json:"type"`
	LogicalType string `json:"logicalType"`
}

type decimal struct {
	Type        string `json:"type"`
	Name        string `json:"name"`
	Size        int    `json:"size"`
	LogicalType string `json:"logicalType"`
	Precision   int    `json:"precision"`
	Scale       int    `json:"scale"`
}

// logicals are the types of values that Avro writes like others.
var logicals = map[typed.Kind]logical{
	typed.UUID:            {"string", "uuid"},
	typed.Date:            {"int", "date"},
	typed.Time:            {"long", "time-micros"},
	typed.TimestampMillis: {"long", "timestamp-millis"},
	typed.Timestamp:       {"long", "timestamp-micros"},
	typed.LocalTimestamp:  {"long", "local-timestamp-micros"},
}

var primitives = map[typed.Kind]string{
	typed.JSON: "string", typed.String: "string", typed.Bytes: "bytes",
	typed.Boolean: "boolean", typed.Long: "long", typed.Double: "double",
}

// newSchema is the schema of a table's rows.
func newSchema(root *typed.Type, namespace, name string) any {
	m := maker{names: map[string]bool{}}
	r := m.record(root, name, "")
	r.Doc = doc(name, r.Name)
	var tokens []string
	for token := range strings.SplitSeq(namespace, ".") {
		if token != "" {
			tokens = append(tokens, sanitise(token))
		}
	}
	r.Namespace = strings.Join(tokens, ".")
	return r
}

// maker makes a schema.
type maker struct{ names map[string]bool } // of records and decimals

// record makes the record of this name. The names of those below it begin with path.
func (m *maker) record(t *typed.Type, name, path string) record {
	r := record{Type: "record", Name: unique(m.names, sanitise(name))}
	names := fieldNames(t.Fields)
	for i, f := range t.Fields {
		of := field{Name: names[i], Doc: doc(f.Name, names[i]), Type: m.of(f.Type, join(path, names[i]))}
		if f.Type.Nullable {
			of.Default = json.RawMessage("null")
		}
		r.Fields = append(r.Fields, of)
	}
	return r
}

// of makes the schema of a type at a path of field names.
func (m *maker) of(t *typed.Type, path string) any {
	if !t.Nullable && t.Kind != typed.Union {
		return m.value(t, path)
	}
	union := []any{"null"}
	if t.Kind != typed.Union {
		return append(union, m.value(t, path))
	}
	for _, branch := range t.Branches {
		union = append(union, m.value(branch, path))
	}
	return union
}

// value makes the schema of a type's values, besides null.
func (m *maker) value(t *typed.Type, path string) any {
	switch t.Kind {
	case typed.Record:
		return m.record(t, path, path)
	case typed.Array:
		return array{"array", m.of(t.Items, path)}
	case typed.Decimal:
		return decimal{"fixed", unique(m.names, join(path, "decimal")), t.Size(), "decimal", t.Precision, t.Scale}
	}
	if l, ok := logicals[t.Kind]; ok {
		return l
	}
	return primitives[t.Kind]
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "_" + name
}

// doc keeps a name that Avro does not take.
func doc(name, written string) string {
	if name == written {
		return ""
	}
	return name
}

// fieldNames are the names of a record's fields. Those that Avro takes stay as they are, whatever others
// would become.
func fieldNames(fields []typed.Field) []string {
	names, taken := make([]string, len(fields)), map[string]bool{}
	for i, f := range fields {
		if sanitise(f.Name) == f.Name {
			names[i] = unique(taken, f.Name)
		}
	}
	for i, f := range fields {
		if names[i] == "" {
			names[i] = unique(taken, sanitise(f.Name))
		}
	}
	return names
}

// unique takes a name, with a number behind it if it is taken.
func unique(taken map[string]bool, name string) string {
	free := name
	for i := 2; taken[free]; i++ {
		free = name + "_" + strconv.Itoa(i)
	}
	taken[free] = true
	return free
}

// sanitise makes a name of ASCII letters, digits and underscores, not beginning with a digit.
func sanitise(name string) string {
	safe := strings.Map(func(r rune) rune {
		if r == '_' || '0' <= r && r <= '9' || 'A' <= r && r <= 'Z' || 'a' <= r && r <= 'z' {
			return r
		}
		return '_'
	}, name)
	if safe == "" || safe[0] <= '9' {
		safe = "_" + safe
	}
	return safe
}
