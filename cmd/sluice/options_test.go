package main

import (
	"fmt"
	"strings"
	"testing"
)

// TestDialect has each option of the format reach the file.
func TestDialect(t *testing.T) {
	t.Parallel()
	at := inBucket(t)
	schema := `{"properties":{"n":{},"s":{},"b":{},"o":{}}}`
	data := []string{`{"n":1.50,"s":"a;b","b":true,"o":{"x":1}}`, `{"n":null,"s":""}`, `{"s":"plain"}`}
	f := func(options fields, want ...string) {
		t.Helper()
		options["flattening"] = "Root level flattening"
		config := csvFormat(options)
		config["s3_bucket_path"] = "d" + fmt.Sprint(len(at.keys()))
		var input []string
		for _, d := range data {
			input = append(input, record("users", d))
		}
		at.sync(job{config: config, streams: []stream{{name: "users", schema: schema}}}, input...).ok()
		same(t, show(options), at.masked(config["s3_bucket_path"].(string)+"/users"), strings.Join(want, ""))
	}
	const head = `"_airbyte_ab_id","_airbyte_emitted_at","n","s","b","o"` + "\r\n"
	f(fields{}, head,
		`"ID",1622135805000,1.50,"a;b",true,"{""x"":1}"`+"\r\n",
		`"ID",1622135805000,,"",,`+"\r\n",
		`"ID",1622135805000,,"plain",,`+"\r\n")
	f(fields{"quoting": "all"}, head,
		`"ID","1622135805000","1.50","a;b","true","{""x"":1}"`+"\r\n",
		`"ID","1622135805000","","","",""`+"\r\n",
		`"ID","1622135805000","","plain","",""`+"\r\n")
	f(fields{"quoting": "minimal", "line_ending": "LF"}, "_airbyte_ab_id,_airbyte_emitted_at,n,s,b,o\n",
		`ID,1622135805000,1.50,a;b,true,"{""x"":1}"`+"\n",
		`ID,1622135805000,,"",,`+"\n",
		`ID,1622135805000,,plain,,`+"\n")
	f(fields{"quoting": "minimal", "delimiter": ";", "header": false, "null_value": `\N`},
		`ID;1622135805000;1.50;"a;b";true;"{""x"":1}"`+"\r\n",
		`ID;1622135805000;\N;;\N;\N`+"\r\n",
		`ID;1622135805000;\N;plain;\N;\N`+"\r\n")
	f(fields{"delimiter": "\t", "line_ending": "LF", "null_value": "NULL"}, strings.ReplaceAll(head[:len(head)-2], ",", "\t")+"\n",
		strings.ReplaceAll(`"ID",1622135805000,1.50,"a;b",true,"{""x"":1}"`, ",", "\t")+"\n",
		strings.ReplaceAll(`"ID",1622135805000,NULL,"",NULL,NULL`, ",", "\t")+"\n",
		strings.ReplaceAll(`"ID",1622135805000,NULL,"plain",NULL,NULL`, ",", "\t")+"\n")
}

// TestMetadataV2 has today's four columns.
func TestMetadataV2(t *testing.T) {
	t.Parallel()
	inBoth(t, func(t *testing.T, at *target) {
		changed := `{"type":"RECORD","record":{"stream":"users","emitted_at":1234,"data":{"id":1},` +
			`"meta":{"changes":[{"field":"foo","change":"NULLED","reason":"SOURCE_FIELD_SIZE_LIMITATION"}]}}}`
		v2 := fields{"metadata_columns": "v2"}
		at.sync(job{config: flat(v2), streams: []stream{{name: "users", schema: idSchema, gen: 7, sync: 42}, {name: "none", schema: idSchema}}},
			changed, record("users", `{"id":2}`), record("none", `{"id":3}`)).ok()
		header := `"_airbyte_raw_id","_airbyte_extracted_at","_airbyte_meta","_airbyte_generation_id"`
		same(t, "users", at.masked("data/users"), header+`,"id"`+"\r\n"+
			`"ID",1234,"{""sync_id"":42,""changes"":[{""field"":""foo"",""change"":""NULLED"",""reason"":""SOURCE_FIELD_SIZE_LIMITATION""}]}",7,1`+"\r\n"+
			`"ID",1622135805000,"{""sync_id"":42,""changes"":[]}",7,2`+"\r\n")
		same(t, "none", at.lines("data/none"), []string{`"ID",1622135805000,"{""changes"":[]}",,3`})
		at.sync(job{config: v2, streams: []stream{{name: "whole", gen: 7, sync: 42}}}, record("whole", `{"id":1}`)).ok()
		same(t, "whole", at.masked("data/whole"), header+`,"_airbyte_data"`+"\r\n"+
			`"ID",1622135805000,"{""sync_id"":42,""changes"":[]}",7,"{""id"":1}"`+"\r\n")
	})
}

// TestConfig refuses what is wrong before anything else happens, and passes over what it
// does not know.
func TestConfig(t *testing.T) {
	ofTexts(t)
	t.Parallel()
	at := inDirectory(t)
	f := func(change fields, want ...string) {
		t.Helper()
		at.sync(job{config: change, streams: []stream{{name: "users"}}}, record("users", `{}`)).failed(2, "config_error", want...)
	}
	f(fields{"format": fields{"format_type": "Parquet", "compression_codec": "LZO"}}, "format.compression_codec", "LZO", "SNAPPY")
	f(fields{"partition_by": []string{"week(at)"}}, "partition_by", "week", "date, year, month, day and hour")
	f(csvFormat(fields{"compression": fields{"compression_type": "LZO"}}), "format.compression.compression_type", "LZO", "GZIP", "ZSTD")
	f(csvFormat(fields{"compression": fields{"compression_type": "GZIP", "compression_level": 10}}), "format.compression.compression_level", "10", "from 1 to 9")
	f(fields{"s3_path_format": "${STREAM}/"}, "s3_path_format", "${STREAM}", "${STREAM_NAME}")
	f(fields{"s3_bucket_path": "x/${SPACE}"}, "s3_bucket_path", "${SPACE}", "${NAMESPACE}")
	f(fields{"file_name_pattern": "{timestamp:s}"}, "file_name_pattern", "{timestamp:s}", "{timestamp:micros}")
	f(fields{"full_refresh": "sometimes"}, "full_refresh", "sometimes", "atomic", "incremental", "purge_first")
	f(fields{"file_size_mb": "big"}, "file_size_mb", "big", "number")
	f(fields{"upload": fields{"part_size_mb": 1}}, "upload.part_size_mb", "1", "5")
	f(fields{"checkpoint_minutes": -1, "metadata_columns": "v3"}, "checkpoint_minutes", "metadata_columns") // all at once
	f(csvFormat(fields{"delimiter": ";;"}), "format.delimiter", ";;")
	f(csvFormat(fields{"null_value": "a,b"}), "format.null_value", "a,b")
	same(t, "objects", at.keys(), []string{})

	at.sync(job{config: flat(), streams: []stream{{name: "users", schema: `{"type":"array"}`}}}).failed(2, "config_error", "users", "flatten")
	at.sync(job{config: flat(), streams: []stream{{name: "users", schema: `{"properties":{"_airbyte_ab_id":{}}}`}}}).failed(2, "config_error", "users", "_airbyte_ab_id")
}

// TestUnknownSettings warns once a key.
func TestUnknownSettings(t *testing.T) {
	t.Parallel()
	at := inDirectory(t)
	config := csvFormat(fields{"colour": "red"})
	config["part_size"] = 10
	config["upload"] = fields{"part_size_mb": 5, "speed": 1}
	r := at.sync(job{config: config, streams: []stream{{name: "users"}}}, record("users", `{}`)).ok()
	warnings := strings.Join(r.logs("WARN"), "\n")
	if len(r.logs("WARN")) != 3 {
		t.Errorf("want three warnings:\n%s", warnings)
	}
	for _, key := range []string{"format.colour", "part_size", "upload.speed"} {
		contains(t, "the warnings", warnings, key)
	}
	same(t, "data", at.data("data/users"), []string{`{}`})
}

// TestLogLevel says how much is told.
func TestLogLevel(t *testing.T) {
	t.Parallel()
	at := inDirectory(t)
	sync := func(level string) *result {
		return at.sync(job{args: []string{"--log-level", level}, config: fields{"colour": "red"}, streams: []stream{{name: "users"}}}, record("users", `{}`)).ok()
	}
	if r := sync("error"); r.stdout != "" {
		t.Errorf("got %s", r.stdout)
	}
	if r := sync("warn"); len(r.logs("WARN")) != 1 || len(r.messages) != 1 {
		t.Errorf("got %s", r.stdout)
	}
	contains(t, "info", strings.Join(sync("info").logs("INFO"), "\n"), "users: 1 row", "1 row of 1 stream in 1 object")
}
