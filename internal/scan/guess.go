package scan

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

// Guess is the shape that the next object of a source is expected to have. It learns from
// the objects that surprise it. The zero Guess knows nothing yet.
type Guess struct {
	shape      *Shape
	surprises  Surprises // objects that did not fit
	disordered Surprises // objects that fit, but had keys where they were not expected
}

// Fit is an object that has the shape that was expected.
type Fit struct {
	Shape *Shape  // nil: it has not
	Out   []Value // one more for each key of Shape
	End   int     // index behind the object
	Clean bool    // all of it is good UTF-8
}

// Check is Shape.Check with the shape that is expected.
func (g *Guess) Check(doc []byte, at int, values []Value) Fit {
	s := g.shape
	if s == nil {
		return Fit{Out: values}
	}
	out, end, clean, searches := s.Check(doc, at, values)
	if end == 0 {
		return Fit{Out: values}
	}
	if searches > 0 && g.disordered.WorthLearning() {
		g.learn(doc, at)
	}
	return Fit{s, out, end, clean}
}

// Learn takes in an object that did not fit, and is known to be valid. It reports whether
// there is a new shape to try.
func (g *Guess) Learn(doc []byte, at int) bool {
	return g.surprises.WorthLearning() && g.learn(doc, at)
}

func (g *Guess) learn(doc []byte, at int) bool {
	s := newShape(doc, at, maxInner)
	if s == nil {
		return false
	}
	if g.shape != nil {
		s.adopt(g.shape)
	}
	g.shape = s
	return true
}

// Surprises counts what was not as it was expected.
type Surprises int

// WorthLearning counts one more, and says whether to learn from it: from the first few, then
// less and less often. So a source that never repeats itself costs no memory a record.
func (n *Surprises) WorthLearning() bool {
	*n++
	return *n <= 32 || *n&(*n-1) == 0
}

// maxInner bounds how deep shapes are learned.
const maxInner = 32

// newShape describes the object at doc[at], which must be valid, and the objects in it down
// to a number of levels. It returns nil for what can't be described: white space that
// varies, or a key with bytes that are no UTF-8.
func newShape(doc []byte, at, levels int) *Shape {
	s := &Shape{open: "{", sep: ",", end: "}"}
	var keys []key // without what separates them
	last, members := at, 0
	o := Object(doc, at)
	for ; o.Next(); members++ {
		front := string(doc[last : o.Key.Start-1]) // behind what came before
		switch {
		case members == 0:
			s.open = front
		case members == 1:
			s.sep = front
		case s.sep != front:
			return nil
		}
		if !utf8.Valid(o.Key.Of(doc)) {
			return nil
		}
		k := newKey(string(doc[o.Key.Start-1 : o.Value.Start]))
		k.inner = newInner(doc, o.Value, levels-1)
		keys = append(keys, k)
		last = int(o.Value.End)
	}
	if members > 0 {
		s.end = string(doc[last : o.at+1])
	}
	known := map[string]bool{}
	for _, k := range keys {
		if !known[k.name()] {
			known[k.name()] = true
			s.keys = append(s.keys, k.behind(s.sep, 0))
		}
	}
	s.wholeFrom()
	return s
}

// newInner describes an object, or the first object of an array. It returns nil where there
// is none to learn from.
func newInner(doc []byte, value Span, levels int) *Shape {
	const tooLong = 64 << 10 // each level is gone through once more
	if levels == 0 || value.Len() > tooLong {
		return flat
	}
	at := int(value.Start)
	switch doc[at] {
	case '{':
		return newShape(doc, at, levels)
	case '[':
		if at = SkipSpace(doc, at+1); doc[at] == ']' {
			return nil
		}
		if doc[at] == '{' {
			return newShape(doc, at, levels)
		}
		return flat
	}
	return nil
}

// adopt adds the keys that only old has, each behind the one that it stood behind, unless
// that makes many more keys than there were: then old is of another kind.
func (s *Shape) adopt(old *Shape) {
	own := make(map[string]int, len(s.keys))
	for i := range s.keys {
		own[s.keys[i].name()] = i
	}
	inner := make([]*Shape, len(s.keys))
	added := make([][]key, len(s.keys)+1) // in front of each of our keys, and behind the last
	at, n := 0, len(s.keys)
	for _, k := range old.keys {
		if j, known := own[k.name()]; known {
			inner[j], at = k.inner, j+1
		} else {
			added[at] = append(added[at], k.behind(s.sep, len(old.sep)))
			n++
		}
	}
	if n <= 4*len(s.keys)+16 {
		merged := added[0]
		for i, k := range s.keys {
			if k.inner == nil {
				k.inner = inner[i]
			}
			merged = append(append(merged, k), added[i+1]...)
		}
		s.keys = merged
	}
	s.wholeFrom()
}

// wholeFrom sets whole from all the rest. Its texts are parts of one: where hundreds of
// streams take turns they are seldom in the cache, and then come line by line.
func (s *Shape) wholeFrom() {
	if len(s.keys) == 0 {
		return
	}
	var all strings.Builder
	all.WriteString(s.open)
	for i, k := range s.keys {
		if i == 0 {
			k = k.behind("", len(s.sep))
		}
		all.WriteString(k.text)
	}
	s.whole = make([]member, len(s.keys))
	rest := all.String()
	for i, k := range s.keys {
		n := len(k.text)
		if i == 0 {
			n += len(s.open) - len(s.sep)
		}
		s.whole[i], rest = member{rest[:n], k.inner}, rest[n:]
	}
}

// Pairs appends, for each member of the object at doc[at], which must be valid, its key and
// its value: the way for objects that fit no shape. A key is Text or Escaped.
func Pairs(doc []byte, at int, values []Value) []Value {
	for o := Object(doc, at); o.Next(); {
		quoted := Span{o.Key.Start - 1, o.Key.End + 1}
		values = append(values, Value{quoted, kindOf(quoted.Of(doc))}, Value{o.Value, kindOf(o.Value.Of(doc))})
	}
	return values
}

// kindOf tells what a valid value is.
func kindOf(raw []byte) Kind {
	switch raw[0] {
	case '"':
		if bytes.IndexByte(raw, '\\') < 0 && utf8.Valid(raw) {
			return Text
		}
		return Escaped
	case '{', '[':
		return nestedKind(utf8.Valid(raw))
	case 'n':
		return Null
	}
	return Bare
}
