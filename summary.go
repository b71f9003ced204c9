package sluice

import (
	"fmt"
	"time"

	"github.com/sluice-data/sluice/pipeline"
	"github.com/sluice-data/sluice/stages"
)

// Summary is what a sync did.
type Summary struct {
	Streams []stages.StreamSummary
	Rows    int64
	Bytes   int64 // uploaded
	Objects int64
	Early   int64 // objects that were closed early because upload.memory_mb was spent
	Retries int64 // requests that were repeated
	States  int64 // sent
	Held    int   // states not sent: rows in front of them are not durable
	Took    time.Duration
}

func (e *Engine) summary(a *stages.Assemble, c *pipeline.Commit, start time.Time) *Summary {
	stats := &e.uploader.Stats
	s := &Summary{
		Streams: a.Summary(),
		Bytes:   stats.Bytes.Load(), Objects: stats.Objects.Load(), Early: stats.Early.Load(),
		Retries: e.store.Retries.Load(), States: c.Sent(), Held: c.Held(),
		Took: e.opts.Now().Sub(start),
	}
	for _, stream := range s.Streams {
		s.Rows += stream.Rows
	}
	return s
}

// String is one line for people.
func (s *Summary) String() string {
	line := fmt.Sprintf("%s of %s in %s (%d bytes) and %s in %s",
		stages.Count(s.Rows, "row"), stages.Count(int64(len(s.Streams)), "stream"), stages.Count(s.Objects, "object"),
		s.Bytes, stages.Count(s.States, "state"), s.Took.Round(time.Millisecond))
	if s.Retries > 0 {
		line += fmt.Sprintf(", %d requests were repeated", s.Retries)
	}
	if s.Early > 0 {
		line += fmt.Sprintf(", %d objects were closed early because the memory budget was spent", s.Early)
	}
	if s.Held > 0 {
		line += fmt.Sprintf(", %d states were not sent because rows in front of them are not durable", s.Held)
	}
	return line
}
