package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/sluice-data/sluice/sink"
)

// oldKeys are n objects that earlier syncs have left in a stream's directory.
func oldKeys(dir string, n int) []string {
	keys := make([]string, n)
	for i := range keys {
		keys[i] = fmt.Sprintf("%s/2021_01_01_%d_%d.csv", dir, 1609541171643+i/10, i%10)
	}
	return keys
}

func TestAppendKeeps(t *testing.T) {
	t.Parallel()
	inBoth(t, func(t *testing.T, at *target) {
		at.put(nil, "data/users/2021_01_01_1609541171643_0.parquet", "data/users/README.txt")
		j := job{config: flat(), streams: []stream{{name: "users", schema: idSchema}}}
		at.sync(j, numbered("users", 0, 3)...).ok()
		first := at.keys()
		at.sync(j, numbered("users", 3, 2)...).ok()
		keys := at.keys()
		if len(keys) != len(first)+1 {
			t.Errorf("got the objects %v after %v", keys, first)
		}
		for _, key := range first {
			if !slices.Contains(keys, key) {
				t.Errorf("%s is gone", key)
			}
		}
		csv := slices.DeleteFunc(keys, func(key string) bool { return !strings.HasSuffix(key, ".csv") })
		if len(csv) != 2 || at.get(csv[0]) == at.get(csv[1]) {
			t.Errorf("got the CSV objects %v", csv)
		}
		same(t, "rows", at.column("data/users", "id"), ids(0, 5))
	})
}

// TestOverwrite has two pages and more of old objects, and neighbours of every kind that
// are not the stream's own.
func TestOverwrite(t *testing.T) {
	t.Parallel()
	inBoth(t, func(t *testing.T, at *target) {
		n := 2100
		if _, disk := at.config["access_key_id"]; !disk {
			n = 50 // each waits for the disk
		}
		at.put(nil, oldKeys("data/users", n)...)
		at.put(nil, "data/users/2021_01_01_1609541171643_0.csv.gz", "data/users/2021_01_01_1609541171643_0.jsonl",
			"data/users/2021_01_01_1609541171643_0.parquet", "data/users/2021_01_01_1609541171643_7.avro")
		neighbours := []string{
			"data/users_archive/2021_01_01_1609541171643_0.csv",
			"data/users/README.txt",
			"data/users/2021_01_01_1609541171643_0.csv.bak",
			"data/users/2021_01_01_1609541171643_0.csv-1",
			"data/users/sub/2021_01_01_1609541171643_0.csv",
			"data/2021_01_01_1609541171643_0.csv",
			"data/public/users/2021_01_01_1609541171643_0.csv",
			"elsewhere/users/2021_01_01_1609541171643_0.csv",
			"users/2021_01_01_1609541171643_0.csv",
		}
		at.put(nil, neighbours...)
		at.sync(job{streams: []stream{{name: "users", mode: "overwrite"}}}, record("users", `{"new":1}`)).ok()
		var own []string
		keys := at.keys()
		for _, key := range neighbours {
			if !slices.Contains(keys, key) || at.get(key) != "old "+key {
				t.Errorf("%s is gone or changed", key)
			}
		}
		for _, key := range keys {
			if !slices.Contains(neighbours, key) {
				own = append(own, key)
			}
		}
		if len(own) != 1 || !strings.Contains(at.get(own[0]), `""new"":1`) {
			t.Errorf("%d objects of the stream: %v", len(own), own)
		}
	})
}

// TestGenerations runs the refreshes of a stream one after the other. Whatever the mode
// says, the generation ids rule.
func TestGenerations(t *testing.T) {
	t.Parallel()
	inBoth(t, func(t *testing.T, at *target) {
		at.put(nil, "data/users/2021_01_01_1609541171643_0.csv") // of no generation: the oldest
		sync := func(gen, minimum int, mode, value string, want ...string) {
			t.Helper()
			at.sync(job{streams: []stream{{name: "users", mode: mode, gen: gen, min: minimum}}}, record("users", quote2(value))).ok()
			keys := at.keysIn("data/users")
			var got []string
			for _, key := range keys {
				got = append(got, valueOf(at.get(key)))
			}
			same(t, value, got, want)
		}
		sync(12, 0, "append", "first", "old", "first")
		sync(12, 0, "overwrite", "again", "old", "first", "again")
		sync(13, 13, "append", "truncated", "truncated")
		sync(13, 13, "append", "resumed", "truncated", "resumed")
		sync(13, 0, "overwrite", "more", "truncated", "resumed", "more")
		sync(14, 14, "overwrite", "anew", "anew")
	})
}

// TestPlaceholders has the ids of PyAirbyte, 1 in every sync and every mode. On a platform the
// same ids mean what they say.
func TestPlaceholders(t *testing.T) {
	t.Parallel()
	inBoth(t, func(t *testing.T, at *target) {
		at.put(nil, "data/users/2021_01_01_1609541171643_0.csv")
		sync := func(env, mode, value string, want ...string) {
			t.Helper()
			j := job{streams: []stream{{name: "users", mode: mode, gen: 1, min: 1, sync: 1}}, env: []string{env}}
			at.sync(j, record("users", quote2(value))).ok()
			var got []string
			for _, key := range at.keysIn("data/users") {
				got = append(got, valueOf(at.get(key)))
			}
			same(t, value, got, want)
		}
		sync("WORKER_JOB_ID=", "append", "first", "old", "first")
		sync("WORKER_JOB_ID=", "overwrite", "anew", "anew")
		sync("WORKER_JOB_ID=", "overwrite", "again", "again")
		sync("WORKER_JOB_ID=", "append", "more", "again", "more")
		sync("WORKER_JOB_ID=1", "overwrite", "resumed", "again", "more", "resumed") // all of it is of generation 1
	})
}

// quote2 is a record with one value, and valueOf finds it in an object with one row.
func quote2(value string) string { return `{"value":` + quote(value) + `}` }

func valueOf(object string) string {
	if strings.HasPrefix(object, "old ") {
		return "old"
	}
	_, rest, _ := strings.Cut(object, `""value"":""`)
	value, _, _ := strings.Cut(rest, `""`)
	return value
}

// TestInterruptedRefresh is a full refresh that fails, and is resumed or given up.
func TestInterruptedRefresh(t *testing.T) {
	t.Parallel()
	at := inBucket(t)
	at.put(sink.Metadata{"ab-generation-id": "41"}, "data/users/2021_01_01_1609541171643_0.csv")
	j := func(gen, minimum int) job {
		return job{config: fields{"full_refresh": "incremental"}, streams: []stream{{name: "users", gen: gen, min: minimum}}}
	}
	values := func() (all []string) {
		for _, key := range at.keysIn("data/users") {
			all = append(all, valueOf(at.get(key)))
		}
		return all
	}
	at.sync(j(42, 42), record("users", quote2("broken off")), status("users", "INCOMPLETE")).failed(1, "transient_error", "users")
	same(t, "after the failure", values(), []string{"old", "broken off"})
	at.sync(j(42, 42), record("users", quote2("resumed")), status("users", "COMPLETE")).ok()
	same(t, "after the end", values(), []string{"broken off", "resumed"})
	at.sync(j(43, 43), record("users", quote2("cancelled")), status("users", "INCOMPLETE")).failed(1, "transient_error", "users")
	at.sync(j(44, 0), record("users", quote2("appended")), status("users", "COMPLETE")).ok()
	same(t, "after a cancelled one", values(), []string{"broken off", "resumed", "cancelled", "appended"})
}

// TestIncomplete has a source that gives one stream up. The old table stays whole.
func TestIncomplete(t *testing.T) {
	t.Parallel()
	inBoth(t, func(t *testing.T, at *target) {
		old := oldKeys("data/users", 3)
		at.put(nil, old...)
		r := at.sync(job{config: fields{"file_size_mb": 0.1}, streams: []stream{{name: "users", mode: "overwrite"}, {name: "events"}, {name: "quiet", mode: "overwrite"}}},
			together([]string{record("events", `{"id":0}`), streamState("events", `{"n":1}`)},
				numbered("users", 0, 2000), []string{streamState("users", `{"n":1}`), status("users", "INCOMPLETE"),
					status("events", "COMPLETE"), status("quiet", "COMPLETE")})...)
		r.failed(1, "transient_error", "users", "sync again")
		if strings.Contains(r.trace().Message, "events") || strings.Contains(r.trace().Message, "quiet") {
			t.Errorf("the TRACE names a stream that is complete: %s", r.trace().Message)
		}
		same(t, "objects of users", at.keysIn("data/users"), old)
		same(t, "rows of events", at.data("data/events"), []string{`{"id":0}`})
		if states := r.states(); len(states) != 1 || !strings.Contains(states[0], `"events"`) {
			t.Errorf("got the states %v, want that of events alone", states)
		}
		at.clean()
	})
}

// TestStatuses ends streams in all ways that a source can.
func TestStatuses(t *testing.T) {
	t.Parallel()
	at := inBucket(t)
	sync := func(lines ...string) *result {
		at.put(nil, "data/users/2021_01_01_1609541171643_0.csv", "data/clients/2021_01_01_1609541171643_0.csv")
		return at.sync(job{streams: []stream{{name: "users", mode: "overwrite"}, {name: "clients", mode: "overwrite"}}}, lines...)
	}
	want := func(what string, users, clients int) {
		t.Helper()
		for dir, n := range map[string]int{"data/users": users, "data/clients": clients} {
			keys := at.keysIn(dir)
			if len(keys) != n {
				t.Errorf("%s: %s has the objects %v, want %d", what, dir, keys, n)
			}
			if err := at.store.Delete(t.Context(), keys...); err != nil {
				t.Fatal(err)
			}
		}
		at.clean()
	}
	sync(status("users", "COMPLETE"), status("clients", "COMPLETE")).ok()
	want("a source without records empties the tables", 0, 0)
	sync().ok()
	want("without a status the end of the input counts", 0, 0)
	sync(record("users", `{}`)).ok()
	want("without a status, one record", 1, 0)
	sync(record("users", `{}`), record("users", `{}`), status("users", "COMPLETE"), record("clients", `{}`)).failed(1, "transient_error", "clients")
	want("a status is missing where another one came", 1, 1)
	sync(status("users", "STARTED"), record("users", `{}`), status("clients", "STARTED")).failed(1, "transient_error", "clients", "users")
	want("no stream has its end", 1, 1)
	sync(record("users", `{}`), status("users", "INCOMPLETE"), status("clients", "COMPLETE")).failed(1, "transient_error", "users")
	want("nothing of a failed stream is replaced", 1, 0)
	sync(status("users", "COMPLETE"), status("clients", "COMPLETE"), status("users", "INCOMPLETE")).failed(1, "transient_error", "users")
	want("a stream that takes its end back fails the sync, but is replaced", 0, 0)
}

// TestNoRecords makes no object for an append stream without any.
func TestNoRecords(t *testing.T) {
	t.Parallel()
	inBoth(t, func(t *testing.T, at *target) {
		at.put(nil, "data/users/2021_01_01_1609541171643_0.csv")
		r := at.sync(job{config: flat(), streams: []stream{{name: "users", schema: idSchema}, {name: "other"}}}, legacyState(`{"n":1}`)).ok()
		same(t, "objects", at.keys(), []string{"data/users/2021_01_01_1609541171643_0.csv"})
		same(t, "counts", r.counts(), []float64{0})
		at.sync(job{}).ok() // a catalog without streams
	})
}
