package stages

import (
	"context"

	"github.com/sluice-data/sluice/compress"
	"github.com/sluice-data/sluice/pipeline"
)

// Compress packs a batch: the rows of each stream become one compressed piece, which may
// follow any other piece of its object. Rows are gathered from all over the batch, because
// short pieces compress badly, and hundreds of streams may take turns. Only the end of a
// stream is a border: what comes behind it must stay behind it.
//
// A STATE in the middle of a piece then leaves a little later than it could: when all of
// the piece is durable.
type Compress struct {
	compressor compress.Compressor
	packed     []byte             // the next output; it takes turns with the batch's own
	segments   []pipeline.Segment // likewise
	gathered   []byte             // rows that are not neighbours

	groups groups // of segments
}

// NewCompress makes one worker's copy of the stage.
func NewCompress(catalog *Catalog, codec compress.Codec) *Compress {
	return &Compress{compressor: codec.NewCompressor(), groups: newGroups(len(catalog.Tables))}
}

// Process packs the batch.
func (c *Compress) Process(_ context.Context, b *pipeline.Batch) error {
	c.packed, c.segments = c.packed[:0], c.segments[:0]
	marks := b.Marks
	first := 0
	for i := range b.Segments {
		border := false
		for ; len(marks) > 0 && marks[0].At <= b.Segments[i].First; marks = marks[1:] {
			border = border || marks[0].Kind == pipeline.StreamComplete || marks[0].Kind == pipeline.StreamIncomplete
		}
		if border {
			c.run(b, first, i)
			first = i
		}
	}
	c.run(b, first, len(b.Segments))
	b.Output, c.packed = c.packed, b.Output
	b.Segments, c.segments = c.segments, b.Segments
	if cap(c.packed) > maxScratch {
		c.packed = nil
	}
	if cap(c.gathered) > maxScratch {
		c.gathered = nil
	}
	return nil
}

// maxScratch is how many bytes of a buffer are kept for the next batch: one giant record
// must not set the memory of the whole sync.
const maxScratch = 4 << 20

// run packs the segments from first up to the border end.
func (c *Compress) run(b *pipeline.Batch, first, end int) {
	g := &c.groups
	g.begin()
	for i := first; i < end; i++ {
		g.add(b.Segments[i].Stream, int32(i-first))
	}
	for _, stream := range g.order {
		i := g.take(stream)
		seg := b.Segments[first+int(i)]
		rows := b.Output[seg.Start:seg.End]
		if i = g.next[i]; i >= 0 {
			c.gathered = append(c.gathered[:0], rows...)
			for ; i >= 0; i = g.next[i] {
				more := &b.Segments[first+int(i)]
				c.gathered = append(c.gathered, b.Output[more.Start:more.End]...)
				seg.Rows += more.Rows
			}
			rows = c.gathered
		}
		seg.Start = len(c.packed)
		c.packed, seg.Sum = c.compressor.AppendPiece(c.packed, rows)
		seg.End = len(c.packed)
		c.segments = append(c.segments, seg)
	}
}
