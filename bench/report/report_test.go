package report

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func example() *Report {
	return &Report{
		Title: "Throughput", Date: "2026-11-22T10:11:12Z", Commit: "abcdef0",
		Machine:  Machine{CPU: "Some CPU", Virtual: true, Cores: 2, Memory: 24 << 30, OS: "linux 6.1", Arch: "amd64", Go: "go1.26.8", Flags: "AVX2", Load: "0.10"},
		Settings: map[string]string{"runs": "5", "input": "1000 MB"},
		Tables: []Table{{
			Name: "Ways", Note: "Medians.", Columns: []string{"way", "MB/s"},
			Rows:   [][]string{{"ceiling", "2146"}, {"a|b\nc", "1"}},
			Series: []Series{{Kind: Bars, Name: "rate", Y: "MB/s of input", Points: []Point{{Label: "ceiling", Y: 2146, Low: 2000, High: 2200}}}},
		}},
	}
}

func TestMarkdown(t *testing.T) {
	const want = `# Throughput, 2026-11-22, commit abcdef0

2 cores of a virtual machine, Some CPU (AVX2), 24 GiB; linux 6.1, amd64; go1.26.8; load average before: 0.10.

- input: 1000 MB
- runs: 5

## Ways

Medians.

| way     | MB/s |
| ------- | ---: |
| ceiling | 2146 |
| a\|b c  |    1 |
`
	var b bytes.Buffer
	if err := example().WriteMarkdown(&b); err != nil || b.String() != want {
		t.Errorf("%v, got\n%s\nwant\n%s", err, b.String(), want)
	}
}

func TestJSON(t *testing.T) {
	var b bytes.Buffer
	if err := example().WriteJSON(&b); err != nil {
		t.Fatal(err)
	}
	got, err := Read(&b)
	if err != nil || !reflect.DeepEqual(got, example()) {
		t.Errorf("%v, got %+v", err, got)
	}
	if _, err := Read(strings.NewReader("[]")); err == nil {
		t.Error("[] is no report")
	}
}

func TestUnreadableReports(t *testing.T) {
	f := func(want string, spoil func(*Table)) {
		t.Helper()
		r := example()
		spoil(&r.Tables[0])
		for _, write := range []func() error{
			func() error { return r.WriteJSON(&bytes.Buffer{}) },
			func() error { return r.WriteMarkdown(&bytes.Buffer{}) },
		} {
			if err := write(); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("got %v, want %q", err, want)
			}
		}
	}
	f(`table "Ways": row 1 has 1 cells, there are 2 columns`, func(t *Table) { t.Rows[0] = t.Rows[0][:1] })
	f(`series "rate" is of kind "pie"`, func(t *Table) { t.Series[0].Kind = "pie" })
	f(`series "x" is of kind "line"`, func(t *Table) { t.Series = append(t.Series, Series{Kind: Line, Name: "x"}) })
}

func TestSaveNeverWritesOver(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "results")
	f := func(name, want string) {
		t.Helper()
		got, err := example().Save(dir, name)
		if err != nil || got != filepath.Join(dir, want) {
			t.Errorf("got %s, %v; want %s", got, err, want)
		}
		if r, err := ReadFile(got + ".json"); err != nil || r.Title != "Throughput" {
			t.Errorf("%s.json: %v", got, err)
		}
		if text, err := os.ReadFile(got + ".md"); err != nil || !bytes.HasPrefix(text, []byte("# Throughput")) {
			t.Errorf("%s.md: %v", got, err)
		}
	}
	f("", "2026-11-22-abcdef0")
	f("", "2026-11-22-abcdef0-2")
	f("", "2026-11-22-abcdef0-3")
	f("The Sweep!", "2026-11-22-abcdef0-the-sweep")
	old := filepath.Join(dir, "2026-11-22-abcdef0-old.md")
	if err := os.WriteFile(old, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	f("old", "2026-11-22-abcdef0-old-2")
	if text, err := os.ReadFile(old); err != nil || len(text) > 0 {
		t.Errorf("an old result was changed: %q, %v", text, err)
	}
}

func TestNewest(t *testing.T) {
	dir := t.TempDir()
	first, second := example(), example()
	second.Date, second.Tables[0].Name = "2026-11-23T00:00:00Z", "Peers"
	third := example()
	third.Date = "2026-11-22T23:00:00Z"
	for _, r := range []*Report{first, second, third} {
		if _, err := r.Save(dir, ""); err != nil {
			t.Fatal(err)
		}
	}
	f := func(table, want string) {
		t.Helper()
		r, _, err := Newest(dir, table)
		if err != nil || r.Date != want {
			t.Errorf("%s: got %+v, %v; want the one of %s", table, r, err, want)
		}
	}
	f("Ways", third.Date)
	f("Peers", second.Date)
	if _, _, err := Newest(dir, "Nothing"); err == nil {
		t.Error("found a table that is not there")
	}
}

func TestSlug(t *testing.T) {
	f := func(name, want string) {
		t.Helper()
		if got := Slug(name); got != want {
			t.Errorf("%q: got %q, want %q", name, got, want)
		}
	}
	f("", "")
	f("Cost against size", "cost-against-size")
	f(" A  b/c (8 MiB)!", "a-b-c-8-mib")
}

func TestMachine(t *testing.T) {
	f := func(cpuinfo string, want Machine) {
		t.Helper()
		var got Machine
		got.cpu(cpuinfo)
		if got != want {
			t.Errorf("%q: got %+v, want %+v", cpuinfo, got, want)
		}
	}
	f("", Machine{})
	f("processor\t: 0\nmodel name\t: Intel(R)  Xeon(R) CPU\nflags\t\t: fpu avx2 avx512f hypervisor lm\n\nprocessor\t: 1\nmodel name\t: other\n",
		Machine{CPU: "Intel(R) Xeon(R) CPU", Virtual: true, Flags: "AVX-512"})
	f("model name\t: AMD\nflags\t\t: avx2\n", Machine{CPU: "AMD", Flags: "AVX2"})
	var m Machine
	if m.memory("MemFree: 1 kB\nMemTotal:       16384 kB\n"); m.Memory != 16<<20 {
		t.Errorf("memory: got %d", m.Memory)
	}
	if m := Environment(); m.Cores < 1 || m.Go == "" || m.CPU == "" || m.Arch == "" {
		t.Errorf("this machine: %+v", m)
	}
	if r := New("x"); r.Day() == "" || r.Commit == "" || r.Settings == nil {
		t.Errorf("a new report: %+v", r)
	}
}
