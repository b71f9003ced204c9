package typed

import (
	"errors"
	"slices"
	"strings"

	"github.com/sluice-data/sluice/format"
)

// Encoder writes the rows of one table. It is immutable, and so shared by any number of workers. A format
// adds what stands around rows.
type Encoder struct {
	root                 *Type
	metadata             format.MetadataColumns
	syncID, generationID []byte // as they stand in rows
	columns              []column
	open                 bool
}

// New makes the encoder of a table. The table must be flattened: columns are what has types.
func New(table *format.Table, schema []byte, numbers Numbers) (*Encoder, error) {
	if !table.Flatten {
		return nil, errors.New("a table must be flattened to have typed columns")
	}
	root, err := Root(table, schema, numbers)
	if err != nil {
		return nil, err
	}
	e := &Encoder{
		root: root, metadata: table.Metadata, open: root.Open,
		syncID: constant(table.SyncID), generationID: constant(table.GenerationID),
	}
	first := len(table.Metadata.Names())
	for i, name := range table.Columns {
		e.columns = append(e.columns, newColumn(root.Fields[first+i].Type, name))
	}
	return e, nil
}

// Root is the type of the rows: a record.
func (e *Encoder) Root() *Type { return e.root }

// column is a Type, made ready for writing.
type column struct {
	kind             Kind
	index            byte   // what stands in front of a value: its branch of the union, zigzag
	path             string // for a Change
	precision, scale int
	wide             bool // a Decimal of 16 bytes
	zoned, open      bool

	keys     []string // of fields, as they stand in documents; without the one for undeclared members
	places   map[string]int32
	fields   []column
	items    *column
	branches []column
}

func newColumn(t *Type, path string) column {
	c := column{kind: t.Kind, index: 2, path: path, precision: t.Precision, scale: t.Scale, wide: t.Size() == 16, zoned: t.Zoned, open: t.Open}
	fields := t.Fields
	if t.Open {
		fields = fields[:len(fields)-1]
	}
	if t.Kind == Record {
		c.places = map[string]int32{}
	}
	for i, f := range fields {
		key := f.Name
		if strings.IndexByte(key, '\\') >= 0 {
			key = `"` // what no key in a document is: one that looks like this has an escape there
		}
		c.keys = append(c.keys, key)
		c.places[f.Name] = int32(i)
		c.fields = append(c.fields, newColumn(f.Type, path+"."+f.Name))
	}
	if t.Items != nil {
		items := newColumn(t.Items, path)
		c.items = &items
	}
	for i, b := range t.Branches {
		branch := newColumn(b, path)
		branch.index = byte(2 * (i + 1))
		c.branches = append(c.branches, branch)
	}
	return c
}

// AppendRow appends one record. What its columns can't hold is null, or cut, and told in row.Changed;
// undeclared members of nested objects, unless they are kept, in row.Dropped.
func (e *Encoder) AppendRow(dst []byte, row *format.Row) (out []byte, replaced int) {
	w := writer{row: row, doc: row.Doc}
	start, changed := len(dst), len(row.Changed)
	dst = w.metadata(room(dst, 128+row.Data.Len()), e, nil)
	values := len(dst)
	for i, at := range row.Columns {
		if at < 0 {
			dst = append(dst, 0)
		} else {
			dst = w.value(dst, &e.columns[i], row.Values[at])
		}
	}
	if e.open {
		dst = w.members(dst, row.Extra)
	}
	if ours := row.Changed[changed:]; len(ours) > 0 && e.metadata == format.MetadataV2 {
		// The changes stand in front of the values that make them: all of it once more, behind.
		again, replaced := len(dst), w.replaced
		dst = w.metadata(dst, e, ours)
		w.replaced = replaced
		dst = append(dst, dst[values:again]...)
		dst = slices.Delete(dst, start, again)
	}
	return dst, w.replaced
}

// room makes room for n more bytes.
func room(dst []byte, n int) []byte {
	if cap(dst)-len(dst) < n {
		return grow(dst, n)
	}
	return dst
}

// grow is apart so that room is small enough to be inlined.
//
//go:noinline
func grow(dst []byte, n int) []byte { return slices.Grow(dst, n) }
