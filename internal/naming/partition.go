package naming

import (
	"slices"
	"strings"
)

// A partition's path, as Hive names it, stands behind the last "/" of a template:
//
//	data/shop/orders/country=DE/day=2026-11-22/2026_11_23_1795400000000_0.parquet
//
// Which keys it has is not looked at when keys are read: those of a table that had others before, or
// none, belong to the stream as well.

// maxLevels is how many directories there are at most: as many as partition_by may have keys.
const maxLevels = 8

// level is one of them.
const level = `[^/=]+=[^/]+/`

// WithPartitions says that objects stand in partitions, whose paths are at most as long as this one.
func (t *Template) WithPartitions(longest string) {
	t.longest = longest
	t.makeStreams()
}

// partitioned puts the place of the partition into names.
func (n *Names) partitioned(longest string) {
	n.longest = longest
	at := -1
	for i, e := range n.elements {
		if e.kind == literal && strings.Contains(e.text, "/") {
			at = i
		}
	}
	inserted := []element{{kind: partition}}
	if at >= 0 {
		text := n.elements[at].text
		cut := strings.LastIndexByte(text, '/') + 1
		n.elements[at].text = text[:cut]
		if rest := text[cut:]; rest != "" {
			inserted = append(inserted, element{text: rest})
		}
	}
	n.elements = slices.Insert(n.elements, at+1, inserted...)
	if at < n.file {
		n.file += len(inserted)
	}
}

// Within is what the keys of a sync begin with in all partitions, as far as it is the same.
func (n *Names) Within(v Values) string {
	end := n.file
	if i := slices.IndexFunc(n.elements, func(e element) bool { return e.kind == partition }); i >= 0 {
		end = min(end, i)
	}
	return render(n.elements[:end], &v)
}

// partitionCells are the keys' characters where a partition may stand.
func partitionCells() (all []cell) {
	var every, name class
	for b := range 256 {
		if b != '/' {
			every[b/64] |= 1 << (b % 64)
			if b != '=' {
				name[b/64] |= 1 << (b % 64)
			}
		}
	}
	for range maxLevels {
		all = append(all, cell{class: name, more: true, skip: 4}, cell{class: of("=")}, cell{class: every, more: true}, cell{class: of("/")})
	}
	return all
}
