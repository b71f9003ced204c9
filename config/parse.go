package config

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
)

// Parse reads a config document. It returns a Config with every default set and one warning
// for each key that is not known. The error is an Errors with everything that is wrong; then
// there is no Config.
func Parse(raw []byte) (*Config, []string, error) {
	doc, err := readDocument(raw)
	if err != nil {
		return nil, nil, err
	}
	listed(doc)
	m := maskOf(doc)
	kept, warnings := model().root.keep(doc, "", m)
	problems := check(kept, m)

	// What is wrong takes its default, so that the rest can be checked as well.
	c, err := decode(kept)
	if err != nil {
		return nil, warnings, append(problems, Error{Field: document, Value: "not readable"}).ordered()
	}
	problems = append(problems, c.rules(m)...)
	problems = append(problems, c.unsupported(m)...)
	if err := problems.ordered().err(); err != nil {
		return nil, warnings, err
	}
	return c, warnings, nil
}

// listed makes a list of a text where a list of texts is wanted: a, b.
func listed(doc map[string]any) {
	if text, ok := doc["partition_by"].(string); ok {
		var all []any
		for part := range strings.SplitSeq(text, ",") {
			if part = strings.TrimSpace(part); part != "" {
				all = append(all, part)
			}
		}
		doc["partition_by"] = all
	}
}

// maskOf returns a mask that hides the secrets of a document.
func maskOf(doc map[string]any) mask { return secretsIn(doc, "", nil) }

func secretsIn(obj map[string]any, path string, m mask) mask {
	for key, v := range obj {
		field := join(path, key)
		if model().secret(field) {
			leaves(v, func(text string) {
				if text != "" {
					m = append(m, text)
				}
			})
		} else if inner, ok := v.(map[string]any); ok {
			m = secretsIn(inner, field, m)
		}
	}
	return m
}

// decode turns a document into a Config: Default, over it the defaults of the specification
// (some depend on the branch), over it what the document says.
func decode(doc map[string]any) (*Config, error) {
	model().root.fill(doc)
	text, err := json.Marshal(plain(doc))
	if err != nil {
		return nil, err
	}
	c := Default()
	if err := json.Unmarshal(text, &c); err != nil {
		return nil, err
	}
	return &c, nil
}

// check validates a document against the specification, and removes from it what is wrong.
func check(doc map[string]any, m mask) Errors {
	err := validator().Validate(plain(doc))
	var invalid *jsonschema.ValidationError
	if !errors.As(err, &invalid) {
		return nil
	}
	var problems Errors
	var wrong [][]string
	eachLeaf(invalid, func(leaf *jsonschema.ValidationError) {
		path := ofList(doc, leaf.InstanceLocation)
		required, ok := leaf.ErrorKind.(*kind.Required)
		if !ok {
			problems = append(problems, explain(doc, path, leaf.ErrorKind, m))
			wrong = append(wrong, path)
			return
		}
		for _, name := range required.Missing {
			field := slices.Concat(path, []string{name})
			problems = append(problems, Error{Field: strings.Join(field, ".")})
			wrong = append(wrong, field)
		}
	})
	for _, path := range wrong {
		if model().discriminators[strings.Join(path, ".")] {
			path = path[:len(path)-1] // without it, its neighbours have no meaning
		}
		remove(doc, path)
	}
	return problems
}

// ofList is the path of the list that a path leads into, or the path.
func ofList(doc map[string]any, path []string) []string {
	for i := range path {
		if _, ok := lookup(doc, path[:i]).([]any); ok {
			return path[:i]
		}
	}
	return path
}

// eachLeaf calls f for each error that has no causes: the ones that are about a value.
func eachLeaf(err *jsonschema.ValidationError, f func(*jsonschema.ValidationError)) {
	if len(err.Causes) == 0 {
		f(err)
	}
	for _, cause := range err.Causes {
		eachLeaf(cause, f)
	}
}

// explain says in words what the validator has found.
func explain(doc map[string]any, path []string, found jsonschema.ErrorKind, m mask) Error {
	p, obj := model().root, doc
	for _, key := range path {
		p = p.child(obj, key)
		obj, _ = obj[key].(map[string]any)
	}
	field := strings.Join(path, ".")
	allowed := p.allowed()
	if _, isType := found.(*kind.Type); isType {
		allowed = p.typeAllowed()
	}
	return Error{Field: field, Value: m.value(field, lookup(doc, path)), Allowed: allowed}
}
