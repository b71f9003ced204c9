package config

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"sync"
)

//go:embed spec.json
var specFile []byte

// Spec returns the ConnectorSpecification of the Airbyte protocol, as compact JSON.
func Spec() []byte {
	var compact bytes.Buffer
	if err := json.Compact(&compact, specFile); err != nil {
		panic("config: spec.json: " + err.Error()) // embedded, and a test reads it
	}
	return compact.Bytes()
}

const endpointField = "s3_endpoint"

// property is one node of the specification's JSON Schema. It has the keywords that
// spec.json uses.
type property struct {
	Type       string               `json:"type"`
	Order      int                  `json:"order"`
	Default    any                  `json:"default"`
	Const      any                  `json:"const"`
	Enum       []any                `json:"enum"`
	Examples   []any                `json:"examples"`
	Minimum    *float64             `json:"minimum"`
	Maximum    *float64             `json:"maximum"`
	Descriptor string               `json:"pattern_descriptor"`
	Secret     bool                 `json:"airbyte_secret"`
	Required   []string             `json:"required"`
	Properties map[string]*property `json:"properties"`
	OneOf      []*property          `json:"oneOf"`
}

// names returns the names of the properties in the order in which a user sees them.
func (p *property) names() []string {
	return slices.SortedFunc(maps.Keys(p.Properties), func(a, b string) int {
		return p.Properties[a].Order - p.Properties[b].Order
	})
}

// discriminator returns the property whose constant tells the branches of a oneOf apart,
// or "" without a oneOf.
func (p *property) discriminator() string {
	if len(p.OneOf) == 0 {
		return ""
	}
	for name, q := range p.OneOf[0].Properties {
		if q.Const != nil {
			return name
		}
	}
	return ""
}

// branch returns the schema that holds for obj: p itself, or the branch of its oneOf that
// obj names, or nil when it names none.
func (p *property) branch(obj map[string]any) *property {
	name := p.discriminator()
	if name == "" {
		return p
	}
	for _, b := range p.OneOf {
		if b.Properties[name].Const == obj[name] {
			return b
		}
	}
	return nil
}

// child returns the schema of one key of obj, or nil when the key is not known.
func (p *property) child(obj map[string]any, key string) *property {
	if key != "" && key == p.discriminator() {
		union := property{Type: "string"}
		for _, b := range p.OneOf {
			union.Enum = append(union.Enum, b.Properties[key].Const)
		}
		return &union
	}
	if b := p.branch(obj); b != nil {
		return b.Properties[key]
	}
	return nil
}

// allowed says in words what the schema asks for, when a value of the right type is wrong.
func (p *property) allowed() string {
	switch {
	case len(p.Enum) == 1:
		return "must be " + list(p.Enum)
	case len(p.Enum) > 1:
		return "allowed are " + list(p.Enum)
	case p.Descriptor != "":
		return "must be " + p.Descriptor
	case p.Minimum != nil && p.Maximum != nil:
		return "must be from " + number(*p.Minimum) + " to " + number(*p.Maximum)
	case p.Minimum != nil:
		return "must be " + number(*p.Minimum) + " or more"
	}
	return p.typeAllowed()
}

// typeAllowed says in words what the schema asks for, when a value is of the wrong type.
func (p *property) typeAllowed() string {
	if len(p.Enum) > 0 {
		return p.allowed()
	}
	words := map[string]string{
		"string":  "a string",
		"integer": "a whole number",
		"number":  "a number",
		"boolean": "true or false",
		"object":  "an object",
		"array":   "a list of up to 8 texts",
	}
	return "must be " + words[p.Type]
}

// specification is what the package needs to know of spec.json.
type specification struct {
	root *property

	positions map[string]int  // of each field, in the order in which a user sees them
	secrets   map[string]bool // fields with airbyte_secret

	discriminators map[string]bool // fields that choose a branch of a oneOf
}

// model reads spec.json once.
var model = sync.OnceValue(func() *specification {
	var envelope struct {
		Connection *property `json:"connectionSpecification"`
	}
	if err := json.Unmarshal(specFile, &envelope); err != nil {
		panic("config: spec.json: " + err.Error()) // embedded, and a test reads it
	}
	s := &specification{
		root:      envelope.Connection,
		positions: map[string]int{},
		secrets:   map[string]bool{},

		discriminators: map[string]bool{},
	}
	s.index(s.root, "")
	return s
})

func (s *specification) index(p *property, path string) {
	for _, name := range p.names() {
		q := p.Properties[name]
		field := join(path, name)
		if _, seen := s.positions[field]; !seen { // branches share fields
			s.positions[field] = len(s.positions)
		}
		s.secrets[field] = s.secrets[field] || q.Secret
		s.index(q, field)
	}
	for _, b := range p.OneOf {
		s.discriminators[join(path, p.discriminator())] = true
		s.index(b, path)
	}
}

// position orders fields; what is no field comes first.
func (s *specification) position(field string) int {
	if n, ok := s.positions[field]; ok {
		return n
	}
	return -1
}

func (s *specification) known(field string) bool { return s.position(field) >= 0 }

// secret reports whether a field, or the field that it is inside, is a secret.
func (s *specification) secret(field string) bool {
	for {
		if s.secrets[field] {
			return true
		}
		dot := strings.LastIndexByte(field, '.')
		if dot < 0 {
			return false
		}
		field = field[:dot]
	}
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}
