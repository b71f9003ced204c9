package sink_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sluice-data/sluice/internal/naming"
	"github.com/sluice-data/sluice/sink"
)

// own reports whether a key names an object that the default template gives in a directory.
func own(dir, key string) bool {
	_, ok := naming.In(dir).Match(key)
	return ok
}

var uploadAt = time.UnixMilli(1609541171643) // 2021-01-01 22:46:11.643 UTC

// namesOf are the names of the stream users of a template.
func namesOf(t *testing.T, path, file string) *naming.Names {
	t.Helper()
	tpl, err := naming.Parse("p", path, file)
	if err != nil {
		t.Fatal(err)
	}
	n, err := tpl.Stream("public", "users")
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// syncKeys are those of a sync, whose clock moves a microsecond each time it is looked at.
func syncKeys(t *testing.T, path, file string) *sink.Keys {
	t.Helper()
	now := uploadAt
	clock := func() time.Time { now = now.Add(time.Microsecond); return now }
	return sink.NewKeys(namesOf(t, path, file), naming.Values{Time: uploadAt, SyncID: 42, Extension: ".csv"}, clock)
}

func TestKeys(t *testing.T) {
	f := func(path, file string, taken []string, want ...string) {
		t.Helper()
		keys := syncKeys(t, path, file)
		for _, key := range taken {
			keys.Take(key)
		}
		var got []string
		for range want {
			got = append(got, keys.Next(""))
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q, %q with %q: got %q, want %q", path, file, taken, got, want)
		}
	}
	const prefix = "p/public/users/2021_01_01_1609541171643_"
	f("", "", nil, prefix+"0.csv", prefix+"1.csv", prefix+"2.csv")
	// Whatever the extension; what is no name of this sync does not count.
	f("", "", []string{prefix + "0.csv", prefix + "7.jsonl.gz", prefix + "3.csv", prefix + "99.x", prefix + "99", prefix + "99999999999999999999.csv",
		"p/public/users/2021_01_01_1609541171644_99.csv", "p/users/2021_01_01_1609541171643_99.csv"}, prefix+"1.csv", prefix+"2.csv", prefix+"4.csv", prefix+"5.csv", prefix+"6.csv", prefix+"8.csv")
	// A path without a time goes on where it was, one with a time where it was in that time.
	f("${STREAM_NAME}/", "part-{part_number}{format_extension}", []string{"p/users/part-0.csv", "p/users/part-41.parquet", "p/users/part-99.txt"}, "p/users/part-42.csv")
	f("${STREAM_NAME}/${YEAR}/", "", []string{"p/users/2020/7.csv", "p/users/2021/3.csv"}, "p/users/2021/4.csv")
	f("${STREAM_NAME}/", "{date}_{part_number}", []string{"p/users/2020_12_31_7"}, "p/users/2021_01_01_8") // of the same path
	f("${STREAM_NAME}/", "{sync_id}-{part_number}.csv", []string{"p/users/41-7.csv"}, "p/users/42-8.csv")
	// Without a number in the pattern.
	f("${STREAM_NAME}/", "data{format_extension}", nil, "p/users/data.csv", "p/users/data~1.csv", "p/users/data~2.csv")
	f("${STREAM_NAME}/", "data{format_extension}", []string{"p/users/data.csv"}, "p/users/data~1.csv")
	f("${STREAM_NAME}/", "data{format_extension}", []string{"p/users/data~7.avro"}, "p/users/data~8.csv")
	// By the time: no two have the same, also where the clock is not fine enough.
	f("${STREAM_NAME}/", "{timestamp}{format_extension}", nil, "p/users/1609541171643.csv", "p/users/1609541171644.csv", "p/users/1609541171645.csv")
	f("${STREAM_NAME}/", "{timestamp}", []string{"p/users/1609541171643", "p/users/1609541171644", "p/users/1600000000000"}, "p/users/1609541171645")
	f("${STREAM_NAME}/", "{timestamp:micros}", nil, "p/users/1609541171643001", "p/users/1609541171643002")
	f("${STREAM_NAME}/", "{timestamp}_{part_number}", nil, "p/users/1609541171643_0", "p/users/1609541171643_1")
}

// TestTakeLate: a key that turns out to be taken later is left out too.
func TestTakeLate(t *testing.T) {
	for _, file := range []string{"", "x", "{timestamp}"} {
		keys, used := syncKeys(t, "${STREAM_NAME}/", file), map[string]bool{}
		for i := range 30 {
			key := keys.Next("")
			if used[key] {
				t.Fatalf("%q: %q is given out, and is taken", file, key)
			}
			used[key] = true
			if i%3 == 0 { // somebody is quicker
				other := syncKeys(t, "${STREAM_NAME}/", file)
				for used[key] {
					key = other.Next("")
				}
				used[key] = true
				keys.Take(key)
			}
		}
	}
}

// TestKeysList lists what Take has to know, and nothing that it need not.
func TestKeysList(t *testing.T) {
	f := func(path string, want ...string) {
		t.Helper()
		mem := newMemStore(sink.Properties{})
		for _, key := range []string{"p/users/0.csv", "p/users/x", "p/users/2021/0.csv", "p/users/2021/x", "p/users/2020/0.csv", "p/users_x/0.csv", "p/users/2021/1/0.csv"} {
			put(t, mem, key, "1")
		}
		var got []string
		for info, err := range syncKeys(t, path, "").List(t.Context(), mem) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, info.Key)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q: got %q, want %q", path, got, want)
		}
	}
	f("${STREAM_NAME}/", "p/users/0.csv")
	f("${STREAM_NAME}/${YEAR}/", "p/users/2021/0.csv")
	f("${STREAM_NAME}/${YEAR}/${EPOCH}_")
}

func TestOwn(t *testing.T) {
	f := func(key string, want bool) {
		t.Helper()
		if got := own("p/users", key); got != want {
			t.Errorf("Own(%q): got %v", key, got)
		}
	}
	const name = "2021_01_01_1609541171643_0"
	for _, ext := range []string{".csv", ".jsonl", ".avro", ".parquet"} {
		for _, compression := range []string{"", ".gz", ".zst"} {
			f("p/users/"+name+ext+compression, true)
			f("p/users/"+name+ext+compression+".bak", false)
			f("p/users/"+name+ext+compression+"\n", false)
		}
	}
	f("p/users/2021_01_01_1609541171643_12345.csv", true)
	f("p/users/2021_01_01_1_0.csv", true)
	// Other directories.
	f("p/users_archive/"+name+".csv", false)
	f("p/users/old/"+name+".csv", false)
	f("p/users//"+name+".csv", false)
	f("p/user/"+name+".csv", false)
	f("p/"+name+".csv", false)
	f("x/p/users/"+name+".csv", false)
	f(name+".csv", false)
	f("p/users"+name+".csv", false)
	// Other files.
	f("p/users", false)
	f("p/users/", false)
	f("p/users/README.txt", false)
	f("p/users/_SUCCESS", false)
	f("p/users/"+name, false)
	f("p/users/"+name+".", false)
	f("p/users/"+name+".txt", false)
	f("p/users/"+name+".csv.bz2", false)
	f("p/users/"+name+".gz", false)
	f("p/users/"+name+".CSV", false)
	f("p/users/"+name+"xcsv", false)
	f("p/users/"+name+"-1.csv", false)
	f("p/users/x"+name+".csv", false)
	f("p/users/21_01_01_1609541171643_0.csv", false)
	f("p/users/2021_1_01_1609541171643_0.csv", false)
	f("p/users/2021-01-01-1609541171643-0.csv", false)
	f("p/users/2021_01_01_1609541171643.csv", false)
	f("p/users/2021_01_01_1609541171643_.csv", false)
	f("p/users/2021_01_01__0.csv", false)
	f("p/users/2021_01_01_1609541171643_0_0.csv", false)
	f("p/users/2021_01_01_1609541171643_5b1c7a0e-3c8f-4f5e-9a51-0d1f3b1c2d3e.csv", false)
	f("p/users/٢٠٢١_01_01_1609541171643_0.csv", false) // digits, but not those
}

// TestCheckKeys: the longest key that there can be has to fit.
func TestCheckKeys(t *testing.T) {
	f := func(dir string, maxKey int, want string) {
		t.Helper()
		err := sink.CheckKeys(naming.In(dir), ".parquet.zst", sink.Properties{MaxKey: maxKey, MaxName: 900})
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("CheckKeys of %d bytes, limit %d: got %v, want %q", len(dir), maxKey, err, want)
		}
	}
	longest := len(naming.In("").Longest(".parquet.zst"))
	f("a/b", 1024, "")
	f("", 1024, "")
	f(strings.Repeat("x", 900)+"/"+strings.Repeat("y", 900), 0, "")
	f("a/"+strings.Repeat("x", 901)+"/b", 0, "a part of up to 901 bytes (xxxx")
	f(strings.Repeat("x/", 512-longest/2-1), 1024, "")
	f(strings.Repeat("x", 900)+"/"+strings.Repeat("x", 1024-longest-901), 1024, fmt.Sprintf("up to %d bytes", 1025))
}
