package airbyte

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strconv"
	"testing"
)

// appendState decodes a line and appends it as a state that covers n records.
func appendState(t testing.TB, dst []byte, line string, n int64) string {
	t.Helper()
	var d Decoder
	var m Message
	if err := d.Decode([]byte(line), 0, len(line), &m); err != nil || m.Kind != State {
		t.Fatalf("%q is no STATE: %v", line, err)
	}
	return string(AppendState(dst, []byte(line), m.State, n))
}

func TestAppendState(t *testing.T) {
	whole := func(in, want string) {
		t.Helper()
		for _, dst := range [][]byte{nil, []byte("before"), append(make([]byte, 0, 4096), "{,"...)} {
			if got := appendState(t, dst, in, 7); got != string(dst)+want {
				t.Errorf("%s\n got %s\nwant %s", in, got, string(dst)+want)
			}
		}
	}
	f := func(in, want string) {
		t.Helper()
		whole(`{"type":"STATE","state":`+in+`}`, `{"type":"STATE","state":`+want+`}`)
		whole(`{ "a":[{"state":1}], "state" :`+in+`,"type":"STATE","z":"}" } `, `{ "a":[{"state":1}], "state" :`+want+`,"type":"STATE","z":"}" } `)
	}
	f(`{}`, `{"destinationStats":{"recordCount":7.0}}`)
	f(`{ }`, `{ "destinationStats":{"recordCount":7.0}}`)
	f(`{"data":{"a":1}}`, `{"data":{"a":1},"destinationStats":{"recordCount":7.0}}`)
	f(`{"data":{"a":1}	}`, `{"data":{"a":1}	,"destinationStats":{"recordCount":7.0}}`)
	f(`{"destinationStats":null,"data":{}}`, `{"destinationStats":{"recordCount":7.0},"data":{}}`)
	f(`{"destinationStats": 5 }`, `{"destinationStats": {"recordCount":7.0} }`)
	f(`{"destinationStats":[{"recordCount":1}]}`, `{"destinationStats":{"recordCount":7.0}}`)
	f(`{"destinationStats":"{}"}`, `{"destinationStats":{"recordCount":7.0}}`)
	f(`{"destinationStats":{},"data":{}}`, `{"destinationStats":{"recordCount":7.0},"data":{}}`)
	f(`{"destinationStats":{"rejectedRecordCount":2},"data":{}}`, `{"destinationStats":{"rejectedRecordCount":2,"recordCount":7.0},"data":{}}`)
	f(`{"destinationStats":{"recordCount":1.0,"x":{"recordCount":3}}}`, `{"destinationStats":{"recordCount":7.0,"x":{"recordCount":3}}}`)
	f(`{"destinationStats":{"x":1,"recordCount" : null }}`, `{"destinationStats":{"x":1,"recordCount" : 7.0 }}`)
	f(`{"destinationStats":{"recordCount":{"a":1}}}`, `{"destinationStats":{"recordCount":7.0}}`)
	f(`{"destination\u0053tats":{"record\u0043ount":1}}`, `{"destination\u0053tats":{"record\u0043ount":7.0}}`)
	f(`{"destinationstats":{"recordCount":1}}`, `{"destinationstats":{"recordCount":1},"destinationStats":{"recordCount":7.0}}`)
	f(`{"data":{"destinationStats":{"recordCount":1}}}`, `{"data":{"destinationStats":{"recordCount":1}},"destinationStats":{"recordCount":7.0}}`)
	f(`{"destinationStats":{"recordCount":1},"destinationStats":{"recordCount":2,"recordCount":3}}`, `{"destinationStats":{"recordCount":1},"destinationStats":{"recordCount":2,"recordCount":7.0}}`)
	f(`{"sourceStats":{"recordCount":99999999999999999999.50},"data":{"n":1.0E+30,"é":"\u00e9\/"},"id" :5,"x":null}`,
		`{"sourceStats":{"recordCount":99999999999999999999.50},"data":{"n":1.0E+30,"é":"\u00e9\/"},"id" :5,"x":null,"destinationStats":{"recordCount":7.0}}`)
	f(`{"type":"STREAM","stream":{"stream_descriptor":{"name":"s","namespace":null},"stream_state":{"c":"2"}},"sourceStats":{"recordCount":1.0}}`,
		`{"type":"STREAM","stream":{"stream_descriptor":{"name":"s","namespace":null},"stream_state":{"c":"2"}},"sourceStats":{"recordCount":1.0},"destinationStats":{"recordCount":7.0}}`)
	f(`{"type":"GLOBAL","global":{"shared_state":{"lsn":12345678901234567890},"stream_states":[{"stream_descriptor":{"name":"s"}}]}}`,
		`{"type":"GLOBAL","global":{"shared_state":{"lsn":12345678901234567890},"stream_states":[{"stream_descriptor":{"name":"s"}}]},"destinationStats":{"recordCount":7.0}}`)
	// The last of two states is the one that counts.
	whole(`{"state":{"a":1},"type":"STATE","state":{"b":2}}`, `{"state":{"a":1},"type":"STATE","state":{"b":2,"destinationStats":{"recordCount":7.0}}}`)
}

func TestAppendStateCount(t *testing.T) {
	f := func(n int64, want string) {
		t.Helper()
		if got := appendState(t, nil, `{"type":"STATE","state":{}}`, n); got != `{"type":"STATE","state":{"destinationStats":{"recordCount":`+want+`}}}` {
			t.Errorf("%d: %s", n, got)
		}
	}
	f(0, "0.0")
	f(1, "1.0")
	f(1e15, "1000000000000000.0") // no exponent
	f(1<<63-1, "9223372036854775807.0")
}

// FuzzAppendState: what goes back is one JSON object in one line, the same document as came
// but for the count, with nothing else touched.
func FuzzAppendState(f *testing.F) {
	for i, line := range seeds {
		f.Add([]byte(line), int64(i))
	}
	f.Fuzz(func(t *testing.T, line []byte, n int64) {
		var d Decoder
		var m Message
		if err := d.Decode(line, 0, len(line), &m); err != nil || m.Kind != State {
			return
		}
		got := AppendState(nil, line, m.State, n)
		count := strconv.FormatInt(n, 10) + ".0"
		want := tree(t, line)
		state := want["state"].(map[string]any)
		stats, ok := state["destinationStats"].(map[string]any)
		if !ok {
			stats = map[string]any{}
			state["destinationStats"] = stats
		}
		stats["recordCount"] = json.Number(count)
		if !reflect.DeepEqual(tree(t, got), want) {
			t.Fatalf("%q became %q", line, got)
		}
		if bytes.Count(got, []byte("\n")) != bytes.Count(line, []byte("\n")) {
			t.Fatalf("%q became other lines: %q", line, got)
		}
		before, after := line[:m.State.Start], line[m.State.End:]
		if !bytes.HasPrefix(got, before) || !bytes.HasSuffix(got, after) {
			t.Fatalf("%q became %q: something outside of state changed", line, got)
		}
		// Done twice, the second count stands and nothing more is added.
		if once, twice := appendState(t, nil, string(line), 0), appendState(t, nil, string(got), 0); once != twice {
			t.Fatalf("%q became %q, and from %q %q", line, once, got, twice)
		}
	})
}

func tree(t *testing.T, doc []byte) map[string]any {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(doc))
	d.UseNumber()
	var v map[string]any
	if err := d.Decode(&v); err != nil || !json.Valid(doc) {
		t.Fatalf("%q: %v", doc, err)
	}
	return v
}
