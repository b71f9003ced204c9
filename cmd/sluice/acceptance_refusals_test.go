package main

import "testing"

// refusals are behaviours that are not offered: each ends before anything is done, and says why.
var refusals = []struct {
	name   string
	config fields
	stream stream
	says   []string
}{
	{"testBasicWriteFile", nil, stream{more: fields{"include_files": true}}, []string{"users", "include_files", "no files"}},
	{"testIncrementalDedupeSync", nil, stream{mode: "append_dedup"}, []string{"users", `"append_dedup"`, `"append" and "overwrite"`}},
	{"testDedup", nil, stream{mode: "append_dedup", gen: 42, more: fields{"primary_key": [][]string{{"id"}}}}, []string{"users", `"append_dedup"`}},
	{"mode.update", nil, stream{mode: "update"}, []string{"users", `"update"`}},
	{"mode.soft_delete", nil, stream{mode: "soft_delete"}, []string{"users", `"soft_delete"`}},
	{"schema.no_object", flat(), stream{schema: `{"type":["string","null"]}`}, []string{"users", `["string","null"]`, "No flattening"}},
	{"schema.composed", flat(), stream{schema: `{"oneOf":[{"type":"object","properties":{"id":{}}}]}`}, []string{"users", "oneOf", "No flattening"}},
}

func TestAcceptanceRefusals(t *testing.T) {
	ofTexts(t)
	t.Parallel()
	at := inBucket(t)
	at.put(nil, oldKeys("data/users", 1)...)
	before := at.keys()
	for _, b := range refusals {
		t.Run(b.name, func(t *testing.T) {
			listed(t, b.name)
			b.stream.name = "users"
			here := *at
			here.t = t
			here.sync(job{config: b.config, streams: []stream{b.stream}}, put("first")...).failed(2, "config_error", b.says...)
			same(t, "objects", here.keys(), before)
		})
	}
}
