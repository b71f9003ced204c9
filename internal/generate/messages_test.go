package generate

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/sluice-data/sluice/airbyte"
)

// messages are all that the options make.
func messages(t *testing.T, opts Options) (text, catalog []byte) {
	t.Helper()
	m, err := New(opts)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := m.Write(t.Context(), &b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes(), m.Catalog()
}

// TestMessages: each line of each shape is valid, and a record fits the catalog.
func TestMessages(t *testing.T) {
	for _, shape := range Shapes {
		text, catalog := messages(t, Options{Shapes: []string{shape.Name}, Streams: 2, Rows: 100, Seed: 3, StateEvery: 40, Statuses: true})
		streams := columns(t, catalog)
		var decoder airbyte.Decoder
		seen := map[string]bool{} // keys of the data of records
		rows, different := 0, map[string]bool{}
		for line := range bytes.Lines(text) {
			if !json.Valid(line) || !utf8.Valid(line) {
				t.Fatalf("%s: %s", shape.Name, line)
			}
			var m airbyte.Message
			if err := decoder.Decode(line, 0, len(line)-1, &m); err != nil {
				t.Fatalf("%s: %v\n%s", shape.Name, err, line)
			}
			id := airbyte.StreamID{Namespace: string(m.Namespace), Name: string(m.Name)}
			if streams[id] == nil {
				t.Fatalf("%s: stream %s is not in the catalog", shape.Name, id)
			}
			if m.Kind != airbyte.Record {
				continue
			}
			rows++
			different[string(m.Data.Of(line))] = true
			var data map[string]json.RawMessage
			if err := json.Unmarshal(m.Data.Of(line), &data); err != nil {
				t.Fatal(err)
			}
			for key := range data {
				seen[key] = true
				if !streams[id][key] {
					t.Fatalf("%s: the field %s is not in the schema", shape.Name, key)
				}
			}
		}
		if want := len(streams[anyKey(streams)]); rows != 200 || len(streams) != 2 || len(seen) != want {
			t.Errorf("%s: %d rows of %d streams, %d of %d fields", shape.Name, rows, len(streams), len(seen), want)
		}
		if len(different) < 196 {
			t.Errorf("%s: only %d of %d rows differ", shape.Name, len(different), rows)
		}
	}
}

// TestProtocol: what stands around the records.
func TestProtocol(t *testing.T) {
	name := regexp.MustCompile(`"(?:stream|name)":"lineitem_?(\d*)"`)
	count := regexp.MustCompile(`"cursor":(\d+).*"recordCount":(\d+)\.0`)
	f := func(opts Options, want string) {
		t.Helper()
		opts.Shapes = []string{"lineitem"}
		text, _ := messages(t, opts)
		var got []string
		for line := range strings.Lines(string(text)) {
			stream := name.FindStringSubmatch(line)[1]
			switch {
			case strings.Contains(line, `"RECORD"`):
				got = append(got, "r"+stream)
			case strings.Contains(line, `"STATE"`):
				c := count.FindStringSubmatch(line)
				got = append(got, fmt.Sprintf("S%s:%s+%s", stream, c[1], c[2]))
			case strings.Contains(line, `"STARTED"`):
				got = append(got, "<"+stream)
			case strings.Contains(line, `"COMPLETE"`):
				got = append(got, stream+">")
			}
		}
		if all := strings.Join(got, " "); all != want {
			t.Errorf("%+v\n got %s\nwant %s", opts, all, want)
		}
	}
	f(Options{Streams: 1, Rows: 3, StateEvery: 2, Statuses: true}, "< r r S:2+2 r S:3+1 >")
	f(Options{Streams: 1, Rows: 2, StateEvery: 2, Statuses: true}, "< r r S:2+2 >")
	f(Options{Streams: 1, Rows: 2, StateEvery: 2}, "r r S:2+2")
	f(Options{Streams: 1, Rows: 2, Statuses: true}, "< r r S:2+2 >")
	f(Options{Streams: 2, Rows: 3, StateEvery: 2, Statuses: true}, "<1 r1 r1 S1:2+2 <2 r2 r2 S2:2+2 r1 S1:3+1 1> r2 S2:3+1 2>")
	f(Options{Streams: 1, Rows: 0, StateEvery: 2, Statuses: true}, "< S:0+0 >")
	f(Options{Streams: 0, Rows: 5}, "")
}

// TestCatalog: what the sync modes and generations are.
func TestCatalog(t *testing.T) {
	f := func(opts Options, full bool, want *Generation) {
		t.Helper()
		opts.Streams = 2
		_, raw := messages(t, opts)
		c, err := airbyte.ParseCatalog(raw)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range c.Streams {
			if s.FullRefresh() != full || (want == nil) != (s.Generation == nil) || want != nil && *s.Generation != (airbyte.Generation{ID: want.ID, Minimum: want.Minimum}) {
				t.Errorf("%+v: got full refresh %v, %+v", opts, s.FullRefresh(), s.Generation)
			}
			if (s.SyncID == nil) != (want == nil) {
				t.Errorf("%+v: a sync id: %v", opts, s.SyncID)
			}
		}
	}
	f(Options{}, false, nil)
	f(Options{Overwrite: true}, true, nil)
	f(Options{Generation: &Generation{3, 0}}, false, &Generation{3, 0})
	f(Options{Generation: &Generation{3, 3}}, true, &Generation{3, 3})
}

// TestSameSeed: what people have told each other to try must not change.
func TestSameSeed(t *testing.T) {
	f := func(shape string, seed uint64, want string) {
		t.Helper()
		text, _ := messages(t, Options{Shapes: []string{shape}, Streams: 2, Rows: 150, Seed: seed, StateEvery: 100, Statuses: true})
		if got := sum(text); got != want {
			t.Errorf("%s, seed %d: got %s, want %s", shape, seed, got, want)
		}
	}
	f("orders", 1, "ceb07aa9758f44b9")
	f("orders", 2, "0bde5da73207ee12")
	f("lineitem", 1, "a3c74c849088b40b")
	f("wide", 1, "1f4b7ec76f8e82e1")
	f("nested", 1, "4ca4db2abcce01b3")
	f("quotes", 1, "8d4c4435225edfd1")
	f("text", 1, "9389d5a4acf76181")
	f("sparse", 1, "f6996b2b4ee63f73")
	f("python", 1, "855c98a4c5d439b6")
}

// TestOrders: the shape has what makes data hard.
func TestOrders(t *testing.T) {
	text, _ := messages(t, Options{Streams: 1, Rows: 2000, Seed: 1})
	for _, want := range []string{
		`"number":"A-000000042"`, `"total":\d+\.\d\d,`, `"exchange_rate":\d\.\d{5}00,`, `"ledger_balance":\d{18}\.\d{6},`, `"score":\d\.\d+e-\d`,
		`"placed_at":"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}-05:00"`, `"deliver_on":null`, `"tags":\[\]`, `"extra":\{\}`, `"note":""`,
		`\\"`, `\\n`, `\\\\orders`, `東京都`, `⚡`, `"price":0\.\d\d\D`, `"coupon":"`,
	} {
		if !regexp.MustCompile(want).Match(text) {
			t.Errorf("nothing like %s", want)
		}
	}
	if n := bytes.Count(text, []byte(`"coupon"`)); n < 200 || n > 800 {
		t.Errorf("%d of 2000 rows have a coupon, want about 400", n)
	}
}

// failing fails at the second write.
type failing struct{ writes int }

func (f *failing) Write(p []byte) (int, error) {
	if f.writes++; f.writes > 1 {
		return 0, errStop
	}
	return len(p), nil
}

var errStop = errors.New("stop")

// TestStops: at the first error, or when nobody waits any more, however many rows are left.
func TestStops(t *testing.T) {
	m, err := New(Options{Streams: 3, Rows: 1 << 60, StateEvery: 1 << 60})
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Write(t.Context(), &failing{}); !errors.Is(err, errStop) {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errStop)
	var written counter
	if err := m.Write(ctx, &written); !errors.Is(err, errStop) || written > 0 {
		t.Errorf("got %v after %d bytes", err, written)
	}
	if _, err := New(Options{Shapes: []string{"no such"}, Streams: 1}); err == nil {
		t.Error("a shape that is not there: no error")
	}
}

// TestFlat: memory does not grow with the rows.
func TestFlat(t *testing.T) {
	m, err := New(Options{Streams: 2, Rows: 1 << 60, StateEvery: 100})
	if err != nil {
		t.Fatal(err)
	}
	var written counter
	page := func() {
		for _, s := range m.streams {
			if err := m.page(t.Context(), &written, s, 100); err != nil {
				t.Fatal(err)
			}
		}
	}
	for written < 2*flushAt { // the buffer has its size
		page()
	}
	if n := testing.AllocsPerRun(20, page); n > 0 {
		t.Errorf("%v allocations in 200 rows", n)
	}
}

// counter counts bytes.
type counter int64

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}

func BenchmarkMessages(b *testing.B) {
	for _, shape := range Shapes {
		b.Run(shape.Name, func(b *testing.B) {
			m, err := New(Options{Shapes: []string{shape.Name}, Streams: 1, Rows: 1 << 40, StateEvery: 1000})
			if err != nil {
				b.Fatal(err)
			}
			var size counter
			for b.Loop() {
				if err := m.page(b.Context(), &size, m.streams[0], 1000); err != nil {
					b.Fatal(err)
				}
			}
			b.SetBytes(int64(size) / int64(b.N))
		})
	}
}
