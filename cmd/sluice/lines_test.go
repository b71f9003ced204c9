package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// emittedAt is the time in all records here.
const emittedAt = 1622135805000

func quote(s string) string {
	raw, err := json.Marshal(s)
	if err != nil {
		panic(err)
	}
	return string(raw)
}

// record is a RECORD without a namespace.
func record(stream, data string) string {
	return fmt.Sprintf(`{"type":"RECORD","record":{"stream":%s,"emitted_at":%d,"data":%s}}`, quote(stream), emittedAt, data)
}

// recordIn is a RECORD with a namespace, which is JSON.
func recordIn(namespace, stream, data string) string {
	return fmt.Sprintf(`{"type":"RECORD","record":{"stream":%s,"namespace":%s,"emitted_at":%d,"data":%s}}`, quote(stream), namespace, emittedAt, data)
}

// numbered makes n records {"id":first}, {"id":first+1}... of about 200 bytes.
func numbered(stream string, first, n int) []string {
	pad := strings.Repeat("x", 100)
	lines := make([]string, n)
	for i := range lines {
		lines[i] = record(stream, fmt.Sprintf(`{"id":%d,"pad":"%s"}`, first+i, pad))
	}
	return lines
}

// idSchema is the schema of numbered records, without the padding.
const idSchema = `{"type":"object","properties":{"id":{"type":"integer"}}}`

// ids are the ids of numbered records.
func ids(first, n int) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprint(first + i)
	}
	return all
}

// bulky makes n records of one megabyte, more than fits into one request of an upload.
func bulky(stream string, n int) []string {
	lines := make([]string, n)
	for i := range lines {
		lines[i] = record(stream, fmt.Sprintf(`{"id":%d,"pad":"%s"}`, i, strings.Repeat("x", 1<<20)))
	}
	return lines
}

func legacyState(data string) string {
	return fmt.Sprintf(`{"type":"STATE","state":{"data":%s}}`, data)
}

func streamState(stream, state string) string {
	return fmt.Sprintf(`{"type":"STATE","state":{"type":"STREAM","stream":{"stream_descriptor":{"name":%s},"stream_state":%s}}}`, quote(stream), state)
}

func globalState(state string) string {
	return fmt.Sprintf(`{"type":"STATE","state":{"type":"GLOBAL","global":{"shared_state":%s,"stream_states":[]}}}`, state)
}

func status(stream, status string) string {
	return fmt.Sprintf(`{"type":"TRACE","trace":{"type":"STREAM_STATUS","emitted_at":%d,"stream_status":{"stream_descriptor":{"name":%s},"status":%q}}}`,
		emittedAt, quote(stream), status)
}

// csvFormat and jsonlFormat are formats with options.
func csvFormat(options fields) fields   { return formatOf("CSV", options) }
func jsonlFormat(options fields) fields { return formatOf("JSONL", options) }

func formatOf(name string, options fields) fields {
	f := fields{"format_type": name}
	for k, v := range options {
		f[k] = v
	}
	return fields{"format": f}
}

const rootLevel = "Root level flattening"

// flat is a config with root level flattening.
func flat(more ...fields) fields {
	c := csvFormat(fields{"flattening": rootLevel})
	for _, m := range more {
		for k, v := range m {
			c[k] = v
		}
	}
	return c
}

func together(parts ...[]string) []string {
	var all []string
	for _, p := range parts {
		all = append(all, p...)
	}
	return all
}

func toJSON(t testing.TB, v any) string {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}
