package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
)

// soon closes open objects after 0.3 s.
const soon = 0.005

// TestStatesComeBack has states come back in their order with all that the source put into them, and with the
// number of records that each covers.
func TestStatesComeBack(t *testing.T) {
	t.Parallel()
	inBoth(t, func(t *testing.T, at *target) {
		f := func(lines []string, want ...float64) {
			t.Helper()
			r := at.sync(job{streams: []stream{{name: "users"}, {name: "events"}}}, lines...).ok()
			var sent []string
			for _, line := range lines {
				if strings.Contains(line, `"STATE"`) {
					sent = append(sent, line)
				}
			}
			got := r.states()
			if len(got) != len(sent) {
				t.Fatalf("%d states for %d: %v", len(got), len(sent), got)
			}
			for i := range got {
				same(t, "state "+fmt.Sprint(i), withoutStats(t, got[i]), withoutStats(t, sent[i]))
			}
			same(t, "counts", r.counts(), want)
		}
		users, events := record("users", `{"n":1}`), record("events", `{"n":1}`)
		f([]string{legacyState(`{"cursor":1}`), users, events, users, `{"type":"STATE","state":{"type":"LEGACY","data":{"cursor":2.50}},"extra":{"a":[1]}}`, users,
			`{"mine":12345678901234567890123,"state":{"odd":null,"data":{"cursor":3},"sourceStats":{"recordCount":1.0}},"type":"STATE"}`}, 0, 3, 1)
		f([]string{users, events, streamState("users", `{"c":1}`), events, users, streamState("events", `{"c":2}`),
			streamState("users", `{"c":"3\u00e9"}`), streamState("elsewhere", `{}`), events, streamState("users", `{}`), streamState("events", `{}`)}, 1, 2, 1, 0, 0, 1)
		f([]string{users, users, globalState(`{"lsn":1}`), events, globalState(`{"lsn":2}`), globalState(`{"lsn":3}`),
			`{"type":"STATE","state":{"type":"GLOBAL","global":{"shared_state":{},"stream_states":[{"stream_descriptor":{"name":"users"},"stream_state":{"a":1}}]},"destinationStats":{"recordCount":99.0,"rejectedRecordCount":0.0}}}`},
			2, 1, 0, 0)
		f([]string{users, globalState(`{}`), users, events, streamState("users", `{}`), users, streamState("users", `{}`), globalState(`{}`), legacyState(`{}`)}, 1, 2, 1, 3, 0)
	})
}

// withoutStats is a STATE with destinationStats.recordCount taken out, as canonical JSON
// with the digits of its numbers.
func withoutStats(t *testing.T, line string) string {
	t.Helper()
	dec := json.NewDecoder(strings.NewReader(line))
	dec.UseNumber()
	var m map[string]any
	if err := dec.Decode(&m); err != nil {
		t.Fatalf("%v: %s", err, line)
	}
	state := m["state"].(map[string]any)
	if stats, ok := state["destinationStats"].(map[string]any); ok {
		delete(stats, "recordCount")
		if len(stats) == 0 {
			delete(state, "destinationStats")
		}
	}
	return toJSON(t, m)
}

// TestCheckpoint keeps stdin open and quiet. The states must come all the same, each when
// the rows in front of it can be read. Then the process is killed, and they still can.
func TestCheckpoint(t *testing.T) {
	t.Parallel()
	inBoth(t, func(t *testing.T, at *target) {
		p := at.start(job{config: fields{"checkpoint_minutes": soon}, streams: []stream{{name: "users"}, {name: "events"}}})
		p.send(record("users", `{"id":0}`), streamState("users", `{"c":0}`))
		p.waitState(1)
		same(t, "rows at the first state", at.data("data/users"), []string{`{"id":0}`})
		p.send(record("events", `{"id":1}`), record("users", `{"id":1}`), streamState("events", `{"c":1}`), streamState("users", `{"c":2}`))
		p.waitState(3)
		same(t, "users at the third state", at.data("data/users"), []string{`{"id":0}`, `{"id":1}`})
		same(t, "events at the third state", at.data("data/events"), []string{`{"id":1}`})
		p.send(record("users", `{"id":2}`))
		p.signal(os.Kill)
		r := p.wait()
		same(t, "counts", r.counts(), []float64{1, 1, 1})
		same(t, "users after the end", at.data("data/users"), []string{`{"id":0}`, `{"id":1}`})
	})
}

// TestStateWaits holds the upload of a stream's object back: no state behind its rows may
// leave, though the other stream's rows have been visible for long.
func TestStateWaits(t *testing.T) {
	t.Parallel()
	at, proxy := throughProxy(t)
	held := proxy.hold("PutObject", "/slow/")
	p := at.start(job{config: fields{"checkpoint_minutes": soon}, streams: []stream{{name: "slow"}, {name: "fast"}}})
	p.send(record("fast", `{"n":0}`), streamState("fast", `{"c":0}`))
	p.waitState(1)
	p.send(record("slow", `{"n":0}`), record("fast", `{"n":1}`), streamState("fast", `{"c":1}`), streamState("slow", `{"c":2}`))
	<-held.arrived
	waitFor(t, "the rows of the other stream are visible", func() bool { return len(at.keysIn("data/fast")) == 2 })
	// Another whole object of the other stream: were its state to leave, it had the time.
	p.send(record("fast", `{"n":2}`), streamState("fast", `{"c":3}`))
	waitFor(t, "the next row is visible", func() bool { return len(at.keysIn("data/fast")) == 3 })
	if got := statesOf(p.messages()); len(got) != 1 {
		t.Errorf("states overtook rows: %v", got)
	}
	held.letGo()
	p.waitState(4)
	r := p.finish().ok()
	same(t, "counts", r.counts(), []float64{1, 1, 1, 1})
	for i, line := range r.states() {
		contains(t, "the state", line, fmt.Sprintf(`{"c":%d}`, i))
	}
}

// TestNoCheckpoint with 0 lets states leave only at the end.
func TestNoCheckpoint(t *testing.T) {
	t.Parallel()
	at, proxy := throughProxy(t)
	p := at.start(job{config: fields{"checkpoint_minutes": 0, "file_size_mb": 0}, streams: []stream{{name: "users"}}})
	p.send(legacyState(`{"c":0}`), record("users", `{}`), legacyState(`{"c":1}`))
	p.waitState(1) // it is in front of every row
	p.finish().ok()
	puts := 0
	for _, r := range proxy.requests() {
		if r.op == "PutObject" {
			puts++
		}
	}
	if puts != 1 {
		t.Errorf("%d objects were written, want one", puts)
	}
}

// TestNoStateBehindBadInput lets what was durable before stand, and nothing behind it.
func TestNoStateBehindBadInput(t *testing.T) {
	t.Parallel()
	inBoth(t, func(t *testing.T, at *target) {
		p := at.start(job{config: fields{"checkpoint_minutes": soon}, streams: []stream{{name: "users"}}})
		p.send(record("users", `{"id":0}`), legacyState(`{"c":1}`))
		p.waitState(1)
		p.send(record("users", `{"id":1}`), `{"type":"RECORD"`, legacyState(`{"c":2}`), record("users", `{"id":2}`), legacyState(`{"c":3}`))
		r := p.finish().failed(1, "system_error", "line 4", "sync again")
		if got := r.states(); len(got) != 1 || !strings.Contains(got[0], `{"c":1}`) {
			t.Errorf("got the states %v", got)
		}
		at.clean()
	})
}
