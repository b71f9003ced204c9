package stages

import (
	"context"

	"github.com/sluice-data/sluice/format"
	"github.com/sluice-data/sluice/pipeline"
)

// Encode turns each record into a row of its table's format, and cuts the batch into
// segments: neighbouring rows of one stream with no mark between them.
type Encode struct {
	catalog  *Catalog
	row      format.Row
	replaced []int64                // by stream, since the last report
	changed  map[changedField]int64 // values, likewise
	dropped  map[droppedField]int64 // members of nested objects, likewise
}

type changedField struct {
	stream    int32
	field     string
	truncated bool
}

type droppedField struct {
	stream int32
	field  string
}

// NewEncode makes one worker's copy of the stage.
func NewEncode(catalog *Catalog) *Encode {
	return &Encode{
		catalog: catalog, replaced: make([]int64, len(catalog.Tables)),
		changed: map[changedField]int64{}, dropped: map[droppedField]int64{},
	}
}

// Process encodes the batch.
func (e *Encode) Process(_ context.Context, b *pipeline.Batch) error {
	row := &e.row
	row.Doc = b.Input
	marks := b.Marks
	replaced := false
	for i := range b.Records {
		r := &b.Records[i]
		broken := i == 0 || r.Stream != b.Records[i-1].Stream || r.Partition != b.Records[i-1].Partition
		for len(marks) > 0 && int(marks[0].At) <= i {
			marks = marks[1:]
			broken = true
		}
		if broken {
			b.Segments = append(b.Segments, pipeline.Segment{Stream: r.Stream, Partition: r.Partition, First: int32(i), Start: len(b.Output)})
		}
		row.ID, row.EmittedAt, row.Data, row.Changes, row.Clean = r.ID, r.EmittedAt, r.Data, r.Changes, r.Clean
		row.Values, row.Columns, row.Extra = b.ValuesOf(r), r.Columns, r.Extra
		var n int
		b.Output, n = e.catalog.Tables[r.Stream].Encoder.AppendRow(b.Output, row)
		if n > 0 {
			e.replaced[r.Stream] += int64(n)
			replaced = true
		}
		if len(row.Changed)+len(row.Dropped) > 0 {
			e.note(r.Stream)
		}
		r.End = len(b.Output)
		last := &b.Segments[len(b.Segments)-1]
		last.Rows++
		last.End = r.End
	}
	e.row = format.Row{Changed: row.Changed[:0], Dropped: row.Dropped[:0], Scratch: row.Scratch[:0]} // keep nothing of the batch
	e.report(b)
	if replaced {
		for i, n := range e.replaced {
			if n > 0 {
				b.Replaced = append(b.Replaced, pipeline.Replaced{Stream: int32(i), Count: n})
				e.replaced[i] = 0
			}
		}
	}
	return nil
}

// note counts what the encoder had to say of a row.
func (e *Encode) note(stream int32) {
	row := &e.row
	for _, c := range row.Changed {
		e.changed[changedField{stream, c.Field, c.Truncated}]++
	}
	for _, field := range row.Dropped {
		e.dropped[droppedField{stream, field}]++
	}
	row.Changed, row.Dropped = row.Changed[:0], row.Dropped[:0]
}

// report says what was noted since the last report.
func (e *Encode) report(b *pipeline.Batch) {
	for c, n := range e.changed {
		b.Changed = append(b.Changed, pipeline.Changed{Stream: c.stream, Field: c.field, Truncated: c.truncated, Count: n})
	}
	for d, n := range e.dropped {
		b.Undeclared = append(b.Undeclared, pipeline.Undeclared{Stream: d.stream, Field: d.field, Count: n})
	}
	clear(e.changed)
	clear(e.dropped)
}
