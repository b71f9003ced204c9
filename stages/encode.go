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
	replaced []int64 // by stream, since the last report
}

// NewEncode makes one worker's copy of the stage.
func NewEncode(catalog *Catalog) *Encode {
	return &Encode{catalog: catalog, replaced: make([]int64, len(catalog.Tables))}
}

// Process encodes the batch.
func (e *Encode) Process(_ context.Context, b *pipeline.Batch) error {
	row := &e.row
	row.Doc = b.Input
	marks := b.Marks
	replaced := false
	for i := range b.Records {
		r := &b.Records[i]
		broken := i == 0 || r.Stream != b.Records[i-1].Stream
		for len(marks) > 0 && int(marks[0].At) <= i {
			marks = marks[1:]
			broken = true
		}
		if broken {
			b.Segments = append(b.Segments, pipeline.Segment{Stream: r.Stream, First: int32(i), Start: len(b.Output)})
		}
		row.ID, row.EmittedAt, row.Data, row.Changes, row.Clean = r.ID, r.EmittedAt, r.Data, r.Changes, r.Clean
		row.Values, row.Columns, row.Extra = b.ValuesOf(r), r.Columns, r.Extra
		var n int
		b.Output, n = e.catalog.Tables[r.Stream].Encoder.AppendRow(b.Output, row)
		if n > 0 {
			e.replaced[r.Stream] += int64(n)
			replaced = true
		}
		r.End = len(b.Output)
		last := &b.Segments[len(b.Segments)-1]
		last.Rows++
		last.End = r.End
	}
	e.row = format.Row{} // keep nothing of the batch
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
