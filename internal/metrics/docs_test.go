package metrics

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

var update = flag.Bool("update", false, "write the table of the documentation anew")

var docs = filepath.Join("..", "..", "docs")

func read(t *testing.T, name string) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(docs, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// TestTable: the tables of the documentation are those of all, and of a worker's.
func TestTable(t *testing.T) {
	var syncs, workers strings.Builder
	for _, m := range all {
		row(&syncs, m.name, m.kind, m.labels, m.help)
	}
	for _, m := range ofWorkers {
		row(&workers, m.name, m.kind, m.labels, m.help)
	}
	sameTable(t, "metrics", syncs.String())
	sameTable(t, "metrics of a worker", workers.String())
}

func row(to *strings.Builder, name string, kind prometheus.ValueType, of []string, help string) {
	labels := make([]string, len(of))
	for i, l := range of {
		labels[i] = "`" + l + "`"
	}
	fmt.Fprintf(to, "| `%s` | %s | %s | %s |\n", name, map[prometheus.ValueType]string{counter: "counter", gauge: "gauge"}[kind], strings.Join(labels, ", "), help)
}

// sameTable compares a table of OPERATING.md with its rows, or writes it.
func sameTable(t *testing.T, what, rows string) {
	t.Helper()
	begin, end := "<!-- "+what+": from internal/metrics -->\n", "<!-- end -->"
	text := read(t, "OPERATING.md")
	head, rest, ok := strings.Cut(text, begin)
	got, tail, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatalf("OPERATING.md lacks %q or %q", begin, end)
	}
	want := "\n| metric | kind | labels | |\n| --- | --- | --- | --- |\n" + rows + "\n"
	if *update {
		if err := os.WriteFile(filepath.Join(docs, "OPERATING.md"), []byte(head+begin+want+end+tail), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if got != want {
		t.Errorf("the table of OPERATING.md is old: go test ./internal/metrics -run TestTable -update\n got %s\nwant %s", got, want)
	}
}

// served are the names of what scrapes of full and of a worker have, with those of Go and of the process.
func served(t *testing.T) []string {
	t.Helper()
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(of(200, full), collectors.NewGoCollector())
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	// The collector of the process has nothing to say on some systems.
	names := append(gathered(t, working()), "process_resident_memory_bytes", "process_cpu_seconds_total")
	for _, f := range families {
		names = append(names, f.GetName())
	}
	return names
}

var name = regexp.MustCompile(`\b(sluice|go|process)_[a-z_]+\b`)

// known demands that each metric that a text names is served.
func known(t *testing.T, what, text string, served []string) {
	t.Helper()
	for _, n := range name.FindAllString(text, -1) {
		if !slices.Contains(served, n) {
			t.Errorf("%s: %s is not served", what, n)
		}
	}
}

// TestOperatingNames: the alerts and the text speak of what there is.
func TestOperatingNames(t *testing.T) {
	_, alerts, _ := strings.Cut(read(t, "OPERATING.md"), "### Alerts")
	if len(name.FindAllString(alerts, -1)) < 5 {
		t.Error("there are no alerts")
	}
	known(t, "OPERATING.md", read(t, "OPERATING.md"), append(served(t), "go_", "process_"))
}

// TestDashboard reads the dashboard as Grafana does, as far as it matters that each panel shows
// something: from the data source that was chosen, of the jobs that were, by names that are served.
func TestDashboard(t *testing.T) {
	var d struct {
		Title         string
		UID           string
		SchemaVersion int
		Templating    struct {
			List []struct{ Name, Type, Definition string }
		}
		Panels []struct {
			ID         int
			Title      string
			Type       string
			Datasource struct{ Type, UID string }
			GridPos    struct{ X, Y, W, H int }
			Targets    []struct {
				RefID      string
				Expr       string
				Datasource struct{ Type, UID string }
			}
		}
	}
	text := read(t, "grafana-dashboard.json")
	if err := json.Unmarshal([]byte(text), &d); err != nil {
		t.Fatal(err)
	}
	names := served(t)
	if d.Title != "Sluice" || d.UID != "sluice" || d.SchemaVersion < 39 || len(d.Panels) == 0 {
		t.Errorf("got the title %q, the uid %q, schema version %d, %d panels", d.Title, d.UID, d.SchemaVersion, len(d.Panels))
	}
	vars := ""
	for _, v := range d.Templating.List {
		vars += v.Name + ":" + v.Type + " "
		known(t, "variable "+v.Name, v.Definition, names)
	}
	if vars != "datasource:datasource job:query instance:query " {
		t.Errorf("got the variables %s", vars)
	}
	ids, shown := map[int]bool{}, map[string]bool{}
	for _, p := range d.Panels {
		if ids[p.ID] || p.Title == "" || p.Datasource.UID != "${datasource}" || p.GridPos.X+p.GridPos.W > 24 || p.GridPos.H == 0 || len(p.Targets) == 0 {
			t.Errorf("panel %d, %q, is not right", p.ID, p.Title)
		}
		ids[p.ID] = true
		for _, target := range p.Targets {
			used := name.FindAllString(target.Expr, -1)
			if strings.Count(target.Expr, `{job=~"$job", instance=~"$instance"`) != len(used) || len(used) == 0 || target.Datasource.UID != "${datasource}" {
				t.Errorf("panel %q: not every metric is of the chosen jobs: %s", p.Title, target.Expr)
			}
			known(t, "panel "+p.Title, target.Expr, names)
			for _, n := range used {
				shown[n] = true
			}
		}
	}
	for _, m := range all {
		if m.kind == counter && !shown[m.name] && m.name != "sluice_object_bytes_total" {
			t.Errorf("%s is on no panel", m.name)
		}
	}
}
