package sink_test

import (
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/sluice-data/sluice/sink"
)

func TestSanitize(t *testing.T) {
	f := func(name, want string) {
		t.Helper()
		if got := sink.Sanitize(name); got != want {
			t.Errorf("Sanitize(%q): got %q, want %q", name, got, want)
		}
	}
	f("", "")
	f("users", "users")
	f("Users_2", "Users_2")
	f("fake-namespace", "fake-namespace")
	f("namespace/", "namespace_")
	f("a/b//c", "a_b__c")
	f("stream-with:spécial:character_names", "stream-with:special:character_names")
	f("!_.*')(&$@=;:+,?-", "!_.*')(&$@=;:+,?-")
	f("a b\tc\nd", "a_b_c_d")
	f(`\"#%<>[]^{|}~`+"`", "______________")
	// Accents go, whether they are one character with their letter or one of their own.
	f("é", "e")
	f("e\u0301", "e")
	f("\u0301\u0302", "")
	f("Ünïcödé", "Unicode")
	// Letters that are no others with an accent.
	f("øÆß", "___")
	f("日本", "__")
	f("ﬁ①Ⅷ", "fi1VIII")
	f("👍", "_")
	f("👍🏽", "__")
	f("a\u200bb", "a_b")
	f("a\x00b", "a_b")
	f("a\xffb\xfe", "a_b_")
	// What has a meaning in a path.
	f(".", "_")
	f("..", "__")
	f("...", "___")
	f("…", "___") // compatible with three dots
	f("．．", "__")
	f(".\u0301.", "__")
	f("／", "_")
	f("../x", ".._x")
	f(".a", ".a")
	f("a..", "a..")
}

func FuzzSanitize(f *testing.F) {
	for _, name := range []string{"users", "..", "…", "a/b", "é", "e\u0301", "\xff", "👍", "ø", "．／", "\u0344", "㎥"} {
		f.Add(name)
	}
	const allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!_.*')(&$@=;:+,?-"
	f.Fuzz(func(t *testing.T, name string) {
		got := sink.Sanitize(name)
		for _, c := range got {
			if !strings.ContainsRune(allowed, c) {
				t.Fatalf("Sanitize(%q): got %q with %q", name, got, c)
			}
		}
		if got != "" && strings.Trim(got, ".") == "" {
			t.Fatalf("Sanitize(%q): got %q", name, got)
		}
		if again := sink.Sanitize(got); again != got {
			t.Fatalf("Sanitize(%q): got %q, and of that %q", name, got, again)
		}
		if strings.IndexFunc(name, func(r rune) bool { return r >= utf8.RuneSelf }) < 0 && len(got) != len(name) {
			t.Fatalf("Sanitize(%q): got %q, of another length", name, got)
		}
	})
}

func TestCleanPath(t *testing.T) {
	f := func(path, want string) {
		t.Helper()
		if got := sink.CleanPath(path); got != want {
			t.Errorf("CleanPath(%q): got %q, want %q", path, got, want)
		}
	}
	f("", "")
	f("/", "")
	f("//", "")
	f("a", "a")
	f("a/b c/ü", "a/b c/ü") // it is nobody's business what else is in it
	f("/a//b///c/", "a/b/c")
}

func TestDir(t *testing.T) {
	f := func(path, namespace, stream, want string) {
		t.Helper()
		if got, err := sink.Dir(path, namespace, stream); got != want || err != nil {
			t.Errorf("Dir(%q, %q, %q): got %q and %v, want %q", path, namespace, stream, got, err, want)
		}
	}
	f("data_output_path", "public", "users", "data_output_path/public/users")
	f("/data//output/", "public", "users", "data/output/public/users")
	f("", "public", "users", "public/users")
	f("/", "", "users", "users")
	f("path", "", "users", "path/users")
	f("path", " \t", "users", "path/users")
	f("path", " a ", "users", "path/_a_/users")
	f("path", "a/b", "c/d", "path/a_b/c_d")
	f("path", "..", "..", "path/__/__")
	f("path", "\u0301", "users", "path/users") // nothing of the namespace is left
	// These collide: who plans a sync has to look.
	f("path", "", "a b", "path/a_b")
	f("path", "", "a/b", "path/a_b")
	f("path", "a", "b", "path/a/b")
	f("path/a", "", "b", "path/a/b")

	for _, stream := range []string{"", "\u0301"} {
		if got, err := sink.Dir("path", "public", stream); err == nil {
			t.Errorf("Dir of the stream %q: got %q and no error", stream, got)
		}
	}
}

var uploadAt = time.UnixMilli(1609541171643) // 2021-01-01 22:46:11.643 UTC

func TestKeys(t *testing.T) {
	// There it is the next day already.
	keys := sink.Keys{Dir: "p/public/users", UploadAt: uploadAt.In(time.FixedZone("east", 14*3600)), Extension: "csv.gz"}
	if got, want := keys.Prefix(), "p/public/users/2021_01_01_1609541171643_"; got != want {
		t.Errorf("Prefix: got %q, want %q", got, want)
	}
	for _, want := range []string{
		"p/public/users/2021_01_01_1609541171643_0.csv.gz",
		"p/public/users/2021_01_01_1609541171643_1.csv.gz",
	} {
		got := keys.Next()
		if got != want {
			t.Errorf("Next: got %q, want %q", got, want)
		}
		if !sink.Own(keys.Dir, got) {
			t.Errorf("%q does not count as our own", got)
		}
	}
}

// TestTake leaves out what is taken, whatever its extension, and nothing else.
func TestTake(t *testing.T) {
	keys := sink.Keys{Dir: "d", UploadAt: uploadAt, Extension: "csv"}
	for _, id := range []string{
		"0.csv", "1.jsonl.gz", "3.parquet", "5", "7.x.y.z", // taken
		"a.csv", "", ".csv", "9x.csv", "99999999999999999999.csv", // no ids
	} {
		keys.Take(keys.Prefix() + id)
	}
	keys.Take("d/2021_01_01_1609541171644_2.csv") // of another sync
	keys.Take("e/2021_01_01_1609541171643_2.csv") // of another stream
	var got []string
	for range 6 {
		got = append(got, strings.TrimSuffix(strings.TrimPrefix(keys.Next(), keys.Prefix()), ".csv"))
	}
	if want := []string{"2", "4", "6", "8", "9", "10"}; !slices.Equal(got, want) {
		t.Errorf("got the ids %q, want %q", got, want)
	}
	// A key that turns out to be taken later is left out too.
	keys.Take(keys.Prefix() + "11.csv")
	if got, want := keys.Next(), keys.Prefix()+"12.csv"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestOwnOrLog(t *testing.T) {
	f := func(name string, want, own bool) {
		t.Helper()
		if got := sink.OwnOrLog("p/users", "p/users/"+name); got != want || sink.Own("p/users", "p/users/"+name) != own {
			t.Errorf("OwnOrLog(%q): got %v", name, got)
		}
	}
	f("2021_01_01_1609541171643_0.csv", true, true)
	f("sluice.users_0a1b2c3d_00003_00000000000000000042.csv.gz", true, false)
	f("my_topic_0a1b2c3d_100000_00000000000000000042.parquet", true, false)
	f("users_0a1b2c3d_00003_42.csv", false, false)
	f("users_0a1b2c3d_00003_00000000000000000042.txt", false, false)
	f("x/users_0a1b2c3d_00003_00000000000000000042.csv/x", false, false)
	f("_0a1b2c3d_00003_00000000000000000042.csv", false, false)
}

func TestOwn(t *testing.T) {
	f := func(key string, want bool) {
		t.Helper()
		if got := sink.Own("p/users", key); got != want {
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

func TestCheckKey(t *testing.T) {
	f := func(dir string, maxKey int, want string) {
		t.Helper()
		err := sink.CheckKey(dir, sink.Properties{MaxKey: maxKey, MaxName: 961})
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("CheckKey of %d bytes, limit %d: got %v, want %q", len(dir), maxKey, err, want)
		}
	}
	f("a/b", 1024, "")
	f("", 1024, "empty")
	f("", 0, "empty")
	f(strings.Repeat("x", 961)+"/"+strings.Repeat("y", 961), 0, "")
	f("a/"+strings.Repeat("x", 962)+"/b", 0, "a part of 962 bytes (xxxx")
	f(strings.Repeat("x", 960), 1024, "")
	f(strings.Repeat("x", 961), 1024, "961 bytes")
	// The longest name that there can be fits.
	keys := sink.Keys{Dir: strings.Repeat("x", 960), UploadAt: time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC), Extension: "parquet.zst"}
	keys.Take(keys.Prefix() + "0")
	if key := keys.Next(); len(key)+len("9223372036854775807") > 1024 {
		t.Errorf("%s has %d bytes", key, len(key))
	}
}
