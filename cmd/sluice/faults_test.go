package main

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/sluice-data/sluice/sink"
)

// everything is a sync that makes every kind of call: "table" is a full refresh of a table of
// an older generation, in several objects, most of which go in parts; "small" goes in one
// request; and "large", if wanted, is appended in parts, which S3 wants to be large.
type everything struct {
	large  bool
	config fields
}

const tableRows = 300 // in the table: about four objects

func (e everything) start(at *target) *process {
	at.t.Helper()
	at.put(sink.Metadata{"ab-generation-id": "1"}, oldKeys("data/table", 2)...)
	streams := []stream{{name: "small", schema: idSchema}, {name: "table", schema: idSchema, mode: "overwrite", gen: 2, min: 2}}
	size := 0.004
	if e.large {
		streams = append(streams, stream{name: "large", schema: `{"properties":{"id":{},"pad":{}}}`})
		size = 6
	}
	return at.start(job{config: flat(fields{"file_size_mb": size, "upload": fields{"part_size_mb": 5}}, e.config), streams: streams})
}

func (e everything) lines() []string {
	lines := together(numbered("small", 0, 200), []string{globalState(`{"n":1}`)})
	if e.large {
		lines = together(bulky("large", 7), lines)
	}
	return together(lines, numbered("table", 0, tableRows), []string{globalState(`{"n":2}`)})
}

// begin starts it with all of its input. It needs nobody any more, and can be one of many that
// mostly wait: see inTurn.
func (e everything) begin(at *target) *process {
	at.t.Helper()
	p := e.start(at).send(e.lines()...)
	if err := p.stdin.Close(); err != nil {
		at.t.Error(err)
	}
	return p
}

// inTurn are tests of processes that run already, all at the same time: go test would run two.
type inTurn []func()

func (all *inTurn) add(t *testing.T, name string, at *target, p *process, look func(t *testing.T)) {
	*all = append(*all, func() {
		t.Run(name, func(t *testing.T) {
			at.t, p.t = t, t
			look(t)
		})
	})
}

func (all inTurn) run() {
	for _, look := range all {
		look()
	}
}

// right demands that all of it is there, once, and nothing else is left.
func (e everything) right(at *target, r *result) {
	at.t.Helper()
	r.ok()
	if got := r.states(); len(got) != 2 || !strings.Contains(got[0], `{"n":1}`) || !strings.Contains(got[1], `{"n":2}`) {
		at.t.Errorf("got the states %q", got)
	}
	same(at.t, "small", at.column("data/small", "id"), ids(0, 200))
	same(at.t, "table", at.column("data/table", "id"), ids(0, tableRows))
	if e.large {
		same(at.t, "large", at.column("data/large", "id"), ids(0, 7))
	}
	for _, key := range oldKeys("data/table", 2) {
		if slices.Contains(at.keys(), key) {
			at.t.Errorf("the old object %s is still there", key)
		}
	}
	at.clean()
}

// on makes one fault for each of the operations; none is all.
func on(when when, do misfortune, ops ...string) []*fault {
	if len(ops) == 0 {
		ops = []string{""}
	}
	var all []*fault
	for _, op := range ops {
		all = append(all, &fault{op: op, when: when, do: do})
	}
	return all
}

// TestFaults sits everything out: each row is one thing that happens to some requests.
func TestFaults(t *testing.T) {
	t.Parallel()
	f := func(name string, e everything, faults ...*fault) {
		t.Helper()
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			at, p := inWeather(t, faults...)
			r := e.start(at).send(e.lines()...).finish()
			e.right(at, r)
			if p.injected() == 0 {
				t.Error("nothing went wrong")
			}
		})
	}
	small, large := everything{}, everything{large: true}
	lossy := []string{"CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload", "PutObject", "DeleteObjects"}
	f("a third SlowDown", large, on(sometimes(1, 0.3), refuse(http.StatusServiceUnavailable, "SlowDown"))...)

	noBatch := &fault{"DeleteObjects", always, refuse(http.StatusNotImplemented, "NotImplemented")}
	for _, op := range kinds {
		if op != "AbortMultipartUpload" { // see TestFaultsOfAnEnd
			f("500 to "+op, small, append(on(once, refuse(500, "InternalError"), op), noBatch)...)
		}
	}
	f("500 to all", large, on(once, refuse(500, "InternalError"))...)
	f("502 of a proxy to all", small, on(once, func(x *exchange) { x.take(); x.say(502, "<html>Bad Gateway</html>") })...)

	for _, op := range lossy {
		f("reply lost to "+op, everything{large: op != "PutObject" && op != "DeleteObjects"}, on(once, lost, op)...)
	}
	f("500 though it was done", small, on(once, broken)...)
	f("request cut", large, on(once, cutRequest)...)
	f("answer cut", large, on(once, cutAnswer)...)
	f("reply lost to all", small, on(once, lost)...)

	f("200 with an error, done", large, on(once, twoHundred(true), "CompleteMultipartUpload")...)
	f("200 with an error, not done", large, on(once, twoHundred(false), "CompleteMultipartUpload")...)
	f("200 with one object not deleted", small, on(once, oneLeft, "DeleteObjects")...)
}

// TestFaultsOfAnEnd has a source that gives a full refresh up, so that its uploads are aborted,
// and requests that come to harm just then.
func TestFaultsOfAnEnd(t *testing.T) {
	t.Parallel()
	f := func(name string, tidy bool, faults ...*fault) {
		t.Helper()
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			at, p := inWeather(t)
			at.put(nil, oldKeys("data/table", 2)...)
			p.begin(faults...)
			r := at.sync(job{config: flat(fields{"file_size_mb": 0.004}), streams: []stream{{name: "table", schema: idSchema, mode: "overwrite"}}},
				append(numbered("table", 0, tableRows), globalState(`{}`), status("table", "INCOMPLETE"))...)
			r.failed(1, "transient_error", "did not complete", "table")
			same(t, "objects", at.keys(), oldKeys("data/table", 2))
			if len(r.states()) > 0 || p.injected() == 0 {
				t.Errorf("got the states %q after %d faults", r.states(), p.injected())
			}
			if tidy {
				at.clean()
			} else {
				contains(t, "the warnings", strings.Join(r.logs("WARN"), "\n"), "tidying up", "access denied")
			}
		})
	}
	abort := "AbortMultipartUpload"
	f("500", true, on(once, refuse(500, "InternalError"), abort)...)
	f("500 though it was done", true, on(once, broken, abort)...)
	f("reply lost", true, on(once, lost, abort)...)
	f("request cut", true, on(once, cutRequest, abort)...)
	f("all of it", true, on(once, lost)...)
	f("no right to abort", false, on(always, refuse(403, "AccessDenied"), abort)...)
}
