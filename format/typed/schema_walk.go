package typed

import "github.com/sluice-data/sluice/internal/scan"

// What is in this file walks a schema's text, which has the order of properties. As elsewhere, of keys
// that are there twice the first gives the place and the last the value.

// first is the first byte of a value, or 0 where there is none.
func (r *reader) first(value scan.Span) byte {
	if value.None() {
		return 0
	}
	return r.doc[value.Start]
}

// text is the text of a string; "" of anything else.
func (r *reader) text(value scan.Span) string {
	if r.first(value) != '"' {
		return ""
	}
	text, _ := scan.AppendUnescaped(nil, r.doc[value.Start+1:value.End-1])
	return string(text)
}

// each calls f for the members of an object; of anything else there are none.
func (r *reader) each(object scan.Span, f func(name string, value scan.Span)) {
	if r.first(object) != '{' {
		return
	}
	for m := scan.Object(r.doc, int(object.Start)); m.Next(); {
		name, _ := scan.AppendUnescaped(nil, m.Key.Of(r.doc))
		f(string(name), m.Value)
	}
}

// member is the value of an object's member, or none.
func (r *reader) member(object scan.Span, key string) (found scan.Span) {
	r.each(object, func(name string, value scan.Span) {
		if name == key {
			found = value
		}
	})
	return found
}

// members are the values of an object, by name.
func (r *reader) members(object scan.Span) map[string]scan.Span {
	all := map[string]scan.Span{}
	r.each(object, func(name string, value scan.Span) { all[name] = value })
	return all
}

// names are the names of an object's members.
func (r *reader) names(object scan.Span) (names []string) {
	seen := map[string]bool{}
	r.each(object, func(name string, _ scan.Span) {
		if !seen[name] {
			seen[name] = true
			names = append(names, name)
		}
	})
	return names
}

// elements are the elements of an array; nil of anything else.
func (r *reader) elements(array scan.Span) (elements []scan.Span) {
	if r.first(array) != '[' {
		return nil
	}
	for i := int(array.Start) + 1; ; {
		if i = nextElement(r.doc, i); i < 0 {
			return elements
		}
		end := scan.SkipValue(r.doc, i)
		elements = append(elements, scan.Span{Start: uint32(i), End: uint32(end)})
		i = end
	}
}

// nextElement is where the next element of an array begins, at or after doc[i], or -1 at its end.
func nextElement(doc []byte, i int) int {
	for ; ; i++ {
		switch doc[i] {
		case ' ', '\t', '\r', '\n', ',':
		case ']':
			return -1
		default:
			return i
		}
	}
}
