package main

import (
	"fmt"
	"net/url"
	"path"
	"strings"
	"testing"
)

const placed = `{"properties":{"id":{"type":"integer"},"p":{},"pad":{"type":"string"}}}`

// by is a config of flattened CSV with keys of partitions.
func by(keys ...string) fields { return flat(fields{"partition_by": keys}) }

// inPlaces reads the ids of CSV objects, by their directories below that of a stream. Those that were there
// before are left out.
func (at *target) inPlaces(dir string) map[string][]string {
	at.t.Helper()
	all := map[string][]string{}
	for _, key := range at.keys() {
		place, below := strings.CutPrefix(path.Dir(key), dir+"/")
		if !below || strings.HasPrefix(at.get(key), "old ") {
			continue
		}
		for _, row := range at.rowsOf(key) {
			all[place] = append(all[place], row["id"])
		}
	}
	return all
}

// TestPartitionValues: a reader that knows Hive's names has each value back as it was.
func TestPartitionValues(t *testing.T) {
	t.Parallel()
	const null = "__HIVE_DEFAULT_PARTITION__"
	values := []struct{ json, want string }{ // what a reader must have
		{`"DE"`, "DE"}, {`"a/b"`, "a/b"}, {`"50%"`, "50%"}, {`"%2F"`, "%2F"}, {`"a=b=c"`, "a=b=c"}, {`"Zürich 東京 😀"`, "Zürich 東京 😀"},
		{`"\u00e9"`, "é"}, {`"e\u0301"`, "e\u0301"}, {`"'\"q\""`, `'"q"`}, {`"a\nb\r\tc"`, "a\nb\r\tc"}, {`"\u0000\u0001\u007f"`, "\x00\x01\x7f"}, {`"\u0085\u2028"`, "\u0085\u2028"},
		{`"\ud83d"`, "\ufffd"}, {`"\ufffe\uffff"`, "\ufffe\uffff"}, {`" a "`, " a "}, {`"."`, "."}, {`".."`, ".."}, {`"a\\b"`, `a\b`}, {`"a+b c&d"`, "a+b c&d"}, {`"a//b/"`, "a//b/"},
		{`null`, null}, {`""`, null}, {`7`, "7"}, {`-1.50`, "-1.50"}, {`1e3`, "1e3"}, {`true`, "true"}, {`false`, "false"}, {`{"a":[1,null]}`, `{"a":[1,null]}`}, {`[]`, "[]"},
		{`"` + strings.Repeat("x", 200) + `"`, strings.Repeat("x", 200)},
	}
	inBoth(t, func(t *testing.T, at *target) {
		var lines []string
		want := map[string][]string{}
		for i, v := range values {
			lines = append(lines, record("users", fmt.Sprintf(`{"id":%d,"p":%s}`, i, v.json)))
			want[v.want] = append(want[v.want], fmt.Sprint(i))
		}
		lines = append(lines, record("users", fmt.Sprintf(`{"id":%d}`, len(values))), globalState(`{}`))
		want[null] = append(want[null], fmt.Sprint(len(values)))
		for _, mode := range []string{"append", "overwrite"} { // which knows them again
			j := job{config: by("p"), streams: []stream{{name: "users", schema: placed, mode: mode}}}
			at.sync(j, lines...).ok()
			got := map[string][]string{}
			for place, ids := range at.inPlaces("data/users") {
				value, err := url.PathUnescape(strings.TrimPrefix(place, "p="))
				if err != nil || strings.Contains(place, "/") {
					t.Errorf("%q: %v", place, err)
				}
				got[value] = ids
			}
			same(t, mode, got, want)
		}
		at.clean()
		at.config = at.with(by("p"))
		at.ask("ls").ok("1 stream, ").without("other")
	})
}

// TestPartitionTooLong: a value that no directory can be named by is lost where its column is not in the file, so the
// sync fails and says what to do; else it is in the partition of those without one.
func TestPartitionTooLong(t *testing.T) {
	t.Parallel()
	at := inBucket(t)
	long := strings.Repeat("é", 60) + strings.Repeat("/", 40)
	j := job{config: by("p"), streams: []stream{{name: "users", schema: placed}}}
	at.sync(j, record("users", `{"id":1,"p":"DE"}`), record("users", `{"id":2,"p":"`+long+`"}`)).
		failed(1, "system_error", "line 2", "users", "the value of p has 240 bytes", "partition_columns")
	at.clean()
	j.config["partition_columns"] = "keep"
	at.sync(j, record("users", `{"id":2,"p":"`+long+`"}`)).ok()
	same(t, "kept", at.column("data/users/p=__HIVE_DEFAULT_PARTITION__", "p"), []string{long})
}

// TestPartitionKeys: keys that no stream has are refused; those of one stream alone, or in no schema's way, are not.
func TestPartitionKeys(t *testing.T) {
	t.Parallel()
	at := inDirectory(t)
	users, orders := stream{name: "users", schema: placed}, stream{name: "orders", schema: idSchema}
	f := func(keys []string, want ...string) {
		t.Helper()
		at.sync(job{config: by(keys...), streams: []stream{users, orders}}).failed(2, "config_error", want...)
		same(t, "objects", at.keys(), []string{})
	}
	f([]string{"country"}, "partition_by", `"country"`, "no stream has it")
	f([]string{"p", "date(at)"}, "partition_by", `"at"`, "no stream has it")
	f([]string{"p", "P=id"}, "partition_by", `two keys have the name "P"`, "other=id")
	f([]string{"week(p)"}, "partition_by", `"week"`, "date, year, month, day and hour")
	f([]string{"p", "p"}, "partition_by")

	r := at.sync(job{config: by("p"), streams: []stream{users, orders}},
		record("users", `{"id":1,"p":"x"}`), record("orders", `{"id":2}`), record("orders", `{"id":3,"p":"y"}`), record("users", `{"id":4,"p":"y"}`)).ok()
	contains(t, "the warnings", strings.Join(r.logs("WARN"), "\n"), "partition_by", "orders", "__HIVE_DEFAULT_PARTITION__")
	if warned := strings.Join(r.logs("WARN"), "\n"); strings.Contains(warned, "has a column") {
		t.Errorf("a key has the name of its own field: %s", warned)
	}
	same(t, "users", at.inPlaces("data/users"), map[string][]string{"p=x": {"1"}, "p=y": {"4"}})
	same(t, "orders", at.inPlaces("data/orders"), map[string][]string{"p=__HIVE_DEFAULT_PARTITION__": {"2"}, "p=y": {"3"}})
}

// TestPartitionNames: a key that is called like another column hides it, which is told.
func TestPartitionNames(t *testing.T) {
	ofTexts(t)
	t.Parallel()
	at := inDirectory(t)
	f := func(format string, warned bool, keys ...string) {
		t.Helper()
		schema := `{"properties":{"id":{},"Day":{},"at":{}}}`
		config := fields{"partition_by": keys, "partition_columns": "keep", "format": fields{"format_type": "CSV", "flattening": format}}
		r := at.sync(job{config: config, streams: []stream{{name: "users", schema: schema}}}).ok()
		if got := strings.Contains(strings.Join(r.logs("WARN"), "\n"), `the stream users has a column "Day"`); got != warned {
			t.Errorf("%q: warned %t", keys, got)
		}
	}
	f(rootLevel, true, "date(at)")
	f(rootLevel, true, "id", "day=at")
	f(rootLevel, false, "d=date(at)", "Day")
	f("No flattening", false, "date(at)")
}

// TestPartitionRefresh: an append adds, and a full refresh leaves the new table alone, whatever partitions the old one
// had; files near them stay.
func TestPartitionRefresh(t *testing.T) {
	t.Parallel()
	near := []string{"data/users/p=DE/README.txt", "data/users/p=DE/2021_01_01_1609541171643_0.csv.bak", "data/users/x/2021_01_01_1609541171643_0.csv", "data/users_x/p=DE/2021_01_01_1609541171643_0.csv"}
	for _, refresh := range []string{"atomic", "incremental", "purge_first"} {
		t.Run(refresh, func(t *testing.T) {
			t.Parallel()
			inBoth(t, func(t *testing.T, at *target) {
				at.put(nil, near...)
				at.put(nil, "data/users/2021_01_01_1609541171643_0.csv", "data/users/a=1/b=2/2021_01_01_1609541171643_1.parquet")
				run := func(mode string, first, n, places int, want map[string][]string) {
					t.Helper()
					var lines []string
					for i := range n {
						lines = append(lines, record("users", fmt.Sprintf(`{"id":%d,"p":%d,"pad":"x"}`, first+i, i%places)))
					}
					config := flat(by("p"), fields{"full_refresh": refresh})
					at.sync(job{config: config, streams: []stream{{name: "users", schema: placed, mode: mode}}}, append(lines, streamState("users", "1"))...).ok()
					same(t, mode, at.inPlaces("data/users"), want)
				}
				run("append", 0, 6, 3, map[string][]string{"p=0": {"0", "3"}, "p=1": {"1", "4"}, "p=2": {"2", "5"}})
				run("append", 10, 2, 2, map[string][]string{"p=0": {"0", "3", "10"}, "p=1": {"1", "4", "11"}, "p=2": {"2", "5"}})
				same(t, "old objects", len(at.keys()), len(near)+2+5)
				run("overwrite", 20, 5, 4, map[string][]string{"p=0": {"20", "24"}, "p=1": {"21"}, "p=2": {"22"}, "p=3": {"23"}})
				same(t, "objects", len(at.keys()), len(near)+4)
				run("overwrite", 30, 2, 2, map[string][]string{"p=0": {"30"}, "p=1": {"31"}})
				same(t, "objects", len(at.keys()), len(near)+2)
				run("overwrite", 0, 0, 1, map[string][]string{})
				for _, key := range near {
					contains(t, "what is near", at.get(key), "old")
				}
				at.clean()
			})
		})
	}
}
