package stages

import (
	"bytes"
	"context"
	"fmt"

	"github.com/sluice-data/sluice/airbyte"
	"github.com/sluice-data/sluice/internal/scan"
	"github.com/sluice-data/sluice/pipeline"
)

// Decode finds the messages in a batch's lines: records with their values, and the marks
// between them. It copies nothing; all that it finds are spans of the input.
type Decode struct {
	catalog *Catalog
	decoder *airbyte.Decoder
	message airbyte.Message

	reject bool // see NewRejectingDecode

	switches int // records of another stream than the one before, in this batch
	groups   groups
}

// NewDecode makes one worker's copy of the stage.
func NewDecode(catalog *Catalog) *Decode {
	ids := make([]airbyte.StreamID, len(catalog.Tables))
	for i, t := range catalog.Tables {
		ids[i] = t.Stream
	}
	return &Decode{catalog: catalog, decoder: airbyte.NewDecoder(ids), groups: newGroups(len(ids))}
}

// NewRejectingDecode makes a copy that leaves a line out that can't be written, and adds it to the
// batch's Rejects, where NewDecode's copy fails.
func NewRejectingDecode(catalog *Catalog) *Decode {
	d := NewDecode(catalog)
	d.reject = true
	return d
}

// Process decodes the batch. It fails on the first line that is no message, with the line's
// number.
func (d *Decode) Process(_ context.Context, b *pipeline.Batch) error {
	m := &d.message
	m.Values = b.Values
	d.switches = 0
	line := int32(0)
	for start := 0; start < len(b.Input); line++ {
		next, err := d.decoder.Next(b.Input, start, m)
		if err == nil {
			err = d.take(b, line, b.Input[start:next], uint32(start))
		}
		if err != nil && d.reject {
			d.leaveOut(b, line, start, next, err)
		} else if err != nil {
			return &pipeline.LineError{Line: b.Line + int64(line), Err: err}
		}
		start = next
	}
	b.Values = m.Values
	m.Values = nil // it is the batch's
	if len(d.catalog.Tables) >= manyStreams && d.switches > len(b.Records)/8 {
		d.groups.group(b)
	}
	return nil
}

// leaveOut keeps nothing of a line but that it was there.
func (d *Decode) leaveOut(b *pipeline.Batch, line int32, start, next int, err error) {
	b.Rejects = append(b.Rejects, pipeline.Reject{Line: line, Text: scan.Span{Start: uint32(start), End: uint32(next)}, Err: err})
	kept := 0
	if n := len(b.Records); n > 0 {
		kept = int(b.Records[n-1].Last)
	}
	d.message.Values = d.message.Values[:kept] // the next record begins where the last one ends
}

// take puts the message of a line, which begins at start, into the batch.
func (d *Decode) take(b *pipeline.Batch, line int32, text []byte, start uint32) error {
	m := &d.message
	switch m.Kind {
	case airbyte.Record:
		if m.Stream < 0 {
			return fmt.Errorf("RECORD of stream %s, which is not in the catalog",
				airbyte.StreamID{Namespace: string(m.Namespace), Name: string(m.Name)})
		}
		first := int32(0)
		if n := len(b.Records); n > 0 {
			first = b.Records[n-1].Last
			if b.Records[n-1].Stream != m.Stream {
				d.switches++
			}
		}
		if t := d.catalog.Tables[m.Stream]; !t.Format.Flatten && len(t.Partition) == 0 {
			m.Values = m.Values[:first] // they are checked, and not needed
		}
		b.Records = append(b.Records, pipeline.Record{
			Stream: m.Stream, Line: line, Data: m.Data, Changes: m.Changes, EmittedAt: m.EmittedAt, NoTime: m.NoTime,
			Clean: m.Clean, Shape: m.Shape, First: first, Last: int32(len(m.Values)),
		})
	case airbyte.State, airbyte.Status, airbyte.Estimate, airbyte.Failure:
		mark := pipeline.Mark{At: int32(len(b.Records)), Line: line, Kind: markKind(m), Stream: -1, State: m.State, Rows: m.Rows}
		first := scan.SkipSpace(text, 0)
		mark.Text = scan.Span{Start: start + uint32(first), End: start + uint32(len(bytes.TrimRight(text, " \t\r\n")))}
		if m.Name != nil {
			mark.Stream = m.Stream
		}
		b.Marks = append(b.Marks, mark)
	case airbyte.Skip:
	}
	return nil
}

func markKind(m *airbyte.Message) pipeline.MarkKind {
	switch {
	case m.Kind == airbyte.Estimate:
		return pipeline.StreamEstimate
	case m.Kind == airbyte.State && m.StateType == airbyte.StreamState:
		return pipeline.StreamState
	case m.Kind == airbyte.State:
		return pipeline.WholeState
	case m.Kind == airbyte.Failure:
		return pipeline.SourceFailed
	case m.Status == airbyte.Complete:
		return pipeline.StreamComplete
	case m.Status == airbyte.Incomplete:
		return pipeline.StreamIncomplete
	}
	return pipeline.StreamStatus
}
