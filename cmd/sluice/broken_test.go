package main

import (
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// underWay starts a sync and brings it to a moment in the middle: the table "users" has its
// first part in the store, a row of "events" is visible, and its state is out. Before it
// "users" had the objects that come back.
func underWay(t *testing.T, at *target) (p *process, old []string) {
	t.Helper()
	old = oldKeys("data/users", 2)
	at.put(nil, old...)
	p = at.start(job{
		config:  fields{"checkpoint_minutes": soon, "upload": fields{"part_size_mb": 5}},
		streams: []stream{{name: "users", mode: "overwrite"}, {name: "events"}},
	})
	p.send(record("events", `{"id":0}`), streamState("events", `{"n":0}`))
	p.waitState(1)
	p.send(bulky("users", 7)...)
	p.send(streamState("users", `{"n":1}`), record("events", `{"id":1}`), streamState("events", `{"n":2}`))
	at.waitParts(1)
	return p, old
}

// TestTerminated ends a sync by a signal while its source is silent.
func TestTerminated(t *testing.T) {
	t.Parallel()
	for _, sig := range []os.Signal{syscall.SIGTERM, os.Interrupt} {
		t.Run(sig.String(), func(t *testing.T) {
			t.Parallel()
			inBothSeen(t, func(t *testing.T, at *target) {
				p, old := underWay(t, at)
				begin := time.Now()
				p.signal(sig) // stdin stays open
				r := p.wait().failed(1, "transient_error", "stopped", "sync again")
				if took := time.Since(begin); took > 10*time.Second {
					t.Errorf("it took %s to stop", took)
				}
				if got := r.states(); len(got) != 1 || !strings.Contains(got[0], `{"n":0}`) {
					t.Errorf("got the states %v, want the first alone", got)
				}
				same(t, "objects of users", at.keysIn("data/users"), old)
				if rows := at.data("data/events"); len(rows) == 0 || rows[0] != `{"id":0}` {
					t.Errorf("events has the rows %v, its state has left", rows)
				}
				at.clean()
			})
		})
	}
}

// TestTerminatedInAnOutage has a store that does not answer when the signal comes.
func TestTerminatedInAnOutage(t *testing.T) {
	t.Parallel()
	at, proxy := throughProxy(t)
	held := proxy.hold("UploadPart", "")
	p := at.start(job{config: fields{"upload": fields{"part_size_mb": 5}}, streams: []stream{{name: "users"}}})
	p.send(bulky("users", 7)...)
	<-held.arrived
	begin := time.Now()
	p.signal(syscall.SIGTERM)
	p.wait().failed(1, "transient_error", "stopped")
	if took := time.Since(begin); took > 10*time.Second {
		t.Errorf("it took %s to stop", took)
	}
	at.clean()
	held.letGo()

	held = proxy.hold("CreateMultipartUpload", "")
	p = start(t, nil, "check", "--config", writeFile(t, "config.json", at.config))
	<-held.arrived
	p.signal(syscall.SIGTERM)
	p.wait().failed(1, "transient_error", "stopped")
}

// TestKilled leaves no chance to tidy up. The old table is whole, and the next sync makes
// everything good again.
func TestKilled(t *testing.T) {
	t.Parallel()
	inBoth(t, func(t *testing.T, at *target) {
		p, old := underWay(t, at)
		p.signal(os.Kill)
		if got := p.wait().states(); len(got) != 1 {
			t.Errorf("got the states %v", got)
		}
		same(t, "objects of users", at.keysIn("data/users"), old)
		if got := len(at.uploads()); got != 1 {
			t.Errorf("%d uploads are left, want the dead one", got)
		}
		at.sync(job{streams: []stream{{name: "users", mode: "overwrite"}, {name: "events"}}},
			record("users", `{"new":1}`), record("events", `{"id":1}`), globalState(`{}`)).ok()
		same(t, "users", at.data("data/users"), []string{`{"new":1}`})
		seen := map[string]bool{}
		for _, row := range at.data("data/events") { // those behind the last state may be there twice
			seen[row] = true
		}
		same(t, "events", seen, map[string]bool{`{"id":0}`: true, `{"id":1}`: true})
		if got := len(at.uploads()); got != 1 {
			t.Errorf("%d uploads are left: that of a run that may be alive is not ours to abort", got)
		}
	})
}

// TestStdoutGone has the platform close the pipe while uploads are under way. The next
// STATE can't be told: that fails the sync.
func TestStdoutGone(t *testing.T) {
	t.Parallel()
	at, proxy := throughProxy(t)
	old := oldKeys("data/users", 1)
	at.put(nil, old...)
	held := proxy.hold("PutObject", "/events/")
	p := at.start(job{
		config:  fields{"checkpoint_minutes": soon, "upload": fields{"part_size_mb": 5}},
		streams: []stream{{name: "users", mode: "overwrite"}, {name: "events"}},
	})
	p.send(record("events", `{}`), streamState("events", `{}`))
	p.send(bulky("users", 7)...)
	<-held.arrived
	at.waitParts(1)
	p.closeStdout()
	held.letGo()
	r := p.wait() // stdin is still open
	if r.code != 1 {
		t.Errorf("exit code %d, want 1", r.code)
	}
	contains(t, "stderr", r.stderr, "stdout")
	same(t, "objects of users", at.keysIn("data/users"), old)
	at.clean()
}

// TestStdoutGoneAtOnce has nobody listen at all.
func TestStdoutGoneAtOnce(t *testing.T) {
	t.Parallel()
	at := inDirectory(t)
	p := at.start(job{streams: []stream{{name: "users"}}})
	p.closeStdout()
	if r := p.send(legacyState(`{}`)).finish(); r.code != 1 {
		t.Errorf("exit code %d, want 1", r.code)
	}
	at.clean()

	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer writer.Close()
	if err := reader.Close(); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(binary, "spec")
	cmd.Stdout = writer
	if err := cmd.Run(); err == nil {
		t.Error("spec succeeds though nobody can have read it")
	}
}

// TestOutage is sat out, and nothing is there twice.
func TestOutage(t *testing.T) {
	t.Parallel()
	at, proxy := throughProxy(t)
	proxy.refuse("PutObject", "", 2, http.StatusServiceUnavailable, "SlowDown")
	proxy.refuse("UploadPart", "", 3, http.StatusInternalServerError, "InternalError")
	proxy.refuse("ListObjectsV2", "", 1, http.StatusServiceUnavailable, "ServiceUnavailable")
	r := at.sync(job{config: flat(fields{"upload": fields{"part_size_mb": 5}}), streams: []stream{
		{name: "large", schema: `{"properties":{"id":{},"pad":{}}}`}, {name: "small", schema: idSchema}}},
		append(bulky("large", 7), together(numbered("small", 0, 3), []string{globalState(`{}`)})...)...).ok()
	same(t, "counts", r.counts(), []float64{10})
	same(t, "large", at.column("data/large", "id"), ids(0, 7))
	same(t, "small", at.column("data/small", "id"), ids(0, 3))
	contains(t, "the warnings", strings.Join(r.logs("WARN"), "\n"), "trying again", "SlowDown")
	contains(t, "the summary", strings.Join(r.logs("INFO"), "\n"), "6 requests were repeated")
	at.clean()
}

// TestRefused fails a sync whose store says no, and tells whose turn it is.
func TestRefused(t *testing.T) {
	t.Parallel()
	at, proxy := throughProxy(t)
	users := []stream{{name: "users", mode: "overwrite"}}
	states := 0
	f := func(change fields, code int, kind string, want ...string) {
		t.Helper()
		r := at.sync(job{config: change, streams: users}, record("users", `{}`), legacyState(`{}`)).failed(code, kind, want...)
		if got := len(r.states()); got != states {
			t.Errorf("got %d states, want %d", got, states)
		}
		at.clean()
	}
	at.put(nil, oldKeys("data/users", 1)...)
	f(fields{"secret_access_key": "not-the-secret"}, 2, "config_error", "credentials", "secret_access_key")
	f(fields{"s3_bucket_name": "no-such-bucket-here"}, 2, "config_error", "no such bucket", "s3_bucket_name")
	f(fields{"s3_endpoint": closedPort(t), "upload": fields{"retry_minutes": 0}}, 1, "transient_error", "sync again")
	same(t, "objects", at.keys(), oldKeys("data/users", 1))
	proxy.deny("DeleteObjects")
	states = 1 // its rows are there
	f(nil, 2, "config_error", "users", "removing", "access denied")
	if got := at.keys(); len(got) != 2 {
		t.Errorf("got the objects %v, want the old one and the new one", got)
	}
	states = 0
	proxy.deny("PutObject")
	f(nil, 2, "config_error", "users", "access denied")
	proxy.refuse("ListObjectsV2", "", -1, http.StatusServiceUnavailable, "SlowDown")
	f(fields{"upload": fields{"retry_minutes": 0.001}}, 1, "transient_error", "users", "given up")
}
