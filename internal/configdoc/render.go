package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// property is a node of the specification, with the keywords that the page shows.
type property struct {
	Title       string
	Description string
	Type        string
	Order       int
	Default     json.RawMessage
	Const       *string
	Enum        []json.RawMessage
	Examples    []json.RawMessage
	Minimum     *float64
	Maximum     *float64
	Descriptor  string `json:"pattern_descriptor"`
	Secret      bool   `json:"airbyte_secret"`
	Required    []string
	Properties  map[string]*property
	OneOf       []*property
}

func (p *property) names() []string {
	return slices.SortedFunc(maps.Keys(p.Properties), func(a, b string) int {
		return p.Properties[a].Order - p.Properties[b].Order
	})
}

// choice returns the name and the value of the property that tells this branch of a oneOf
// from the others.
func (p *property) choice() (name, value string) {
	for name, q := range p.Properties {
		if q.Const != nil {
			return name, *q.Const
		}
	}
	return "", ""
}

const intro = `# Configuration

<!-- Generated from config/spec.json. Do not edit; run: go generate ./config -->

The configuration is one JSON object, given by ` + "`--config`" + `. Every option of Airbyte's own S3 destination has the same
name here. ` + "`sluice spec`" + ` prints the JSON Schema that a configuration is checked against.

- A key that is not known is ignored, with a warning.
- A key with the value ` + "`null`" + ` counts as absent.
- A wrong value stops the sync before it begins. The message names the key, the value and what is allowed.
- A secret is never shown, in no message and no log.
- Every format and codec of Airbyte's is written, but for Parquet with LZO, which is refused by name.
- 1 MB is 1024 × 1024 bytes.
`

// render returns the page for a specification.
func render(spec []byte) ([]byte, error) {
	var envelope struct {
		Connection *property `json:"connectionSpecification"`
	}
	if err := json.Unmarshal(spec, &envelope); err != nil {
		return nil, fmt.Errorf("specification: %w", err)
	}
	root := envelope.Connection
	var page bytes.Buffer
	page.WriteString(intro)
	if err := example(&page, "The smallest configuration", root, true); err != nil {
		return nil, err
	}
	if err := example(&page, "Every key of a CSV destination", root, false); err != nil {
		return nil, err
	}
	page.WriteString("\n## Keys\n")
	table(&page, root)
	sections(&page, root, "", "")
	return page.Bytes(), nil
}

// sections writes a section for each object inside p. The place says where p stands, as
// part of the headings.
func sections(page *bytes.Buffer, p *property, path, place string) {
	for _, name := range p.names() {
		if q := p.Properties[name]; q.Type == "object" {
			section(page, q, strings.TrimPrefix(path+"."+name, "."), place)
		}
	}
}

func section(page *bytes.Buffer, p *property, path, place string) {
	fmt.Fprintf(page, "\n## `%s`%s\n\n%s\n", path, place, p.Description)
	if len(p.Properties) > 0 {
		table(page, p)
	}
	for _, branch := range p.OneOf {
		key, value := branch.choice()
		fmt.Fprintf(page, "\n### `%s`%s: `%q: %q`\n", path, place, key, value)
		if len(branch.Properties) == 1 {
			page.WriteString("\nThere is nothing more to set.\n")
			continue
		}
		table(page, branch)
	}
	sections(page, p, path, place)
	for _, branch := range p.OneOf {
		_, value := branch.choice()
		sections(page, branch, path, " of `"+value+"`")
	}
}

func table(page *bytes.Buffer, p *property) {
	page.WriteString("\n| Key | Type | Default | Allowed | Description |\n|---|---|---|---|---|\n")
	for _, name := range p.names() {
		q := p.Properties[name]
		kind := q.Type
		if q.Secret {
			kind += ", secret"
		}
		fmt.Fprintf(page, "| `%s` | %s | %s | %s | %s |\n",
			name, kind, fallback(p, name), cell(allowed(q)), cell(q.Description))
	}
}

// fallback says what holds when a key is absent.
func fallback(p *property, name string) string {
	q := p.Properties[name]
	switch {
	case slices.Contains(p.Required, name):
		return "**required**"
	case len(q.Default) > 0:
		return cell(code(q.Default))
	}
	return "none"
}

// allowed says what values a key can have.
func allowed(q *property) string {
	switch {
	case len(q.Enum) > 0:
		return codes(q.Enum, len(q.Enum))
	case q.Type == "object":
		return "see below"
	case q.Minimum != nil && q.Maximum != nil:
		return number(*q.Minimum) + " to " + number(*q.Maximum)
	case q.Minimum != nil:
		return number(*q.Minimum) + " or more"
	case q.Descriptor != "":
		return q.Descriptor
	case q.Type == "boolean":
		return "`true`, `false`"
	case q.Type == "string" && len(q.Examples) > 0:
		return "any, such as " + codes(q.Examples, 2)
	case q.Type == "string" && len(q.Default) > len(`""`):
		return "see the description"
	}
	return "any"
}

func number(n float64) string { return strconv.FormatFloat(n, 'f', -1, 64) }

func code(v json.RawMessage) string { return "`" + string(v) + "`" }

// codes joins the first of some values.
func codes(values []json.RawMessage, most int) string {
	var texts []string
	for _, v := range values[:min(most, len(values))] {
		texts = append(texts, code(v))
	}
	return strings.Join(texts, ", ")
}

// cell makes a text fit into a table.
func cell(text string) string {
	return strings.NewReplacer("|", `\|`, "\n", " ").Replace(text)
}

// example writes a configuration: the required keys only, or all of them.
func example(page *bytes.Buffer, title string, root *property, required bool) error {
	var text bytes.Buffer
	sample(&text, root, required)
	fmt.Fprintf(page, "\n## %s\n\n```json\n", title)
	if err := json.Indent(page, text.Bytes(), "", "  "); err != nil {
		return fmt.Errorf("example: %w", err)
	}
	page.WriteString("\n```\n")
	return nil
}

// sample writes a value for p: the branch that comes first, examples where there are any,
// otherwise the defaults.
func sample(text *bytes.Buffer, p *property, required bool) {
	if len(p.OneOf) > 0 {
		p = p.OneOf[0]
	}
	if len(p.Properties) == 0 {
		value := p.Default
		if empty := len(value) == 0 || string(value) == `""`; empty && len(p.Examples) > 0 {
			value = p.Examples[0]
		}
		text.Write(value)
		return
	}
	text.WriteByte('{')
	first := true
	for _, name := range p.names() {
		if required && !slices.Contains(p.Required, name) {
			continue
		}
		if !first {
			text.WriteByte(',')
		}
		first = false
		fmt.Fprintf(text, "%q:", name)
		sample(text, p.Properties[name], required)
	}
	text.WriteByte('}')
}
