package stages

import (
	"bytes"
	"cmp"
	"context"
	"slices"

	"github.com/sluice-data/sluice/internal/scan"
	"github.com/sluice-data/sluice/pipeline"
)

// Flatten says for each record of a flattened table which of its values belongs to which
// column: root fields, in the order of the schema. Records mostly share their shape, so a
// worker works that out once a shape, and then once more only for records that have none.
type Flatten struct {
	tables []*flattener // nil for a table that is not flattened
}

// NewFlatten makes one worker's copy of the stage.
func NewFlatten(catalog *Catalog) *Flatten {
	f := &Flatten{tables: make([]*flattener, len(catalog.Tables))}
	for i, t := range catalog.Tables {
		if t.Format.Flatten {
			f.tables[i] = newFlattener(t.columns, len(t.Format.Columns), t.Format.KeepUndeclared)
		}
	}
	return f
}

// Process flattens the batch.
func (f *Flatten) Process(_ context.Context, b *pipeline.Batch) error {
	for i := range b.Records {
		r := &b.Records[i]
		t := f.tables[r.Stream]
		if t == nil {
			continue
		}
		if p := t.planOf(r.Shape); p == nil {
			t.irregular(b, r, b.ValuesOf(r))
		} else if r.Columns = p.columns; p.undeclared != nil {
			t.undeclaredMembers(b, r, p, b.ValuesOf(r))
		}
	}
	for i, t := range f.tables {
		if t != nil && t.dropped {
			b.Undeclared = t.report(b.Undeclared, int32(i))
		}
	}
	return nil
}

// flattener is one worker's knowledge of one table.
type flattener struct {
	columns map[string]uint32
	shown   int  // so many of these, the first ones, are in the row
	extra   bool // undeclared members are kept

	last  [2]*plan // that were used last: where two workers decode, there are two of each
	plans map[*scan.Shape]*plan
	text  [2][]byte // scratch for unescaped keys

	undeclared map[string]*undeclared
	dropped    bool // some were counted since the last report
}

// plan is how the records of one shape are flattened.
type plan struct {
	shape      *scan.Shape
	columns    []int32 // see format.Row.Columns
	undeclared []member
	twins      bool // two of its keys that are not dropped are the same one, written differently: no plan will do
}

// member is a key of a shape that is not in the schema.
type member struct {
	index int
	drop  *undeclared
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

// maxPlans bounds the shapes that are remembered a table. Each decoder learns its own, and
// drops what it has learned when records change.
const maxPlans = 64

func newFlattener(columns map[string]uint32, shown int, extra bool) *flattener {
	return &flattener{
		columns:    columns,
		shown:      shown,
		extra:      extra,
		plans:      map[*scan.Shape]*plan{},
		undeclared: map[string]*undeclared{},
	}
}

// planOf returns the plan of a shape, or nil where each record needs its own.
func (f *flattener) planOf(s *scan.Shape) *plan {
	if s == nil {
		return nil
	}
	p := f.last[0]
	if p == nil || p.shape != s {
		if p = f.last[1]; p == nil || p.shape != s {
			p = f.known(s)
		}
		f.last[0], f.last[1] = p, f.last[0]
	}
	if p.twins {
		return nil
	}
	return p
}

// known looks a plan up, or makes it.
func (f *flattener) known(s *scan.Shape) *plan {
	p := f.plans[s]
	if p == nil {
		if len(f.plans) == maxPlans {
			clear(f.plans)
		}
		p = f.newPlan(s)
		f.plans[s] = p
	}
	return p
}

func (f *flattener) newPlan(s *scan.Shape) *plan {
	p := &plan{shape: s, columns: missing(nil, len(f.columns))}
	kept := map[string]bool{}
	for i := range s.Len() {
		column, drop := f.find([]byte(s.Key(i)))
		switch {
		case drop != nil:
			p.undeclared = append(p.undeclared, member{i, drop})
			if f.extra {
				name := string(f.unescaped(0, []byte(s.Key(i))))
				p.twins = p.twins || kept[name]
				kept[name] = true
			}
		case p.columns[column] >= 0:
			p.twins = true
		default:
			p.columns[column] = int32(i)
		}
	}
	p.columns = p.columns[:f.shown]
	return p
}

// missing appends n columns that have no value.
func missing(columns []int32, n int) []int32 {
	for range n {
		columns = append(columns, -1)
	}
	return columns
}

// undeclaredMembers counts those that the record has, and keeps them if the table does.
func (f *flattener) undeclaredMembers(b *pipeline.Batch, r *pipeline.Record, p *plan, values []scan.Value) {
	first := len(b.Extra)
	for _, m := range p.undeclared {
		if v := values[m.index]; v.Kind != scan.Missing {
			f.count(b, m.drop, p.shape.Member(m.index, v))
		}
	}
	r.Extra = b.Extra[first:len(b.Extra):len(b.Extra)]
}

func (f *flattener) count(b *pipeline.Batch, u *undeclared, whole scan.Span) {
	if f.extra {
		b.Extra = append(b.Extra, whole)
	}
	u.count++
	f.dropped = true
}

// irregular flattens a record by itself. Of two values of a column the one that stands
// last in the record wins.
func (f *flattener) irregular(b *pipeline.Batch, r *pipeline.Record, values []scan.Value) {
	start, first := len(b.Columns), len(b.Extra)
	b.Columns = missing(b.Columns, len(f.columns))
	columns := b.Columns[start:len(b.Columns):len(b.Columns)]
	take := func(key []byte, i int, whole scan.Span) {
		column, drop := f.find(key)
		if drop != nil {
			f.count(b, drop, whole)
		} else if old := columns[column]; old < 0 || values[old].Start < values[i].Start {
			columns[column] = int32(i)
		}
	}
	if r.Shape != nil {
		for i, v := range values {
			if v.Kind != scan.Missing {
				take([]byte(r.Shape.Key(i)), i, r.Shape.Member(i, v))
			}
		}
	} else {
		for i := 1; i < len(values); i += 2 {
			key := values[i-1]
			take(b.Input[key.Start+1:key.End-1], i, scan.Span{Start: key.Start, End: values[i].End})
		}
	}
	r.Columns, r.Extra = columns[:f.shown], f.lastOfEach(b.Input, b.Extra[first:len(b.Extra):len(b.Extra)])
}

// lastOfEach puts members into their order, and keeps of those with one key the last, as it is with
// columns: a reader that finds a key twice refuses the file, or takes any of them.
func (f *flattener) lastOfEach(doc []byte, members []scan.Span) []scan.Span {
	if len(members) < 2 {
		return members
	}
	slices.SortFunc(members, func(a, b scan.Span) int {
		return cmp.Or(f.compareKeys(doc, a, b), cmp.Compare(b.Start, a.Start))
	})
	members = slices.CompactFunc(members, func(a, b scan.Span) bool { return f.compareKeys(doc, a, b) == 0 })
	slices.SortFunc(members, func(a, b scan.Span) int { return cmp.Compare(a.Start, b.Start) })
	return members
}

func (f *flattener) compareKeys(doc []byte, a, b scan.Span) int {
	return bytes.Compare(f.unescaped(0, keyOf(doc, a)), f.unescaped(1, keyOf(doc, b)))
}

// keyOf is the key of a member, without its quotes.
func keyOf(doc []byte, member scan.Span) []byte {
	start := int(member.Start)
	return doc[start+1 : scan.SkipValue(doc, start)-1]
}

// unescaped is the text of a key, until that scratch is used again.
func (f *flattener) unescaped(scratch int, raw []byte) []byte {
	if scan.Plain(raw) {
		return raw
	}
	f.text[scratch], _ = scan.AppendUnescaped(f.text[scratch][:0], raw)
	return f.text[scratch]
}

// find looks a key up by its text, which may be escaped.
func (f *flattener) find(raw []byte) (column uint32, drop *undeclared) {
	text := f.unescaped(0, raw)
	if column, ok := f.columns[string(text)]; ok {
		return column, nil
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
	return 0, u
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
