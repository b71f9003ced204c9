package demo

import (
	"bytes"
	"compress/gzip"
	_ "embed"
	"fmt"
	"io"

	"github.com/sluice-data/sluice/airbyte"
)

//go:embed recorded/messages.jsonl.gz
var recordedMessages []byte

//go:embed recorded/catalog.json
var recordedCatalog []byte

// recording is what a source connector said in one sync.
type recording struct {
	messages []byte // JSON lines
	lines    int
	streams  []*streamCount // in the catalog's order
}

// streamCount is what a recording has of one stream.
type streamCount struct {
	id       airbyte.StreamID
	rows     int // RECORD messages
	states   int // STATE messages
	statuses int // STREAM_STATUS messages
}

func loadRecording() (*recording, error) {
	zr, err := gzip.NewReader(bytes.NewReader(recordedMessages))
	if err != nil {
		return nil, fmt.Errorf("the recording: %w", err)
	}
	messages, err := io.ReadAll(zr)
	if err != nil {
		return nil, fmt.Errorf("the recording: %w", err)
	}
	catalog, err := airbyte.ParseCatalog(recordedCatalog)
	if err != nil {
		return nil, fmt.Errorf("the recording: %w", err)
	}
	rec := &recording{messages: messages}
	for _, s := range catalog.Streams {
		rec.streams = append(rec.streams, &streamCount{id: s.ID})
	}
	return rec, rec.count()
}

// count goes through the messages as a destination does.
func (rec *recording) count() error {
	var d airbyte.Decoder
	var m airbyte.Message
	for line := range bytes.Lines(rec.messages) {
		rec.lines++
		line = bytes.TrimSuffix(line, []byte("\n"))
		if err := d.Decode(line, 0, len(line), &m); err != nil {
			return fmt.Errorf("the recording, line %d: %w", rec.lines, err)
		}
		if m.Kind == airbyte.Skip || m.Kind == airbyte.Failure || m.Kind == airbyte.Estimate {
			continue
		}
		s := rec.stream(airbyte.StreamID{Namespace: string(m.Namespace), Name: string(m.Name)})
		if s == nil {
			return fmt.Errorf("the recording, line %d: stream %q is not in the catalog", rec.lines, m.Name)
		}
		switch m.Kind {
		case airbyte.Record:
			s.rows++
		case airbyte.State:
			s.states++
		case airbyte.Status:
			s.statuses++
		case airbyte.Failure, airbyte.Skip, airbyte.Estimate:
		}
	}
	return nil
}

// stream finds a stream, or nil.
func (rec *recording) stream(id airbyte.StreamID) *streamCount {
	for _, s := range rec.streams {
		if s.id == id {
			return s
		}
	}
	return nil
}
