package generate

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/sluice-data/sluice/airbyte"
)

// columns are the root properties of each stream of a catalog.
func columns(t *testing.T, raw []byte) map[airbyte.StreamID]map[string]bool {
	t.Helper()
	catalog, err := airbyte.ParseCatalog(raw)
	if err != nil {
		t.Fatal(err)
	}
	all := map[airbyte.StreamID]map[string]bool{}
	for _, s := range catalog.Streams {
		names, err := s.Columns()
		if err != nil {
			t.Fatal(err)
		}
		all[s.ID] = map[string]bool{}
		for _, name := range names {
			all[s.ID][name] = true
		}
	}
	return all
}

// TestWorkloads: each line is JSON, and a STATE or a record that fits the catalog.
func TestWorkloads(t *testing.T) {
	for _, g := range Workloads {
		t.Run(g.Name, func(t *testing.T) {
			w := g.Make(1, 1<<20)
			if w.Name != g.Name || len(w.Block) < 1<<20 || w.Block[len(w.Block)-1] != '\n' {
				t.Fatalf("workload %q, %d bytes", w.Name, len(w.Block))
			}
			streams := columns(t, w.Catalog)
			var decoder airbyte.Decoder
			records, states, line := 0, 0, 0
			for text := range bytes.Lines(w.Block) {
				line++
				var whole map[string]any
				if err := json.Unmarshal(text, &whole); err != nil {
					t.Fatalf("line %d: %v\n%s", line, err, text)
				}
				var m airbyte.Message
				if err := decoder.Decode(text, 0, len(text)-1, &m); err != nil {
					t.Fatalf("line %d: %v\n%s", line, err, text)
				}
				fields := streams[airbyte.StreamID{Namespace: string(m.Namespace), Name: string(m.Name)}]
				if fields == nil {
					t.Fatalf("line %d: stream %s.%s is not in the catalog", line, m.Namespace, m.Name)
				}
				if m.Kind == airbyte.State {
					states++
					continue
				}
				records++
				if m.Kind != airbyte.Record || m.NoTime {
					t.Fatalf("line %d is no record with a time: %s", line, text)
				}
				var data map[string]json.RawMessage
				if err := json.Unmarshal(m.Data.Of(text), &data); err != nil || len(data) == 0 {
					t.Fatalf("line %d: %v\n%s", line, err, text)
				}
				for name := range data {
					if !fields[name] {
						t.Fatalf("line %d: the field %s is not in the schema", line, name)
					}
				}
			}
			if records != w.Records || states == 0 {
				t.Errorf("%d records, want %d; %d states", records, w.Records, states)
			}
			t.Logf("%.0f bytes a line, %d columns, %d streams", w.LineBytes(), len(streams[anyKey(streams)]), len(streams))
		})
	}
}

func anyKey[K comparable, V any](m map[K]V) (key K) {
	for key = range m {
		break
	}
	return key
}

func TestWorkloadsAreTheSameForASeed(t *testing.T) {
	for _, g := range Workloads {
		a, b, other := g.Make(7, 1<<18), g.Make(7, 1<<18), g.Make(8, 1<<18)
		if !bytes.Equal(a.Block, b.Block) || !bytes.Equal(a.Catalog, b.Catalog) || a.Records != b.Records {
			t.Errorf("%s: not the same twice", g.Name)
		}
		if bytes.Equal(a.Block, other.Block) {
			t.Errorf("%s: the seed changes nothing", g.Name)
		}
		if empty := g.Make(7, 0); len(empty.Block) > 0 || !bytes.Equal(empty.Catalog, a.Catalog) {
			t.Errorf("%s: the catalog depends on the size", g.Name)
		}
	}
	if _, err := Find("no such"); err == nil {
		t.Error("found a workload that is not there")
	}
}

// TestWorkloadsStay: recorded results name their workloads, so these bytes may not change.
func TestWorkloadsStay(t *testing.T) {
	f := func(name, catalog, block string) {
		t.Helper()
		g, err := Find(name)
		if err != nil {
			t.Fatal(err)
		}
		w := g.Make(1, 1<<20)
		if got, want := sum(w.Catalog)+" "+sum(w.Block), catalog+" "+block; got != want {
			t.Errorf("%s: got %s, want %s", name, got, want)
		}
	}
	f("tpch-lineitem", "fb4aa4895974a3bf", "607233aa3c794b79")
	f("wide", "6244fec577efdc27", "d1a9ce76f42cc463")
	f("nested", "e0ebb508b00c0268", "ede0f00f7e60bb00")
	f("quotes", "7ec6fe072af2fbdc", "7be37a09f6d0ae53")
	f("text", "784db5f20f9ead18", "5c0c1e24de624ab7")
	f("interleaved", "095cf27a8a14e738", "4783f18a655c24c9")
	f("sparse", "fb4aa4895974a3bf", "d52bdf9384416ffc")
	f("python", "e81d1a09118c27b4", "68dc19c21be11b0f")
}

// sum is the beginning of a SHA-256.
func sum(text []byte) string { return fmt.Sprintf("%x", sha256.Sum256(text))[:16] }

// TestShapes: each workload is what its name says.
func TestShapes(t *testing.T) {
	f := func(name string, want func(w Workload, first string) bool) {
		t.Helper()
		g, err := Find(name)
		if err != nil {
			t.Fatal(err)
		}
		w := g.Make(1, 1<<20)
		first, _, _ := bytes.Cut(w.Block, []byte("\n"))
		if !want(w, string(first)) {
			t.Errorf("%s: %.0f bytes a line, the first is %s", name, w.LineBytes(), first)
		}
	}
	between := func(w Workload, low, high float64) bool { return w.LineBytes() > low && w.LineBytes() < high }
	order := func(line, first, second string) bool {
		a, b := strings.Index(line, first), strings.Index(line, second)
		return a >= 0 && b > a
	}
	f("tpch-lineitem", func(w Workload, s string) bool {
		return between(w, 500, 650) && order(s, `"emitted_at"`, `"data"`) && strings.Contains(s, `"namespace":"tpch"`)
	})
	f("wide", func(w Workload, s string) bool {
		return between(w, 3000, 8000) && order(s, `"data"`, `"emitted_at"`) && strings.Count(string(w.Catalog), `{"type":["null",`) == 200
	})
	f("nested", func(w Workload, s string) bool {
		return between(w, 3000, 8000) && strings.Count(s, `"child":`) == nestedLevels-1
	})
	f("quotes", func(w Workload, s string) bool {
		return between(w, 500, 2000) && strings.Count(s, `\`) > 40 && strings.Contains(string(w.Block), `\ud83d\ude42`)
	})
	f("text", func(w Workload, s string) bool { return between(w, 9000, 12000) })
	f("interleaved", func(w Workload, s string) bool { return strings.Count(string(w.Catalog), `"name":`) == 500 })
	f("sparse", func(w Workload, s string) bool { return between(w, 300, 450) })
	f("python", func(w Workload, s string) bool {
		return order(s, `", "data": {"l_orderkey": 0, "`, `}, "emitted_at": 1700000000001}}`) && !strings.Contains(s, "namespace")
	})
}

func TestPrefix(t *testing.T) {
	w := lineitemTable().workload(1, 1<<20)
	f := func(size, want int) {
		t.Helper()
		text, records := w.Prefix(size)
		if len(text) > max(size, 1000) || len(text) < min(size, len(w.Block))-1000 || text[len(text)-1] != '\n' {
			t.Errorf("%d: got %d bytes", size, len(text))
		}
		if got := bytes.Count(text, []byte(`"type":"RECORD"`)); got != records || want > 0 && want != records {
			t.Errorf("%d: got %d records, told %d, want %d", size, got, records, want)
		}
	}
	f(0, 1)
	f(1, 1)
	f(100_000, 0)
	f(len(w.Block)-1, 0)
	f(len(w.Block), w.Records)
	f(len(w.Block)+1, w.Records)
}
