package naming

import "strings"

// class is a set of characters.
type class [4]uint64

func of(chars string) (c class) {
	for _, b := range []byte(chars) {
		c[b/64] |= 1 << (b % 64)
	}
	return c
}

func (c class) meets(d class) bool {
	for i := range c {
		if c[i]&d[i] != 0 {
			return true
		}
	}
	return false
}

const digits = "0123456789"

// cell is one character of a key. It may come several times (more), or the next skip cells, with this one,
// may be left out.
type cell struct {
	class class
	more  bool
	skip  int
}

// plain reports whether the cell is there once.
func (c cell) plain() bool { return !c.more && c.skip == 0 }

// asCells are the keys of names as a sequence of characters. Of an extension they say less than its
// pattern: any letters and dots.
func (n *Names) asCells() (all []cell) {
	for _, e := range n.elements {
		switch e.kind {
		case literal:
			for _, b := range []byte(e.text) {
				all = append(all, cell{class: of(string([]byte{b}))})
			}
		case partition:
			all = append(all, partitionCells()...)
		case epoch, syncID, part:
			all = append(all, cell{class: of(digits), more: true})
		case again:
			all = append(all, cell{class: of(separator), skip: 2}, cell{class: of(digits), more: true})
		case uuid:
			for _, r := range "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx" {
				if r == '-' {
					all = append(all, cell{class: of("-")})
				} else {
					all = append(all, cell{class: of(digits + "abcdef")})
				}
			}
		case extension:
			all = append(all, cell{class: of(".")}, cell{class: of("abcdefghijklmnopqrstuvwxyz."), more: true})
		default:
			for range widths[e.kind] {
				all = append(all, cell{class: of(digits)})
			}
		}
	}
	return all
}

// Overlaps reports whether there is a key that both streams' objects could have.
func (n *Names) Overlaps(other *Names) bool {
	if !strings.HasPrefix(n.prefix, other.prefix) && !strings.HasPrefix(other.prefix, n.prefix) {
		return false // most streams of most templates
	}
	return meet(n.cells(), other.cells(), false)
}

// ambiguous reports whether there is a key that can be read in two ways.
func (n *Names) ambiguous() bool {
	all := n.cells()
	return meet(all, all, true)
}

// mostPlaces bounds the time that a template of somebody who only tries may take. What is not known
// by then is refused.
const mostPlaces = 1 << 18

// meet reads a key by both at the same time, all keys at once, and reports whether both can come
// to the end of one; if apart is set, in such a way that a character was not the same cell of both.
func meet(a, b []cell, apart bool) bool {
	type place struct {
		i, j  int
		apart bool
	}
	start := place{apart: !apart}
	// Most streams differ in a name, behind a text or a date that they have in common.
	for start.i < min(len(a), len(b)) && a[start.i].plain() && b[start.i].plain() {
		if !a[start.i].class.meets(b[start.i].class) {
			return false
		}
		start.i, start.j = start.i+1, start.j+1
	}
	todo, seen := []place{start}, map[place]bool{start: true}
	for len(todo) > 0 {
		if len(seen) > mostPlaces {
			return true
		}
		p := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		for _, i := range from(a, p.i) {
			for _, j := range from(b, p.j) {
				if i == len(a) && j == len(b) && p.apart {
					return true
				}
				if i == len(a) || j == len(b) || !a[i].class.meets(b[j].class) {
					continue
				}
				for _, behind := range []place{{i + 1, j + 1, false}, {i, j + 1, false}, {i + 1, j, false}, {i, j, false}} {
					if behind.i == i && !a[i].more || behind.j == j && !b[j].more {
						continue
					}
					if behind.apart = p.apart || i != j; !seen[behind] {
						seen[behind] = true
						todo = append(todo, behind)
					}
				}
			}
		}
	}
	return false
}

// from are the cells that may come next at a place.
func from(all []cell, i int) []int {
	places := []int{i}
	for i < len(all) && all[i].skip > 0 {
		i += all[i].skip
		places = append(places, i)
	}
	return places
}
