package scan

import (
	"bytes"
	"slices"
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
	s := newShape(doc, at)
	if s == nil {
		return false
	}
	if g.shape != nil {
		s.adopt(g.shape)
	}
	s.texts = make([]string, len(s.keys))
	for i, k := range s.keys {
		s.texts[i] = k.text
	}
	if len(s.texts) > 0 {
		s.texts[0] = s.open + s.keys[0].text[len(s.sep):]
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

// newShape describes the object at doc[at], which must be valid. It returns nil for what
// can't be described: white space that varies, or a key with bytes that are no UTF-8.
func newShape(doc []byte, at int) *Shape {
	s := &Shape{open: "{", sep: ",", end: "}"}
	var keys []string
	last, members := at, 0 // last is the end of what came before the next key
	o := Object(doc, at)
	for ; o.Next(); members++ {
		front := string(doc[last : o.Key.Start-1])
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
		keys = append(keys, string(doc[o.Key.Start-1:o.Value.Start]))
		last = int(o.Value.End)
	}
	if members > 0 {
		s.end = string(doc[last : o.at+1])
	}
	known := map[string]bool{}
	for _, text := range keys {
		if k := newKey(s.sep, text); !known[k.name()] {
			known[k.name()] = true
			s.keys = append(s.keys, k)
		}
	}
	return s
}

// adopt adds the keys that only old has, each behind the one that it stood behind, unless
// that makes many more keys than there were: then old is of another kind.
func (s *Shape) adopt(old *Shape) {
	merged := slices.Clone(s.keys)
	at := 0
	for i := range old.keys {
		k := newKey(s.sep, old.keys[i].text[len(old.sep):])
		same := func(other key) bool { return other.name() == k.name() }
		if j := slices.IndexFunc(merged, same); j >= 0 {
			at = j + 1
			continue
		}
		merged = slices.Insert(merged, at, k)
		at++
	}
	if len(merged) <= 4*len(s.keys)+64 {
		s.keys = merged
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
		if utf8.Valid(raw) {
			return JSON
		}
		return DirtyJSON
	case 'n':
		return Null
	}
	return Bare
}
