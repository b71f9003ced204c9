package main

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"
	"time"

	"github.com/sluice-data/sluice/airbyte"
)

const (
	firstRows = 3       // rows of one file that are shown
	sample    = "users" // the stream whose rows they are
)

// contents are the objects of each stream.
type contents map[airbyte.StreamID][]object

// show runs the sync and tells of each step.
func show(ctx context.Context, out screen, s *sluice) error {
	rec := s.recording
	out.line("A recorded sync of the connector source-faker, %s messages, into an S3 server on this machine", number(rec.lines))
	if err := s.writeFiles(); err != nil {
		return err
	}
	out.title("$ sluice check --config " + configFile)
	if err := s.check(ctx); err != nil {
		return err
	}
	out.line("  SUCCEEDED: every right that a sync needs was tried")

	out.title("$ gunzip -c messages.jsonl.gz | sluice write --config " + configFile + " --catalog " + catalogFile)
	got, err := s.write(ctx)
	if err != nil {
		return err
	}
	for _, l := range got.logs {
		out.line("  %-5s %s", l.level, l.text)
	}
	found, err := readAll(ctx, s)
	if err != nil {
		return err
	}
	showObjects(out, rec, found)
	showRows(out, rec, found)
	showStates(out, rec, got)
	same := showComparison(out, rec, found, got)
	showSpeed(out, rec, got.took)
	if !same {
		return errors.New("what came out is not what went in")
	}
	return nil
}

func readAll(ctx context.Context, s *sluice) (contents, error) {
	store, err := openBucket(ctx, s.server)
	if err != nil {
		return nil, err
	}
	found := contents{}
	for _, stream := range s.recording.streams {
		if found[stream.id], err = readBack(ctx, store, stream.id); err != nil {
			return nil, fmt.Errorf("reading stream %s back: %w", stream.id, err)
		}
	}
	return found, nil
}

func showObjects(out screen, rec *recording, found contents) {
	out.title("The objects in s3://" + bucketName)
	var rows [][]string
	for _, stream := range rec.streams {
		for _, o := range found[stream.id] {
			rows = append(rows, []string{o.key, number(int(o.size)), "bytes"})
		}
	}
	out.table(rows)
}

// showRows prints the beginning of a file as it is.
func showRows(out screen, rec *recording, found contents) {
	for _, stream := range rec.streams {
		if stream.id.Name != sample || len(found[stream.id]) == 0 {
			continue
		}
		o := found[stream.id][0]
		out.title(fmt.Sprintf("The first %d rows of %s/%s", firstRows, sample, path.Base(o.key)))
		lines := strings.SplitN(string(o.data), "\n", firstRows+2)
		for _, l := range lines[:min(len(lines), firstRows+1)] {
			out.line("  %s", strings.TrimSuffix(l, "\r"))
		}
	}
}

func showStates(out screen, rec *recording, got *answer) {
	out.title("The states that came back: with the last one of each stream the source would go on")
	var rows [][]string
	for _, stream := range rec.streams {
		if states := got.of(stream.id); len(states) > 0 {
			rows = append(rows, []string{stream.id.String(), number(len(states)), states[len(states)-1].text})
		}
	}
	out.table(rows)
}

// showComparison reports whether every row and every state came through.
func showComparison(out screen, rec *recording, found contents, got *answer) bool {
	out.title("In and out")
	rows := [][]string{{"", "rows in", "rows out", "states in", "states out"}}
	same := true
	for _, stream := range rec.streams {
		rowsOut := 0
		for _, o := range found[stream.id] {
			rowsOut += o.rows
		}
		states := len(got.of(stream.id))
		row := []string{stream.id.String(), number(stream.rows), number(rowsOut), number(stream.states), number(states)}
		if rowsOut != stream.rows || states != stream.states {
			row, same = append(row, "DIFFERENT"), false
		}
		rows = append(rows, row)
	}
	out.table(rows)
	return same
}

// showSpeed says how long it took, and warns of reading much into that.
func showSpeed(out screen, rec *recording, took time.Duration) {
	rows, mb := 0, float64(len(rec.messages))/1e6
	for _, stream := range rec.streams {
		rows += stream.rows
	}
	out.title(fmt.Sprintf("%s rows, %.1f MB, in %s: %s rows/s, %.1f MB/s", number(rows), mb,
		took.Round(time.Millisecond), number(int(float64(rows)/took.Seconds())), mb/took.Seconds()))
	out.line("Most of that is the start of a process: make bench measures the speed.")
}
