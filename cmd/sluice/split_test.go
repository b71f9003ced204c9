package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// TestFileSize cuts a stream into objects.
func TestFileSize(t *testing.T) {
	t.Parallel()
	inBoth(t, func(t *testing.T, at *target) {
		const rows, limit = 5000, 0.1 * (1 << 20)
		j := job{config: flat(fields{"file_size_mb": 0.1}), streams: []stream{
			{name: "users", schema: `{"properties":{"id":{},"pad":{}}}`}, {name: "events", schema: idSchema, mode: "overwrite"},
		}}
		var input []string
		for i, line := range numbered("users", 0, rows) {
			input = append(input, line, record("events", fmt.Sprintf(`{"id":%d}`, i)))
		}
		at.sync(j, input...).ok()
		keys := at.keysIn("data/users")
		if len(keys) < 5 {
			t.Fatalf("got the objects %v", keys)
		}
		for i, key := range keys {
			if want := fmt.Sprintf("_%d.csv", i); !strings.HasSuffix(key, want) {
				t.Errorf("object %d is %s, want the end %s", i, key, want)
			}
			object := at.get(key)
			if !strings.HasPrefix(object, `"_airbyte_ab_id","_airbyte_emitted_at","id","pad"`+"\r\n") {
				t.Errorf("%s begins with %.100q", key, object)
			}
			const row = 200 // no row is longer
			if n := float64(len(object)); n > limit+row || n < limit && i < len(keys)-1 {
				t.Errorf("%s has %v bytes, want about %v", key, n, limit)
			}
		}
		same(t, "rows", at.column("data/users", "id"), ids(0, rows))
		same(t, "rows of the other stream", at.column("data/events", "id"), ids(0, rows))
		if got := at.column("data/users", "_airbyte_ab_id"); len(slices.Compact(slices.Sorted(slices.Values(got)))) != rows {
			t.Error("two rows have one id")
		}
		at.clean()
	})
}

// TestOneFile is the first version's promise: one object a stream, partition 0, however
// long it takes and however large it gets. Here it has more than one part.
func TestOneFile(t *testing.T) {
	t.Parallel()
	inBoth(t, func(t *testing.T, at *target) {
		j := job{
			config:  flat(fields{"file_size_mb": 0, "checkpoint_minutes": 0, "upload": fields{"part_size_mb": 5}}),
			streams: []stream{{name: "large", schema: `{"properties":{"id":{},"pad":{}}}`}, {name: "small", schema: idSchema}},
		}
		const n = 12
		p := at.start(j).send(numbered("small", 0, 1)...).send(bulky("large", n)...).send(numbered("small", 1, 1)...)
		waitFor(t, "a part is sent", func() bool { return len(at.uploads()) == 1 })
		same(t, "visible objects", at.keys(), []string{})
		p.finish().ok()
		for dir, rows := range map[string]int{"data/large": n, "data/small": 2} {
			keys := at.keysIn(dir)
			if len(keys) != 1 || !strings.HasSuffix(keys[0], "_0.csv") {
				t.Errorf("%s has the objects %v", dir, keys)
			}
			same(t, dir, at.column(dir, "id"), ids(0, rows))
		}
		at.clean()
	})
}

// TestManyStreams writes more streams than there are buffers for, with a small budget.
func TestManyStreams(t *testing.T) {
	t.Parallel()
	at := inBucket(t)
	const streams, rounds = 200, 5
	j := job{config: flat(fields{"upload": fields{"memory_mb": 32}})}
	var input []string
	for round := range rounds {
		for s := range streams {
			input = append(input, record(fmt.Sprintf("s%d", s), fmt.Sprintf(`{"id":%d}`, round)))
		}
	}
	for s := range streams {
		mode := []string{"append", "overwrite"}[s%2]
		j.streams = append(j.streams, stream{name: fmt.Sprintf("s%d", s), schema: idSchema, mode: mode})
	}
	r := at.sync(j, append(input, globalState(`{}`))...).ok()
	same(t, "counts", r.counts(), []float64{streams * rounds})
	for _, s := range []int{0, 1, 99, 198, 199} {
		same(t, fmt.Sprint("stream ", s), at.column(fmt.Sprintf("data/s%d", s), "id"), ids(0, rounds))
	}
	if got := len(at.keys()); got != streams {
		t.Errorf("%d objects for %d streams", got, streams)
	}
	at.clean()
}

// TestMetadata looks at what is kept beside each object.
func TestMetadata(t *testing.T) {
	t.Parallel()
	inBoth(t, func(t *testing.T, at *target) {
		at.sync(job{streams: []stream{{name: "a", gen: 12, min: 12, sync: 42}, {name: "b"}}},
			record("a", `{}`), record("a", `{}`), record("b", `{}`)).ok()
		meta := at.metadata(at.only("data/a"))
		for key, want := range map[string]string{"ab-generation-id": "12", "ab-sync-id": "42", "rows": "2"} {
			if meta[key] != want {
				t.Errorf("%s is %q, want %q", key, meta[key], want)
			}
		}
		if meta["sluice-version"] == "" {
			t.Errorf("no sluice-version: %v", meta)
		}
		meta = at.metadata(at.only("data/b"))
		if _, has := meta["ab-generation-id"]; has || meta["rows"] != "1" {
			t.Errorf("without ids: got %v", meta)
		}
	})
}
