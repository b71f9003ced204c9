package main

import (
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

const (
	seedData   = `{ "user_id":123, "name": { "first": "John", "last": "Doe" } }`
	seedSchema = `{"type":"object","properties":{"user_id":{"type":"integer"},"name":{"type":"object"}}}`
)

// TestGolden writes the example of the connector's first documentation, byte for byte. Only
// the id is another one.
func TestGolden(t *testing.T) {
	t.Parallel()
	inBoth(t, func(t *testing.T, at *target) {
		seed := stream{name: "users", namespace: "public", schema: seedSchema}
		f := func(path string, config fields, want string) {
			t.Helper()
			config["s3_bucket_path"] = path
			at.sync(job{config: config, streams: []stream{seed}}, recordIn(`"public"`, "users", seedData)).ok()
			same(t, path, at.masked(path+"/public/users"), want)
		}
		f("unflattened", csvFormat(nil), `"_airbyte_ab_id","_airbyte_emitted_at","_airbyte_data"`+"\r\n"+
			`"ID",1622135805000,"{ ""user_id"":123, ""name"": { ""first"": ""John"", ""last"": ""Doe"" } }"`+"\r\n")
		f("root", flat(), `"_airbyte_ab_id","_airbyte_emitted_at","user_id","name"`+"\r\n"+
			`"ID",1622135805000,123,"{ ""first"": ""John"", ""last"": ""Doe"" }"`+"\r\n")
	})
}

var ownKey = regexp.MustCompile(`^(.*)/(\d{4}_\d{2}_\d{2})_(\d{13})_(\d+)\.csv$`)

// TestKeys looks at the names of the objects of one sync: one upload time, its date in UTC
// wherever the machine stands. Of the two time zones one has another date than UTC.
func TestKeys(t *testing.T) {
	t.Parallel()
	at := inBucket(t)
	for _, zone := range []string{"Pacific/Kiritimati", "Etc/GMT+12"} {
		path := strings.ReplaceAll(zone, "/", "_")
		begin := time.Now().UnixMilli()
		at.sync(job{config: fields{"s3_bucket_path": "/" + path + "//deep/"}, env: []string{"TZ=" + zone},
			streams: []stream{{name: "a"}, {name: "b", namespace: "ns"}, {name: "c", mode: "overwrite"}}},
			record("a", `{}`), recordIn(`"ns"`, "b", `{}`), record("c", `{}`)).ok()
		end := time.Now().UnixMilli()
		times := map[string]bool{}
		for _, dir := range []string{"a", "ns/b", "c"} {
			keys := at.keysIn(path + "/deep/" + dir)
			if len(keys) != 1 || !ownKey.MatchString(keys[0]) {
				t.Fatalf("%s has the objects %v", dir, keys)
			}
			m := ownKey.FindStringSubmatch(keys[0])
			millis, err := strconv.ParseInt(m[3], 10, 64)
			if err != nil || millis < begin || millis > end {
				t.Errorf("%s: the time is not between %d and %d", keys[0], begin, end)
			}
			if day := time.UnixMilli(millis).UTC().Format("2006_01_02"); m[2] != day || m[4] != "0" {
				t.Errorf("%s: want the day %s and the partition 0", keys[0], day)
			}
			times[m[3]] = true
		}
		if len(times) != 1 {
			t.Errorf("one sync has the upload times %v", times)
		}
	}
}

// TestNamespaces has null, "" and absent mean the same, in the catalog and in the records.
func TestNamespaces(t *testing.T) {
	t.Parallel()
	inBoth(t, func(t *testing.T, at *target) {
		at.sync(job{streams: []stream{
			{name: "users", namespace: nil}, {name: "users", namespace: "ns_1"}, {name: "users", namespace: "ns_2"},
			{name: "empty", namespace: ""}, {name: "absent", namespace: absent},
		}},
			record("users", `{"in":"none"}`), recordIn(`null`, "users", `{"in":"null"}`), recordIn(`""`, "users", `{"in":"empty"}`),
			recordIn(`"ns_2"`, "users", `{"in":"ns_2"}`), recordIn(`"ns_1"`, "users", `{"in":"ns_1"}`),
			recordIn(`null`, "empty", `{}`), recordIn(`""`, "absent", `{}`)).ok()
		same(t, "data/users", at.data("data/users"), []string{`{"in":"none"}`, `{"in":"null"}`, `{"in":"empty"}`})
		same(t, "data/ns_1/users", at.data("data/ns_1/users"), []string{`{"in":"ns_1"}`})
		same(t, "data/ns_2/users", at.data("data/ns_2/users"), []string{`{"in":"ns_2"}`})
		same(t, "data/empty", at.data("data/empty"), []string{`{}`})
		same(t, "data/absent", at.data("data/absent"), []string{`{}`})
	})
}

// TestNames writes streams of strange names, each into its one directory.
func TestNames(t *testing.T) {
	t.Parallel()
	names := []struct{ stream, dir string }{
		{"stream_with:spécial:names", "stream_with:special:names"},
		{"a/b", "a_b"},
		{"with some spaces", "with_some_spaces"},
		{"..", "__"},
		{".", "_"},
		{"../../etc", ".._.._etc"},
		{"🎉 party", "__party"},
		{"spøcial", "sp_cial"},
		{"stream+1-2", "stream+1-2"},
		{"CamelCase", "CamelCase"},
		{"99problems", "99problems"},
		{"q\"uote\\", "q_uote_"},
	}
	inBoth(t, func(t *testing.T, at *target) {
		var j job
		var input []string
		for _, n := range names {
			j.streams = append(j.streams, stream{name: n.stream}, stream{name: "x", namespace: n.stream})
			input = append(input, record(n.stream, `{"is":`+quote(n.stream)+`}`), recordIn(quote(n.stream), "x", `{}`))
		}
		at.sync(j, input...).ok()
		for _, n := range names {
			same(t, n.dir, at.data("data/"+n.dir), []string{`{"is":` + quote(n.stream) + `}`})
			if got := len(at.keysIn("data/" + n.dir + "/x")); got != 1 {
				t.Errorf("the namespace %q has %d objects in its directory", n.stream, got)
			}
		}
		if got := len(at.keys()); got != 2*len(names) {
			t.Errorf("%d objects for %d streams: %v", got, 2*len(names), at.keys())
		}
	})
}

// TestCollision refuses two streams that would share a directory, and touches nothing.
func TestCollision(t *testing.T) {
	t.Parallel()
	inBoth(t, func(t *testing.T, at *target) {
		at.put(nil, "data/a_b/2021_01_01_1609541171643_0.csv")
		before := at.keys()
		f := func(a, b stream, names ...string) {
			t.Helper()
			at.sync(job{config: fields{"full_refresh": "purge_first"}, streams: []stream{a, b, {name: "c"}}},
				record(a.name, `{}`), record("c", `{}`)).failed(2, "config_error", names...)
			same(t, "objects", at.keys(), before)
		}
		f(stream{name: "a/b", mode: "overwrite"}, stream{name: "a_b", mode: "overwrite"}, `"a/b"`, `"a_b"`)
		f(stream{name: "é"}, stream{name: "e"}, `"é"`, `"e"`)
		f(stream{name: "x", namespace: "n s"}, stream{name: "x", namespace: "n_s"}, `"n s.x"`, `"n_s.x"`)
	})
}

// TestLongName refuses a stream whose keys the store would not take.
func TestLongName(t *testing.T) {
	t.Parallel()
	at := inBucket(t)
	at.sync(job{streams: []stream{{name: strings.Repeat("long", 250)}}}).failed(2, "config_error", "longlong", "1024")
	same(t, "objects", at.keys(), []string{})
}
