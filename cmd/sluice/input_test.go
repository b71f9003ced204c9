package main

import (
	"strings"
	"testing"
)

// TestBadInput has one bad line each. The sync fails with its number and the reason, and
// nothing of it is left.
func TestBadInput(t *testing.T) {
	t.Parallel()
	at := inBucket(t)
	const good = `{"type":"RECORD","record":{"stream":"users","emitted_at":1,"data":{"id":1}}}`
	run := func(text, line string, want ...string) {
		t.Helper()
		r := at.start(job{streams: []stream{{name: "users"}}}).sendText(text).finish()
		r.failed(1, "system_error", append(want, line, "mend the source")...)
		if got := r.states(); len(got) > 0 {
			t.Errorf("%.100q: got the states %v", text, got)
		}
		same(t, "objects", at.keys(), []string{})
	}
	f := func(bad string, want ...string) {
		t.Helper()
		run(good+"\n"+bad+"\n"+good+"\n"+legacyState(`{}`)+"\n", "line 2: ", want...)
	}
	f(`hello`, "not valid JSON")
	f(`{"type":"RECORD"`, "not valid JSON")
	f(good+good, "not valid JSON")
	f(`{"type":"LOG","log":{"message":"a`+"\t"+`b"}}`, "not valid JSON")
	f(`[]`, "not an Airbyte message")
	f(`null`, "not an Airbyte message")
	f(`{"record":{}}`, "type")
	f(`{"type":"RECORD"}`, "record")
	f(`{"type":"RECORD","record":{"stream":"users","emitted_at":1}}`, "data", "users")
	f(`{"type":"RECORD","record":{"stream":"users","emitted_at":1,"data":[]}}`, "data", "no object")
	f(`{"type":"RECORD","record":{"stream":"users","emitted_at":1,"data":"{}"}}`, "data", "no object")
	f(`{"type":"RECORD","record":{"stream":"users","emitted_at":1,"data":null}}`, "data", "no object")
	f(`{"type":"RECORD","record":{"emitted_at":1,"data":{}}}`, "stream")
	f(`{"type":"RECORD","record":{"stream":"users","emitted_at":"yesterday","data":{}}}`, "emitted_at")
	f(`{"type":"RECORD","record":{"stream":"clients","emitted_at":1,"data":{}}}`, "clients", "not in the catalog")
	f(`{"type":"RECORD","record":{"stream":"users","namespace":"public","emitted_at":1,"data":{}}}`, "public.users", "not in the catalog")
	f(`{"type":"STATE"}`, "STATE")
	f(`{"type":"STATE","state":{"type":"STREAM"}}`, "stream_descriptor")

	// Where the line stands.
	run(good[:40], "line 1: ", "not valid JSON")
	run(good+"\n"+good[:40], "line 2: ", "not valid JSON")
	run("\n\n  \n"+good+"\n\nbad\n", "line 6: ")
	run(good+"\r\n\r\n"+good+"\r\nbad\r\n", "line 4: ")
	long := strings.Repeat(good+"\n", 30_000) // more than 2 MB, which is some batches
	run(long+"bad\n"+good+"\nbad\n", "line 30001: ")
	at.clean()
}

// TestBadInputAbortsUploads has a part on its way when the bad line comes.
func TestBadInputAbortsUploads(t *testing.T) {
	t.Parallel()
	inBothSeen(t, func(t *testing.T, at *target) {
		old := oldKeys("data/table", 1)
		at.put(nil, old...)
		p := at.start(job{config: fields{"upload": fields{"part_size_mb": 5}}, streams: []stream{{name: "users"}, {name: "table", mode: "overwrite"}}})
		p.send(bulky("users", 7)...).send(bulky("table", 7)...)
		at.waitParts(2)
		p.send("bad").finish().failed(1, "system_error", "line 15: ")
		at.clean()
		same(t, "objects", at.keys(), old)
	})
}

// TestGoodInput is unusual, and fine.
func TestGoodInput(t *testing.T) {
	t.Parallel()
	inBoth(t, func(t *testing.T, at *target) {
		text := strings.Join([]string{
			``, `   `,
			`{"type":"RECORD","record":{"stream":"users","emitted_at":1,"data":{"n":1}}}` + "\r",
			"\t" + `{ "record" : { "data" : {"n":2} , "emitted_at" : 2 , "stream" : "users" } , "type" : "RECORD" }  `,
			`{"\u0074ype":"\u0052ECORD","rec\u006frd":{"str\u0065am":"\u0075sers","emitted_\u0061t":3,"d\u0061ta":{"n":3}}}`,
			`{"type":"RECORD","unknown":{"record":{"stream":"x"}},"record":{"x":[{}],"stream":"users","meta":{"changes":[]},"data":{"n":4},"emitted_at":4.0}}`,
			`{"type":"LOG","log":{"level":"INFO","message":"hello"}}`,
			`{"type":"TRACE","trace":{"type":"ESTIMATE","emitted_at":1,"estimate":{"name":"users","type":"STREAM"}}}`,
			`{"type":"TRACE","trace":{"type":"ANALYTICS","emitted_at":1,"analytics":{"type":"a","value":"b"}}}`,
			`{"type":"CONTROL","control":{"type":"CONNECTOR_CONFIG","emitted_at":1,"connectorConfig":{"config":{}}}}`,
			`{"type":"TOMORROW","tomorrow":[1,2,3]}`,
			`{"type":"CATALOG"}`, "\r",
			`{"type":"RECORD","record":{"stream":"users","data":{"n":5},"emitted_at":null}}`,
			`{"type":"RECORD","record":{"stream":"users","data":{"n":6},"emitted_at":6}}`, // and no line end
		}, "\n")
		at.start(job{streams: []stream{{name: "users"}}}).sendText(text).finish().ok()
		same(t, "data", at.data("data/users"), []string{`{"n":1}`, `{"n":2}`, `{"n":3}`, `{"n":4}`, `{"n":5}`, `{"n":6}`})
		times := at.column("data/users", "_airbyte_emitted_at")
		if len(times[4]) != 13 { // the source gave none: now
			t.Errorf("emitted_at of the fifth record is %s", times[4])
		}
		times[4] = "now"
		same(t, "emitted_at", times, []string{"1", "2", "3", "4", "now", "6"})
	})
}

// TestSlowSource writes one line in pieces.
func TestSlowSource(t *testing.T) {
	t.Parallel()
	at := inBucket(t)
	p := at.start(job{config: fields{"checkpoint_minutes": soon}, streams: []stream{{name: "users"}}})
	line := record("users", `{"text":"a\nb"}`)
	p.send(legacyState(`{}`)).waitState(1)
	for i := range line { // each byte is a write of its own
		p.sendText(line[i : i+1])
	}
	p.sendText("\n").send(legacyState(`{}`))
	p.waitState(2)
	same(t, "data", at.data("data/users"), []string{`{"text":"a\nb"}`})
	p.finish().ok()
}

// TestGiantRecord has a record of 100 MB between two small ones.
func TestGiantRecord(t *testing.T) {
	t.Parallel()
	if testing.Short() || raceEnabled() {
		t.Skip("100 MB take long")
	}
	at := inBucket(t)
	const size = 100 << 20
	p := at.start(job{config: flat(), streams: []stream{{name: "users", schema: `{"properties":{"id":{},"text":{}}}`}}})
	p.send(record("users", `{"id":1,"text":"small"}`))
	giant := record("users", `{"id":2,"text":"@"}`)
	before, after, _ := strings.Cut(giant, "@")
	p.sendText(before)
	block := strings.Repeat("0123456789abcde,", 1<<16)
	for range size / len(block) {
		p.sendText(block)
	}
	p.sendText(after + "\n")
	r := p.send(record("users", `{"id":3,"text":"small"}`), legacyState(`{}`)).finish().ok()
	same(t, "counts", r.counts(), []float64{3})

	object := at.get(at.only("data/users"))
	rows := []string{`"_airbyte_ab_id","_airbyte_emitted_at","id","text"`, `"ID",1622135805000,1,"small"`, `"ID",1622135805000,2,"`}
	begin, end := strings.Join(rows, "\r\n"), "\"\r\n"+`"ID",1622135805000,3,"small"`+"\r\n"
	const id = len("26d73cde-7eb1-4e1e-b7db-a4c03b4cf206") - len("ID")
	if len(object) != len(begin)+2*id+size+len(end)+id {
		t.Fatalf("the object has %d bytes", len(object))
	}
	middle := object[len(begin)+2*id:][:size]
	same(t, "what is in front", mask(object[:len(begin)+2*id]), begin)
	same(t, "what is behind", mask(object[len(object)-len(end)-id:]), end)
	if strings.Count(middle, block) != size/len(block) {
		t.Error("the text is not what was sent")
	}
}
