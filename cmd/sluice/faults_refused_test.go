package main

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// unharmed demands of a sync that failed that the old table is whole and alone, that what its
// STATEs cover is there, and that nothing is there twice.
func (e everything) unharmed(at *target, r *result) {
	at.t.Helper()
	same(at.t, "objects of the table", at.keysIn("data/table"), oldKeys("data/table", 2))
	seen := map[string]bool{}
	for _, id := range at.column("data/small", "id") {
		if seen[id] {
			at.t.Errorf("the row %s of small is there twice", id)
		}
		seen[id] = true
	}
	switch states := r.states(); {
	case len(states) > 1 || len(states) == 1 && !strings.Contains(states[0], `{"n":1}`):
		at.t.Errorf("got the states %q of a table that nobody sees", states)
	case len(states) == 1 && len(seen) != 200:
		at.t.Errorf("a state has left, and small has %d rows in front of it, want 200", len(seen))
	}
}

// TestRefusals has a store that says no, and means it: a sync ends at once, tidied up, with what
// its reader can do about it.
func TestRefusals(t *testing.T) {
	t.Parallel()
	f := func(name string, when when, do misfortune, ops []string, code int, kind string, texts ...string) {
		t.Helper()
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			at, p := inWeather(t, on(when, do, ops...)...)
			e := everything{}
			begin := time.Now()
			r := e.start(at).send(e.lines()...).finish().failed(code, kind, texts...)
			inTime(t, begin, 10*time.Second)
			e.unharmed(at, r)
			for _, warning := range r.logs("WARN") {
				if strings.Contains(warning, "trying again") {
					t.Errorf("it is tried again: %s", warning)
				}
			}
			if p.injected() == 0 {
				t.Error("nothing went wrong")
			}
			if len(ops) > 0 {
				at.clean()
			}
		})
	}
	for _, op := range []string{"ListObjectsV2", "CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload", "PutObject"} {
		f("no right to "+op, always, refuse(403, "AccessDenied"), []string{op}, 2, "config_error", "access denied, it takes the right s3:", op, "docs/IAM.md")
	}
	everywhere := []string(nil)
	f("expired token", from(10), refuse(400, "ExpiredToken"), everywhere, 2, "config_error", "have expired", "new ones", "role_arn")
	f("key taken away", from(10), refuse(403, "InvalidAccessKeyId"), everywhere, 2, "config_error", "not accepted", "access_key_id")
	f("key of another secret", from(10), refuse(403, "SignatureDoesNotMatch"), everywhere, 2, "config_error", "not accepted", "secret_access_key")
	bodies := []string{"PutObject", "UploadPart"}
	f("507", from(3), refuse(507, ""), bodies, 1, "system_error", "no space left", "free some space")
	f("quota", from(3), refuse(403, "QuotaExceeded"), bodies, 1, "system_error", "no space left", "free some space")
	f("too large", from(3), refuse(400, "EntityTooLarge"), bodies, 2, "config_error", "too large", "file_size_mb")
	f("too large for nginx", from(3), refuse(413, ""), bodies, 2, "config_error", "too large", "file_size_mb")
}

// TestOutages has a store that goes away in the middle of a sync, for good. One error says so
// when upload.retry_minutes is over.
func TestOutages(t *testing.T) {
	t.Parallel()
	var all inTurn
	f := func(name string, do misfortune, tidy bool, ops ...string) {
		t.Helper()
		at, p := inWeather(t)
		e := everything{config: fields{"checkpoint_minutes": soon, "upload": fields{"retry_minutes": 0.02, "timeout_seconds": 0.5}}}
		lines := e.lines()
		pr := e.start(at).send(lines[:201]...)
		pr.waitState(1)
		p.begin(on(always, do, ops...)...)
		begin, ended := time.Now(), make(chan time.Duration, 1)
		go func() { <-pr.read; ended <- time.Since(begin) }()
		pr.send(lines[201:]...)
		if err := pr.stdin.Close(); err != nil {
			t.Error(err)
		}
		all.add(t, name, at, pr, func(*testing.T) {
			r := pr.finish().failed(1, "transient_error", "given up after", "tries", "sync again")
			if took := <-ended; took > 15*time.Second {
				at.t.Errorf("it took %s to give up", took)
			}
			e.unharmed(at, r)
			if tidy {
				at.clean()
			}
		})
	}
	f("connections end", func(*exchange) { panic(http.ErrAbortHandler) }, false)
	f("503", refuse(503, "ServiceUnavailable"), false)
	f("no answer", silent, false)
	f("no parts", func(*exchange) { panic(http.ErrAbortHandler) }, true, "UploadPart")
	f("parts without an answer", lost, true, "UploadPart")
	f("no Complete", refuse(500, "InternalError"), true, "CompleteMultipartUpload")
	f("no Complete, says a 200", twoHundred(false), true, "CompleteMultipartUpload")
	all.run()
}

// TestClocks has a store whose clock is hours from ours. The SDK takes the time from its
// answers; a store that is not content with its own time gets an error about clocks.
func TestClocks(t *testing.T) {
	t.Parallel()
	f := func(name string, ahead time.Duration) {
		t.Helper()
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			at, p := inWeather(t)
			p.begin(on(always, skewed(at, ahead))...)
			e := everything{}
			r := e.start(at).send(e.lines()...).finish()
			e.right(at, r)
			contains(t, "the warnings", strings.Join(r.logs("WARN"), "\n"), "RequestTimeTooSkewed", "trying again")
		})
	}
	f("ahead", 7*time.Hour)
	f("behind", -2*time.Hour)

	at, p := inWeather(t)
	p.begin(on(from(10), refuse(403, "RequestTimeTooSkewed"))...)
	e := everything{config: fields{"upload": fields{"retry_minutes": 0.02}}}
	r := e.start(at).send(e.lines()...).finish().failed(1, "system_error", "given up after", "clock", time.Now().UTC().Format("2006-01"))
	e.unharmed(at, r)
}

// skewed is a store with another time, that refuses what was not signed near it. It signs again
// what it passes on, since the gateway has ours.
func skewed(at *target, ahead time.Duration) misfortune {
	keys := aws.Credentials{AccessKeyID: at.config["access_key_id"].(string), SecretAccessKey: at.config["secret_access_key"].(string)}
	signer := v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true })
	return func(x *exchange) {
		x.take()
		there := time.Now().Add(ahead)
		date := there.UTC().Format(http.TimeFormat)
		signed, err := time.Parse("20060102T150405Z", x.r.Header.Get("X-Amz-Date"))
		if err != nil || signed.Sub(there).Abs() > 15*time.Minute {
			x.w.Header().Set("Date", date)
			x.say(403, errorXML("RequestTimeTooSkewed"))
			return
		}
		x.r.Header.Del("Expect")
		if err := signer.SignHTTP(x.r.Context(), keys, x.r, x.r.Header.Get("X-Amz-Content-Sha256"), "s3", at.config["s3_bucket_region"].(string), time.Now()); err != nil {
			panic(err)
		}
		x.forward()
		x.resp.Header.Set("Date", date)
		x.answer()
	}
}

// TestDiskFull writes to a disk of a few megabytes behind a file:// endpoint.
func TestDiskFull(t *testing.T) {
	t.Parallel()
	disk := t.TempDir()
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", disk).CombinedOutput(); err != nil {
		t.Skipf("a small disk needs the right to mount one: %v: %s", err, out)
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", disk).CombinedOutput(); err != nil {
			t.Errorf("%v: %s", err, out)
		}
	})
	old := oldKeys("data/users", 1)[0]
	file := filepath.Join(disk, "bucket", filepath.FromSlash(old))
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	at := inDirectory(t)
	at.root = filepath.Join(disk, "bucket")
	at.config["s3_endpoint"] = "file://" + filepath.ToSlash(disk)
	for _, mode := range []string{"overwrite", "append"} {
		r := at.sync(job{config: fields{"file_size_mb": 1}, streams: []stream{{name: "users", mode: mode}}},
			append(bulky("users", 7), globalState(`{}`))...).failed(1, "system_error", "no space left", "free some space")
		if got := r.states(); len(got) > 0 {
			t.Errorf("%s: got the states %q", mode, got)
		}
		keys := at.keysIn("data/users")
		if mode == "overwrite" {
			same(t, "objects", keys, []string{old})
		}
		for _, key := range slices.DeleteFunc(keys, func(key string) bool { return key == old }) {
			content, err := os.ReadFile(filepath.Join(at.root, filepath.FromSlash(key)))
			if err != nil || !strings.HasSuffix(string(content), "\r\n") {
				t.Errorf("%s: %s is half an object (%v)", mode, key, err)
			}
		}
		if left, err := os.ReadDir(filepath.Join(at.root, ".sluice", "uploads")); err != nil || len(left) > 0 {
			t.Errorf("%s: unfinished uploads are left: %v %v", mode, left, err)
		}
	}
}
