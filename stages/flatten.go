package stages

import (
	"bytes"
	"context"

	"github.com/sluice-data/sluice/internal/scan"
	"github.com/sluice-data/sluice/pipeline"
)

// Flatten finds the cells of each record of a flattened table: the values of the root
// fields, in the order of the columns. The tables of its worker each remember the keys of
// their last record: the next one mostly has the same keys in the same order, and then one
// comparison a key finds the column.
type Flatten struct {
	tables []*flattener // nil for a table that is not flattened
}

// NewFlatten makes one worker's copy of the stage.
func NewFlatten(catalog *Catalog) *Flatten {
	f := &Flatten{tables: make([]*flattener, len(catalog.Tables))}
	for i, t := range catalog.Tables {
		if t.Format.Flatten {
			f.tables[i] = newFlattener(t)
		}
	}
	return f
}

// Process flattens the batch.
func (f *Flatten) Process(_ context.Context, b *pipeline.Batch) error {
	for i := range b.Records {
		r := &b.Records[i]
		if t := f.tables[r.Stream]; t != nil {
			b.Cells = t.flatten(b.Cells, b.Input, int(r.Data.Start))
		}
		r.Cells = int32(len(b.Cells))
	}
	for i, t := range f.tables {
		if t != nil && t.dropped {
			b.Undeclared = t.report(b.Undeclared, int32(i))
		}
	}
	return nil
}

// flattener is one worker's plan for one table.
type flattener struct {
	columns map[string]uint32
	extra   bool // undeclared members are kept, as cells of column len(columns)

	guess   []field // the keys of the last record, in its order
	text    []byte  // scratch for an unescaped key
	slots   []slot  // by column: scratch for a record whose keys are not in order
	round   uint32  // that slots belong to
	members []scan.Cell

	undeclared map[string]*undeclared
	dropped    bool // some were counted since the last report
}

type field struct {
	key    []byte // as it stands in the document
	column uint32
	drop   *undeclared // not nil: the field is not in the schema
}

type slot struct {
	round uint32
	value scan.Span
}

type undeclared struct {
	name  string
	count int64 // since the last report
}

// maxUndeclared bounds the names that are remembered a table: a source that makes up a key
// a record must not fill the memory. The others are counted together.
const maxUndeclared = 1000

// OtherFields stands for all undeclared fields past the first thousand.
const OtherFields = "(other fields)"

func newFlattener(t *Table) *flattener {
	return &flattener{
		columns:    t.columns,
		extra:      t.Format.KeepUndeclared,
		slots:      make([]slot, len(t.Format.Columns)),
		undeclared: map[string]*undeclared{},
	}
}

// flatten appends the cells of the object at doc[at].
func (f *flattener) flatten(cells []scan.Cell, doc []byte, at int) []scan.Cell {
	first := len(cells)
	next := uint32(0) // columns below it have their cells already, or none
	f.members = f.members[:0]
	i := 0
	for o := scan.Object(doc, at); o.Next(); i++ {
		known := f.field(doc, o.Key, i)
		switch {
		case known.drop != nil:
			f.undeclaredMember(known.drop, &o)
		case known.column >= next:
			cells = append(cells, scan.Cell{Column: known.column, Span: o.Value})
			next = known.column + 1
		default:
			cells = f.outOfOrder(cells, first, scan.Cell{Column: known.column, Span: o.Value}, doc, &o, i)
			return append(cells, f.members...)
		}
	}
	return append(cells, f.members...)
}

// outOfOrder finishes a record in which cell comes behind one of a higher column, or is the
// second of its column: then the last one wins. o stands at cell.
func (f *flattener) outOfOrder(cells []scan.Cell, first int, cell scan.Cell, doc []byte, o *scan.Members, i int) []scan.Cell {
	f.round++
	for _, c := range cells[first:] {
		f.slots[c.Column] = slot{f.round, c.Span}
	}
	f.slots[cell.Column] = slot{f.round, cell.Span}
	for i++; o.Next(); i++ {
		known := f.field(doc, o.Key, i)
		if known.drop == nil {
			f.slots[known.column] = slot{f.round, o.Value}
			continue
		}
		f.undeclaredMember(known.drop, o)
	}
	cells = cells[:first]
	for column, s := range f.slots {
		if s.round == f.round {
			cells = append(cells, scan.Cell{Column: uint32(column), Span: s.value})
		}
	}
	return cells
}

// undeclaredMember counts the member at which o stands, and keeps it if the table does.
func (f *flattener) undeclaredMember(u *undeclared, o *scan.Members) {
	if f.extra {
		whole := scan.Span{Start: o.Key.Start - 1, End: o.Value.End}
		f.members = append(f.members, scan.Cell{Column: uint32(len(f.columns)), Span: whole})
	}
	u.count++
	f.dropped = true
}

// field finds the column of the i-th key of a record.
func (f *flattener) field(doc []byte, key scan.Span, i int) field {
	raw := key.Of(doc)
	if i < len(f.guess) && bytes.Equal(f.guess[i].key, raw) {
		return f.guess[i]
	}
	found := f.find(raw)
	if i >= len(f.guess) {
		if i >= 4*len(f.columns)+64 {
			return found // an unusual record: not worth remembering
		}
		f.guess = append(f.guess, field{})
	}
	// Refill the key's memory, so that records that alternate do not allocate.
	found.key = append(f.guess[i].key[:0], raw...)
	f.guess[i] = found
	return found
}

// find looks a key up by its text.
func (f *flattener) find(raw []byte) field {
	text := raw
	if !scan.Plain(raw) {
		f.text, _ = scan.AppendUnescaped(f.text[:0], raw)
		text = f.text
	}
	if column, ok := f.columns[string(text)]; ok {
		return field{column: column}
	}
	u := f.undeclared[string(text)]
	if u == nil && len(f.undeclared) >= maxUndeclared {
		text = []byte(OtherFields)
		u = f.undeclared[OtherFields]
	}
	if u == nil {
		u = &undeclared{name: string(text)}
		f.undeclared[u.name] = u
	}
	return field{drop: u}
}

// report appends what was counted since the last report.
func (f *flattener) report(out []pipeline.Undeclared, stream int32) []pipeline.Undeclared {
	for _, u := range f.undeclared {
		if u.count > 0 {
			out = append(out, pipeline.Undeclared{Stream: stream, Field: u.name, Count: u.count})
			u.count = 0
		}
	}
	f.dropped = false
	return out
}
