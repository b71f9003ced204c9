package config

import (
	"bytes"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// validator compiles the specification once.
var validator = sync.OnceValue(func() *jsonschema.Schema {
	spec, err := jsonschema.UnmarshalJSON(bytes.NewReader(specFile))
	if err != nil {
		panic("config: spec.json: " + err.Error()) // embedded, and a test reads it
	}
	schema := spec.(map[string]any)["connectionSpecification"]
	return compile(guided(schema))
})

func compile(schema any) *jsonschema.Schema {
	const name = "urn:sluice:config" // only a name: nothing is loaded from it
	c := jsonschema.NewCompiler()
	err := c.AddResource(name, schema)
	if err == nil {
		var compiled *jsonschema.Schema
		if compiled, err = c.Compile(name); err == nil {
			return compiled
		}
	}
	panic("config: spec.json: " + err.Error())
}

// guided returns the schema with each oneOf as a list of if/then on its discriminator. It
// accepts the same documents, but its errors are about the branch that the document names,
// where a failed oneOf reports what every branch would have liked to see.
func guided(v any) any {
	switch v := v.(type) {
	case []any:
		items := make([]any, len(v))
		for i, item := range v {
			items[i] = guided(item)
		}
		return items
	case map[string]any:
		obj := make(map[string]any, len(v))
		for key, inner := range v {
			obj[key] = guided(inner)
		}
		if branches, ok := obj["oneOf"].([]any); ok {
			delete(obj, "oneOf")
			guide(obj, branches)
		}
		return obj
	}
	return v
}

func guide(obj map[string]any, branches []any) {
	var name string
	var choices, conditions []any
	for _, branch := range branches {
		for key, p := range branch.(map[string]any)["properties"].(map[string]any) {
			choice, ok := p.(map[string]any)["const"]
			if !ok {
				continue
			}
			name = key
			choices = append(choices, choice)
			conditions = append(conditions, map[string]any{
				"if":   map[string]any{"properties": map[string]any{key: map[string]any{"const": choice}}, "required": []any{key}},
				"then": branch,
			})
		}
	}
	obj["required"] = []any{name}
	obj["properties"] = map[string]any{name: map[string]any{"type": "string", "enum": choices}}
	obj["allOf"] = conditions
}
