package airbyte

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/sluice-data/sluice/internal/scan"
)

// decode decodes a line that stands between others, and says on one line what came out.
func decode(d *Decoder, line string) string {
	const before, after = `{"type":"RECORD"`, "\n\"}]"
	doc := []byte(before + line + after)
	var m Message
	if err := d.Decode(doc, len(before), len(doc)-len(after), &m); err != nil {
		return err.Error()
	}
	return describe(doc, &m)
}

func describe(doc []byte, m *Message) string {
	name := fmt.Sprintf("%q.%q ", m.Namespace, m.Name)
	switch m.Kind {
	case Record:
		text := name + string(m.Data.Of(doc))
		if m.NoTime {
			text += " no time"
		} else {
			text += fmt.Sprint(" ", m.EmittedAt)
		}
		if !m.Changes.None() {
			text += " " + string(m.Changes.Of(doc))
		}
		return text
	case State:
		switch m.StateType {
		case GlobalState:
			name = "global "
		case LegacyState:
			name = "legacy "
		case StreamState:
		}
		return name + string(m.State.Of(doc))
	case Status:
		return name + [...]string{OtherStatus: "other", Complete: "complete", Incomplete: "incomplete"}[m.Status]
	case Failure:
		return "failure"
	case Estimate:
		return name + fmt.Sprint(m.Rows)
	case Skip:
		return "skip"
	}
	return "?"
}

// expect returns the f(in, want) of a table of lines.
func expect(t *testing.T) func(line, want string) {
	var d Decoder // one for all: what a line leaves behind must not reach the next
	return func(line, want string) {
		t.Helper()
		if got := decode(&d, line); got != want {
			t.Errorf("%.200q\n got %s\nwant %s", line, got, want)
		}
	}
}

func record(members string) string { return `{"type":"RECORD","record":{` + members + `}}` }

func TestDecodeRecord(t *testing.T) {
	f := expect(t)
	f(`{"type":"RECORD","record":{"stream":"users","namespace":"public","data":{"id":1},"emitted_at":5}}`, `"public"."users" {"id":1} 5`)
	f(`{"record":{"emitted_at":5,"data":{"id":1},"namespace":"public","stream":"users"},"type":"RECORD"}`, `"public"."users" {"id":1} 5`)
	f(`{"record":{"data":{"id":1},"x":[{"stream":"no"}],"stream":"users","emitted_at":5},"y":{"type":"STATE"},"type":"RECORD","z":0}`, `""."users" {"id":1} 5`)
	f(" \t\r{ \"type\" :\t\"RECORD\" ,\r\"record\" : { \"stream\" : \"s\" , \"data\" : { \"a\" : 1 } , \"emitted_at\" :\t7\t} }\t\r ", `""."s" { "a" : 1 } 7`)
	f("{\"type\"\n:\n\"RECORD\",\"record\":{\"stream\":\"s\",\"data\":{\n},\"emitted_at\":7\n}}", "\"\".\"s\" {\n} 7") // no line of ours, but JSON
	f(`{"ty\u0070e":"REC\u004fRD","r\u0065cord":{"strea\u006d":"s","n\u0061mespace":"n","d\u0061ta":{},"emitted\u005fat":1,"met\u0061":{"ch\u0061nges":[2]}}}`, `"n"."s" {} 1 [2]`)
	f(`{"TYPE":"STATE","type":"RECORD","Record":1,"record":{"Stream":1,"stream":"s","DATA":1,"data":{},"Emitted_At":"x"}}`, `""."s" {} no time`) // keys have one spelling
	f(record(`"stream":"s","data":{"type":"STATE","stream":"x","data":{},"namespace":"y","emitted_at":9}`), `""."s" {"type":"STATE","stream":"x","data":{},"namespace":"y","emitted_at":9} no time`)
	f(record(`"stream":"s","data":{"a":"}]\"{\\","b":[[{}],"]"]}`), `""."s" {"a":"}]\"{\\","b":[[{}],"]"]} no time`)
	f(record("\"stream\":\"s\",\"data\":{\"a\":\"\xff\"}"), "\"\".\"s\" {\"a\":\"\xff\"} no time") // bad UTF-8 is the encoder's matter
}

func TestDecodeNames(t *testing.T) {
	f := expect(t)
	f(record(`"stream":"s","data":{}`), `""."s" {} no time`)
	f(record(`"stream":"s","data":{},"namespace":null`), `""."s" {} no time`)
	f(record(`"stream":"s","data":{},"namespace":""`), `""."s" {} no time`)
	f(record(`"stream":"s","data":{},"namespace":" "`), `" "."s" {} no time`)
	f(record(`"stream":"","data":{}`), `""."" {} no time`) // the catalog has no such stream
	f(record(`"stream":"a\"b\\c\u0041\n","namespace":"\u006e\t","data":{}`), `"n\t"."a\"b\\cA\n" {} no time`)
	f(record(`"namespace":"\u006e","stream":"\u0073","data":{}`), `"n"."s" {} no time`)
	f(record(`"namespace":"\u006e","stream":"\u0073","data":{},"meta":{"ch\u0061nges":[1]},"\u0078":1`), `"n"."s" {} no time [1]`) // keys and names do not share memory
	f(record(`"stream":"spécial","namespace":"こんにちは","data":{}`), `"こんにちは"."spécial" {} no time`)
	f(record(`"stream":"\ud83d\ude00 \ud83d","data":{}`), "\"\".\"😀 \ufffd\" {} no time")
	f(record("\"stream\":\"a\xffb\",\"data\":{}"), "\"\".\"a\ufffdb\" {} no time")
	f(record(`"stream":"n\u0061me"`), `RECORD of stream name without "data"`)
	f(record(`"data":{}`), `RECORD: it names no stream`)
	f(record(`"stream":null,"data":{}`), `RECORD: it names no stream`)
	f(record(`"stream":5,"data":{}`), `RECORD: it names no stream`)
	f(record(`"stream":["s"],"data":{}`), `RECORD: it names no stream`)
	f(record(`"stream":"s","data":{},"namespace":5`), `RECORD: "namespace" is no string`)
	f(record(`"stream":"s","data":{},"namespace":{}`), `RECORD: "namespace" is no string`)
}

func TestDecodeLastOfDuplicatesWins(t *testing.T) {
	f := expect(t)
	f(`{"type":"STATE","record":5,"type":"RECORD","record":{"stream":"a","stream":"b","namespace":"c","namespace":"d","data":1,"data":{"e":1},"emitted_at":"x","emitted_at":2}}`, `"d"."b" {"e":1} 2`)
	f(`{"type":"RECORD","record":{"stream":"s","data":{}},"typ\u0065":"LOG"}`, `skip`)
	f(`{"type":"RECORD","record":{"stream":"s","data":{}},"record":null}`, `RECORD without a "record" object`)
	f(`{"type":"RECORD","record":{"stream":"a","namespace":"n","data":{"a":1},"emitted_at":1,"meta":{"changes":[1]}},"record":{"stream":"b","data":{}}}`, `""."b" {} no time`)
	f(`{"type":"RECORD","record":{"stream":"a","data":{}},"record":{"data":{}}}`, `RECORD: it names no stream`)
	f(record(`"stream":"s","data":{},"data":null`), `RECORD of stream s: "data" is no object`)
	f(record(`"stream":"s","stream":null,"data":{}`), `RECORD: it names no stream`)
	f(record(`"stream":"s","namespace":"n","namespace":null,"data":{}`), `""."s" {} no time`)
	f(record(`"stream":"s","data":{},"emitted_at":1,"emitted_at":null`), `""."s" {} no time`)
	f(record(`"stream":"s","data":{},"meta":{"changes":[1]},"meta":{"changes":[2],"changes":[3]}`), `""."s" {} no time [3]`)
	f(record(`"stream":"s","data":{},"meta":{"changes":[1],"changes":null}`), `""."s" {} no time`)
	f(record(`"stream":"s","data":{},"meta":{"changes":[1]},"meta":null`), `""."s" {} no time`)
	f(`{"type":"STATE","state":{"type":"STREAM","type":"GLOBAL"}}`, `global {"type":"STREAM","type":"GLOBAL"}`)
	f(status(`"status":"COMPLETE","status":"INCOMPLETE"`), `""."s" incomplete`)
	f(status(`"status":"COMPLETE","status":"RUNNING"`), `""."s" other`)
}

func TestDecodeData(t *testing.T) {
	f := expect(t)
	f(record(`"stream":"s"`), `RECORD of stream s without "data"`)
	f(record(`"stream":"s","data":null`), `RECORD of stream s: "data" is no object`)
	f(record(`"stream":"s","data":[{}]`), `RECORD of stream s: "data" is no object`)
	f(record(`"stream":"s","data":"{}"`), `RECORD of stream s: "data" is no object`)
	f(record(`"stream":"s","data":1`), `RECORD of stream s: "data" is no object`)
	f(`{"type":"RECORD"}`, `RECORD without a "record" object`)
	f(`{"type":"RECORD","record":null}`, `RECORD without a "record" object`)
	f(`{"type":"RECORD","record":[]}`, `RECORD without a "record" object`)
	f(`{"type":"RECORD","record":{}}`, `RECORD: it names no stream`)
}

func TestDecodeTime(t *testing.T) {
	f := func(emitted, want string) {
		t.Helper()
		expect(t)(record(`"stream":"s","data":{},"emitted_at":`+emitted), `""."s" {} `+want)
	}
	f(`1622135805000`, `1622135805000`)
	f(`0`, `0`)
	f(`-1`, `-1`)
	f(`-0`, `0`)
	f(`1.6e12`, `1600000000000`)
	f(`16E+11`, `1600000000000`)
	f(`1622135805000.0`, `1622135805000`)
	f(`1622135805000.9`, `1622135805000`)
	f(`-1.5`, `-1`)
	f(`1e-400`, `0`)
	f(`999999999999999999`, `999999999999999999`)
	f(`1622135805123456789`, `1622135805123456789`) // nanoseconds: odd, but exact
	f(`9223372036854775807`, `9223372036854775807`)
	f(`-9223372036854775808`, `-9223372036854775808`)
	f(`null`, `no time`)
	bad := func(emitted string) {
		t.Helper()
		expect(t)(record(`"stream":"s","data":{},"emitted_at":`+emitted), `RECORD of stream s: "emitted_at" is no number of milliseconds`)
	}
	for _, emitted := range []string{
		`"1622135805000"`, `""`, `"x"`, `true`, `false`, `[1]`, `{}`, `9223372036854775808`, `-9223372036854775809`,
		`1e400`, `-1e400`, `1e19`, `-1e19`, strings.Repeat("9", 1000),
	} {
		bad(emitted)
	}
}

func TestDecodeChanges(t *testing.T) {
	f := func(meta, want string) {
		t.Helper()
		expect(t)(record(`"stream":"s","data":{},"meta":`+meta), strings.TrimSpace(`""."s" {} no time `+want))
	}
	f(`{"changes":[{"field":"foo","change":"NULLED","reason":"SOURCE_FIELD_SIZE_LIMITATION"}]}`, `[{"field":"foo","change":"NULLED","reason":"SOURCE_FIELD_SIZE_LIMITATION"}]`)
	f(`{"a":1,"changes": [ ] ,"b":2}`, `[ ]`)
	f(`{}`, ``)
	f(`null`, ``)
	f(`[]`, ``)
	f(`{"changes":null}`, ``)
	f(`{"changes":{}}`, ``)
	f(`{"changes":"[]"}`, ``)
}

func TestDecodeOtherTypes(t *testing.T) {
	f := expect(t)
	f(`{"type":"LOG","log":{"level":"INFO","message":"x"}}`, `skip`)
	f(`{"type":"CONTROL","control":{}}`, `skip`)
	f(`{"type":"SPEC"}`, `skip`)
	f(`{"type":"CATALOG"}`, `skip`)
	f(`{"type":"CONNECTION_STATUS","record":5,"state":null}`, `skip`)
	f(`{"type":"NEW_IN_2030"}`, `skip`)
	f(`{"type":""}`, `skip`)
	f(`{"type":"record","record":5}`, `skip`)
}

func TestDecodeNoMessage(t *testing.T) {
	f := expect(t)
	const noType, noObject = `not an Airbyte message: it has no "type"`, `not an Airbyte message: a JSON object is expected`
	f(`{}`, noType)
	f(`{"record":{"stream":"s","data":{}}}`, noType)
	f(`{"type":5}`, noType)
	f(`{"type":null}`, noType)
	f(`{"type":["RECORD"]}`, noType)
	f(`{"a":{"type":"RECORD"}}`, noType)
	f(`[{"type":"RECORD"}]`, noObject)
	f(`"RECORD"`, noObject)
	f(`5`, noObject)
	f(` null `, noObject)
	f(`true`, noObject)
	f(``, `not valid JSON: unexpected end of JSON input at byte 0 of 0`)
	f(` `, `not valid JSON: unexpected end of JSON input at byte 1 of 1`)
	f(`hello`, `not valid JSON: invalid character 'h' looking for beginning of value at byte 1 of 5`)
	f(`{"type":"RECORD","record":{"stream":"s","data":{"a":"b`, `not valid JSON: unexpected end of JSON input at byte 54 of 54`)
	f(`{"type":"LOG"}}`, `not valid JSON: invalid character '}' after top-level value at byte 15 of 15`)
	f(`{"type":"LOG"}{"type":"LOG"}`, `not valid JSON: invalid character '{' after top-level value at byte 15 of 28`)
	f("\xef\xbb\xbf"+`{"type":"LOG"}`, `not valid JSON: invalid character 'ï' looking for beginning of value at byte 1 of 17`)
	f(record(`"stream":"s","data":{"a":01}`), `not valid JSON: invalid character '1' after object key:value pair at byte 54 of 57`)
	f(record("\"stream\":\"s\",\"data\":{\"a\":\"\x01\"}"), `not valid JSON: invalid character '\x01' in string literal at byte 54 of 58`)
	f(record(`"stream":"s","data":{"a":"\x"}`), `not valid JSON: invalid character 'x' in string escape code at byte 55 of 59`)
}

// A line cut anywhere is an error, never a shorter message.
func TestDecodeTruncatedLine(t *testing.T) {
	var d Decoder
	for _, line := range []string{
		record(`"stream":"sp\u00e9cial","namespace":null,"data":{"a":[1,{"b":"\""}]},"emitted_at":1`), stream(`"name":"s"`), status(`"status":"COMPLETE"`),
	} {
		for n := range len(line) {
			if got := decode(&d, line[:n]); !strings.HasPrefix(got, "not valid JSON: ") {
				t.Errorf("%q: %s", line[:n], got)
			}
		}
	}
}

func TestDecodeDeepNesting(t *testing.T) {
	var d Decoder
	for _, brackets := range []string{"[]", `{"a":}`} {
		open, end := brackets[:len(brackets)-1], brackets[len(brackets)-1:]
		for _, depth := range []int{1, 100, 5000, 9996, 9997, 9998, 10000, 20000, 1000000} {
			line := record(`"stream":"s","data":{"a":` + strings.Repeat(open, depth) + "1" + strings.Repeat(end, depth) + `}`)
			got := decode(&d, line)
			if !json.Valid([]byte(line)) {
				if !strings.HasPrefix(got, "not valid JSON: ") || !strings.Contains(got, "exceeded max depth") {
					t.Errorf("%d levels of %s: %.100s", depth, brackets, got)
				}
			} else if want := line[strings.Index(line, `{"a":`) : len(line)-2]; got != `""."s" `+want+` no time` {
				t.Errorf("%d levels of %s: %.100s", depth, brackets, got)
			}
		}
	}
}

func TestDecodeAllocatesNothing(t *testing.T) {
	for _, line := range []string{
		record(`"stream":"users","namespace":"public","data":{"id":1,"name":"Ada \"L\""},"emitted_at":1622135805000,"meta":{"changes":[{"field":"a"}]}`),
		record(`"stream":"sp\u00e9cial","namespace":"n\u0061me","data":{"id":1},"emitted\u005fat":1622135805000.0`),
		record(`"stream":"こんにちは","data":{"id":1},"emitted_at":1622135805123456789`),
		stream(`"name":"users","namespace":null`), `{"type":"STATE","state":{"data":{"a":1}}}`, status(`"status":"COMPLETE"`), `{"type":"LOG","log":{"message":"x"}}`,
	} {
		var d Decoder
		var m Message
		doc := []byte(line)
		allocs := testing.AllocsPerRun(200, func() {
			if err := d.Decode(doc, 0, len(doc), &m); err != nil {
				t.Fatal(err)
			}
		})
		if allocs != 0 {
			t.Errorf("%v allocations, want 0: %s", allocs, line)
		}
	}
}

// What was in a Message before must not be seen in the next one.
func TestDecodeClearsTheMessage(t *testing.T) {
	var d Decoder
	one := scan.Span{Start: 1, End: 2}
	m := Message{Kind: Status, Namespace: []byte("n"), Name: []byte("s"), Data: one, Changes: one, EmittedAt: 1, NoTime: true, StateType: GlobalState, State: one, Status: Complete}
	line := []byte(`{"type":"LOG"}`)
	if err := d.Decode(line, 0, len(line), &m); err != nil || fmt.Sprint(m) != fmt.Sprint(Message{}) {
		t.Errorf("%v, %v", m, err)
	}
}

func TestStreamIDString(t *testing.T) {
	f := func(id StreamID, want string) {
		t.Helper()
		if id.String() != want {
			t.Errorf("got %s, want %s", id, want)
		}
	}
	f(StreamID{Name: "users"}, "users")
	f(StreamID{Namespace: "public", Name: "users"}, "public.users")
}
