package main

import (
	"context"
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
	if said == "" { // one that hangs
		time.Sleep(time.Minute)
	}
	if strings.Contains(said, "TRACE") {
		os.Exit(2)
	}
}

// fakeSluice returns a sluice that says something, and the directory of temporary files.
func fakeSluice(t *testing.T, says string) (binary, temp string) {
	t.Helper()
	binary, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	temp = t.TempDir()
	t.Setenv("TMPDIR", temp)
	t.Setenv(fakeEnv, says)
	return binary, temp
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

// A run that fails says why, and leaves neither files nor processes behind.
func TestFailures(t *testing.T) {
	f := func(says, want string) {
		t.Helper()
		binary, temp := fakeSluice(t, says)
		err := run(t.Context(), binary, io.Discard)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("sluice says %s: got the error %v, want one with %q", says, err, want)
		}
		checkEmpty(t, temp)
	}
	f(`{"type":"TRACE","trace":{"type":"ERROR","error":{"message":"no such bucket","failure_type":"config_error"}}}`, "config_error: no such bucket")
	f(`{"type":"CONNECTION_STATUS","connectionStatus":{"status":"FAILED","message":"may not list"}}`, "FAILED may not list")
	f(`{"type":"CONNECTION_STATUS","connectionStatus":{"status":"SUCCEEDED"}}`, "what came out is not what went in")
	f(`panic`, "no message")
}

func TestInterrupt(t *testing.T) {
	binary, temp := fakeSluice(t, "")
	ctx, cancel := context.WithCancelCause(t.Context())
	time.AfterFunc(500*time.Millisecond, func() { cancel(errors.New("interrupted")) })
	if err := run(ctx, binary, io.Discard); err == nil || !strings.Contains(err.Error(), "interrupted") {
		t.Errorf("got the error %v, want the reason of the end", err)
	}
	checkEmpty(t, temp)
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
