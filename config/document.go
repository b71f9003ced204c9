package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"
)

// document is the Field of errors about the whole text. They give positions and never a
// piece of the text, which may be a piece of a secret.
const document = "config"

// readDocument reads one JSON object and nothing else. Numbers stay as they were written.
func readDocument(raw []byte) (map[string]any, error) {
	const object = "must be one JSON object"
	raw = bytes.TrimPrefix(raw, []byte("\xef\xbb\xbf")) // what some editors put in front
	if len(trimSpace(raw)) == 0 {
		return nil, Errors{{Field: document, Value: "empty", Allowed: object}}
	}
	if n := invalidUTF8(raw); n >= 0 {
		return nil, Errors{{Field: document, Value: "not valid UTF-8", Allowed: position(raw, n)}}
	}
	var first json.RawMessage
	dec := json.NewDecoder(bytes.NewReader(raw))
	if err := dec.Decode(&first); err != nil {
		offset := len(raw) // unless it says otherwise, the text ends too early
		var syntax *json.SyntaxError
		if errors.As(err, &syntax) {
			offset = int(syntax.Offset) - 1 // Offset counts the byte that is wrong
		}
		return nil, Errors{{Field: document, Value: "not valid JSON", Allowed: position(raw, offset)}}
	}
	if rest := trimSpace(raw[dec.InputOffset():]); len(rest) > 0 {
		at := position(raw, len(raw)-len(rest))
		return nil, Errors{{Field: document, Value: "followed by more text", Allowed: object + "; see " + at}}
	}
	r := reader{raw: raw, dec: json.NewDecoder(bytes.NewReader(raw))}
	r.dec.UseNumber()
	v, err := r.value("")
	if err != nil {
		return nil, err
	}
	obj, ok := v.(map[string]any)
	if !ok {
		return nil, Errors{{Field: document, Value: kindOf(v), Allowed: object}}
	}
	return obj, nil
}

// reader builds the document from tokens, because only tokens show a key that is given
// twice.
type reader struct {
	raw []byte
	dec *json.Decoder
}

func (r *reader) value(path string) (any, error) {
	token, err := r.dec.Token()
	if err != nil {
		return nil, r.broken(err)
	}
	switch token {
	case json.Delim('{'):
		return r.object(path)
	case json.Delim('['):
		return r.array(path)
	}
	return token, nil
}

func (r *reader) object(path string) (any, error) {
	obj := map[string]any{}
	for r.dec.More() {
		token, err := r.dec.Token()
		if err != nil {
			return nil, r.broken(err)
		}
		key := token.(string) // the text is valid JSON
		field := join(path, key)
		if _, twice := obj[key]; twice {
			return nil, r.twice(field)
		}
		if obj[key], err = r.value(field); err != nil {
			return nil, err
		}
	}
	_, err := r.dec.Token() // the closing brace
	return obj, r.broken(err)
}

// twice reports a key that is given twice; which of the two counts is anyone's guess.
func (r *reader) twice(field string) error {
	at := position(r.raw, int(r.dec.InputOffset())-1)
	if !model().known(field) { // a key that is not ours may be anything, so it is not shown
		return Errors{{Field: document, Value: "not clear", Allowed: "the same key is given twice in one object, " + at}}
	}
	return Errors{{Field: field, Value: "given twice", Allowed: at}}
}

func (r *reader) array(path string) (any, error) {
	items := []any{}
	for r.dec.More() {
		item, err := r.value(path + "[]")
		if err != nil {
			return nil, err
		}
		items = append(items, item)
	}
	_, err := r.dec.Token() // the closing bracket
	return items, r.broken(err)
}

// broken hides the text of an error of the decoder, which may quote the document. It never
// happens, since the text was valid when it was read the first time.
func (r *reader) broken(err error) error {
	if err == nil {
		return nil
	}
	return Errors{{Field: document, Value: "not valid JSON", Allowed: position(r.raw, int(r.dec.InputOffset()))}}
}

// position says where in the text the byte with this offset stands.
func position(raw []byte, offset int) string {
	before := raw[:min(max(offset, 0), len(raw))]
	line := bytes.Count(before, []byte("\n")) + 1
	column := len(before) - bytes.LastIndexByte(before, '\n')
	return fmt.Sprintf("line %d, byte %d", line, column)
}

func invalidUTF8(raw []byte) int {
	for i := 0; i < len(raw); {
		r, size := utf8.DecodeRune(raw[i:])
		if r == utf8.RuneError && size == 1 {
			return i
		}
		i += size
	}
	return -1
}

func trimSpace(raw []byte) []byte { return bytes.Trim(raw, " \t\r\n") }

func kindOf(v any) string {
	switch v.(type) {
	case []any:
		return "an array"
	case string:
		return "a string"
	case json.Number:
		return "a number"
	case bool:
		return "a boolean"
	}
	return "null"
}
