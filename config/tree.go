package config

import (
	"cmp"
	"encoding/json"
	"maps"
	"math"
	"slices"
	"strconv"
)

// retired are the keys of older connectors that have no use any more, and what is said of each.
var retired = map[string]string{
	"part_size":           "is not used any more and is ignored: the size of parts is upload.part_size_mb",
	"format.part_size_mb": "is not used any more and is ignored: the size of parts is upload.part_size_mb",
}

// keep returns obj without the keys that the specification does not know, and a warning for
// each of these. A key with the value null counts as absent, because many programs write
// optional keys that way.
func (p *property) keep(obj map[string]any, path string, m mask) (map[string]any, []string) {
	kept := map[string]any{}
	var warnings []string
	for _, key := range slices.Sorted(maps.Keys(obj)) {
		v := obj[key]
		q := p.child(obj, key)
		if q == nil {
			// Nobody can say what an unknown format knows; naming it is error enough.
			if p.branch(obj) != nil {
				field := join(path, m.key(key))
				warnings = append(warnings, field+" "+cmp.Or(retired[field], "is not known and is ignored"))
			}
			continue
		}
		if inner, ok := v.(map[string]any); ok && q.Type == "object" {
			var more []string
			v, more = q.keep(inner, join(path, key), m)
			warnings = append(warnings, more...)
		}
		if v != nil {
			kept[key] = v
		}
	}
	return kept, warnings
}

// fill sets the defaults of the specification where obj has nothing.
func (p *property) fill(obj map[string]any) {
	b := p.branch(obj)
	if b == nil {
		return
	}
	for name, q := range b.Properties {
		if obj[name] == nil && q.Default != nil {
			obj[name] = q.Default
		}
		if inner, ok := obj[name].(map[string]any); ok {
			inner = maps.Clone(inner) // the default belongs to the specification
			q.fill(inner)
			obj[name] = inner
		}
	}
}

// lookup returns the value of a field, or nil.
func lookup(obj map[string]any, path []string) any {
	var v any = obj
	for _, key := range path {
		inner, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		v = inner[key]
	}
	return v
}

// remove takes a field out of obj.
func remove(obj map[string]any, path []string) {
	last := len(path) - 1
	if inner, ok := lookup(obj, path[:last]).(map[string]any); ok {
		delete(inner, path[last])
	}
}

// plain returns v with its numbers as float64, so that no number in a text can be of a size
// that is slow to compute with (1e999999999 is short to write).
func plain(v any) any {
	switch v := v.(type) {
	case json.Number:
		n, _ := strconv.ParseFloat(string(v), 64) // out of range gives infinity
		return clamp(n)
	case map[string]any:
		obj := make(map[string]any, len(v))
		for key, inner := range v {
			obj[key] = plain(inner)
		}
		return obj
	case []any:
		items := make([]any, len(v))
		for i, inner := range v {
			items[i] = plain(inner)
		}
		return items
	}
	return v
}

// leaves calls f with the text of everything inside v: a secret may be of a wrong type.
func leaves(v any, f func(text string)) {
	switch v := v.(type) {
	case string:
		f(v)
	case json.Number:
		f(string(v))
	case map[string]any:
		for key, inner := range v {
			f(key)
			leaves(inner, f)
		}
	case []any:
		for _, inner := range v {
			leaves(inner, f)
		}
	}
}

// clamp brings infinity back to the largest number, which JSON can write.
func clamp(n float64) float64 { return max(-math.MaxFloat64, min(math.MaxFloat64, n)) }
