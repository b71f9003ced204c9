package main

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/sluice-data/sluice/sink"
)

// demoRun is a running sluice demo. Its working directory is empty.
type demoRun struct {
	t        *testing.T
	cmd      *exec.Cmd
	cwd      string
	temp     string // for temporary files
	out, err bytes.Buffer
}

func startDemoWith(t *testing.T, change func(*exec.Cmd), args ...string) *demoRun {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	t.Cleanup(cancel)
	d := &demoRun{t: t, cwd: t.TempDir(), temp: t.TempDir(), cmd: exec.CommandContext(ctx, binary, append([]string{"demo"}, args...)...)}
	// What hangs shows where.
	d.cmd.Cancel = func() error { return d.cmd.Process.Signal(syscall.SIGQUIT) }
	d.cmd.WaitDelay = 5 * time.Second
	d.cmd.Dir, d.cmd.Stdout, d.cmd.Stderr = d.cwd, &d.out, &d.err
	d.cmd.Env = append(os.Environ(), "TMPDIR="+d.temp)
	if change != nil {
		change(d.cmd)
	}
	if err := d.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return d
}

// wait demands an exit code, and on stderr these texts in one plain error, or nothing. No
// temporary file may be left.
func (d *demoRun) wait(code int, texts ...string) string {
	d.t.Helper()
	err := d.cmd.Wait()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		d.t.Fatal(err)
	}
	if got := d.cmd.ProcessState.ExitCode(); got != code {
		d.t.Errorf("exit code %d, want %d", got, code)
	}
	said := d.err.String()
	if code == 0 && said != "" || code != 0 && strings.Count(said, "sluice demo: ") != 1 || strings.Contains(d.out.String()+said, `"TRACE"`) {
		d.t.Errorf("exit code %d, and stderr is:\n%s", code, said)
	}
	contains(d.t, "stderr", said, texts...)
	empty(d.t, d.temp)
	return d.out.String()
}

func startDemo(t *testing.T, args ...string) *demoRun {
	t.Helper()
	return startDemoWith(t, nil, args...)
}

func empty(t *testing.T, dir string) {
	t.Helper()
	left, err := os.ReadDir(dir)
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// comparison is the part of the output that says whether the demo has worked.
const comparison = `
             rows in  rows out  states in  states out
  products       100       100          1           1
  users        1,000     1,000          5           5
  purchases    1,000     1,000          5           5
`

// TestDemoPage holds docs/DEMO.md to what the program prints, and that to the width of a
// terminal.
func TestDemoPage(t *testing.T) {
	t.Parallel()
	d := startDemo(t)
	out := d.wait(0)
	empty(t, d.cwd)
	for line := range strings.Lines(out) {
		if n := utf8.RuneCountInString(strings.ReplaceAll(line, d.temp, "/tmp")); n > 81 { // with its end
			t.Errorf("a line of %d columns: %s", n-1, line)
		}
	}
	out = strings.ReplaceAll(out, d.temp, "/tmp")
	file := filepath.Join("..", "..", "docs", "DEMO.md")
	page, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	const begin, end = "```text\n$ sluice demo\n", "```\n"
	before, rest, found := strings.Cut(strings.ReplaceAll(string(page), "\r\n", "\n"), begin)
	recorded, after, ended := strings.Cut(rest, end)
	if !found || !ended {
		t.Fatalf("%s has no block that begins with %q", file, begin)
	}
	if settled(recorded) == settled(out) {
		return
	}
	if !*update {
		t.Errorf("docs/DEMO.md is not what sluice demo prints (make generate writes it anew):\n%s", out)
		return
	}
	if err := os.WriteFile(file, []byte(before+begin+out+end+after), 0o644); err != nil {
		t.Fatal(err)
	}
}

// settled is an output without what differs from run to run.
func settled(out string) string {
	for _, change := range [][2]string{
		{uuid4.String(), "ID"},
		{`\d{4}_\d\d_\d\d_\d{13}`, "DATE"},
		{`sluice-demo-\d+`, "sluice-demo-N"},
		{`\b[\d.]+[mµ]?s\b`, "TIME"},
		{`[\d,]+ rows/s, [\d.]+ MB/s`, "SPEED"},
		{`\n {7}(\S)`, " $1"}, // where a line is broken depends on the times in it
	} {
		out = regexp.MustCompile(change[0]).ReplaceAllString(out, change[1])
	}
	return out
}

// TestDemoInBucket has the demo in a bucket where there is something already, that stays as it
// is.
func TestDemoInBucket(t *testing.T) {
	t.Parallel()
	f := func(name string, target func(testing.TB) *target, config fields) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			at := target(t)
			others := []string{"data/users/2020_01_01_1577836800000_0.csv", "data/products/2020_01_01_1577836800000_0.csv",
				"data/_sluice_demo_other/users/2020_01_01_1577836800000_0.csv", "data/_sluice_demo_", "file", "users/file"}
			at.put(sink.Metadata{sink.MetaGeneration: "0"}, others...)
			d := startDemo(t, "--config", writeFile(t, "config.json", at.with(config)), "--log-level", "debug")
			out := d.wait(0)
			contains(t, "stdout", out, comparison, "/_sluice_demo_", "removed again")
			slices.Sort(others)
			same(t, "the bucket", at.keys(), others)
			for _, key := range others {
				same(t, key, at.bytes(key), "old "+key)
			}
			at.clean()
			empty(t, d.cwd)
			if secret, ok := at.config["secret_access_key"].(string); ok && strings.Contains(out, secret) {
				t.Errorf("the output has a secret:\n%s", out)
			}
		})
	}
	csv := func(more fields) fields {
		format := fields{"format_type": "CSV", "flattening": "Root level flattening"}
		maps.Copy(format, more)
		return fields{"format": format}
	}
	f("plain", inBucket, csv(nil))
	f("plain files", inDirectory, csv(nil))
	f("no flattening", inDirectory, csv(fields{"flattening": "No flattening"}))
	f("gzip", inDirectory, csv(fields{"compression": fields{"compression_type": "GZIP"}}))
	f("zstd", inDirectory, csv(fields{"compression": fields{"compression_type": "ZSTD"}, "line_ending": "LF"}))
	f("no header", inDirectory, csv(fields{"header": false, "delimiter": "\t", "quoting": "all"}))
	f("jsonl", inDirectory, jsonlFormat(fields{"flattening": rootLevel, "compression": fields{"compression_type": "GZIP"}}))
	f("jsonl, no flattening", inDirectory, jsonlFormat(nil))
	f("other ways", inBucket, fields{"full_refresh": "purge_first", "metadata_columns": "v2", "s3_bucket_path": "/data//deep/"})
	f("many objects", inBucket, fields{"file_size_mb": 0.05})
}

// TestDemoAtTheTop has a config without a path, on stdin.
func TestDemoAtTheTop(t *testing.T) {
	t.Parallel()
	at := inBucket(t)
	at.put(nil, "users/2020_01_01_1577836800000_0.csv")
	text := "\xef\xbb\xbf" + toJSON(t, at.with(fields{"s3_bucket_path": ""}))
	d := startDemoWith(t, func(cmd *exec.Cmd) { cmd.Stdin = strings.NewReader(text) }, "--config", "-", "--keep")
	out := d.wait(0)
	keys := at.keys()
	var dirs []string
	for _, key := range keys {
		dirs = append(dirs, regexp.MustCompile(`_sluice_demo_[a-z2-7]{10}/(\w+)/.*`).ReplaceAllString(key, "$1"))
	}
	same(t, "the directories in the bucket", dirs, []string{"products", "purchases", "users", "users/2020_01_01_1577836800000_0.csv"})
	place, _, _ := strings.Cut(keys[0], "/")
	contains(t, "stdout", out, comparison, "still in s3://"+at.config["s3_bucket_name"].(string)+"/"+place+"\n")
}

func TestDemoKeepsFiles(t *testing.T) {
	t.Parallel()
	f := func(dir string, args ...string) {
		t.Helper()
		d := startDemo(t, args...)
		out := d.wait(0)
		contains(t, "stdout", out, comparison, "All of this is still in "+filepath.Join(d.cwd, dir))
		files, err := filepath.Glob(filepath.Join(d.cwd, dir, "my-lake", "airbyte", "*", "*.csv"))
		if err != nil || len(files) != 3 {
			t.Errorf("the files are %v, %v", files, err)
		}
		// What it shows can be run again.
		again := exec.Command(binary, "check", "--config", "config.json")
		again.Dir = filepath.Join(d.cwd, dir)
		if said, err := again.Output(); err != nil || !bytes.Contains(said, []byte("SUCCEEDED")) {
			t.Errorf("sluice check there: %v\n%s", err, said)
		}
	}
	f("out", "--keep", "out")
	f("out", "out", "--keep")
	f("deep/ö out", "--keep=deep/ö out")
	f("100% of #1?", "--keep", "100% of #1?")

	d := startDemo(t, "--keep")
	if err := d.cmd.Wait(); err != nil {
		t.Error(err)
	}
	if files, err := filepath.Glob(filepath.Join(d.temp, "sluice-demo-*", "my-lake", "airbyte", "*", "*.csv")); err != nil || len(files) != 3 {
		t.Errorf("the files are %v, %v", files, err)
	}
}

// TestDemoIsInterrupted has Ctrl-C come while sluice runs, and while the demo reads back.
func TestDemoIsInterrupted(t *testing.T) {
	t.Parallel()
	f := func(op, key string, sig syscall.Signal, want string) {
		t.Run(op, func(t *testing.T) {
			t.Parallel()
			at, proxy := throughProxy(t)
			at.put(nil, "data/users/file")
			held := proxy.add(&rule{op: op, key: key, times: 1, arrived: make(chan struct{}), release: make(chan struct{})})
			d := startDemo(t, "--config", writeFile(t, "config.json", at.config))
			<-held.arrived
			if err := d.cmd.Process.Signal(sig); err != nil {
				t.Fatal(err)
			}
			d.wait(1, want)
			same(t, "the bucket", at.keys(), []string{"data/users/file"})
			at.clean()
		})
	}
	f("CompleteMultipartUpload", "_sluice_connection_test_", syscall.SIGINT, "interrupt signal received")
	f("ListObjectsV2", "/products/", syscall.SIGTERM, "terminated signal received")
	f("GetObject", "/users/", syscall.SIGHUP, "hangup signal received")
}

// TestDemoIsNotRead has somebody look at the first line only.
func TestDemoIsNotRead(t *testing.T) {
	t.Parallel()
	at := inBucket(t)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	d := startDemoWith(t, func(cmd *exec.Cmd) { cmd.Stdout = w }, "--config", writeFile(t, "config.json", at.config))
	if err := errors.Join(w.Close(), r.Close()); err != nil {
		t.Fatal(err)
	}
	d.wait(0)
	same(t, "the bucket", at.keys(), []string{})
}

func TestDemoFails(t *testing.T) {
	t.Parallel()
	at, proxy := throughProxy(t)
	config := func(more fields) string { return writeFile(t, "config.json", at.with(more)) }
	f := func(code int, want string, args ...string) {
		t.Helper()
		d := startDemo(t, args...)
		d.wait(code, want)
		empty(t, d.cwd)
		same(t, "the bucket", at.keys(), []string{})
	}
	f(2, "is one argument too many", "x")
	f(2, "is one argument too many", "--keep", "x", "y")
	f(2, "unknown flag: --bucket", "--bucket")
	f(2, "no such file", "--config", "missing.json")
	f(2, "--keep takes no directory", "--config", config(nil), "--keep", "x")
	f(2, "is not empty", "--keep", filepath.Dir(binary))
	f(2, "not a directory", "--keep", binary)
	f(2, "--log-level", "--log-level", "loud")
	f(2, "s3_bucket_name is missing", "--config", config(fields{"s3_bucket_name": nil}))
	f(1, "sluice check says FAILED", "--config", config(fields{"s3_endpoint": closedPort(t), "upload": fields{"retry_minutes": 0}}))
	f(1, "sluice check says FAILED", "--config", config(fields{"s3_bucket_name": "not-there"}))
	noTemp := startDemoWith(t, func(cmd *exec.Cmd) { cmd.Env = append(cmd.Env, "TMPDIR=/nowhere") })
	noTemp.wait(1, "/nowhere", "set TMPDIR")

	// What can't be removed is named.
	held := proxy.hold("GetObject", "/users/")
	d := startDemo(t, "--config", config(nil))
	<-held.arrived
	proxy.deny("DeleteObjects")
	held.letGo()
	d.wait(2, "tidying up: DeleteObjects", "access denied", "look below s3://"+at.config["s3_bucket_name"].(string)+"/data/_sluice_demo_")
}
