package stages

import (
	"bytes"
	"context"
	"fmt"
	"unicode/utf8"

	"github.com/sluice-data/sluice/airbyte"
	"github.com/sluice-data/sluice/internal/scan"
	"github.com/sluice-data/sluice/pipeline"
)

// Decode finds the messages in a batch's lines: records and the marks between them. It
// copies nothing; all that it finds are spans of the input.
type Decode struct {
	catalog *Catalog
	decoder airbyte.Decoder
	key     []byte // scratch
	last    int32  // the stream of the record before: mostly this one's too
}

// NewDecode makes one worker's copy of the stage.
func NewDecode(catalog *Catalog) *Decode { return &Decode{catalog: catalog, last: -1} }

// Process decodes the batch. It fails on the first line that is no message, with the line's
// number.
func (d *Decode) Process(_ context.Context, b *pipeline.Batch) error {
	b.Clean = utf8.Valid(b.Input)
	line := int32(0)
	for start := 0; start < len(b.Input); line++ {
		end := len(b.Input)
		if i := bytes.IndexByte(b.Input[start:], '\n'); i >= 0 {
			end = start + i
		}
		if err := d.line(b, line, start, end); err != nil {
			return &pipeline.LineError{Line: b.Line + int64(line), Err: err}
		}
		start = end + 1
	}
	return nil
}

func (d *Decode) line(b *pipeline.Batch, line int32, start, end int) error {
	first := scan.SkipSpace(b.Input[:end], start)
	if first == end {
		return nil // a blank line, or the \r of a CRLF
	}
	var m airbyte.Message
	if err := d.decoder.Decode(b.Input, start, end, &m); err != nil {
		return err
	}
	switch m.Kind {
	case airbyte.Record:
		stream := d.stream(m.Namespace, m.Name)
		if stream < 0 {
			return fmt.Errorf("RECORD of stream %s, which is not in the catalog",
				airbyte.StreamID{Namespace: string(m.Namespace), Name: string(m.Name)})
		}
		b.Records = append(b.Records, pipeline.Record{
			Stream: stream, Line: line, Data: m.Data, Changes: m.Changes, EmittedAt: m.EmittedAt, NoTime: m.NoTime,
		})
	case airbyte.State, airbyte.Status:
		mark := pipeline.Mark{
			At: int32(len(b.Records)), Line: line, Kind: markKind(&m), Stream: -1, State: m.State,
			Text: scan.Span{Start: uint32(first), End: uint32(start + len(bytes.TrimRight(b.Input[start:end], " \t\r")))},
		}
		if m.Name != nil {
			mark.Stream = d.stream(m.Namespace, m.Name)
		}
		b.Marks = append(b.Marks, mark)
	case airbyte.Skip:
	}
	return nil
}

func markKind(m *airbyte.Message) pipeline.MarkKind {
	switch {
	case m.Kind == airbyte.State && m.StateType == airbyte.StreamState:
		return pipeline.StreamState
	case m.Kind == airbyte.State:
		return pipeline.WholeState
	case m.Status == airbyte.Complete:
		return pipeline.StreamComplete
	case m.Status == airbyte.Incomplete:
		return pipeline.StreamIncomplete
	}
	return pipeline.StreamStatus
}

// stream returns the index of a stream in the catalog, or -1.
func (d *Decode) stream(namespace, name []byte) int32 {
	if d.last >= 0 {
		id := &d.catalog.Tables[d.last].Stream
		if string(name) == id.Name && string(namespace) == id.Namespace {
			return d.last
		}
	}
	d.key = streamKey(d.key[:0], namespace, name)
	i, ok := d.catalog.index[string(d.key)]
	if !ok {
		return -1
	}
	d.last = i
	return i
}
