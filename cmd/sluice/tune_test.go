package main

import (
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"
)

// tuneArgs is the command line of a tune. What it sends is its bound, and not the time: a machine
// that is busy is slow.
func (at *target) tuneArgs(more fields, args ...string) []string {
	at.t.Helper()
	return append([]string{"tune", "--config", writeFile(at.t, "config.json", at.with(more)), "--seconds", "60"}, args...)
}

// untouched demands that a bucket is as it was: empty.
func (at *target) untouched() {
	at.t.Helper()
	same(at.t, "objects", at.keys(), []string{})
	at.clean()
}

// TestTune measures a real server, gives JSON, and leaves nothing.
func TestTune(t *testing.T) {
	t.Parallel()
	at := inBucket(t)
	a := ask(t, "", at.tuneArgs(fields{"upload": fields{"concurrency": 4, "timeout_seconds": 30}}, "--memory-mb", "64", "--json", "--size", "1.1GB")...)
	var got struct {
		Verdict  string
		Upload   map[string]any
		MemoryMB int   `json:"memory_mb"`
		Sent     int64 `json:"bytes_sent"`
		Settings []struct {
			Runs []float64 `json:"runs_mb_per_s"`
		}
	}
	if err := json.Unmarshal([]byte(a.out), &got); err != nil || a.code != 0 {
		t.Fatalf("%v: exit code %d\n%s\n%s", err, a.code, a.out, a.errors)
	}
	if got.Verdict == "" || got.MemoryMB != 64 || got.Sent < 500e6 || len(got.Settings) != 3 || got.Upload["memory_mb"] != 64.0 || got.Upload["timeout_seconds"] != 30.0 {
		t.Errorf("got %s", a.out)
	}
	if (got.Verdict == "better") != (got.Upload["part_size_mb"] != nil || got.Upload["concurrency"] != nil) {
		t.Errorf("the verdict is %s, the block %v", got.Verdict, got.Upload)
	}
	for _, want := range []string{"data/_sluice_tune_", "on Amazon S3 cost at most $", "does not count. 3 settings"} {
		if !strings.Contains(a.errors, want) {
			t.Errorf("stderr lacks %q:\n%s", want, a.errors)
		}
	}
	at.untouched()
}

// TestTuneForPeople ends early, since it may send little, and says so.
func TestTuneForPeople(t *testing.T) {
	t.Parallel()
	at := inBucket(t)
	a := ask(t, "", at.tuneArgs(nil, "--size", "200MB")...)
	for _, want := range []string{"MB/s by part size", "Recommended: the default. Not enough was measured", "\"upload\": {}\n"} {
		if !strings.Contains(a.out, want) {
			t.Errorf("stdout lacks %q:\n%s", want, a.out)
		}
	}
	if a.code != 0 || strings.Contains(a.out, "\x1b") {
		t.Errorf("got %+v", a)
	}
	at.untouched()
}

// TestTuneStops at Ctrl-C in the middle of its uploads, and removes them.
func TestTuneStops(t *testing.T) {
	t.Parallel()
	at, p := throughProxy(t)
	held := p.hold("UploadPart", "_sluice_tune_")
	pr := start(t, nil, at.tuneArgs(nil)...)
	<-held.arrived
	pr.deaf = true // for the harness: this is no Airbyte command
	pr.signal(os.Interrupt)
	r := pr.wait()
	if !strings.HasSuffix(r.stderr, "\nsluice tune: stopped: interrupt signal received\n") || r.code != 1 || r.stdout != "" {
		t.Errorf("got exit code %d, %q and %q", r.code, r.stdout, r.stderr)
	}
	held.letGo()
	at.untouched()
}

// TestTuneSaysWhatIsLeft where the store refuses to remove it.
func TestTuneSaysWhatIsLeft(t *testing.T) {
	t.Parallel()
	at, p := throughProxy(t)
	p.deny("AbortMultipartUpload")
	a := ask(t, "", at.tuneArgs(nil)...)
	left := at.uploads()
	if len(left) != 1 || !regexp.MustCompile(`^data/_sluice_tune_[a-z0-9]{12}/\d+$`).MatchString(left[0]) {
		t.Fatalf("left are %v\n%s", left, a.errors)
	}
	a.failed(2, "\nsluice tune: removing what was uploaded: ", "access denied", "these unfinished uploads are left in s3://", ": "+left[0]+" (allow it in the policy")
}

// TestTuneRefuses says what is wrong, and what would be right.
func TestTuneRefuses(t *testing.T) {
	ofTexts(t)
	t.Parallel()
	f := func(code int, want string, args ...string) {
		t.Helper()
		ask(t, "", args...).failed(code, "sluice tune: "+want)
	}
	at, in := inBucket(t), inDirectory(t)
	f(2, `required flag(s) "config" not set (see sluice tune --help)`, "tune")
	f(2, "open no-such-file", "tune", "--config", "no-such-file")
	f(2, "--size is \"much\": must be a number of bytes such as 500MB", at.tuneArgs(nil, "--size", "much")...)
	f(2, "--size is 1MB: must be at least 200MB", at.tuneArgs(nil, "--size", "1MB")...)
	f(2, "--seconds is 0: must be 1 to 3600", at.tuneArgs(nil, "--seconds", "0")...)
	f(2, "--memory-mb is 8: must be at least 32", at.tuneArgs(nil, "--memory-mb", "8")...)
	f(2, "s3_endpoint is a local directory", in.tuneArgs(nil)...)
	f(2, "upload.concurrency", at.tuneArgs(fields{"upload": fields{"concurrency": 1000}})...)
	const wrong = "wrong-secret-key-0123456789"
	a := ask(t, "", at.tuneArgs(fields{"secret_access_key": wrong})...)
	a.failed(2, "credentials not accepted", "(check access_key_id")
	if strings.Contains(a.errors, wrong) {
		t.Errorf("the secret is in %s", a.errors)
	}
}

func TestParseSize(t *testing.T) {
	t.Parallel()
	f := func(text string, want int64) {
		t.Helper()
		if got, err := parseSize(text); (err != nil) != (want < 0) || err == nil && got != want {
			t.Errorf("%q: got %d, %v", text, got, err)
		}
	}
	f("500MB", 500e6)
	f("1.5 GB", 1500e6)
	f("2t", 2e12)
	f("300000000", 3e8)
	f("7kb", 7000)
	f("", -1)
	f("GB", -1)
	f("-1GB", -1)
	f("NaN", -1)
	f("1e30", -1)
}
