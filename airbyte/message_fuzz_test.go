package airbyte

import (
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"
)

// seeds are the lines that the fuzz tests start from.
var seeds = []string{
	record(`"stream":"users","namespace":"public","data":{"id":1},"emitted_at":5,"meta":{"changes":[{"field":"a"}]}`),
	record(`"stream":"s","data":{},"data":{"a":"\ud800"},"emitted_at":1.6e12,"meta":{"changes":[1],"changes":null}`),
	" {\"ty\\u0070e\" : \"REC\\u004fRD\",\r\"record\":{\"stream\":\"\\u00e9\xff\",\"namespace\":null,\"data\":{\"a\":[{}]},\"emitted_at\":-1622135805000.0}}\t",
	record(`"stream":5,"data":{}`), record(`"stream":"s","data":[]`), record(`"stream":"s","data":{},"emitted_at":9223372036854775808`),
	`{"type":"STATE","state":{"data":{"a":1},"destinationStats":{"recordCount":1.0,"x":2}}}`, `{"type":"STATE","state":{}}`,
	`{"type":"STATE","state":{"type":"GLOBAL","destinationStats":null}}`, `{"type":"STATE","state":{"destination\u0053tats":{}}}`,
	stream(`"name":"s","namespace":""`), stream(`"name":null`), status(`"status":"COMPLETE"`), status(`"status":"INCOMPLETE"`),
	estimate(`"name":"s","type":"STREAM","row_estimate":5`), estimate(`"type":"STREAM"`), `{"type":"TRACE","trace":{"type":"ESTIMATE"}}`, `{"type":"LOG","log":{}}`, `{"type":5}`, `[]`, `"RECORD"`, ``, `{"type":"RECORD","record":{"stream":"s","data":{`,
}

// members reads an object the slow way: its members, the last of duplicates; nil for
// anything else.
func members(raw []byte) map[string]json.RawMessage {
	var m map[string]json.RawMessage
	if err := json.Unmarshal(raw, &m); err != nil {
		return nil
	}
	return m
}

// text reads a string; ok is false for anything else.
func text(raw []byte) (s string, ok bool) {
	var p *string
	if err := json.Unmarshal(raw, &p); err != nil || p == nil {
		return "", false
	}
	return *p, true
}

// expected is what a message must decode to: the documentation of Decode written down with
// encoding/json.
type expected struct {
	kind            Kind
	namespace, name string
	data, changes   string
	state           string
	stateType       StateType
	status          StreamStatus
	at              int64
	noTime          bool
	rows            int64
}

var errBad = errors.New("bad")

func reference(line []byte) (want expected, err error) {
	m := members(line)
	kind, ok := text(m["type"])
	if !json.Valid(line) || !ok {
		return want, errBad
	}
	switch kind {
	case "RECORD":
		return referenceRecord(members(m["record"]))
	case "STATE":
		return referenceState(m["state"])
	case "TRACE":
		trace := members(m["trace"])
		switch kind, _ := text(trace["type"]); kind {
		case "ERROR":
			want.kind = Failure
			return want, nil
		case "ESTIMATE":
			return referenceEstimate(members(trace["estimate"])), nil
		case "STREAM_STATUS":
			want.kind = Status
		default:
			return want, errIf(trace == nil)
		}
		inner := members(trace["stream_status"])
		status, _ := text(inner["status"])
		want.status = map[string]StreamStatus{"COMPLETE": Complete, "INCOMPLETE": Incomplete}[status]
		return want, want.stream(members(inner["stream_descriptor"]), "name")
	}
	return want, nil
}

func referenceEstimate(m map[string]json.RawMessage) (want expected) {
	kind, _ := text(m["type"])
	rows, err := referenceTime(json.Number(m["row_estimate"]))
	if kind != "STREAM" || err != nil || rows <= 0 || want.stream(m, "name") != nil {
		return expected{}
	}
	want.kind, want.rows = Estimate, rows
	return want
}

func referenceRecord(r map[string]json.RawMessage) (want expected, err error) {
	want.kind = Record
	if err := want.stream(r, "stream"); err != nil {
		return want, err
	}
	want.data = string(r["data"])
	if changes := string(members(r["meta"])["changes"]); strings.HasPrefix(changes, "[") {
		want.changes = changes
	}
	emitted, given := r["emitted_at"]
	if want.noTime = !given || string(emitted) == "null"; !want.noTime {
		if want.at, err = referenceTime(json.Number(emitted)); err != nil {
			return want, err
		}
	}
	return want, errIf(members(r["data"]) == nil)
}

func referenceTime(n json.Number) (int64, error) {
	if !strings.ContainsAny(string(n), ".eE") {
		return n.Int64()
	}
	f, err := n.Float64()
	return int64(f), errors.Join(err, errIf(math.Abs(f) >= 1<<63))
}

func referenceState(raw json.RawMessage) (want expected, err error) {
	s := members(raw)
	want.kind, want.state = State, string(raw)
	switch kind, _ := text(s["type"]); kind {
	case "GLOBAL":
		want.stateType = GlobalState
	case "STREAM":
		want.stateType = StreamState
		return want, want.stream(members(members(s["stream"])["stream_descriptor"]), "name")
	}
	return want, errIf(s == nil)
}

func (e *expected) stream(m map[string]json.RawMessage, nameKey string) error {
	var ok bool
	if e.name, ok = text(m[nameKey]); !ok {
		return errBad
	}
	if namespace := m["namespace"]; namespace != nil && string(namespace) != "null" {
		e.namespace, ok = text(namespace)
	}
	return errIf(!ok)
}

func errIf(bad bool) error {
	if bad {
		return errBad
	}
	return nil
}

// FuzzDecode holds Decode against the reference: the same lines accepted, the same found
// in them. The line stands between others, which must not matter.
func FuzzDecode(f *testing.F) {
	for _, line := range seeds {
		f.Add([]byte(line))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		const before, after = "{\"a\":\"\\", "\"}]}\\"
		doc := []byte(before + string(line) + after)
		var d Decoder
		var m Message
		err := d.Decode(doc, len(before), len(before)+len(line), &m)
		if got, want := err != nil && strings.HasPrefix(err.Error(), "not valid JSON: "), !json.Valid(line); got != want {
			t.Fatalf("%q: encoding/json says %v is invalid, Decode %v", line, want, err)
		}
		want, wantErr := reference(line)
		if (err != nil) != (wantErr != nil) {
			t.Fatalf("%q:\n got %v\nwant %v", line, err, wantErr)
		}
		if err != nil {
			return
		}
		got := expected{
			kind: m.Kind, namespace: string(m.Namespace), name: string(m.Name), data: string(m.Data.Of(doc)),
			changes: string(m.Changes.Of(doc)), state: string(m.State.Of(doc)), stateType: m.StateType, status: m.Status, at: m.EmittedAt, noTime: m.NoTime, rows: m.Rows,
		}
		if got != want {
			t.Fatalf("%q:\n got %+v\nwant %+v", line, got, want)
		}
		if again := decode(&d, string(line)); again != describe(doc, &m) {
			t.Fatalf("%q: first %s, then %s", line, describe(doc, &m), again)
		}
	})
}
