package main

import (
	"slices"
	"strings"
	"testing"
)

// overwriteUsers is a sync of one full refresh, cut into many objects.
func overwriteUsers(mode string) job {
	return job{
		config:  flat(fields{"full_refresh": mode, "file_size_mb": 0.1, "checkpoint_minutes": 0.005}),
		streams: []stream{{name: "users", schema: idSchema, mode: "overwrite"}},
	}
}

// many are rows for some objects of 0.1 MB: flattened, a row has about 60 bytes.
const many = 6000

// TestAtomic holds the source's pipe open while a full refresh runs: until its end readers
// see the old table and nothing else, and no STATE says anything else.
func TestAtomic(t *testing.T) {
	t.Parallel()
	inBoth(t, func(t *testing.T, at *target) {
		old := oldKeys("data/users", 3)
		at.put(nil, old...)
		p := at.start(overwriteUsers("atomic"))
		p.send(numbered("users", 0, many)...).send(streamState("users", `{"n":1}`))
		waitFor(t, "three objects are uploaded", func() bool { return len(at.uploads()) >= 3 })
		same(t, "visible objects", at.keys(), old)
		if got := statesOf(p.messages()); len(got) > 0 {
			t.Errorf("a STATE before the end: %v", got)
		}
		r := p.send(status("users", "COMPLETE")).finish().ok()
		same(t, "counts", r.counts(), []float64{many})
		keys := at.keys()
		if len(keys) < 3 || slices.Contains(keys, old[0]) {
			t.Errorf("got the objects %v", keys)
		}
		same(t, "rows", at.column("data/users", "id"), ids(0, many))
		at.clean()
	})
}

// TestAtomicEndsWithItsStatus has one stream's end make it visible while others go on.
func TestAtomicEndsWithItsStatus(t *testing.T) {
	t.Parallel()
	at := inBucket(t)
	old := oldKeys("data/users", 2)
	at.put(nil, old...)
	p := at.start(job{streams: []stream{{name: "users", mode: "overwrite"}, {name: "events", mode: "overwrite"}}})
	p.send(record("users", `{"new":1}`), streamState("users", `{"n":1}`), status("users", "COMPLETE"), record("events", `{}`))
	p.waitState(1)
	same(t, "rows of users", at.data("data/users"), []string{`{"new":1}`})
	same(t, "objects of events", at.keysIn("data/events"), []string{})
	p.send(status("events", "COMPLETE")).finish().ok()
	same(t, "rows of events", at.data("data/events"), []string{`{}`})
}

// TestIncremental shows new objects as they fill; the old ones go at the end.
func TestIncremental(t *testing.T) {
	t.Parallel()
	inBoth(t, func(t *testing.T, at *target) {
		old := oldKeys("data/users", 3)
		at.put(nil, old...)
		p := at.start(overwriteUsers("incremental"))
		p.send(numbered("users", 0, many)...).send(streamState("users", `{"n":1}`))
		p.waitState(1)
		keys := at.keys()
		for _, key := range old {
			if !slices.Contains(keys, key) {
				t.Errorf("%s is gone before the end", key)
			}
		}
		if len(keys) < len(old)+3 {
			t.Errorf("got the objects %v", keys)
		}
		p.send(record("users", `{"id":6000}`), status("users", "COMPLETE")).finish().ok()
		same(t, "rows", at.column("data/users", "id"), ids(0, many+1))
		if slices.Contains(at.keys(), old[0]) {
			t.Error("the old objects are still there")
		}
	})
}

// TestIncrementalIncomplete keeps the old objects, and what was shown already.
func TestIncrementalIncomplete(t *testing.T) {
	t.Parallel()
	at := inBucket(t)
	old := oldKeys("data/users", 1)
	at.put(nil, old...)
	r := at.sync(job{config: fields{"full_refresh": "incremental"}, streams: []stream{{name: "users", mode: "overwrite"}}},
		record("users", `{"new":1}`), streamState("users", `{"n":1}`), status("users", "INCOMPLETE"))
	r.failed(1, "transient_error", "users")
	keys := at.keys()
	if len(keys) != 2 || keys[0] != old[0] || !strings.Contains(at.get(keys[1]), "new") {
		t.Errorf("got the objects %v", keys)
	}
	same(t, "counts", r.counts(), []float64{1})
}

// TestPurgeFirst deletes before the first record comes, and nothing but its own.
func TestPurgeFirst(t *testing.T) {
	t.Parallel()
	inBoth(t, func(t *testing.T, at *target) {
		at.put(nil, oldKeys("data/users", 3)...)
		keep := []string{"data/events/2021_01_01_1609541171643_0.csv", "data/users/notes.csv", "data/users_archive/2021_01_01_1609541171643_0.csv"}
		at.put(nil, keep...)
		j := overwriteUsers("purge_first")
		j.streams = append(j.streams, stream{name: "events"})
		p := at.start(j)
		waitFor(t, "the old objects are gone", func() bool { return len(at.keys()) == len(keep) })
		same(t, "objects", at.keys(), keep)
		p.send(numbered("users", 0, many)...).send(streamState("users", `{"n":1}`))
		p.waitState(1)
		p.finish().ok()
		keys := slices.DeleteFunc(at.keys(), func(key string) bool { return slices.Contains(keep, key) })
		if len(keys) < 3 || len(at.keys()) != len(keys)+len(keep) {
			t.Errorf("got the objects %v", at.keys())
		}
	})
}

// TestPurgeFirstByGeneration keeps what earlier tries of the same refresh have written.
func TestPurgeFirstByGeneration(t *testing.T) {
	t.Parallel()
	at := inBucket(t)
	at.put(nil, "data/users/2021_01_01_1609541171643_0.csv")
	j := job{config: fields{"full_refresh": "purge_first"}, streams: []stream{{name: "users", gen: 7, min: 7}}}
	at.sync(j, record("users", quote2("one")), status("users", "INCOMPLETE")).failed(1, "transient_error", "users")
	at.sync(j, record("users", quote2("two")), status("users", "COMPLETE")).ok()
	same(t, "rows", at.data("data/users"), []string{quote2("one"), quote2("two")})
}

// TestModesSideBySide has append and full refresh in one sync.
func TestModesSideBySide(t *testing.T) {
	t.Parallel()
	at := inBucket(t)
	at.put(nil, "data/a/2021_01_01_1609541171643_0.csv", "data/b/2021_01_01_1609541171643_0.csv")
	r := at.sync(job{streams: []stream{{name: "a"}, {name: "b", mode: "overwrite"}}},
		record("a", `{"a":1}`), streamState("a", `{"n":1}`), record("b", `{"b":1}`), streamState("b", `{"n":2}`),
		record("a", `{"a":2}`), streamState("a", `{"n":3}`), status("a", "COMPLETE"), status("b", "COMPLETE")).ok()
	same(t, "counts", r.counts(), []float64{1, 1, 1})
	if got := len(at.keysIn("data/a")); got != 2 {
		t.Errorf("a has %d objects, want the old one and one more", got)
	}
	same(t, "rows of b", at.data("data/b"), []string{`{"b":1}`})
}
