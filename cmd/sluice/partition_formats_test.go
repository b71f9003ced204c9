package main

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"
)

// TestPartitionsUnflattened: records in one column keep all of their fields, and their partitions are named by
// fields that no schema has to have.
func TestPartitionsUnflattened(t *testing.T) {
	t.Parallel()
	at := inDirectory(t)
	config := fields{"partition_by": []string{"p", "date(emitted_at)"}}
	users := []stream{{name: "users", schema: placed}}
	lines := []string{record("users", `{"id":1,"p":"x","q":2}`), record("users", `{"p":{"a":1}}`)}
	at.sync(job{config: config, streams: users}, lines...).ok()
	same(t, "CSV", at.data("data/users/p=x/day=2021-05-27"), []string{`{"id":1,"p":"x","q":2}`})
	same(t, "CSV", at.data("data/users/p=%7B%22a%22%3A1%7D/day=2021-05-27"), []string{`{"p":{"a":1}}`})
	config["format"] = fields{"format_type": "JSONL"}
	users[0].mode = "overwrite"
	at.sync(job{config: config, streams: users}, lines...).ok()
	same(t, "objects", len(at.keys()), 2)
	same(t, "JSONL", at.jsonRows("data/users/p=x/day=2021-05-27")[0]["_airbyte_data"], `{"id":1,"p":"x","q":2}`)
}

// TestPartitionFormats: each format has its rows in their partitions, without the column, unless it is to be kept.
func TestPartitionFormats(t *testing.T) {
	t.Parallel()
	for name, format := range map[string]fields{
		".csv.gz":    csvFormat(fields{"flattening": rootLevel, "compression": fields{"compression_type": "GZIP"}}),
		".jsonl.zst": jsonlFormat(fields{"flattening": rootLevel, "compression": fields{"compression_type": "ZSTD"}}),
		".avro":      formatOf("Avro", nil),
		".parquet":   formatOf("Parquet", nil),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			at := inBucket(t)
			run := func(mode, columns string, rows int) (keys []string) {
				t.Helper()
				var lines []string
				for i := range rows {
					lines = append(lines, record("users", fmt.Sprintf(`{"id":%d,"p":"v%d"}`, i, i%7)))
				}
				config := fields{"partition_by": []string{"p"}, "partition_columns": columns, "format": format["format"]}
				at.sync(job{config: config, streams: []stream{{name: "users", mode: mode, schema: placed}}}, append(lines, globalState(`{}`))...).ok()
				for _, key := range at.keys() {
					if !regexp.MustCompile(`^data/users/p=v\d/[\d_]+` + regexp.QuoteMeta(name) + `$`).MatchString(key) {
						t.Errorf("the object %s", key)
					}
				}
				at.clean()
				return at.keys()
			}
			same(t, "objects", len(run("append", "drop", 2000)), 7)
			same(t, "objects", len(run("append", "drop", 3)), 10)
			for _, key := range run("overwrite", "keep", 50) {
				// A text of one value is there plainly, whatever the codec of the blocks: there is none.
				value := key[len("data/users/p="):][:2]
				if text := at.get(key); !strings.Contains(text, value) {
					t.Errorf("%s has no column with %s", key, value)
				}
			}
			for _, key := range run("overwrite", "drop", 14) {
				if text := at.get(key); regexp.MustCompile(`\bv\d\b`).MatchString(text) {
					t.Errorf("%s has the column: %q", key, text)
				}
			}
			same(t, "objects", len(at.keys()), 7)
		})
	}
}

// TestPartitionsOfAPath: under one path for all syncs numbers go on, over all partitions, and no name is given twice.
func TestPartitionsOfAPath(t *testing.T) {
	t.Parallel()
	inBoth(t, func(t *testing.T, at *target) {
		at.config = at.with(fields{"s3_path_format": "${NAMESPACE}/${STREAM_NAME}/", "file_name_pattern": "part-{part_number}{format_extension}"})
		at.config = at.with(by("p"))
		at.put(nil, "data/users/part-3.csv", "data/users/p=z/part-7.csv", "data/users/p=z/part-07.csv", "data/users/p=z/q=1/part-5.csv")
		run := func(mode string, want ...string) {
			t.Helper()
			at.sync(job{streams: []stream{{name: "users", mode: mode, schema: placed}}}, record("users", `{"id":1,"p":"x"}`), record("users", `{"id":2,"p":"y"}`)).ok()
			var got []string
			for _, key := range at.keys() {
				if !strings.HasPrefix(at.get(key), "old ") {
					got = append(got, strings.TrimPrefix(key, "data/users/"))
				}
			}
			slices.Sort(got)
			same(t, mode, got, want)
		}
		run("append", "p=x/part-8.csv", "p=y/part-9.csv")
		run("append", "p=x/part-10.csv", "p=x/part-8.csv", "p=y/part-11.csv", "p=y/part-9.csv")
		run("overwrite", "p=x/part-12.csv", "p=y/part-13.csv")
		same(t, "objects", at.keys(), []string{"data/users/p=x/part-12.csv", "data/users/p=y/part-13.csv", "data/users/p=z/part-07.csv"})
		at.ask("ls").ok("1 stream, 2 objects", "1 other object")
	})
}

// TestPartitionsSeen: ls counts partitions as their stream, and gc aborts what was left in them.
func TestPartitionsSeen(t *testing.T) {
	t.Parallel()
	inBoth(t, func(t *testing.T, at *target) {
		at.config = at.with(by("p", "date(emitted_at)"))
		at.put(nil, "data/users/p=DE/day=2021-01-01/2021_01_01_1609541171643_0.csv", "data/ns/users/p=DE/2021_01_01_1609541171643_0.csv", "data/users/2021_01_01_1609541171643_0.csv")
		mine := []string{"data/users/p=a%2Fb/day=2021-01-01/2021_01_01_1609541171643_1.csv", "data/ns/users/p=7/day=2021-01-01/2021_01_01_1609541171643_1.parquet"}
		theirs := []string{"data/users/p/2021_01_01_1609541171643_1.csv.bak", "data/users/p=1/x/y/2021_01_01_1609541171643_1.txt"}
		at.begin(nil, mine...)
		at.begin(nil, theirs...)
		var got []string
		for _, line := range at.ask("ls").table() {
			if strings.Contains(line, "TIME TIME") {
				got = append(got, regexp.MustCompile(`[\d.]+ (KiB|B) TIME TIME`).ReplaceAllString(line, "SIZE"))
			}
		}
		same(t, "ls", got, []string{"ns/users 1 SIZE 1", "users 2 SIZE 1"})
		at.ask("ls", "--stream", "ns/users", "--objects").ok("data/ns/users/p=DE/2021").without("data/users/")
		at.ask("gc", "--older-than", "0s", "--yes").failed(0)
		at.left(theirs...)
	})
}

// TestManyPartitions: more than have room for a part each, and more rows than there is memory for.
func TestManyPartitions(t *testing.T) {
	t.Parallel()
	f := func(name, mode string, format fields, partitions int, count func(object string) int) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			at := inBucket(t)
			at.config = at.with(fields{"partition_by": []string{"p"}, "format": format["format"], "upload": fields{"memory_mb": 32}})
			p := at.start(job{streams: []stream{{name: "users", mode: mode, schema: placed}}})
			most := peak(p.cmd.Process.Pid)
			const turns = 3
			pad := strings.Repeat("x", 30<<20/partitions)
			for turn := range turns {
				for i := range partitions {
					p.send(record("users", fmt.Sprintf(`{"id":%d,"p":"v%d","pad":"%s"}`, turn*partitions+i, i, pad)))
				}
			}
			p.send(globalState(`{}`)).finish().ok()
			if got := most() >> 20; got > 160 && !raceEnabled() { // with the rest of the process, and the collector's share
				t.Errorf("it needed %d MiB", got)
			}
			rows, places := 0, map[string]bool{}
			for _, key := range at.keys() {
				rows += count(at.get(key))
				places[path.Dir(key)] = true
			}
			if rows != turns*partitions || len(places) != partitions {
				t.Errorf("%d rows in %d partitions, want %d in %d", rows, len(places), turns*partitions, partitions)
			}
			at.clean()
		})
	}
	f("CSV", "append", flat(), 3000, func(object string) int { return strings.Count(object, "\n") - 1 })
	f("Parquet refresh", "overwrite", formatOf("Parquet", nil), 500, func(object string) int {
		file, err := parquet.OpenFile(strings.NewReader(object), int64(len(object)))
		if err != nil {
			t.Error(err)
			return 0
		}
		return int(file.NumRows())
	})
}
