package peers

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/sluice-data/sluice/bench"
)

// TestEveryToolIsPinned also finds a peer whose tool nobody installs.
func TestEveryToolIsPinned(t *testing.T) {
	mod, err := os.ReadFile(filepath.Join("tools", "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range recipes {
		version := "the system's"
		switch {
		case r.pip != "":
			pins, err := os.ReadFile("requirements-" + r.name + ".txt")
			if err != nil {
				t.Fatal(err)
			}
			version = pinned(string(pins), r.pip)
			for line := range strings.Lines(string(pins)) {
				if !strings.HasPrefix(line, "#") && strings.Count(line, "==") != 1 {
					t.Errorf("requirements-%s.txt: %q is no pin", r.name, line)
				}
			}
		case r.module != "":
			version = required(string(mod), r.module)
		}
		if version == "" {
			t.Errorf("%s has no version", r.name)
		}
	}
	for _, p := range All() {
		if p.Tool != "" && !slices.ContainsFunc(recipes, func(r recipe) bool { return r.name == p.Tool }) {
			t.Errorf("%s: there is no recipe %q", &p, p.Tool)
		}
	}
}

func TestVersions(t *testing.T) {
	f := func(got, want string) {
		t.Helper()
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	f(pinned("# polars==1\npolars-runtime==3\npolars==2.1.0\n", "polars"), "2.1.0")
	f(pinned("polars-runtime==3\n", "polars"), "")
	f(required("module a\n\nrequire (\n\tx/y v1.2.3 // indirect\n\tx/y/v2 v2.0.0\n)", "x/y"), "1.2.3")
	f(required("module a\n", "x/y"), "")
}

// TestSluiceComesFirst: the others are compared with the first of each table.
func TestSluiceComesFirst(t *testing.T) {
	seen := map[Table]bool{}
	for _, p := range All() {
		if !seen[p.Table] && p.Tool != "" {
			t.Errorf("%s comes before Sluice", &p)
		}
		seen[p.Table] = true
		if p.Tool != "" && p.Lacks == "" {
			t.Errorf("%s: nothing is said of what it does not do", &p)
		}
		if (p.Args == nil) == (p.Way == "") {
			t.Errorf("%s needs either Args or Way", &p)
		}
	}
	if len(seen) != len(titles) {
		t.Errorf("%d tables have peers, %d have titles", len(seen), len(titles))
	}
}

func TestWriteMessages(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m")
	f := func(block string, size int64, want string, records int64) {
		t.Helper()
		in, err := writeMessages(path, []byte(block), size)
		if err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != want || in.Bytes != int64(len(want)) || in.Records != records {
			t.Errorf("%d bytes of %q: got %q, %d bytes, %d records; want %q, %d", size, block, got, in.Bytes, in.Records, want, records)
		}
	}
	f("a\nbb\n", 5, "a\nbb\n", 2)
	f("a\nbb\n", 12, "a\nbb\na\nbb\na\n", 5)
	f("a\nbb\n", 4, "a\na\n", 2)
	f("aaaa\n", 3, "aaaa\n", 1)
	f("aaaa\n", 9, "aaaa\n", 1)
}

func TestRecordsOnly(t *testing.T) {
	w := bench.Lineitem(1, 8<<20)
	block := recordsOnly(w.Block)
	if got := strings.Count(string(block), "\n"); got != w.Records {
		t.Errorf("%d lines are left of %d records", got, w.Records)
	}
	if strings.Contains(string(block), `"STATE"`) {
		t.Error("a STATE is left")
	}
}

func TestWriteSinger(t *testing.T) {
	w := bench.Lineitem(1, 4000)
	dir := t.TempDir()
	in, err := writeMessages(filepath.Join(dir, "m"), recordsOnly(w.Block), 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "s")
	if err := writeSinger(path, in.Files[Messages], w.Catalog); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	records := int64(-1) // the schema comes first
	for line := range strings.Lines(string(text)) {
		var m struct {
			Type, Stream string
			Schema       struct{ Properties map[string]any }
			Record       map[string]any
		}
		if err := json.Unmarshal([]byte(line), &m); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		want, fields := "RECORD", len(m.Record)
		if records < 0 {
			want, fields = "SCHEMA", len(m.Schema.Properties)
		}
		if m.Type != want || m.Stream != "lineitem" || fields != 17 {
			t.Fatalf("got %s of %q with %d fields, want %s: %s", m.Type, m.Stream, fields, want, line)
		}
		records++
	}
	if records != in.Records {
		t.Errorf("%d records of %d", records, in.Records)
	}
}

func TestCollect(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"a/b/x.csv": "h\n1\n", "y.csv": "h\n", ".store/z": "no\n", "a/.lock": "no\n"} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := collect(dir)
	if err != nil || len(got.files) != 2 || got.bytes != 6 || got.lines != 3 {
		t.Errorf("got %+v, %v; want 2 files, 6 bytes, 3 lines", got, err)
	}
}

// TestProbesAreMessages: a probe that changes nothing, or no JSON, would show nothing.
func TestProbesAreMessages(t *testing.T) {
	for _, p := range Probes {
		var b strings.Builder
		if err := p.lines(&b); err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
		for _, line := range lines {
			if !json.Valid([]byte(line)) {
				t.Errorf("%s: no JSON: %s", p.Name, line)
			}
		}
		if lines[1] == strings.Replace(lines[0], "1700000000001", "1700000000002", 1) {
			t.Errorf("%s changes nothing", p.Name)
		}
		if !strings.Contains(lines[0], `"`+p.cell+`":`) {
			t.Errorf("%s compares %q, which the record does not have", p.Name, p.cell)
		}
	}
}
