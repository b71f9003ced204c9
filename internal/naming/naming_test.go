package naming_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/sluice-data/sluice/internal/naming"
)

func parse(t *testing.T, bucket, path, file string) *naming.Template {
	t.Helper()
	tpl, err := naming.Parse(bucket, path, file)
	if err != nil {
		t.Fatalf("Parse(%q, %q, %q): %v", bucket, path, file, err)
	}
	return tpl
}

func names(t *testing.T, tpl *naming.Template, namespace, stream string) *naming.Names {
	t.Helper()
	n, err := tpl.Stream(namespace, stream)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

var (
	syncTime  = time.Date(2020, 1, 2, 3, 4, 5, 678e6, time.UTC)
	wallClock = time.UnixMicro(1700000000123456)
)

const syncUUID = "0a1b2c3d-0000-4000-8000-00000000abcd"

func TestKey(t *testing.T) {
	f := func(bucket, path, file, namespace, stream, want string) {
		t.Helper()
		n := names(t, parse(t, bucket, path, file), namespace, stream)
		// There it is the next day already.
		v := naming.Values{Time: syncTime.In(time.FixedZone("east", 23*3600)), UUID: syncUUID, SyncID: 42, Timestamp: wallClock, Part: 173, Extension: ".jsonl.gz"}
		got := n.Key(v)
		if got != want {
			t.Errorf("%q, %q, %q of %q, %q: got %q, want %q", bucket, path, file, namespace, stream, got, want)
		}
		if m, ok := n.Match(got); !ok || n.Numbered() && m.Number != 173 {
			t.Errorf("%q is not known again: %+v", got, m)
		}
		if !strings.HasPrefix(got, n.Path(v)) || !strings.HasPrefix(got, n.Prefix()) || n.From(syncTime) >= got || len(n.Longest(".parquet.zst")) < len(got) {
			t.Errorf("%q: the path is %q, the prefix %q, From %q, the longest %q", got, n.Path(v), n.Prefix(), n.From(syncTime), n.Longest(".parquet.zst"))
		}
	}
	// The defaults.
	f("data_output_path", "", "", "public", "users", "data_output_path/public/users/2020_01_02_1577934245678_173.jsonl.gz")
	f("", "", "", "", "users", "users/2020_01_02_1577934245678_173.jsonl.gz")
	f("p", naming.DefaultPath, naming.DefaultFile, " \t", "users", "p/users/2020_01_02_1577934245678_173.jsonl.gz")
	f("p", "", "", "\u0301", "users", "p/users/2020_01_02_1577934245678_173.jsonl.gz") // nothing of the namespace is left
	f("p", "", "", "a/b", "..", "p/a_b/__/2020_01_02_1577934245678_173.jsonl.gz")
	// Every variable.
	f("prefix/ns/name", "${YEAR}/${MONTH}/${DAY}/${HOUR}/${MINUTE}/${SECOND}/${MILLISECOND}/${EPOCH}/",
		"{date}-{date:yyyy_MM}-{timestamp}-{part_number}-{sync_id}{format_extension}", "", "x",
		"prefix/ns/name/2020/01/02/03/04/05/0678/1577934245678/2020_01_02-2020_01-1700000000123-173-42.jsonl.gz")
	f("b", "${UUID}_", "{timestamp:millis}.{timestamp:micros}", "", "x", "b/"+syncUUID+"_1700000000123.1700000000123456")
	f("", "x/", "{date:dd.MM.yyyy/HH:mm:ss,SSS}={part_number}", "", "x", "x/02.01.2020/03:04:05,678=173")
	f("a{b}c$", "$x${STREAM_NAME}$", "{part_number}", "", "s", "a{b}c$/$xs$173")
	f("größe/€", "ä/${STREAM_NAME}/", "ö{part_number}ü.csv", "", "s", "größe/€/ä/s/ö173ü.csv")
	// Slashes: one in a row, none in front; that at the end of the path makes a directory.
	f("x", "foo/", "{part_number}{format_extension}", "", "s", "x/foo/173.jsonl.gz")
	f("x", "foo", "{part_number}{format_extension}", "", "s", "x/foo173.jsonl.gz")
	f("/a//b///", "//${NAMESPACE}//${STREAM_NAME}//", "//{part_number}", "", "s", "a/b/s/173")
	f("", "${NAMESPACE}/${STREAM_NAME}/", "", "", "stream", "stream/173.jsonl.gz")
	f("", "${NAMESPACE}_${STREAM_NAME}/", "", "", "stream", "_stream/173.jsonl.gz")
	// Variables of a path in the bucket's path, and more than once.
	f("${NAMESPACE}/${STREAM_NAME}", "${YEAR}/${MONTH}/${DAY}/${NAMESPACE}_${STREAM_NAME}_${YEAR}_${MONTH}_${DAY}_${EPOCH}_", "{part_number}",
		"namespace1", "stream_abc", "namespace1/stream_abc/2020/01/02/namespace1_stream_abc_2020_01_02_1577934245678_173")
	// Where nothing makes a name another one, a number does, in front of what readers look at.
	f("", "${STREAM_NAME}", "{format_extension}", "", "users", "users~173.jsonl.gz")
	f("", "${STREAM_NAME}/", "data.v1.csv.gz", "", "s", "s/data~173.v1.csv.gz")
	f("", "${STREAM_NAME}/", "v1.2", "", "s", "s/v1.2~173")
	f("", "${STREAM_NAME}/", "{format_extension}-{sync_id}", "", "s", "s/~173.jsonl.gz-42")
	f("", "${STREAM_NAME}/", "{sync_id}", "", "s", "s/42~173")
	f("", "${STREAM_NAME}/", "{timestamp}{format_extension}", "", "s", "s/1700000000123.jsonl.gz")
}

// TestNoAgain: the first of its name has no number.
func TestNoAgain(t *testing.T) {
	n := names(t, parse(t, "", "${STREAM_NAME}/", "data{format_extension}"), "", "s")
	if got := n.Key(naming.Values{Extension: ".csv"}); got != "s/data.csv" {
		t.Errorf("got %q", got)
	}
	for key, want := range map[string]int64{"s/data.csv": 0, "s/data~7.csv": 7, "s/data~0.csv": -1, "s/data~.csv": -1, "s/data-1.csv": -1} {
		if m, ok := n.Match(key); ok != (want >= 0) || ok && m.Number != want {
			t.Errorf("%s: %v, %+v", key, ok, m)
		}
	}
}

func TestParseErrors(t *testing.T) {
	f := func(bucket, path, file string, want ...string) {
		t.Helper()
		_, err := naming.Parse(bucket, path, file)
		if err == nil {
			t.Errorf("Parse(%q, %q, %q): no error", bucket, path, file)
			return
		}
		for _, w := range want {
			if !strings.Contains(err.Error(), w) {
				t.Errorf("Parse(%q, %q, %q): got %v, want %q", bucket, path, file, err, w)
			}
		}
	}
	f("a/${FOO}", "", "", "s3_bucket_path: the variable ${FOO} is not known: allowed are ${NAMESPACE}, ${STREAM_NAME}, ${YEAR}")
	f("", "${STREAM_NAM}", "", "s3_path_format: the variable ${STREAM_NAM}", "${STREAM_NAME}")
	f("", "${year}/", "", "${year} is not known")
	f("", "${}", "", "${} is not known")
	f("", "${YEAR", "", `s3_path_format: has a "${" without a "}"`)
	f("", "{date}/", "", `s3_path_format: has a "{" that is of no variable`)
	f("", "a}/", "", `has a "}"`)
	f("", "", "{part}", "file_name_pattern: the variable {part} is not known: allowed are {date}, {date:yyyy_MM_dd}, {timestamp}, {timestamp:millis}, {timestamp:micros}, {part_number}, {sync_id}, {format_extension}")
	f("", "", "${YEAR}{part_number}", "file_name_pattern: the variable {YEAR}")
	f("", "", "{part_number", `has a "{" without a "}"`)
	f("", "", "{timestamp:nanos}", "{timestamp:nanos} is not known")
	for _, pattern := range []string{"", "yy", "yyyyy", "M", "MMM", "dd'T'HH", "hh", "uuuu", "a", "yyyy MM", "SS", "1"} {
		f("", "", "{date:"+pattern+"}", "file_name_pattern: the variable {date:"+pattern+"} has ", "yyyy, MM, dd")
	}
	f("", "", "{date:yyyy_MM_DD}", `"D" in its pattern`)
	f("${X}", "${Y}", "{z}", "s3_bucket_path", "s3_path_format", "file_name_pattern") // all at once
	f("a/../b", "", "", `s3_bucket_path: must have no "." or ".."`)
	f("", "../${STREAM_NAME}/", "", `s3_path_format: must have no "." or ".."`)
	f("", "${STREAM_NAME}/", "./{part_number}", `file_name_pattern: must have no`)
	f("", "a/.", "./{part_number}", `must have no`)
	f("", "a/.", ".", `must have no`)
	f("a\x00", "a\tb", "\n", "s3_bucket_path: must have no control characters", "s3_path_format: must", "file_name_pattern: must")
	f("", "", "{part_number}/", "file_name_pattern: the name of a file must not end with a slash")
	f("", "x/", "/", "must not end with a slash")
	f("", "x", "y/", "must not end with a slash")
	f("/", "/", "//", "must not end with a slash")
	// Numbers that can't be told apart.
	f("", "${STREAM_NAME}/${EPOCH}", "", "s3_path_format: two numbers of no fixed length stand side by side")
	f("", "", "{sync_id}{part_number}", "file_name_pattern: ", "side by side")
	f("", "", "{part_number}7{part_number}", "side by side")
	f("", "${STREAM_NAME}", "{part_number}", "${STREAM_NAME} stands beside a number")
	f("", "${EPOCH}${STREAM_NAME}/", "", "${STREAM_NAME} stands beside a number")
	f("", "${STREAM_NAME}${YEAR}", "{part_number}", "${STREAM_NAME} stands beside a number")
	f("", "${NAMESPACE}${EPOCH}_${STREAM_NAME}/", "", "${NAMESPACE} stands beside a number")
	f("", "", strings.Repeat("7{part_number}", 5000), "side by side") // at once
	// And those that can.
	for _, path := range []string{"${STREAM_NAME}${YEAR}_", "${STREAM_NAME}_", "${YEAR}${MONTH}${DAY}${STREAM_NAME}_", "${YEAR}${MONTH}", "${NAMESPACE}_${STREAM_NAME}/", "x/"} {
		parse(t, "", path, "")
	}
	parse(t, "", "", "{part_number}{date:SSS}")
}

// TestStreamErrors has names that make a template go wrong.
func TestStreamErrors(t *testing.T) {
	f := func(path, file, namespace, stream, want string) {
		t.Helper()
		if n, err := parse(t, "", path, file).Stream(namespace, stream); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q of %q, %q: got %v, %v", path, namespace, stream, n, err)
		}
	}
	f("", "", "n", "", "has no character that can stand in a key")
	f("", "", "n", "\u0301", "has no character")
	f(".${NAMESPACE}/${STREAM_NAME}/", "", "", "s", `./s/{part_number}{format_extension}: a key must have no "."`)
}

func TestMatch(t *testing.T) {
	f := func(bucket, path, file, namespace, stream, key string, want int64) { // -1: it is none
		t.Helper()
		m, ok := names(t, parse(t, bucket, path, file), namespace, stream).Match(key)
		if ok != (want >= 0) || ok && m.Number != want {
			t.Errorf("%q in %q, %q: %v, %+v", key, path, file, ok, m)
		}
	}
	f("${NAMESPACE}/${STREAM_NAME}", "${YEAR}/${MONTH}/${DAY}/${NAMESPACE}_${STREAM_NAME}_${YEAR}_${MONTH}_${DAY}_${EPOCH}_", "{part_number}", "namespace1", "stream_abc",
		"namespace1/stream_abc/2024/08/30/namespace1_stream_abc_2024_08_30_1736900845782_5", 5)
	f("", "", "{part_number}", "namespace_2", "stream_abcd", "namespace_2/stream_abcd/2024_08_30_1736900845782_7", 7)
	f("", "", "", "", "stream+1", "stream+1/2024_08_30_1736900845782_7.csv", 7)
	f("", "", "", "", "stream+1", "streammm1/2024_08_30_1736900845782_7.csv", -1)
	f("", "", "", "", "s.x", "s_x/2024_08_30_1736900845782_7.csv", -1)
	f("", "", "a.{part_number}", "", "s", "s/2024_08_30_1736900845782_ab7", -1)
	// The whole key, and the same date wherever it stands.
	const path, file = "${STREAM_NAME}/${YEAR}/${MONTH}/", "{date}_{part_number}{format_extension}"
	f("p", path, file, "", "users", "p/users/2024/08/2024_08_30_0.csv", 0)
	f("p", path, file, "", "users", "p/users/2024/08/2024_08_30_12.parquet.zst", 12)
	for _, key := range []string{
		"p/users/2024/08/2023_08_30_0.csv", "p/users/2024/08/2024_08_30_0.csv.bak", "x/p/users/2024/08/2024_08_30_0.csv", "p/users/2024/08/2024_08_30_0.txt",
		"p/users/2024/8/2024_08_30_0.csv", "p/users/2024/08/x/2024_08_30_0.csv", "p/users/2024/08/2024_08_30_00.csv", "p/users/2024/08/2024_08_30_-1.csv",
		"p/users/2024/08/2024_08_30_0.csv\n", "p/users/2024/08/2024_08_30_9999999999999999999.csv", "p/users_x/2024/08/2024_08_30_0.csv", "p/users/", "",
	} {
		f("p", path, file, "", "users", key, -1)
	}
}

// TestAnyDirectory: the directories of a bucket are of whoever made them.
func TestAnyDirectory(t *testing.T) {
	for _, dir := range []string{"\xff", "(", "a\nb", "$", ""} {
		n := naming.In(dir)
		key := n.Key(naming.Values{Time: syncTime, Extension: ".csv"})
		if m, ok := n.Match(key); !ok || n.Dir() != dir || m.Stamp != "2020_01_02_1577934245678_" || !naming.IsDefault(key) || naming.IsLog(key) {
			t.Errorf("%q: %q is read as %+v, %v", dir, key, m, ok)
		}
	}
}

// TestOverlap: can two streams be told apart?
func TestOverlap(t *testing.T) {
	f := func(path, file string, a, b [2]string, want bool) {
		t.Helper()
		tpl := parse(t, "p", path, file)
		x, y := names(t, tpl, a[0], a[1]), names(t, tpl, b[0], b[1])
		if x.Overlaps(y) != want || y.Overlaps(x) != want {
			t.Errorf("%q, %q of %q and %q: got %v", path, file, a, b, !want)
		}
	}
	users := [2]string{"", "users"}
	f("", "", users, users, true)
	f("", "", users, [2]string{"", "users_archive"}, false)
	f("", "", [2]string{"", "a b"}, [2]string{"", "a_b"}, true) // the same when it stands in a key
	f("", "", [2]string{"a", "b"}, [2]string{"", "b"}, false)
	f("", "", [2]string{"a", "b"}, [2]string{"b", "a"}, false)
	// Without the one or the other name.
	f("${NAMESPACE}/${YEAR}/", "", users, [2]string{"", "orders"}, true)
	f("${NAMESPACE}/${YEAR}/", "", users, [2]string{"n", "orders"}, false)
	f("${STREAM_NAME}/", "", users, [2]string{"n", "users"}, true)
	f("${STREAM_NAME}/", "", users, [2]string{"n", "orders"}, false)
	// Names that run into one another.
	f("${NAMESPACE}_${STREAM_NAME}/", "", [2]string{"a_b", "c"}, [2]string{"a", "b_c"}, true)
	f("${NAMESPACE}_${STREAM_NAME}/", "", [2]string{"a_b", "c"}, [2]string{"a", "c"}, false)
	f("${NAMESPACE}/${STREAM_NAME}/${YEAR}/", "", [2]string{"", "a"}, [2]string{"a", "2024"}, false)
	f("${STREAM_NAME}/${NAMESPACE}/${YEAR}/", "{part_number}", [2]string{"", "a"}, [2]string{"2024", "a"}, false)
	f("${STREAM_NAME}/${NAMESPACE}/", "{date:yyyy/}{part_number}", [2]string{"", "a"}, [2]string{"2024", "a"}, false)
	// Names that look like a time.
	f("${STREAM_NAME}_${YEAR}_", "", users, [2]string{"", "users_2024"}, false)
	f("${STREAM_NAME}_${YEAR}${NAMESPACE}_", "", users, [2]string{"_2025", "users"}, false)
	f("${STREAM_NAME}_${YEAR}/${NAMESPACE}/", "", [2]string{"n", "users"}, [2]string{"n", "users_2024"}, false)
	f("${STREAM_NAME}_${NAMESPACE}_", "{part_number}{format_extension}", [2]string{"", "users"}, [2]string{"2024", "users_"}, false)
	f("${STREAM_NAME}${NAMESPACE}_${EPOCH}_", "", [2]string{"_1", "users"}, [2]string{"", "users_1"}, true)
	f("${STREAM_NAME}-${NAMESPACE}", "_{part_number}", [2]string{"x", "users-x"}, [2]string{"x-x", "users"}, true)
	f("${YEAR}/${STREAM_NAME}/", "", users, [2]string{"", "user"}, false)
	f("${YEAR}/${STREAM_NAME}/", "", [2]string{"", "a+b"}, [2]string{"", "aab"}, false)
	f("${STREAM_NAME}", "{format_extension}", users, [2]string{"", "users-1"}, false)
	f("${STREAM_NAME}", "{format_extension}", users, [2]string{"", "users~1"}, false) // ~ becomes _
	f("${UUID}/${STREAM_NAME}", "_{part_number}", users, [2]string{"", "users"}, true)
	f("${UUID}/${STREAM_NAME}", "_{part_number}", users, [2]string{"", "user"}, false)
	f("${NAMESPACE}_${STREAM_NAME}_${EPOCH}_", "", [2]string{"a", "b_1"}, [2]string{"a_b", "1"}, true)
}

// TestManyStreams: planning hundreds of streams whose keys all begin with a time takes no time.
func TestManyStreams(t *testing.T) {
	tpl := parse(t, "data", "${YEAR}/${MONTH}/${STREAM_NAME}/${EPOCH}_", "")
	var all []*naming.Names
	for i := range 600 {
		n := names(t, tpl, "", fmt.Sprintf("stream_%d", i))
		for _, other := range all {
			if n.Overlaps(other) {
				t.Fatalf("%s and %s", n, other)
			}
		}
		all = append(all, n)
	}
}

func TestWhere(t *testing.T) {
	f := func(bucket, path, file string, root, dir, of string, nested, dated, numbered, byDefault bool) {
		t.Helper()
		tpl := parse(t, bucket, path, file)
		n := names(t, tpl, "ns", "s")
		if got := tpl.Root(); got != root {
			t.Errorf("%q, %q: the root is %q, want %q", bucket, path, got, root)
		}
		if got := tpl.Dir(naming.Values{Time: syncTime}); got != dir {
			t.Errorf("%q, %q: the directory is %q, want %q", bucket, path, got, dir)
		}
		if n.Dir() != of || n.Nested() != nested || n.Dated() != dated || n.Numbered() != numbered || tpl.Default() != byDefault {
			t.Errorf("%q, %q, %q: in %q, nested %v, dated %v, numbered %v, default %v", bucket, path, file, n.Dir(), n.Nested(), n.Dated(), n.Numbered(), tpl.Default())
		}
	}
	f("airbyte", "", "", "airbyte", "airbyte", "airbyte/ns/s", false, true, true, true)
	f("", "", "", "", "", "ns/s", false, true, true, true)
	f("/a//b/", "${NAMESPACE}//${STREAM_NAME}/${YEAR}_${MONTH}_${DAY}_${EPOCH}_", "", "a/b", "a/b", "a/b/ns/s", false, true, true, true)
	f("a/${YEAR}-${MONTH}/x${NAMESPACE}", "", "", "a", "a/2020-01", "a", true, true, true, false)
	f("a", "raw/x_${STREAM_NAME}/", "{timestamp}", "a/raw", "a/raw", "a/raw/x_s", false, false, false, false)
	f("a", "${STREAM_NAME}/${YEAR}/", "{part_number}", "a", "a", "a/s", true, false, true, false)
	f("a", "${STREAM_NAME}/", "{date:yyyy/MM/}{part_number}", "a", "a", "a/s", true, false, true, false)
	f("a", "x/", "data.csv", "a/x", "a/x", "a/x", false, false, true, false)
}

// TestWhose finds the stream of a key.
func TestWhose(t *testing.T) {
	f := func(bucket, path, file, key, want string) {
		t.Helper()
		namespace, name, ok := parse(t, bucket, path, file).Whose(key)
		if got := namespace + "|" + name; ok != (want != "") || ok && got != want {
			t.Errorf("Whose(%q) of %q: got %q, %v; want %q", key, path, got, ok, want)
		}
	}
	f("p", "", "", "p/ns/users/2021_01_01_1609541171643_0.csv", "ns|users")
	f("p", "", "", "p/users/2021_01_01_1609541171643_0.csv", "|users")
	f("p", "", "", "p/a/b/users/2021_01_01_1609541171643_0.csv", "")
	f("p", "${STREAM_NAME}/${YEAR}/", "", "p/users/2021/0.csv", "|users")
	f("p", "${STREAM_NAME}/${YEAR}/", "", "p/users/20211/0.csv", "")
	f("p", "${YEAR}/${NAMESPACE}_${STREAM_NAME}_", "", "p/2021/a_b_0.csv", "a|b")
	f("p", "x/${YEAR}_", "", "p/x/2021_0.csv", "|")
	f("p", "${STREAM_NAME}/${STREAM_NAME}_", "", "p/a/a_0.csv", "|a")
	f("p", "${STREAM_NAME}/${STREAM_NAME}_", "", "p/a/b_0.csv", "")
	f("${NAMESPACE}/${STREAM_NAME}", "${YEAR}/${NAMESPACE}_${STREAM_NAME}_", "", "a_b/c_d/2021/a_b_c_d_0.csv", "a_b|c_d")
	f("${NAMESPACE}/${STREAM_NAME}", "${YEAR}/${NAMESPACE}_${STREAM_NAME}_", "", "a_b/c_d/2021/a_b_c_e_0.csv", "")
}

// TestWhosePartition: a directory of a partition is no stream, where there are partitions.
func TestWhosePartition(t *testing.T) {
	f := func(path, key, want string) {
		t.Helper()
		of := parse(t, "p", path, "")
		of.WithPartitions("k=v")
		namespace, name, ok := of.Whose(key)
		if got := namespace + "|" + name; ok != (want != "") || ok && got != want {
			t.Errorf("Whose(%q) of %q: got %q, %v; want %q", key, path, got, ok, want)
		}
	}
	const file = "2021_01_01_1609541171643_0.csv"
	f("", "p/users/"+file, "|users")
	f("", "p/ns/users/"+file, "ns|users")
	f("", "p/users/k=DE/"+file, "|users")
	f("", "p/users/k=a%2Fb/day=2026-11-22/"+file, "|users")
	f("", "p/ns/users/k=DE/"+file, "ns|users")
	f("", "p/ns/users/k=DE/x/"+file, "")
	f("${STREAM_NAME}/${YEAR}/", "p/users/2021/k=DE/0.csv", "|users")
	f("${YEAR}/${NAMESPACE}/${STREAM_NAME}/", "p/2021/users/k=DE/0.csv", "|users")
}

// TestTell: what a metadata value says of a key is that key, or nothing.
func TestTell(t *testing.T) {
	n := naming.In("p/users")
	const key = "p/users/2021_01_01_1609541171643_0.csv"
	if got := n.Tell(key); got != "2021_01_01_1609541171643_0.csv" {
		t.Errorf("Tell: got %q", got)
	}
	deep := names(t, parse(t, "größe", "${STREAM_NAME}/${YEAR}/ä ", ""), "", "users")
	of := deep.Key(naming.Values{Time: syncTime, Part: 7, Extension: ".csv"})
	text := deep.Tell(of)
	if got, m, ok := deep.Told(text); !ok || got != of || m.Number != 7 || strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' }) {
		t.Errorf("%q is told as %q, and read as %q, %v", of, text, got, ok)
	}
	for _, text := range []string{"", "x", "%zz", "../users/2021_01_01_1609541171643_0.csv", "2021_01_01_1609541171643_0.csv/x"} {
		if got, _, ok := n.Told(text); ok {
			t.Errorf("Told(%q): got %q", text, got)
		}
	}
}
