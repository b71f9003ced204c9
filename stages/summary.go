package stages

import (
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"

	"github.com/sluice-data/sluice/airbyte"
	"github.com/sluice-data/sluice/pipeline"
	"github.com/sluice-data/sluice/sink"
)

// StreamProgress is how far one stream is.
type StreamProgress struct {
	Stream   airbyte.StreamID
	Rows     int64 // given to objects
	Estimate int64 // rows that the source expects, as it said last; 0: it has not said
	Bytes    int64 // of the objects
	Objects  int64 // begun
	Ended    bool  // the source has said how it ended, or the input is at its end
	Failed   bool  // it ended, and not successfully
}

// StreamSummary is what a sync did with one stream.
type StreamSummary struct {
	StreamProgress
	Replaced   int64            // characters that became U+FFFD
	Undeclared map[string]int64 // records that had a field that is not in the schema, by field
	Nulled     map[string]int64 // values that became null because their columns can't hold them, by field
	Truncated  map[string]int64 // values that lost digits for the same reason, by field
	Complete   bool             // the stream ended successfully
}

// Summary returns one summary a stream, in the order of the catalog. It is for the time
// after Finish.
func (a *Assemble) Summary() []StreamSummary {
	var all []StreamSummary
	for i := range a.streams {
		s := &a.streams[i]
		sum := s.sum
		sum.StreamProgress, sum.Complete = s.progress(), s.ended == complete
		all = append(all, sum)
	}
	return all
}

func (s *stream) progress() StreamProgress {
	p := s.sum.StreamProgress
	p.Rows, p.Bytes, p.Ended, p.Failed = s.rows, s.bytes, s.ended != running, s.ended == incomplete
	return p
}

// watch tells Watch, at most four times a second: there may be thousands of streams.
func (a *Assemble) watch() {
	now := a.opts.Now()
	if a.opts.Watch == nil || now.Sub(a.watched) < pipeline.WatchEvery {
		return
	}
	a.watched = now
	all := make([]StreamProgress, len(a.streams))
	for i := range a.streams {
		all[i] = a.streams[i].progress()
	}
	a.opts.Watch(all)
}

// Failed returns the streams that did not end successfully, after Finish.
func (a *Assemble) Failed() []airbyte.StreamID {
	var failed []airbyte.StreamID
	for i := range a.streams {
		if a.streams[i].ended != complete {
			failed = append(failed, a.streams[i].table.Stream)
		}
	}
	return failed
}

// Reported is the last error that the source reported, or "".
func (a *Assemble) Reported() string { return a.reported }

// count adds what the stages noticed, and warns of each field once.
func (a *Assemble) count(b *pipeline.Batch) {
	countBatch(b, func(stream int32) *StreamSummary { return &a.streams[stream].sum }, func(stream int32, w Warning) {
		w.Log(a.opts.Log, a.streams[stream].table)
	})
}

// countBatch adds what the stages noticed to the summaries of its streams. first is told of what is
// new to them.
func countBatch(b *pipeline.Batch, of func(stream int32) *StreamSummary, first func(stream int32, w Warning)) {
	for _, r := range b.Replaced {
		of(r.Stream).Replaced += r.Count
	}
	for _, u := range b.Undeclared {
		if w := (Warning{Field: u.Field}); of(u.Stream).add(w, u.Count) {
			first(u.Stream, w)
		}
	}
	for _, c := range b.Changed {
		w := Warning{Field: c.Field, Nulled: !c.Truncated, Truncated: c.Truncated}
		if of(c.Stream).add(w, c.Count) {
			first(c.Stream, w)
		}
	}
}

// Warning is what a person should know of a field: it is not in the schema, or its column can't hold
// some of its values.
type Warning struct {
	Field     string
	Nulled    bool
	Truncated bool
}

// add counts, and reports whether it is the first time.
func (s *StreamSummary) add(w Warning, n int64) (first bool) {
	counts := &s.Undeclared
	switch {
	case w.Nulled:
		counts = &s.Nulled
	case w.Truncated:
		counts = &s.Truncated
	}
	if *counts == nil {
		*counts = map[string]int64{}
	}
	field := w.Field
	_, known := (*counts)[field]
	if !known && len(*counts) >= maxUndeclared {
		field = OtherFields
		_, known = (*counts)[field]
	}
	(*counts)[field] += n
	return !known
}

// Add adds what another summary of the same stream counts by field. first is told of what is new.
func (s *StreamSummary) Add(o *StreamSummary, first func(Warning)) {
	for _, part := range []struct {
		counts map[string]int64
		w      Warning
	}{{o.Undeclared, Warning{}}, {o.Nulled, Warning{Nulled: true}}, {o.Truncated, Warning{Truncated: true}}} {
		for field, n := range part.counts {
			part.w.Field = field
			if s.add(part.w, n) {
				first(part.w)
			}
		}
	}
}

// Log warns, where the table's reader loses something.
func (w Warning) Log(log *slog.Logger, t *Table) {
	switch {
	case w.Nulled:
		log.Warn(fmt.Sprintf("stream %s: the field %q has a value that its column can't hold: it is null in the row", t.Stream, w.Field))
	case w.Truncated:
		log.Warn(fmt.Sprintf("stream %s: the field %q has a value with more digits than its column can hold: those are cut", t.Stream, w.Field))
	case !t.Format.KeepUndeclared:
		log.Warn(fmt.Sprintf("stream %s: the field %q is not in the schema and is dropped (undeclared_fields: \"keep\" keeps it)", t.Stream, w.Field))
	}
}

// Count is a number with its noun: 1 row, 2 rows.
func Count(n int64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// Note is something that a stream's reader should know of some fields: in how many records, by field.
type Note struct {
	Text   string
	Fields map[string]int64
}

// Notes are what there is to say of fields.
func (s *StreamSummary) Notes() []Note {
	var all []Note
	for _, n := range []Note{
		{"fields that are not in the schema", s.Undeclared},
		{"values that became null, which their columns can't hold", s.Nulled},
		{"values that lost digits, which their columns can't hold", s.Truncated},
	} {
		if len(n.Fields) > 0 {
			all = append(all, n)
		}
	}
	return all
}

// String is one line for people.
func (s StreamSummary) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s, %d bytes", s.Stream, Count(s.Rows, "row"), s.Bytes)
	if s.Objects > 0 || s.Rows == 0 { // else others make them
		b.WriteString(" in " + Count(s.Objects, "object"))
	}
	if s.Replaced > 0 {
		fmt.Fprintf(&b, ", %d characters that were no UTF-8 replaced", s.Replaced)
	}
	for _, n := range s.Notes() {
		fmt.Fprintf(&b, ", %s:", n.Text)
		for _, field := range slices.Sorted(maps.Keys(n.Fields)) {
			fmt.Fprintf(&b, " %s (%d)", field, n.Fields[field])
		}
	}
	if !s.Complete {
		b.WriteString(", not complete")
	}
	return b.String()
}

// metadata are the user metadata of one of the table's objects; rows is -1 where the
// request has to go before their number is known.
func (t *Table) metadata(rows int64) sink.Metadata {
	m := sink.Metadata{}
	maps.Copy(m, t.Metadata)
	if rows >= 0 {
		m[sink.MetaRows] = fmt.Sprint(rows)
	}
	return m
}
