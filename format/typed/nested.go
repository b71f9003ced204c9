package typed

import (
	"slices"

	"github.com/sluice-data/sluice/internal/scan"
)

// record appends the object at doc[at]. Its members may come in any order, so first it is seen what there
// is, in Scratch, which the records around this one use too.
func (w *writer) record(dst []byte, c *column, at int) []byte {
	base, count := len(w.row.Scratch), len(c.keys)
	scratch := slices.Grow(w.row.Scratch, count)[:base+count]
	found := scratch[base:]
	clear(found)
	w.row.Scratch = scratch
	next, others := 0, false
	for m := scan.Object(w.doc, at); m.Next(); {
		if key := m.Key.Of(w.doc); next >= count || string(key) != c.keys[next] { // most come in the schema's order
			if next = w.place(dst, c, key); next < 0 {
				next, others = 0, true
				if !c.open {
					w.drop(dst, c, key)
				}
				continue
			}
		}
		found[next] = m.Value // of twins the last counts
		next++
	}
	for i := range c.fields {
		if value := w.row.Scratch[base+i]; value.None() {
			dst = append(dst, 0)
		} else {
			dst = w.value(dst, &c.fields[i], w.nested(value))
		}
	}
	w.row.Scratch = w.row.Scratch[:base]
	if c.open {
		dst = w.others(dst, c, at, others)
	}
	return dst
}

// place is the place of a key among the fields, or -1. The text of one with escapes is made behind dst.
func (w *writer) place(dst []byte, c *column, key []byte) int {
	if !scan.Plain(key) {
		key, _ = scan.AppendUnescaped(dst[len(dst):], key)
	}
	if place, ok := c.places[string(key)]; ok {
		return int(place)
	}
	return -1
}

// drop tells of an undeclared member. A source mostly sends the same ones with every record, so the name
// that was at this place for an earlier row will do again: its memory is still there.
func (w *writer) drop(dst []byte, c *column, key []byte) {
	text, _ := scan.AppendUnescaped(append(append(dst[len(dst):], c.path...), '.'), key)
	n, all := len(w.row.Dropped), w.row.Dropped[:cap(w.row.Dropped)]
	if n < len(all) && all[n] == string(text) {
		w.row.Dropped = all[:n+1]
		return
	}
	w.row.Dropped = append(w.row.Dropped, string(text))
}

// others appends the undeclared members of the object at doc[at], if there are some.
func (w *writer) others(dst []byte, c *column, at int, some bool) []byte {
	if !some {
		return append(dst, 0)
	}
	w.undeclared++
	m := scan.Object(w.doc, at)
	return w.join(dst, func(dst []byte) scan.Span {
		for m.Next() {
			if w.place(dst, c, m.Key.Of(w.doc)) < 0 {
				return scan.Span{Start: m.Key.Start - 1, End: m.Value.End}
			}
		}
		return scan.Span{}
	})
}

// members appends the undeclared members of the root.
func (w *writer) members(dst []byte, extra []scan.Span) []byte {
	if len(extra) == 0 {
		return append(dst, 0)
	}
	return w.join(dst, func([]byte) (next scan.Span) {
		if len(extra) > 0 {
			next, extra = extra[0], extra[1:]
		}
		return next
	})
}

// join appends an object of members, nullable: those that next returns up to an empty one. It gets what is
// written so far, behind which it may make texts.
func (w *writer) join(dst []byte, next func(dst []byte) scan.Span) []byte {
	at := len(dst) + 1
	dst = append(dst, 2, 0)
	separator := byte('{')
	for {
		member := next(dst)
		if member.None() {
			break
		}
		dst = append(dst, separator)
		separator = ','
		if w.row.Clean {
			dst = append(dst, member.Of(w.doc)...)
			continue
		}
		var bad int
		dst, bad = scan.AppendClean(dst, member.Of(w.doc))
		w.replaced += bad
	}
	dst = append(dst, '}')
	return settle(dst, at, 1, len(dst)-at-1)
}

// array appends the array at doc[at].
func (w *writer) array(dst []byte, c *column, at int) []byte {
	start, count := len(dst), 0
	dst = append(dst, 0)
	for i := nextElement(w.doc, at+1); i >= 0; count++ {
		end := scan.SkipValue(w.doc, i)
		dst = w.value(dst, c.items, w.nested(scan.Span{Start: uint32(i), End: uint32(end)}))
		i = nextElement(w.doc, end)
	}
	if count == 0 {
		return dst
	}
	return append(settle(dst, start, 1, count), 0)
}

// union appends a value as the first branch that takes all of it, or else as the first that takes it at
// all. What that one made stays in front of what later branches try.
func (w *writer) union(dst []byte, c *column, v scan.Value) (out []byte, found verdict) {
	start, before, first := len(dst), w.losses(), true
	found = mismatch
	for i := range c.branches {
		b := &c.branches[i]
		if !b.accepts(w.doc[v.Start]) {
			continue
		}
		at, earlier := len(dst), w.losses()
		try, fits := w.put(append(room(dst, 1+scalar), b.index), b, v)
		if now := w.losses(); fits == exact && now.none(earlier) {
			w.forget(before)
			w.replaced += now.replaced - earlier.replaced
			return slices.Delete(try, start, at), exact
		}
		if fits <= truncated && first {
			first, found, dst = false, fits, try
			continue
		}
		if first {
			found = min(found, fits)
		}
		w.forget(earlier)
		dst = try[:at]
	}
	return dst, found
}

// losses counts what was told of a row so far.
type losses struct{ changed, dropped, undeclared, replaced int }

func (w *writer) losses() losses {
	return losses{len(w.row.Changed), len(w.row.Dropped), w.undeclared, w.replaced}
}

// none reports whether nothing was lost since: a record with members that it does not declare is not what
// another one may be, even where these are kept.
func (l losses) none(earlier losses) bool {
	l.replaced = earlier.replaced
	return l == earlier
}

// forget takes back what was told since.
func (w *writer) forget(to losses) {
	w.row.Changed, w.row.Dropped = w.row.Changed[:to.changed], w.row.Dropped[:to.dropped]
	w.undeclared, w.replaced = to.undeclared, to.replaced
}

// accepts reports whether a branch is for values that begin so. In a union a number in a string is a
// string.
func (c *column) accepts(first byte) bool {
	switch c.kind {
	case Record:
		return first == '{'
	case Array:
		return first == '['
	case Boolean:
		return first == 't' || first == 'f'
	case Long, Double, Decimal:
		return first == '-' || first-'0' < 10
	}
	return first == '"'
}
