package scan

// Shape is what the objects of one source are expected to look like: their keys, in their
// order, and the white space between them. An object that looks like it is gone through with
// one comparison a key. One that lacks some of the keys, or has them in another order,
// still fits, at the price of a search for each key that is not where it was expected.
//
// A Shape is not changed once it is made, and may be shared.
type Shape struct {
	open string // what stands in front of the first key: a brace, and white space
	sep  string // between a value and the next key: a comma, and white space
	end  string // behind the last value: white space, and a brace
	keys []key
	// whole is what an object that has all keys in order consists of, beside its values.
	whole []member
}

// member is what stands in front of a value, and what the value looks like.
type member struct {
	text  string // of its key; in front of the first one what opens the object
	inner *Shape
}

// key is the text in front of a value.
type key struct {
	text  string // sep, and the key with its quotes, the colon and white space
	start int    // where the key itself begins in text
	end   int    // and where it ends
	inner *Shape // of the value, if it is an object, or of the objects in the array that it is; nil: not known
}

// flat is the inner shape of what there is nothing to learn from: arrays without objects, and
// what is too deep or too long.
var flat = &Shape{}

// name is the key as it stands in the document, without its quotes.
func (k *key) name() string { return k.text[k.start:k.end] }

// newKey makes a key of what stands between a separator and a value: "id":
func newKey(text string) key {
	return key{text: text, start: 1, end: skipString([]byte(text), 0) - 1}
}

// behind puts a separator in front of the key, in the place of one that has n bytes.
func (k key) behind(sep string, n int) key {
	k.text = sep + k.text[n:]
	k.start += len(sep) - n
	k.end += len(sep) - n
	return k
}

// Len is the number of keys.
func (s *Shape) Len() int { return len(s.keys) }

// Key returns the i-th key as it stands in a document, without its quotes.
func (s *Shape) Key(i int) string { return s.keys[i].name() }

// Member returns the span, key and value, of the member that the i-th of an object's values
// belongs to.
func (s *Shape) Member(i int, value Value) Span {
	k := &s.keys[i]
	return Span{value.Start - uint32(len(k.text)-k.start+1), value.End}
}

// Check goes through the object whose brace is at doc[at], like the function Check, and
// appends one Value for each key of the shape to values, in the shape's order: Missing where
// the object lacks the key, the last one where it has it twice. An end of 0 means that the
// object does not fit, or is not valid; what was appended is then to be dropped. searches
// counts the keys that were not where they were expected.
func (s *Shape) Check(doc []byte, at int, values []Value) (out []Value, end int, clean bool, searches int) {
	base := len(values)
	values = grow(values, len(s.keys))
	found := values[base:]
	next, i, clean, novel := s.straight(doc, at, found)
	if novel {
		searches++
	}
	skip, compared := 0, 0
	if next == 0 {
		if !starts(doc[at:], s.open) {
			return values, 0, true, 0
		}
		i = at + len(s.open)
		skip = len(s.sep) // the first key has none in front
	}
	for set := next; ; { // found[:set] is filled
		k := next
		if k == len(s.keys) || !starts(doc[i:], s.keys[k].text[skip:]) {
			if starts(doc[i:], s.end) {
				clear(found[set:])
				return values, i + len(s.end), clean, searches
			}
			var n int
			k, n = s.search(doc[i:], skip, next)
			compared += n
			if k < 0 || searches == maxSearches || compared > len(s.keys)+far*(searches+8) {
				return values, 0, true, searches
			}
			searches++
		}
		i += len(s.keys[k].text) - skip
		skip = 0
		stop, kind, ok := Check(doc, i)
		if stop == 0 {
			return values, 0, true, searches
		}
		clean = clean && ok
		if k >= set {
			clear(found[set:k])
			set = k + 1
		}
		found[k] = Value{Span{uint32(i), uint32(stop)}, kind}
		next = k + 1
		i = stop
	}
}

// straight goes through the object at doc[i] as long as its members are the expected ones,
// and mostly that is to its last value. It returns how many there were and the index behind
// them, and whether there was an object or array of a shape that is not known. It has the
// shortest way for the most common values: plain strings and whole numbers.
func (s *Shape) straight(doc []byte, i int, found []Value) (n, end int, clean, novel bool) {
	clean = true
	for n < len(s.whole) && n < len(found) {
		m := &s.whole[n]
		if !starts(doc[i:], m.text) {
			break
		}
		at := i + len(m.text)
		kind, stop := Bare, 0
		if doc[at] == '"' {
			kind, stop = Text, plainEnd(doc, at+1)
			if doc[stop] == '"' {
				stop++
			} else {
				var ok bool
				if stop, kind, ok = checkText(doc, stop); stop == 0 {
					break
				}
				clean = clean && ok
			}
		} else if doc[at]-'0' < 10 {
			stop = checkNumber(doc, at)
		}
		if stop == 0 {
			var ok, known bool
			if stop, kind, ok, known = m.inner.check(doc, at); stop == 0 {
				break
			}
			clean = clean && ok
			novel = novel || !known
		}
		found[n] = Value{Span{uint32(at), uint32(stop)}, kind}
		n++
		i = stop
	}
	return n, i, clean, novel
}

// check is the function Check for a value whose objects are expected to have the shape s,
// which may be nil. known says whether that was so.
func (s *Shape) check(doc []byte, i int) (end int, kind Kind, clean, known bool) {
	if c := doc[i]; s == flat || c != '{' && c != '[' {
		end, kind, clean = Check(doc, i)
		return end, kind, clean, true
	} else if s != nil {
		if c == '{' {
			end, clean = s.skim(doc, i)
		} else {
			end, clean = s.skimArray(doc, i)
		}
		if end > 0 {
			return end, nestedKind(clean), clean, true
		}
	}
	end, kind, clean = Check(doc, i)
	return end, kind, clean, false
}

// skim goes through the object at doc[i] if it has exactly the shape s. An end of 0 means
// that it has not, or is not valid.
func (s *Shape) skim(doc []byte, i int) (end int, clean bool) {
	clean = true
	for n := range s.whole {
		m := &s.whole[n]
		if !starts(doc[i:], m.text) {
			return 0, true
		}
		i += len(m.text)
		if doc[i] == '"' {
			if stop := plainEnd(doc, i+1); doc[stop] == '"' {
				i = stop + 1
				continue
			}
		} else if doc[i]-'0' < 10 {
			if stop := checkNumber(doc, i); stop > 0 {
				i = stop
				continue
			}
		}
		stop, _, ok, _ := m.inner.check(doc, i)
		if stop == 0 {
			return 0, true
		}
		clean = clean && ok
		i = stop
	}
	if !starts(doc[i:], s.end) {
		return 0, true
	}
	return i + len(s.end), clean
}

// skimArray goes through the array at doc[i], whose objects are expected to have the shape s.
func (s *Shape) skimArray(doc []byte, i int) (end int, clean bool) {
	if doc[i+1] == ']' {
		return i + 2, true
	}
	clean = true
	for doc[i] != ']' { // at the bracket, or at a comma
		i = skipBlank(doc, i+1)
		stop, ok := 0, true
		if doc[i] == '{' {
			stop, _, ok, _ = s.check(doc, i)
		} else {
			stop, _, ok = Check(doc, i) // and not arrays in arrays without end
		}
		if stop == 0 {
			return 0, true // of an empty array with white space in it too
		}
		clean = clean && ok
		if i = skipBlank(doc, stop); doc[i] != ',' && doc[i] != ']' {
			return 0, true
		}
	}
	return i + 1, clean
}

// maxSearches bounds the keys of one object that are not where they were expected. Past it
// the general way, which knows all keys by a map, is faster. So it is in large objects whose
// keys have no order, where a search goes far: more than once through all keys, which is what keys
// in order need at most, and then far keys a search.
const (
	maxSearches = 256
	far         = 32
)

// search finds the key at the start of doc, which is not keys[next], and counts what it
// compares. It looks behind that first, since most often keys are missing, and returns -1 for
// a key that is not known.
func (s *Shape) search(doc []byte, skip, next int) (k, compared int) {
	for k := next + 1; k < len(s.keys); k++ {
		if starts(doc, s.keys[k].text[skip:]) {
			return k, k - next
		}
	}
	compared = max(len(s.keys)-next-1, 0)
	for k := range min(next, len(s.keys)) {
		if starts(doc, s.keys[k].text[skip:]) {
			return k, compared + k + 1
		}
	}
	return -1, compared + next
}

func starts(doc []byte, text string) bool {
	return len(doc) >= len(text) && string(doc[:len(text)]) == text
}

// grow makes the slice longer by n values, whose content is undefined.
func grow(values []Value, n int) []Value {
	if need := len(values) + n; need <= cap(values) {
		return values[:need]
	}
	return append(values, make([]Value, n)...)
}
