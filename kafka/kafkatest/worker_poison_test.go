package kafkatest

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/sluice-data/sluice/config"
)

// TestPoison: a record that is no row is a dead letter, once, and those beside it are rows.
func TestPoison(t *testing.T) {
	t.Parallel()
	r := newRig(t, 1, nil)
	poisons := []struct {
		value  string
		reason string // "": it is no dead letter, and no row
	}{
		{"poison", "not valid JSON"},
		{`{"type":"RECORD","record":{"stream":"users"`, "not valid JSON"},
		{row(1) + row(2), "not valid JSON"},
		{"[1,2]", "not an Airbyte message"},
		{`{"type":7}`, "not an Airbyte message"},
		{`{"a":1}`, "not an Airbyte message"},
		{strings.Replace(row(0), "users", "strangers", 1), "stream strangers, which is not in the catalog"},
		{strings.Replace(row(0), `"stream":"users"`, `"stream":"users","namespace":"other"`, 1), "other.users, which is not in the catalog"},
		{`{"type":"RECORD","record":{"stream":"users","emitted_at":1,"data":[1]}}`, `"data" is no object`},
		{`{"type":"RECORD","record":{"stream":"users","emitted_at":"now","data":{}}}`, "emitted_at"},
		{"", "it has no value"},
		{"  ", "it has no value"},
		{"line\nline\n", "not valid JSON"},
		{"\xff\xfe\x00", "not valid JSON"},
		{"{\"type\":\"RECORD\",\"record\":\n{\"stream\":\"strangers\",\n\"data\":{\"a\":\"\xff\"}}}", "not in the catalog"},
		{`{"type":"STATE","state":{"data":{}}}`, ""},
		{`{"type":"LOG","log":{"level":"INFO","message":"hello"}}`, ""},
		{`{"type":"TRACE","trace":{"type":"STREAM_STATUS","emitted_at":1,"stream_status":{"stream_descriptor":{"name":"users"},"status":"COMPLETE"}}}`, ""},
		{`{"type":"RECORD","record":` + strings.Repeat(`{"a":`, 20_000) + "1" + strings.Repeat("}", 20_000) + "}", "not valid JSON"},
	}
	rows := 0
	for i, p := range poisons {
		value := []byte(p.value)
		if p.value == "" {
			value = nil
		}
		r.put(&kgo.Record{Value: []byte(row(i))}, &kgo.Record{Value: value, Timestamp: time.UnixMilli(1_700_000_000_000 + int64(i))})
		rows++
	}
	// A row with line breaks between its tokens, and one with a character that is none.
	r.lines(strings.ReplaceAll(row(100), ",", ",\n"), strings.Replace(row(101), "row", "\xff", 1))
	r.finish()
	got := r.rows("")
	if len(got) != rows+2 {
		t.Errorf("%d rows, not %d", len(got), rows+2)
	}
	ids := map[string]string{}
	for _, row := range got {
		ids[row["id"]] = row["_airbyte_ab_id"]
	}
	for i := range poisons {
		if want := r.idOf(0, int64(2*i)); ids[fmt.Sprint(i)] != want {
			t.Errorf("row %d has the id %s, not %s", i, ids[fmt.Sprint(i)], want)
		}
	}
	if want := r.idOf(0, int64(2*len(poisons))); ids["100"] != want {
		t.Errorf("the row with line breaks has the id %q, not %s", ids["100"], want)
	}
	letters := r.letters()
	for i, p := range poisons {
		if p.reason == "" {
			continue
		}
		if len(letters) == 0 {
			t.Fatalf("no letter for %.100s", p.value)
		}
		l := letters[0]
		letters = letters[1:]
		value := l.Value
		if l.Base64 != "" {
			b, err := base64.StdEncoding.DecodeString(l.Base64)
			if value = string(b); err != nil || l.Value != "" {
				t.Errorf("%+v, %v", l, err)
			}
		}
		if strings.TrimSpace(value) != strings.TrimSpace(p.value) || !strings.Contains(l.Reason, p.reason) || l.Topic != r.topic || l.Partition != 0 || l.Offset != int64(2*i+1) || l.Timestamp != 1_700_000_000_000+int64(i) {
			t.Errorf("%.100s at %d became %.500s", p.value, 2*i+1, fmt.Sprintf("%+v", l))
		}
	}
	if len(letters) != 0 {
		t.Errorf("left: %+v", letters)
	}
}

// TestPoisonAlone: dead letters without any row are an epoch, too, also when it is done once more.
func TestPoisonAlone(t *testing.T) {
	t.Parallel()
	r := newRig(t, 1, nil)
	r.lines("poison", "more poison")
	r.prepared()
	r.finish()
	if letters := r.letters(); len(letters) != 2 || len(r.objects()) != 1 {
		t.Errorf("%+v in %d objects", letters, len(r.objects()))
	}
}

// envelope is a record as Airbyte's Kafka destination writes it.
func envelope(id, stream, emitted, data string) string {
	return fmt.Sprintf(`{"_airbyte_ab_id":%s,"_airbyte_stream":%q%s,"_airbyte_data":%s}`, id, stream, emitted, data)
}

// TestEnvelope: what that destination has written is read as the records that it had.
func TestEnvelope(t *testing.T) {
	t.Parallel()
	r := newRig(t, 1, func(c *config.Config) { c.Kafka.Input = config.InputEnvelope })
	r.catalog = r.parse("public.users", "orders")
	const id = "6ba7b810-9dad-11d1-80b4-00c04fd430c8"
	const at = `,"_airbyte_emitted_at":1700000000123`
	tests := []struct {
		value       string
		stream      string // "": a dead letter
		id, emitted string
		reason      string
	}{
		{envelope(`"`+id+`"`, "users", at, `{"id":0}`), "users", id, "1700000000123", ""},
		{envelope(`"{`+id+`}"`, "users", at, `{"id":1}`), "users", r.idOf(0, 1), "1700000000123", ""},
		{envelope(`"customer 7"`, "users", at, `{"id":2}`), "users", r.idOf(0, 2), "1700000000123", ""}, // a partition key
		{envelope("null", "orders", at, `{"id":3}`), "orders", r.idOf(0, 3), "1700000000123", ""},
		{envelope("7", "orders", "", `{"id":4}`), "orders", r.idOf(0, 4), "1700000001004", ""}, // the time of the log
		{"{\n  \"_airbyte_stream\": \"users\",\n  \"_airbyte_data\": {\n    \"id\": 5\n  }\n}\n", "users", r.idOf(0, 5), "1700000001005", ""},
		{`{"_airbyte_data":{"id":6,"text":"a\nb"},"_airbyte_stream":"users"}`, "users", r.idOf(0, 6), "1700000001006", ""},
		{`{"_airbyte_stream":"users"}`, "", "", "", "needs _airbyte_stream and _airbyte_data"},
		{`{"_airbyte_stream":7,"_airbyte_data":{}}`, "", "", "", "_airbyte_stream is no string"},
		{`{"_airbyte_stream":"strangers","_airbyte_data":{}}`, "", "", "", "not in the catalog"},
		{`{"_airbyte_stream":"users","_airbyte_data":7}`, "", "", "", `"data" is no object`},
		{`{"_airbyte_stream":"users","_airbyte_emitted_at":"x","_airbyte_data":{}}`, "", "", "", "emitted_at"},
		{row(1), "", "", "", "not a record of Airbyte's Kafka destination"},
		{"[", "", "", "", "not valid JSON"}, {"7", "", "", "", "a JSON object is expected"}, {"", "", "", "", "it has no value"},
		{envelope(`"`+id+`"`, "users", at, `{"id":16}`), "users", id, "1700000000123", ""}, // its ids are its own affair
	}
	for i, tt := range tests {
		r.put(&kgo.Record{Value: []byte(tt.value), Timestamp: time.UnixMilli(1_700_000_001_000 + int64(i))})
	}
	r.finish()
	rows := map[string]map[string]string{}
	for _, row := range r.rows("") {
		rows[row["id"]] = row
	}
	letters := map[int64]letter{}
	for _, l := range r.letters() {
		letters[l.Offset] = l
	}
	for i, tt := range tests {
		if tt.stream == "" {
			if l := letters[int64(i)]; l.Value != tt.value || !strings.Contains(l.Reason, tt.reason) {
				t.Errorf("%s became %+v", tt.value, l)
			}
			delete(letters, int64(i))
			continue
		}
		row := rows[fmt.Sprint(i)]
		if row["_airbyte_ab_id"] != tt.id || row["_airbyte_emitted_at"] != tt.emitted || !strings.Contains(row["key"], "/"+tt.stream+"/") {
			t.Errorf("%s became %v", tt.value, row)
		}
		delete(rows, fmt.Sprint(i))
	}
	if len(rows) != 0 || len(letters) != 0 {
		t.Errorf("left: %v, %v", rows, letters)
	}
	if _, err := uuid.Parse(r.idOf(0, 1)); err != nil {
		t.Error(err)
	}
}

// TestNamespaces: streams of one name are told apart, and get directories of their own.
func TestNamespaces(t *testing.T) {
	t.Parallel()
	r := newRig(t, 1, nil)
	r.catalog = r.parse("a.users", "b.users", "users")
	r.lines(row(0), strings.Replace(row(1), `"stream"`, `"namespace":"a","stream"`, 1), strings.Replace(row(3), `"stream"`, `"namespace":"b","stream"`, 1))
	r.finish()
	for _, row := range r.rows("") {
		want := map[string]string{"0": "data/users/", "1": "data/a/users/", "3": "data/b/users/"}[row["id"]]
		if !strings.HasPrefix(row["key"], want) {
			t.Errorf("row %s is in %s", row["id"], row["key"])
		}
	}
	if n := len(r.rows("")); n != 3 {
		t.Errorf("%d rows", n)
	}
}

// TestLargeBatches: what batches were unpacked into is used again, but not while anybody needs it.
func TestLargeBatches(t *testing.T) {
	t.Parallel()
	r := newRig(t, 1, nil)
	random, text := rand.New(rand.NewPCG(1, 2)), make([]byte, 60)
	var all []*kgo.Record
	for i := range 60_000 {
		for j := range text {
			text[j] = byte('a' + random.IntN(26))
		}
		value := fmt.Appendf(nil, `{"type":"RECORD","record":{"stream":"users","emitted_at":1700000000000,"data":{"id":%d,"text":%q}}}`, i, text)
		if i%1000 == 999 { // is kept for its dead letter
			value = fmt.Appendf(nil, "no\nmessage %d %s", i, text)
		}
		all = append(all, &kgo.Record{Value: value})
	}
	r.put(all...)
	r.finish()
	rows := r.rows("users")
	for i, row := range rows {
		if i := i + i/999; row["id"] != strconv.Itoa(i) || !bytes.Contains(all[i].Value, []byte(row["text"])) {
			t.Fatalf("offset %d: %v", i, row)
		}
	}
	letters := r.letters()
	for i, l := range letters {
		if i := i*1000 + 999; l.Offset != int64(i) || l.Value != string(all[i].Value) {
			t.Fatalf("offset %d: %+v", i, l)
		}
	}
	if len(rows) != 59_940 || len(letters) != 60 {
		t.Errorf("%d rows, %d dead letters", len(rows), len(letters))
	}
}
