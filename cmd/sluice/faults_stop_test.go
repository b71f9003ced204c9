package main

import (
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

// stopping starts a sync, and brings it to a moment in the middle that nobody could tell from
// outside: everything in front of the last lines has been assembled, as the object shows that
// they fill.
func stopping(t *testing.T, at *target, fileSize int, config fields, streams []stream, lines ...string) *process {
	t.Helper()
	streams = append(streams, stream{name: "marker", schema: `{"properties":{"pad":{}}}`})
	p := at.start(job{config: flat(fields{"file_size_mb": fileSize, "checkpoint_minutes": 0, "upload": fields{"part_size_mb": 5}}, config), streams: streams})
	p.send(lines...).send(bulky("marker", fileSize)...)
	waitFor(t, "the marker is there", func() bool { return len(at.keysIn("data/marker")) > 0 })
	return p
}

// TestStopFinishes has a signal come while STATEs wait for nothing but uploads: they leave.
func TestStopFinishes(t *testing.T) {
	t.Parallel()
	users := []stream{{name: "users", schema: idSchema}, {name: "later", schema: idSchema}, {name: "table", schema: idSchema, mode: "overwrite"}}
	in := together(numbered("users", 0, 50), []string{streamState("users", `{"n":1}`)})
	f := func(name string, config fields, states, rows int, lines ...string) {
		t.Helper()
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBoth(t, func(t *testing.T, at *target) {
				at.put(nil, oldKeys("data/table", 1)...)
				p := stopping(t, at, 1, config, users, lines...)
				begin := time.Now()
				p.signal(syscall.SIGTERM) // stdin stays open
				r := p.wait().failed(1, "transient_error", "stopped", "terminated", "sync again")
				inTime(t, begin, 8*time.Second)
				if got := len(r.states()); got != states {
					t.Errorf("got %d states, want %d", got, states)
				}
				same(t, "users", at.column("data/users", "id"), ids(0, rows))
				same(t, "later", at.keysIn("data/later"), []string{})
				same(t, "table", at.keysIn("data/table"), oldKeys("data/table", 1))
				at.clean()
			})
		})
	}
	f("a state", nil, 1, 50, in...)
	f("rows that no state covers", nil, 1, 50, together(in, numbered("later", 0, 50))...)
	f("a state behind a full refresh", nil, 1, 50, together(in, numbered("table", 0, 9), numbered("later", 0, 50), []string{globalState(`{}`)})...)
	f("no state", nil, 0, 0, numbered("users", 0, 50)...)
}

// TestStopInParts has an upload in parts be what a STATE waits for, behind a slow request.
func TestStopInParts(t *testing.T) {
	t.Parallel()
	signalled := make(chan struct{})
	at, p := inWeather(t, on(once, func(x *exchange) {
		x.forward()
		if strings.Contains(x.r.URL.Path, "/users/") {
			<-signalled
		}
		x.answer()
	}, "UploadPart")...)
	pr := stopping(t, at, 9, nil, []stream{{name: "users", schema: `{"properties":{"id":{},"pad":{}}}`}}, append(bulky("users", 7), streamState("users", `{}`))...)
	pr.signal(syscall.SIGTERM)
	close(signalled)
	if r := pr.wait().failed(1, "transient_error", "stopped"); len(r.states()) != 1 {
		t.Errorf("got the states %q", r.states())
	}
	same(t, "users", at.column("data/users", "id"), ids(0, 7))
	at.clean()
	if p.count("CompleteMultipartUpload") == 0 {
		t.Error("nothing went in parts")
	}
}

// TestStopInAnOutage has the store be gone when the signal comes. There is a bound to waiting
// for it; a second signal does not wait at all.
func TestStopInAnOutage(t *testing.T) {
	t.Parallel()
	f := func(name string, do misfortune, signals int, bound time.Duration) {
		t.Helper()
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			at, p := inWeather(t)
			users := []stream{{name: "users", schema: idSchema}}
			pr := stopping(t, at, 1, nil, users, together(numbered("users", 0, 50), []string{streamState("users", `{}`)})...)
			p.begin(on(always, do)...)
			begin := time.Now()
			pr.signal(syscall.SIGTERM)
			waitFor(t, "the last object is on its way", func() bool { return p.count("PutObject") > 0 })
			for range signals - 1 {
				pr.signal(os.Interrupt)
			}
			r := pr.wait().failed(1, "transient_error", "stopped", "sync again")
			inTime(t, begin, bound)
			if len(r.states()) > 0 {
				t.Errorf("got the states %q of rows that are nowhere", r.states())
			}
			same(t, "objects", at.keysIn("data/users"), []string{})
		})
	}
	dead := func(*exchange) { panic(http.ErrAbortHandler) }
	f("two signals, no connection", dead, 2, 6*time.Second)
	f("two signals, no answer", silent, 2, 6*time.Second)
	if faultsWanted == 0 {
		return // library_test.go has it with a shorter bound
	}
	f("one signal, no answer", silent, 1, 15*time.Second)
}

// TestStopAtOnce has signals come before there is anything to finish.
func TestStopAtOnce(t *testing.T) {
	t.Parallel()
	at, p := inWeather(t, on(always, silent)...)
	pr := at.start(job{streams: []stream{{name: "users"}}})
	waitFor(t, "it looks at the store", func() bool { return p.count("") > 0 })
	begin := time.Now()
	pr.signal(syscall.SIGTERM)
	pr.wait().failed(1, "transient_error", "stopped")
	inTime(t, begin, 5*time.Second)
	if left := strings.Join(at.keys(), " "); left != "" {
		t.Errorf("got the objects %s", left)
	}
}
