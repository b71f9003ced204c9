package main

import (
	"net"
	"strings"
	"testing"
)

func TestCheckSucceeds(t *testing.T) {
	t.Parallel()
	inBoth(t, func(t *testing.T, at *target) {
		at.put(nil, "data/users/2021_01_01_1609541171643_0.csv", "other/file")
		before := at.keys()
		r := at.check(nil).ok()
		if got := r.status(); got.Status != "SUCCEEDED" {
			t.Errorf("got %+v", got)
		}
		same(t, "objects", at.keys(), before)
		at.clean()
	})
}

// TestCheckStdin gives the config on stdin, and with spaces and a byte order mark around it.
func TestCheckStdin(t *testing.T) {
	t.Parallel()
	at := inDirectory(t)
	p := start(t, nil, "check", "--config", "-")
	p.sendText("\ufeff\n  " + toJSON(t, at.config) + "\n")
	if got := p.finish().ok().status(); got.Status != "SUCCEEDED" {
		t.Errorf("got %+v", got)
	}
}

// TestCheckFails wants FAILED with a reason, and exit code 0: that the config is wrong is
// the answer.
func TestCheckFails(t *testing.T) {
	t.Parallel()
	at := inBucket(t)
	f := func(change fields, want ...string) {
		t.Helper()
		got := at.check(change).ok().status()
		if got.Status != "FAILED" {
			t.Errorf("%v: got %+v", change, got)
		}
		contains(t, "the message", got.Message, want...)
	}
	f(fields{"access_key_id": "fake-key", "secret_access_key": "fake-secret"}, "credentials not accepted", "access_key_id")
	f(fields{"secret_access_key": "fake-secret"}, "credentials not accepted", "secret_access_key")
	f(fields{"s3_bucket_name": "no-such-bucket-here"}, "no such bucket", "s3_bucket_name")
	f(fields{"s3_endpoint": closedPort(t), "upload": fields{"retry_minutes": 0}}, "refused", "did not answer")
	f(fields{"checkpoint_minutes": -1}, "checkpoint_minutes is -1", "0 or more")
	f(fields{"s3_bucket_path": "a/../b"}, "s3_bucket_path")
	f(fields{"format": fields{"format_type": "Parquet", "compression_codec": "LZO"}}, "format.compression_codec", "LZO", "SNAPPY")
	f(fields{"format": fields{"format_type": "XML"}}, "format_type", "XML")
	f(fields{"secret_access_key": nil}, "secret_access_key")
	same(t, "objects", at.keys(), []string{})
	at.clean()

	text := func(config, want string) {
		t.Helper()
		got := start(t, nil, "check", "--config", writeFile(t, "config.json", config)).finish().ok().status()
		if got.Status != "FAILED" {
			t.Errorf("%q: got %+v", config, got)
		}
		contains(t, "the message", got.Message, want)
	}
	text("", "empty")
	text("{", "not valid JSON")
	text("[]", "must be one JSON object")
	text("{}", "s3_bucket_name is missing")
}

// TestCheckNamesTheRight takes away one right after the other.
func TestCheckNamesTheRight(t *testing.T) {
	t.Parallel()
	f := func(op, right string, leaves bool) {
		t.Helper()
		at, proxy := throughProxy(t)
		proxy.deny(op)
		got := at.check(nil).ok().status()
		if got.Status != "FAILED" {
			t.Errorf("%s: got %+v", op, got)
		}
		contains(t, "the message", got.Message, op, "it takes the right "+right+" on the ", "docs/IAM.md")
		if !leaves {
			same(t, "objects after "+op, at.keys(), []string{})
			at.clean()
		}
	}
	f("CreateMultipartUpload", "s3:PutObject", false)
	f("UploadPart", "s3:PutObject", false)
	f("CompleteMultipartUpload", "s3:PutObject", false)
	f("PutObject", "s3:PutObject", false)
	f("HeadObject", "s3:GetObject", false)
	f("ListObjectsV2", "s3:ListBucket", false)
	f("DeleteObjects", "s3:DeleteObject", true)
	f("AbortMultipartUpload", "s3:AbortMultipartUpload", true)
}

// TestCheckStaysInside looks at every request of a check: a key outside of the path may
// not be allowed, and is not ours.
func TestCheckStaysInside(t *testing.T) {
	t.Parallel()
	at, proxy := throughProxy(t)
	at.check(fields{"s3_bucket_path": "deep/er"}).ok()
	seen := map[string]bool{}
	for _, r := range proxy.requests() {
		seen[r.op] = true
		if r.op != "DeleteObjects" && !strings.HasPrefix(r.key, "deep/er/") {
			t.Errorf("%s of %q", r.op, r.key)
		}
	}
	for _, op := range kinds {
		if !seen[op] && op != "DeleteObject" { // of stores without DeleteObjects
			t.Errorf("check did not try %s", op)
		}
	}
}

// closedPort is an endpoint where nobody answers.
func closedPort(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return "http://" + l.Addr().String()
}
