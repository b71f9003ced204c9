package torture

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"strings"
	"testing"
)

var users = Stream{Name: "users", Old: 3, New: 5, Width: 30}

const header = `"_airbyte_ab_id","_airbyte_emitted_at","era","number","text"` + "\r\n"

// line is a row as sluice writes it.
func line(id string, r row) string {
	text := strings.ReplaceAll(r.text(users.Name, users.Width), `"`, `""`)
	return fmt.Sprintf(`"%s",%s,"%s",%d,"%s"`+"\r\n", id, emittedAt, r.era, r.number, text)
}

func zipped(t *testing.T, text string) string {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestReader reads objects, and finds every way in which they may be damaged.
func TestReader(t *testing.T) {
	f := func(key, data, want string) {
		t.Helper()
		o := &object{key: key}
		err := o.read(&users, []byte(data))
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%.80q: got the error %v, want %q", data, err, want)
		}
	}
	good := header + line("a", row{newEra, 0}) + line("b", row{oldEra, 2})
	f("a.csv", good, "")
	f("a.csv", good[:len(good)-1], "the end of a line")
	f("a.csv", good[:len(good)-30]+"\r\n", `extraneous or missing "`)
	f("a.csv", "", "the end of a line")
	f("a.csv", header, "no rows")
	f("a.csv", line("a", row{newEra, 0}), "its header is")
	f("a.csv", header+`"a","b"`+"\r\n", "wrong number of fields")
	f("a.csv", header+line("a", row{newEra, 5}), "no source has sent")
	f("a.csv", header+strings.Replace(line("a", row{newEra, 0}), "é", "e", 1), "line 2: the new row 0 is not as it was sent")
	f("a.csv.gz", zipped(t, good), "")
	f("a.csv.gz", zipped(t, good)[:60], "unexpected EOF")
	f("a.csv.gz", zipped(t, header)+zipped(t, good), "behind the end of the gzip member")
	f("a.csv.gz", good, "gzip")
}

// TestReaderJSONL does the same with lines of JSON.
func TestReaderJSONL(t *testing.T) {
	f := func(key, data, want string) {
		t.Helper()
		o := &object{key: key}
		err := o.read(&users, []byte(data))
		if want == "" && (err != nil || len(o.rows) != 2 || o.ids[1] != "b") || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%.80q: got %v and the error %v, want %q", data, o.rows, err, want)
		}
	}
	line := func(id string, r row) string {
		return fmt.Sprintf(`{"_airbyte_ab_id":%q,"_airbyte_emitted_at":%s,"era":%q,"number":%d,"text":%q}`+"\n", id, emittedAt, r.era, r.number, r.text(users.Name, users.Width))
	}
	good := line("a", row{newEra, 0}) + line("b", row{oldEra, 2})
	f("a.jsonl", good, "")
	f("a.jsonl.gz", zipped(t, good), "")
	f("a.jsonl", good[:len(good)-1], "the end of a line")
	f("a.jsonl", "\n", "line 1: EOF")
	f("a.jsonl", good[:len(good)-30]+"\n", "line 2: invalid character")
	f("a.jsonl", strings.Replace(good, "era", "eras", 1), "unknown field")
	f("a.jsonl", good+line("c", row{newEra, 5}), "line 3: no source has sent")
	f("a.jsonl", strings.Replace(good, "é", "e", 1), "line 1: the new row 0 is not as it was sent")
	f("a.jsonl", header, "line 1: ")
}

func TestCollect(t *testing.T) {
	a := &object{key: "a", rows: []row{{oldEra, 0}, {newEra, 1}}, ids: []string{"1", "2"}}
	b := &object{key: "b", rows: []row{{newEra, 1}}, ids: []string{"3"}}
	seen, err := collect(&users, []*object{a, b})
	if err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(seen.old, seen.new) != "[1 0 0] [0 2 0 0 0]" {
		t.Errorf("got %v %v", seen.old, seen.new)
	}
	if got := fmt.Sprint(seen.where(row{newEra, 1})); got != "[a b]" {
		t.Errorf("the row is in %s", got)
	}
	b.ids[0] = "2"
	if _, err := collect(&users, []*object{a, b}); err == nil || !strings.Contains(err.Error(), "two rows have the id 2") {
		t.Errorf("got the error %v", err)
	}
}
