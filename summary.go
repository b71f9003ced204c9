package sluice

import (
	"fmt"
	"strings"
	"time"

	"github.com/sluice-data/sluice/stages"
)

// Summary is what a sync did.
type Summary struct {
	Streams []stages.StreamSummary // in the order of the catalog, or of the tables
	Rows    int64                  // of all streams
	Input   int64                  // bytes read
	Bytes   int64                  // uploaded, compressed where the config wants that
	Objects int64                  // completed
	Early   int64                  // objects that were closed early because upload.memory_mb was spent
	Retries int64                  // requests that were repeated
	States  int64                  // sent
	Held    int                    // states not sent: rows in front of them are not durable
	Took    time.Duration

	Source, Store time.Duration // of Took: waited for the input, and for the uploads
	Stages        []StageTime   // in their order
	Requests      time.Duration // to the store, all together: more than Took where many were under way at a time
}

func (e *Engine) summary(a *stages.Assemble) *Summary {
	p := e.Progress()
	s := &Summary{
		Streams: a.Summary(), Input: p.Input,
		Bytes: p.Bytes, Objects: p.Objects, Early: e.uploader.Stats.Early.Load(),
		Retries: p.Retries, States: p.States, Held: p.Held, Took: p.Elapsed,
		Source: p.Source, Store: p.Store, Stages: p.Stages, Requests: p.Requests,
	}
	for _, stream := range s.Streams {
		s.Rows += stream.Rows
	}
	return s
}

// String is one line for people.
func (s *Summary) String() string {
	where := " in " + stages.Count(s.Objects, "object")
	if s.Objects == 0 && s.Rows > 0 {
		where = "" // others make them: see the package kafka
	}
	line := fmt.Sprintf("%s of %s%s (%d bytes) and %s in %s",
		stages.Count(s.Rows, "row"), stages.Count(int64(len(s.Streams)), "stream"), where,
		s.Bytes, stages.Count(s.States, "state"), round(s.Took))
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

// Times is one line for people: where the time of the sync has gone.
func (s *Summary) Times() string {
	var b strings.Builder
	fmt.Fprintf(&b, "of %s, %s were spent reading or waiting for the source and %s waiting for the store; at work, all workers together:",
		round(s.Took), round(s.Source), round(s.Store))
	for _, stage := range s.Stages {
		fmt.Fprintf(&b, " %s %s,", stage.Name, round(stage.Took))
	}
	fmt.Fprintf(&b, " requests %s", round(s.Requests))
	return b.String()
}

func round(d time.Duration) time.Duration { return d.Round(time.Millisecond) }
