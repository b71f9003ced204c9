package demo

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// fakeEnv makes this test binary stand for sluice: it prints what the variable holds.
const fakeEnv = "SLUICE_DEMO_TEST_SAYS"

func TestMain(m *testing.M) {
	said, fake := os.LookupEnv(fakeEnv)
	if !fake {
		os.Exit(m.Run())
	}
	os.Stdout.WriteString(said)
	if strings.Contains(said, "LOG") { // one that hangs
		time.Sleep(time.Minute)
	}
	if strings.Contains(said, "TRACE") {
		os.Exit(2)
	}
}

// withFake returns options for a sluice that says something, and the directory of temporary files.
func withFake(t *testing.T, says string) (opts Options, temp string) {
	t.Helper()
	binary, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	temp = t.TempDir()
	t.Setenv("TMPDIR", temp)
	t.Setenv(fakeEnv, says)
	return Options{Binary: binary, Out: io.Discard}, temp
}

// The README beside the recording says what is in it.
func TestRecordingHasWhatItsREADMESays(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("recorded", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	rec, err := loadRecording()
	if err != nil {
		t.Fatal(err)
	}
	if m := regexp.MustCompile(`(?m)^([\d,]+) lines`).FindStringSubmatch(string(text)); m == nil || rec.lines != atoi(t, m[1]) {
		t.Errorf("the recording has %d lines, the README says %q", rec.lines, m)
	}
	rows := regexp.MustCompile(`(?m)^\| (\w+) \| ([\d,]+) \| ([\d,]+) \| ([\d,]+) \| [\d,]+ \|$`).FindAllStringSubmatch(string(text), -1)
	if len(rows) != len(rec.streams) {
		t.Fatalf("the recording has %d streams, the README's table has %d", len(rec.streams), len(rows))
	}
	for i, s := range rec.streams {
		want := streamCount{s.id, atoi(t, rows[i][2]), atoi(t, rows[i][3]), atoi(t, rows[i][4])}
		if s.id.Name != rows[i][1] || *s != want {
			t.Errorf("stream %s has %+v, the README says %v", s.id, *s, rows[i][1:])
		}
	}
}

func atoi(t *testing.T, s string) int {
	t.Helper()
	n, err := strconv.Atoi(strings.ReplaceAll(s, ",", ""))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

const (
	succeeded = `{"type":"CONNECTION_STATUS","connectionStatus":{"status":"SUCCEEDED"}}` + "\n"
	mismatch  = "what came out is not what went in"
)

// A run that fails says why, and leaves neither files nor processes behind.
func TestFailures(t *testing.T) {
	f := func(says string, want ...string) {
		t.Helper()
		opts, temp := withFake(t, says)
		checkError(t, Run(t.Context(), opts), want...)
		checkEmpty(t, temp)
	}
	f(`{"type":"TRACE","trace":{"type":"ERROR","error":{"message":"no such bucket","failure_type":"config_error"}}}`+"\n", "exit status 2", "no such bucket")
	f(`{"type":"CONNECTION_STATUS","connectionStatus":{"status":"FAILED","message":"may not list"}}`+"\n", "FAILED: may not list")
	f(succeeded, mismatch)
	f("panic\n"+succeeded, `no message: "panic"`)
	f(`{"type":`, `in the middle of a message: "{\"type\":"`)
	f("", "no answer")
}

func checkError(t *testing.T, err error, want ...string) {
	t.Helper()
	for _, text := range want {
		if err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("got the error %v, want one with %q", err, text)
		}
	}
}

// What a run that failed leaves on purpose is named.
func TestFailureKeeps(t *testing.T) {
	opts, temp := withFake(t, succeeded)
	opts.Keep = true
	err := Run(t.Context(), opts)
	left, _ := filepath.Glob(filepath.Join(temp, "*", "*"))
	if len(left) != 4 { // three files and the bucket
		t.Fatalf("left are %v", left)
	}
	checkError(t, err, mismatch, "written until then is in "+filepath.Dir(left[0]))
}

// A store that is gone when everything is to be removed: both errors are told, and the copy of
// the config goes all the same.
func TestStoreIsGone(t *testing.T) {
	opts, temp := withFake(t, succeeded)
	top := t.TempDir()
	if err := os.WriteFile(filepath.Join(top, "bucket"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	opts.Config = []byte(`{"s3_endpoint": "file://` + top + `", "s3_bucket_name": "bucket", "s3_bucket_path": "data", "s3_bucket_region": "", "format": {"format_type": "CSV"}}`)
	checkError(t, Run(t.Context(), opts), "tidying up: ", "look below "+filepath.Join(top, "bucket", "data", "_sluice_demo_"))
	checkEmpty(t, temp)
}

// cancelling is a reader that interrupts the demo when it sees the first LOG message.
type cancelling struct{ cancel context.CancelCauseFunc }

func (c cancelling) Write(p []byte) (int, error) {
	if strings.Contains(string(p), "begun") {
		c.cancel(errors.New("interrupted"))
	}
	return len(p), nil
}

func TestInterrupt(t *testing.T) {
	opts, temp := withFake(t, `{"type":"LOG","log":{"level":"INFO","message":"begun"}}`+"\n")
	ctx, cancel := context.WithCancelCause(t.Context())
	opts.Out = cancelling{cancel}
	if err := Run(ctx, opts); err == nil || err.Error() != "interrupted" {
		t.Errorf("got the error %v, want the reason of the end", err)
	}
	checkEmpty(t, temp)
}

// A config of the user's has nothing changed but its path.
func TestConfig(t *testing.T) {
	f := func(in, want string) {
		t.Helper()
		rest := `, "s3_bucket_name": "b", "s3_bucket_region": "", "format": {"format_type": "CSV"}, "file_size_mb": 1e3, "unknown": [1.50]}`
		got, err := (&place{users: true}).config([]byte("\xef\xbb\xbf" + `{"s3_bucket_path": ` + in + rest))
		var doc map[string]json.RawMessage
		if err == nil {
			err = json.Unmarshal(got, &doc)
		}
		path := regexp.MustCompile(`_[a-z2-7]{10}"`).ReplaceAllString(string(doc["s3_bucket_path"]), `_X"`)
		if err != nil || path != want || len(doc) != 6 || string(doc["file_size_mb"]) != "1e3" || !strings.Contains(string(doc["unknown"]), "1.50") {
			t.Errorf("the path %s became %s, want %s, in\n%s\n%v", in, path, want, got, err)
		}
	}
	f(`""`, `"_sluice_demo_X"`)
	f(`"data"`, `"data/_sluice_demo_X"`)
	f(`"/a//b/"`, `"a/b/_sluice_demo_X"`)
	f(`"a \"b\""`, `"a \"b\"/_sluice_demo_X"`)
}

func TestShellWord(t *testing.T) {
	f := func(in, want string) {
		t.Helper()
		if got := shellWord(in); got != want {
			t.Errorf("shellWord(%q) = %s, want %s", in, got, want)
		}
	}
	f("/tmp/sluice-demo-1", "/tmp/sluice-demo-1")
	f("/tmp/ä_b.c", "/tmp/ä_b.c")
	f("/tmp/a b", "'/tmp/a b'")
	f("/tmp/it's $x", `'/tmp/it'\''s $x'`)
}

func checkEmpty(t *testing.T, dir string) {
	t.Helper()
	left, err := os.ReadDir(dir)
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestCut(t *testing.T) {
	f := func(in string, n int, want string) {
		t.Helper()
		if got := cut(in, n); got != want {
			t.Errorf("cut(%q, %d) = %q, want %q", in, n, got, want)
		}
	}
	f("", 3, "")
	f("abc", 3, "abc")
	f("abcd", 3, "ab…")
	f("äöü", 3, "äöü")
	f("äöüß", 3, "äö…")
}

func TestNumber(t *testing.T) {
	f := func(n int, want string) {
		t.Helper()
		if got := number(n); got != want {
			t.Errorf("number(%d) = %q, want %q", n, got, want)
		}
	}
	f(0, "0")
	f(999, "999")
	f(1000, "1,000")
	f(1234567, "1,234,567")
}

func TestLog(t *testing.T) {
	f := func(text, want string) {
		t.Helper()
		var out strings.Builder
		screen{&out}.log("INFO", text)
		if out.String() != want {
			t.Errorf("the message %q became\n%s\nwant\n%s", text, out.String(), want)
		}
	}
	long := strings.Repeat("x", width-7)
	f("a  b", "  INFO a b\n")
	f("", "  INFO\n")
	f(long, "  INFO "+long+"\n")
	f("a "+long, "  INFO a\n       "+long+"\n")
	f("a ü"+long+" b", "  INFO a\n       ü"+long+"\n       b\n")
}

func TestTable(t *testing.T) {
	var out strings.Builder
	screen{&out}.table([][]string{{"", "rows", "note"}, {"ünder", "1,000", "same"}, {"b", "7", strings.Repeat("x", 200)}})
	lines := strings.Split(out.String(), "\n")
	if lines[0] != "          rows  note" || lines[1] != "  ünder  1,000  same" || !strings.HasPrefix(lines[2], "  b          7  xx") {
		t.Errorf("the table is\n%s", out.String())
	}
	for _, l := range lines {
		if utf8.RuneCountInString(l) > width {
			t.Errorf("a line of more than %d columns: %s", width, l)
		}
	}
}
