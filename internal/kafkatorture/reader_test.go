package kafkatorture

import (
	"bytes"
	"compress/gzip"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const width = 20

func objectOf(rows ...row) []byte {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	_ = w.Write([]string{"_airbyte_ab_id", "front", "seq", "text"}) // a buffer always can
	for _, r := range rows {
		_ = w.Write([]string{"x", front(r.front), fmt.Sprint(r.seq), r.text(width)})
	}
	w.Flush()
	return b.Bytes()
}

func TestReader(t *testing.T) {
	f := func(key string, data []byte, want string) {
		t.Helper()
		file := filepath.Join(t.TempDir(), "object")
		if err := os.WriteFile(file, data, 0o600); err != nil {
			t.Fatal(err)
		}
		o, err := version{key, file}.read(width)
		got := fmt.Sprint(err)
		if err == nil {
			got = fmt.Sprint(o.rows, o.letters)
		}
		if !strings.Contains(got, want) {
			t.Errorf("%s\n%.200s\ngot  %s\nwant %s", key, data, got, want)
		}
	}
	users, orders := row{0, 1, 5}, row{1, 0, 6}
	f("data/users/a.csv", objectOf(users, row{0, 0, 0}), "[row 5 of the stream users of front-1 row 0 of the stream users of front-0] []")
	f("data/public/orders/a.csv", objectOf(orders), "[row 6 of the stream orders of front-0] []")
	f("data/RANDOM/public/orders/a.csv", objectOf(orders), "[row 6 of the stream orders of front-0] []")
	f("data/orders/a.csv", objectOf(orders), "of no stream of ours")
	f("data/users/a.csv", objectOf(orders), "line 2: its text is not as it was sent")
	f("data/users/a.csv", objectOf(users)[:40], "not whole")
	f("data/users/a.csv", []byte("id\r\n"), "its header is")
	f("data/users/a.csv", []byte("front,seq,text\nback-1,1,x\n"), "no source has sent")
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	if _, err := z.Write(objectOf(users)); err != nil || z.Close() != nil {
		t.Fatal(err)
	}
	f("data/users/a.csv.gz", packed.Bytes(), "[row 5 of the stream users of front-1] []")
	f("data/users/a.csv.gz", packed.Bytes()[:packed.Len()-3], "unexpected EOF")
	letter := `{"topic":"t","partition":0,"offset":3,"timestamp":1,"reason":"no JSON","value":"x"}` + "\n"
	f("data/_sluice_dead_letters/a.jsonl", []byte(letter+strings.Replace(letter, ":3", ":4", 1)), "[] [t/0/3 t/0/4]")
	f("data/_sluice_dead_letters/a.jsonl", []byte(strings.Replace(letter, `"offset":3,`, "", 1)), "lacks something")
	f("data/_sluice_dead_letters/a.jsonl", []byte(letter[:20]), "not whole")
}

// A file that takes the place of another is a version of its own, and what was once there stays known.
func TestBucket(t *testing.T) {
	dir := t.TempDir()
	b, err := newBucket("b", filepath.Join(dir, "bucket"), filepath.Join(dir, "keep"))
	if err != nil {
		t.Fatal(err)
	}
	put := func(key, text string) {
		t.Helper()
		name, temp := filepath.Join(b.root, key), filepath.Join(dir, "temp")
		for _, err := range []error{os.MkdirAll(filepath.Dir(name), 0o755), os.WriteFile(temp, []byte(text), 0o600), os.Rename(temp, name)} {
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	look := func(from int, want ...string) {
		t.Helper()
		seen, err := b.look()
		if err != nil {
			t.Fatal(err)
		}
		if got := b.since(from, seen); !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	put("data/a", "1")
	put(".sgwtmp/multipart/x", "not complete")
	look(0, "data/a")
	put("data/b", "2")
	look(1, "data/b")
	put("data/a", "3")
	look(1, "data/b", "data/a")
	look(3)
	if text, err := os.ReadFile(b.versions[0].file); err != nil || string(text) != "1" {
		t.Errorf("the first version is %q now, %v", text, err)
	}
}

// What a source says is in the order in which it must be: a STATE behind its rows.
func TestScript(t *testing.T) {
	f := func(global bool, rows int, want string) {
		t.Helper()
		s := script{front: 1, width: width, every: 3, global: global, sent: make([]int, len(streams))}
		var got []string
		line := func(raw []byte) error {
			var m struct {
				stateMessage
				Record *struct {
					Stream, Namespace string
					Data              struct{ Seq int }
				}
				Trace *struct {
					Status struct {
						Status string
					} `json:"stream_status"`
				} `json:"trace"`
			}
			if err := json.Unmarshal(raw, &m); err != nil {
				return err
			}
			switch {
			case m.Record != nil:
				got = append(got, fmt.Sprintf("%s%d", m.Record.Stream[:1], m.Record.Data.Seq))
			case m.Trace != nil:
				got = append(got, m.Trace.Status.Status)
			default:
				n, err := m.number()
				got = append(got, fmt.Sprintf("STATE%d=%v", n, s.marks[n].rows))
				return err
			}
			return nil
		}
		for range rows {
			if err := s.next(line); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.end(line); err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(got, " "); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
	f(true, 4, "u0 o0 u1 STATE0=[2 1] o1 STATE1=[2 2] STATE2=[2 2] COMPLETE COMPLETE")
	f(false, 6, "u0 o0 u1 STATE0=[2 0] o1 u2 o2 STATE1=[0 3] STATE2=[3 0] STATE3=[0 3] COMPLETE COMPLETE")
	f(true, 0, "COMPLETE COMPLETE")
}
