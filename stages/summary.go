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

// count adds what the stages noticed, and warns once a field that is dropped.
func (a *Assemble) count(b *pipeline.Batch) {
	for _, r := range b.Replaced {
		a.streams[r.Stream].sum.Replaced += r.Count
	}
	for _, u := range b.Undeclared {
		s := &a.streams[u.Stream]
		if s.sum.CountUndeclared(u.Field, u.Count) {
			s.table.WarnDropped(a.opts.Log, u.Field)
		}
	}
}

// CountUndeclared adds records that had a field that is not in the schema, and reports whether it
// is the first time.
func (s *StreamSummary) CountUndeclared(field string, records int64) (first bool) {
	if s.Undeclared == nil {
		s.Undeclared = map[string]int64{}
	}
	_, known := s.Undeclared[field]
	if !known && len(s.Undeclared) >= maxUndeclared {
		field = OtherFields
		_, known = s.Undeclared[field]
	}
	s.Undeclared[field] += records
	return !known
}

// WarnDropped warns of a field that is not in the schema, if the table drops those.
func (t *Table) WarnDropped(log *slog.Logger, field string) {
	if !t.Format.KeepUndeclared {
		log.Warn(fmt.Sprintf("stream %s: the field %q is not in the schema and is dropped (undeclared_fields: \"keep\" keeps it)", t.Stream, field))
	}
}

// Count is a number with its noun: 1 row, 2 rows.
func Count(n int64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
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
	if len(s.Undeclared) > 0 {
		b.WriteString(", fields that are not in the schema:")
		for _, field := range slices.Sorted(maps.Keys(s.Undeclared)) {
			fmt.Fprintf(&b, " %s (%d)", field, s.Undeclared[field])
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
