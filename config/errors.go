package config

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Error is one thing that is wrong with a config.
type Error struct {
	// Field is the full name, such as "format.quoting". It is "config" when the whole
	// document is wrong.
	Field string

	// Value is what was given, as JSON text: *** for a secret, shortened when long, only
	// the type of an object or array. It is empty when the field is missing.
	Value string

	// Allowed says what would be right. It may be empty when the field is missing.
	Allowed string
}

// Error says what is wrong in one line.
func (e Error) Error() string {
	value := e.Value
	if value == "" {
		value = "missing"
	}
	if e.Allowed == "" {
		return e.Field + " is " + value
	}
	return e.Field + " is " + value + ": " + e.Allowed
}

// Errors is everything that is wrong with a config, in the order of the specification.
// There is never more than one Error for a field.
type Errors []Error

// Error joins all errors in one line.
func (e Errors) Error() string {
	lines := make([]string, len(e))
	for i, one := range e {
		lines[i] = one.Error()
	}
	return strings.Join(lines, "; ")
}

// Unwrap gives each error to errors.As.
func (e Errors) Unwrap() []error {
	all := make([]error, len(e))
	for i, one := range e {
		all[i] = one
	}
	return all
}

// err returns nil for no errors, so that an empty Errors never becomes a non-nil error.
func (e Errors) err() error {
	if len(e) == 0 {
		return nil
	}
	return e
}

// ordered sorts as the specification does and keeps the first error of each field.
func (e Errors) ordered() Errors {
	slices.SortStableFunc(e, func(a, b Error) int {
		if d := model().position(a.Field) - model().position(b.Field); d != 0 {
			return d
		}
		return strings.Compare(a.Field, b.Field)
	})
	return slices.CompactFunc(e, func(a, b Error) bool { return a.Field == b.Field })
}

// mask hides secrets: what it renders never holds one, also not where a user has pasted it
// into a field that is no secret.
type mask []string

const maxValue = 80

// value renders what was given for a field.
func (m mask) value(field string, v any) string {
	if v == nil {
		return ""
	}
	if model().secret(field) {
		return masked
	}
	text, isText := v.(string)
	// A URL can hold a password before "@" and a signature after "?".
	if field == endpointField && strings.ContainsAny(text, "@?#") {
		return masked
	}
	switch v.(type) {
	case map[string]any:
		return "an object" // its content may be a secret in the wrong place
	case []any:
		return "an array"
	}
	if isText && m.hides(text) {
		return masked
	}
	quoted := jsonText(v)
	if m.hides(quoted) {
		return masked
	}
	return shorten(quoted, maxValue)
}

// key renders a key that a user chose.
func (m mask) key(name string) string {
	if m.hides(name) {
		return masked
	}
	if quoted := jsonText(name); quoted != `"`+name+`"` || strings.ContainsAny(name, ". ") || name == "" {
		return shorten(quoted, maxValue)
	}
	return shorten(name, maxValue)
}

func (m mask) hides(text string) bool {
	return slices.ContainsFunc(m, func(secret string) bool { return strings.Contains(text, secret) })
}

// jsonText is JSON as a person would write it: <, > and & stay.
func jsonText(v any) string {
	var text bytes.Buffer
	enc := json.NewEncoder(&text)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return "not JSON" // NaN and infinity, which only a Go program can give
	}
	return strings.TrimSuffix(text.String(), "\n")
}

// shorten cuts to at most n characters.
func shorten(text string, n int) string {
	if utf8.RuneCountInString(text) <= n {
		return text
	}
	runes := []rune(text)
	return string(runes[:n-3]) + "..."
}

// list joins values as JSON text: "a", "b".
func list(values []any) string {
	texts := make([]string, len(values))
	for i, v := range values {
		texts[i] = jsonText(v)
	}
	return strings.Join(texts, ", ")
}

// number renders a bound without an exponent.
func number(n float64) string { return strconv.FormatFloat(n, 'f', -1, 64) }
