package main

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
)

// step is one sync of a behaviour: what the platform sends, and what is there afterwards.
type step struct {
	streams []stream
	lines   []string // its records, and whatever else; a STATE and COMPLETE for each stream follow
	end     ending
	want    tables
}

// tables are the rows of each directory, in order, as "generation/sync column=cell"; "-" stands
// for an id that is not there.
type tables map[string][]string

// ending is how a sync ends.
type ending int

const (
	whole   ending = iota
	killed         // kill -9, when its STATEs are back
	failing        // the source ends with an error instead of a COMPLETE
	unsaid         // there is neither: a source without stream statuses
)

const (
	vSchema = `{"type":"object","properties":{"v":{"type":"string"}}}`
	wSchema = `{"type":"object","properties":{"w":{"type":"string"},"v":{"type":"integer"}}}`
)

// users is a catalog of one stream, with a refresh's ids: a generation, the least that stays, and the sync's own.
func users(gen, minimum, sync int) []stream { return usersBy(vSchema, gen, minimum, sync) }

func usersBy(schema string, gen, minimum, sync int) []stream {
	return []stream{{name: "users", schema: schema, more: ids3(gen, minimum, sync)}}
}

func ids3(gen, minimum, sync int) fields {
	return fields{"generation_id": gen, "minimum_generation_id": minimum, "sync_id": sync}
}

// inMode is a catalog without ids, as of a platform that has none. The second stream's name
// begins with that of the first.
func inMode(mode string) []stream {
	return []stream{{name: "users", schema: vSchema, mode: mode}, {name: "users_next", schema: vSchema}}
}

// put are records of users with these values.
func put(values ...string) (lines []string) {
	for _, v := range values {
		lines = append(lines, record("users", `{"v":`+quote(v)+`}`))
	}
	return lines
}

// syncs are behaviours whose outcome is what one sync leaves of another's rows.
var syncs = []struct {
	name  string
	steps []step
}{
	{"testSecondSync", []step{
		{inMode("overwrite"), append(put("first", "one"), record("users_next", `{"v":"a"}`)), whole, tables{"users": {"-/- v=first", "-/- v=one"}, "users_next": {"-/- v=a"}}},
		{inMode("overwrite"), append(put("second"), record("users_next", `{"v":"b"}`)), whole, tables{"users": {"-/- v=second"}, "users_next": {"-/- v=a", "-/- v=b"}}}}},
	{"testIncrementalSync", []step{
		{inMode("append"), put("first"), unsaid, tables{"users": {"-/- v=first"}}},
		{inMode("append"), put("second"), unsaid, tables{"users": {"-/- v=first", "-/- v=second"}}}}},
	{"testAppend", []step{
		{users(0, 0, 41), put("first"), whole, tables{"users": {"0/41 v=first"}}},
		{users(0, 0, 42), put("second"), whole, tables{"users": {"0/41 v=first", "0/42 v=second"}}}}},
	{"testAppendSchemaEvolution", []step{
		{usersBy(vSchema, 1, 0, 41), put("first"), whole, tables{"users": {"1/41 v=first"}}},
		{usersBy(wSchema, 1, 0, 42), []string{record("users", `{"v":2,"w":"second"}`)}, whole, tables{"users": {"1/41 v=first", "1/42 v=2 w=second"}}}}},
	{"testOverwriteSchemaEvolution", []step{
		{usersBy(vSchema, 1, 0, 41), put("first"), whole, tables{"users": {"1/41 v=first"}}},
		{usersBy(wSchema, 2, 2, 42), []string{record("users", `{"v":2,"w":"second"}`)}, whole, tables{"users": {"2/42 v=2 w=second"}}},
		{usersBy(wSchema, 2, 0, 43), []string{record("users", `{"v":3}`)}, whole, tables{"users": {"2/42 v=2 w=second", "2/43 v=3 w="}}}}},
	{"testTruncateRefresh", []step{
		{users(12, 0, 41), put("first"), whole, tables{"users": {"12/41 v=first"}}},
		{users(13, 13, 42), put("second"), whole, tables{"users": {"13/42 v=second"}}}}},
	{"testInterruptedTruncateWithPriorData", []step{
		{users(41, 0, 1), put("old"), whole, tables{"users": {"41/1 v=old"}}},
		{users(42, 42, 2), put("killed"), killed, tables{"users": {"41/1 v=old", "42/2 v=killed"}}},
		{users(42, 42, 3), put("resumed"), whole, tables{"users": {"42/2 v=killed", "42/3 v=resumed"}}}}},
	{"testInterruptedTruncateWithoutPriorData", []step{
		{users(42, 42, 2), put("killed"), killed, tables{"users": {"42/2 v=killed"}}},
		{users(42, 42, 3), put("resumed"), whole, tables{"users": {"42/2 v=killed", "42/3 v=resumed"}}}}},
	{"resumeAfterCancelledTruncate", []step{
		{users(41, 0, 1), put("old"), whole, tables{"users": {"41/1 v=old"}}},
		{users(42, 42, 2), put("killed"), killed, tables{"users": {"41/1 v=old", "42/2 v=killed"}}},
		{users(43, 0, 3), put("appended"), whole, tables{"users": {"41/1 v=old", "42/2 v=killed", "43/3 v=appended"}}}}},
	{"testClear", []step{
		{users(1, 0, 1), put("first"), whole, tables{"users": {"1/1 v=first"}}},
		{users(2, 2, 2), nil, whole, tables{}},
		{users(2, 0, 3), put("anew"), whole, tables{"users": {"2/3 v=anew"}}}}},
	{"testTruncateWithNoRecords", []step{
		{inMode("overwrite"), put("first"), whole, tables{"users": {"-/- v=first"}}},
		{inMode("overwrite"), nil, whole, tables{}}}},
	{"testManyStreamsCompletion", []step{{numberedStreams(21, ids3(42, 42, 1)), eachOf(21, 1), whole, eachHas(21, 1, "42/1")}}},
	{"testSyncWithLargeRecordBatch", []step{{numberedStreams(3, nil), eachOf(3, 400), unsaid, eachHas(3, 400, "-/-")}}},
	{"testStressPerformance", []step{{numberedStreams(5, ids3(1, 0, 1)), eachOf(5, 300), whole, eachHas(5, 300, "1/1")}}},

	// What no suite of Airbyte's asks for, and a table depends on.
	{"overwrite.generation_0", []step{
		{[]stream{{name: "users", schema: vSchema, mode: "overwrite", more: ids3(0, 0, 1)}}, put("first"), whole, tables{"users": {"0/1 v=first"}}},
		{[]stream{{name: "users", schema: vSchema, mode: "overwrite", more: ids3(0, 0, 2)}}, put("second"), whole, tables{"users": {"0/2 v=second"}}}}},
	{"overwrite.source_fails", []step{
		{inMode("overwrite"), put("first"), unsaid, tables{"users": {"-/- v=first"}}},
		{inMode("overwrite"), put("half"), failing, tables{"users": {"-/- v=first"}}},
		{inMode("overwrite"), put("second"), unsaid, tables{"users": {"-/- v=second"}}}}},
}

// TestAcceptanceSyncs runs them with the columns of today's Airbyte. A refresh that is
// killed shows its rows only where it is not atomic; all the others must not care.
func TestAcceptanceSyncs(t *testing.T) {
	t.Parallel()
	for _, b := range syncs {
		t.Run(b.name, func(t *testing.T) {
			t.Parallel()
			listed(t, b.name)
			at := inBucket(t)
			config := flat(fields{"metadata_columns": "v2"})
			if slices.ContainsFunc(b.steps, func(s step) bool { return s.end == killed }) {
				maps.Copy(config, fields{"full_refresh": "incremental", "checkpoint_minutes": soon})
			}
			for i, s := range b.steps {
				s.run(t, at, config)
				got := tables{}
				for _, s := range s.streams {
					if rows := at.ided("data/" + s.name); len(rows) > 0 {
						got[s.name] = rows
					}
				}
				same(t, fmt.Sprintf("rows after sync %d", i+1), got, s.want)
			}
		})
	}
}

// run runs the sync, and looks at what comes back of it: as many STATEs as went in.
func (s step) run(t *testing.T, at *target, config fields) {
	t.Helper()
	lines := slices.Clone(s.lines)
	for _, of := range s.streams {
		lines = append(lines, streamState(of.name, `{}`))
	}
	p := at.start(job{config: config, streams: s.streams})
	switch s.end {
	case killed:
		p.send(lines...).waitState(len(s.streams))
		p.signal(os.Kill)
		p.wait()
		return
	case failing:
		const failure = `{"type":"TRACE","trace":{"type":"ERROR","emitted_at":1,"error":{"message":"the database went away","failure_type":"transient_error"}}}`
		r := p.send(lines...).send(failure).finish().failed(1, "transient_error", "users", "the database went away")
		if got := r.states(); len(got) > 0 {
			t.Errorf("got the states %v", got)
		}
		return
	case whole:
		for _, of := range s.streams {
			lines = append(lines, status(of.name, "COMPLETE"))
		}
	case unsaid:
	}
	r := p.send(lines...).finish().ok()
	if got := len(r.states()); got != len(s.streams) {
		t.Errorf("%d STATEs came back of %d", got, len(s.streams))
	}
	records := 0.0
	for _, n := range r.counts() {
		records += n
	}
	same(t, "records of all STATEs", records, float64(len(s.lines)))
}

// ided are the rows of a directory, as tables has them. A column that its object does not have is left out.
func (at *target) ided(dir string) (rows []string) {
	at.t.Helper()
	or := func(id string) string { return map[bool]string{true: "-", false: id}[id == ""] }
	for _, row := range at.rows(dir) {
		meta := members(at.t, row["_airbyte_meta"])
		text := or(row["_airbyte_generation_id"]) + "/" + or(string(meta["sync_id"]))
		for _, column := range slices.Sorted(maps.Keys(row)) {
			if !strings.HasPrefix(column, "_airbyte_") {
				text += " " + column + "=" + row[column]
			}
		}
		rows = append(rows, text)
	}
	return rows
}

// numberedStreams are n streams s0, s1... in a catalog; eachOf are records of each in turn, and
// eachHas what they become.
func numberedStreams(n int, more fields) (all []stream) {
	for s := range n {
		all = append(all, stream{name: fmt.Sprintf("s%d", s), schema: vSchema, more: more})
	}
	return all
}

func eachOf(streams, records int) (lines []string) {
	for i := range records {
		for s := range streams {
			lines = append(lines, record(fmt.Sprintf("s%d", s), fmt.Sprintf(`{"v":"%d of %d %s"}`, i, s, strings.Repeat("lorem ipsum ", 20))))
		}
	}
	return lines
}

func eachHas(streams, records int, ids string) tables {
	all := tables{}
	for s := range streams {
		for i := range records {
			all[fmt.Sprintf("s%d", s)] = append(all[fmt.Sprintf("s%d", s)], fmt.Sprintf("%s v=%d of %d %s", ids, i, s, strings.Repeat("lorem ipsum ", 20)))
		}
	}
	return all
}
