package main

import (
	"fmt"
	"path"
	"strings"
	"testing"
)

// jsonRows reads the JSONL objects of a directory: each line's members, as JSON.
func (at *target) jsonRows(dir string) []map[string]string {
	at.t.Helper()
	var rows []map[string]string
	for _, key := range at.keysIn(dir) {
		if !strings.Contains(path.Base(key), ".jsonl") {
			at.t.Fatalf("%s is no JSONL", key)
		}
		text, ok := strings.CutSuffix(at.get(key), "\n")
		if !ok {
			at.t.Fatalf("%s has no line end behind its last line", key)
		}
		for line := range strings.SplitSeq(text, "\n") {
			row := map[string]string{}
			for name, value := range members(at.t, line) {
				row[name] = string(value)
				if name == "_airbyte_ab_id" {
					row[name] = mask(row[name])
				}
			}
			rows = append(rows, row)
		}
	}
	return rows
}

// TestJSONL has all that a line can have, under each compression, in the place of CSV objects that
// were there. Any reader must take each line.
func TestJSONL(t *testing.T) {
	t.Parallel()
	users := stream{name: "users", mode: "overwrite", gen: 3, min: 3, sync: 42, schema: `{"properties":{"id":{},"name":{},"born":{},"_airbyte_raw_id":{}}}`}
	input := []string{
		record("users", "{\"name\":\"a\\nb \xff \\ud83d\\ude00\\ud83d\",\"id\":99999999999999999999999999999999,\"city\":\"Bern\"}"),
		record("users", `{"id":1.50,"_airbyte_raw_id":"theirs","name":{ "k" :`+"\r"+`["\ude00"]},"_airbyte_ab_id":5}`),
		record("users", `{}`),
	}
	const meta = `{"_airbyte_raw_id":"ID","_airbyte_extracted_at":1622135805000,"_airbyte_meta":{"sync_id":42,"changes":[]},"_airbyte_generation_id":3,`
	lines := map[string]string{
		"No flattening": meta + `"_airbyte_data":{"name":"a\nb ` + "\ufffd" + ` \ud83d\ude00` + "\ufffd" + `","id":99999999999999999999999999999999,"city":"Bern"}}` + "\n" +
			meta + `"_airbyte_data":{"id":1.50,"_airbyte_raw_id":"theirs","name":{ "k" : ["` + "\ufffd" + `"]},"_airbyte_ab_id":5}}` + "\n" +
			meta + `"_airbyte_data":{}}` + "\n",
		rootLevel: meta + `"id":99999999999999999999999999999999,"name":"a\nb ` + "\ufffd" + ` \ud83d\ude00` + "\ufffd" + `","born":null,"city":"Bern"}` + "\n" +
			meta + `"id":1.50,"name":{ "k" : ["` + "\ufffd" + `"]},"born":null,"_airbyte_ab_id":5,"_airbyte_additional_properties":{"_airbyte_raw_id":"theirs"}}` + "\n" +
			meta + `"id":null,"name":null,"born":null}` + "\n",
	}
	for flattening, want := range lines {
		for kind, end := range map[string]string{"No Compression": ".jsonl", "GZIP": ".jsonl.gz", "ZSTD": ".jsonl.zst"} {
			t.Run(flattening+"/"+kind, func(t *testing.T) {
				t.Parallel()
				inBoth(t, func(t *testing.T, at *target) {
					at.put(nil, "data/users/2021_01_01_1609541171643_0.csv", "data/users/2021_01_01_1609541171643_1.jsonl")
					config := jsonlFormat(fields{"flattening": flattening, "compression": fields{"compression_type": kind}})
					config["metadata_columns"] = "v2"
					r := at.sync(job{config: config, streams: []stream{users}}, append(input, status("users", "COMPLETE"))...).ok()
					if key := at.only("data/users"); !strings.HasSuffix(key, end) {
						t.Errorf("the object is %s", key)
					}
					same(t, "the object", at.masked("data/users"), want)
					contains(t, "the summary", strings.Join(r.logs("INFO"), "\n"), "3 characters")
					if got := r.logs("WARN"); len(got) > 0 {
						t.Errorf("what is kept needs no warning: %v", got)
					}
					at.clean()
				})
			})
		}
	}
}

// TestJSONLDrops what the schema has not, if it is to, and refuses a field that it can't keep then.
func TestJSONLDrops(t *testing.T) {
	t.Parallel()
	at := inDirectory(t)
	drop := jsonlFormat(fields{"flattening": rootLevel, "undeclared_fields": "drop"})
	r := at.sync(job{config: drop, streams: []stream{{name: "users", schema: idSchema}}}, record("users", `{"a":1,"id":2}`)).ok()
	same(t, "rows", at.jsonRows("data/users"), []map[string]string{{"_airbyte_ab_id": `"ID"`, "_airbyte_emitted_at": "1622135805000", "id": "2"}})
	contains(t, "the warnings", strings.Join(r.logs("WARN"), "\n"), `"a"`)
	at.sync(job{config: drop, streams: []stream{{name: "users", schema: `{"properties":{"_airbyte_ab_id":{}}}`}}}).failed(2, "config_error", "users", "_airbyte_ab_id")
}

// TestJSONLInPieces has several objects, of many compressed pieces each.
func TestJSONLInPieces(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"No Compression", "GZIP", "ZSTD"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			at := inBucket(t)
			const rows = 20_000
			config := jsonlFormat(fields{"flattening": rootLevel, "compression": fields{"compression_type": kind}})
			config["file_size_mb"] = 0.2
			var input []string
			for i, line := range numbered("a", 0, rows) {
				if input = append(input, line); i%1000 == 999 {
					input = append(input, streamState("a", fmt.Sprint(i)))
				}
			}
			r := at.sync(job{config: config, streams: []stream{{name: "a", schema: `{"properties":{"id":{},"pad":{}}}`}}}, input...).ok()
			var got []string
			for _, row := range at.jsonRows("data/a") {
				got = append(got, row["id"])
			}
			same(t, "ids", got, ids(0, rows))
			if n := len(at.keysIn("data/a")); n < 2 || len(r.states()) != rows/1000 {
				t.Errorf("%d objects, %d states", n, len(r.states()))
			}
			at.clean()
		})
	}
}
