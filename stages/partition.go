package stages

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/sluice-data/sluice/format/typed"
	"github.com/sluice-data/sluice/internal/hive"
	"github.com/sluice-data/sluice/internal/scan"
	"github.com/sluice-data/sluice/pipeline"
)

// Partition says for each record of a table that has partitions which one it belongs to, and brings
// those of one partition together.
type Partition struct {
	tables []*partitioner // nil for a table without
	groups groups

	numbers map[pathOf]int32 // of the batch's paths
	scratch []byte
	text    []byte
}

// pathOf is the path of a partition of a stream.
type pathOf struct {
	stream int32
	path   string
}

// partitioner is one worker's knowledge of one table.
type partitioner struct {
	table  *Table
	fields *flattener // of the fields that the keys take
	names  [][]byte   // of the keys: "country="
	values []int      // of each key: which of the fields; -1: the time of the record
	paths  map[string]string

	// The last path and what it was made of: neighbours mostly go to the same place.
	last   []byte
	number int32
}

// maxPaths bounds what is remembered: a key may have a value a record.
const maxPaths = 10_000

// NewPartition makes one worker's copy of the stage.
func NewPartition(catalog *Catalog) *Partition {
	p := &Partition{tables: make([]*partitioner, len(catalog.Tables)), groups: newGroups(len(catalog.Tables)), numbers: map[pathOf]int32{}}
	for i, t := range catalog.Tables {
		if len(t.Partition) > 0 {
			p.tables[i] = newPartitioner(t)
		}
	}
	return p
}

func newPartitioner(t *Table) *partitioner {
	p := &partitioner{table: t, paths: map[string]string{}}
	columns := map[string]uint32{}
	for i := range t.Partition {
		k := &t.Partition[i]
		p.names = append(p.names, k.AppendName(nil))
		value := -1
		if !k.EmittedAt {
			if _, known := columns[k.Field]; !known {
				columns[k.Field] = uint32(len(columns))
			}
			value = int(columns[k.Field])
		}
		p.values = append(p.values, value)
	}
	p.fields = newFlattener(columns, len(columns), false)
	return p
}

// Process finds the partitions.
func (p *Partition) Process(_ context.Context, b *pipeline.Batch) error {
	clear(p.numbers)
	for _, t := range p.tables {
		if t != nil {
			t.last = t.last[:0]
		}
	}
	some := false
	for i := range b.Records {
		r := &b.Records[i]
		t := p.tables[r.Stream]
		if t == nil {
			continue
		}
		some = true
		if err := p.path(b, r, t); err != nil {
			return &pipeline.LineError{Line: b.Line + int64(r.Line), Err: fmt.Errorf("RECORD of stream %s: %w", t.table.Stream, err)}
		}
		if string(p.scratch) != string(t.last) || len(t.last) == 0 {
			t.last = append(t.last[:0], p.scratch...)
			t.number = p.numberOf(b, r.Stream, t)
		}
		r.Partition = t.number
	}
	if some {
		p.groups.group(b)
	}
	return nil
}

// numberOf gives the path in scratch its number in the batch.
func (p *Partition) numberOf(b *pipeline.Batch, stream int32, t *partitioner) int32 {
	path, known := t.paths[string(p.scratch)]
	if !known {
		if len(t.paths) == maxPaths {
			clear(t.paths)
		}
		path = string(p.scratch)
		t.paths[path] = path
	}
	key := pathOf{stream, path}
	n, known := p.numbers[key]
	if !known {
		b.Partitions = append(b.Partitions, path)
		n = int32(len(b.Partitions))
		p.numbers[key] = n
	}
	return n
}

// path writes the path of a record into scratch.
func (p *Partition) path(b *pipeline.Batch, r *pipeline.Record, t *partitioner) error {
	values := b.ValuesOf(r)
	if plan := t.fields.planOf(r.Shape); plan != nil {
		r.Columns = plan.columns
	} else {
		t.fields.irregular(b, r, values)
	}
	p.scratch = p.scratch[:0]
	for i := range t.table.Partition {
		if i > 0 {
			p.scratch = append(p.scratch, '/')
		}
		p.scratch = append(p.scratch, t.names[i]...)
		start := len(p.scratch)
		k := &t.table.Partition[i]
		if f := t.values[i]; f < 0 {
			p.scratch = k.AppendTime(p.scratch, time.UnixMilli(r.EmittedAt).UTC())
		} else if at := r.Columns[f]; at >= 0 {
			p.value(b, k, values[at])
		}
		size := len(p.scratch) - start
		most := hive.MaxValue(len(t.table.Partition))
		if size > most && !t.table.PartitionColumns {
			return fmt.Errorf("the value of %s has %d bytes, which is too long for the name of a directory, and its column is not in the file (partition_columns: \"keep\" puts it there)", k.Field, size)
		}
		if size == 0 || size > most {
			p.scratch = append(p.scratch[:start], hive.Null...)
		}
	}
	return nil
}

// value appends what a key takes of a value; nothing of one that is null, or no time where it should be.
func (p *Partition) value(b *pipeline.Batch, k *PartitionKey, v scan.Value) {
	var text []byte
	switch v.Kind {
	case scan.Missing, scan.Null:
		return
	case scan.Bare, scan.JSON:
		text = v.Of(b.Input)
	case scan.DirtyJSON:
		p.text, _ = scan.AppendClean(p.text[:0], v.Of(b.Input))
		text = p.text
	case scan.Text:
		text = b.Input[v.Start+1 : v.End-1]
	case scan.Escaped:
		p.text, _ = scan.AppendUnescaped(p.text[:0], b.Input[v.Start+1:v.End-1])
		text = p.text
	}
	if k.Func == hive.Value {
		p.scratch = hive.AppendValue(p.scratch, text)
		return
	}
	if micros, ok := typed.ParseTime(text); ok {
		p.scratch = k.AppendTime(p.scratch, time.UnixMicro(micros).UTC())
	}
}

// PartitionKey is one that a table's partitions are named by.
type PartitionKey struct {
	hive.Key
	EmittedAt bool // it takes the time of the record, and no field
}

// Hidden are the fields that are not in the files, because the partitions' names have them.
func (t *Table) Hidden() []string {
	var all []string
	for _, k := range t.Partition {
		if !t.PartitionColumns && !k.EmittedAt && k.Func == hive.Value && !slices.Contains(all, k.Field) {
			all = append(all, k.Field)
		}
	}
	return all
}
