package main

import (
	"bytes"
	"encoding/xml"
	"errors"
	"image/color"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sluice-data/sluice/bench/report"
)

func example(tables ...report.Table) *report.Report {
	return &report.Report{
		Title: "Test", Date: "2026-11-22T10:11:12Z", Commit: "abcdef0",
		Machine: report.Machine{CPU: "Some <CPU>", Cores: 2, Go: "go1.26"}, Tables: tables,
	}
}

func table(name string, series ...report.Series) report.Table {
	return report.Table{Name: name, Series: series}
}

var (
	oneSeries = table("By way", report.Series{Kind: report.Bars, Name: "lineitem", Y: "MB/s of input", Points: []report.Point{
		{Label: "ceiling", Y: 2146, Low: 2000, High: 2200}, {Label: "flattened", Y: 376},
	}})
	peers = table("Peers",
		report.Series{Kind: report.Bars, Name: "sluice", Y: "MB/s of input", Points: []report.Point{{Label: "CSV & <more>", Y: 380}}},
		report.Series{Kind: report.Bars, Name: "others", Y: "MB/s of input", Points: []report.Point{{Label: "a peer", Y: 38.4}, {Label: "slow", Y: 1.25}}})
	sizes = table("By size",
		report.Series{Kind: report.Line, Name: "ceiling", X: "input, MB", Y: "MB/s", Points: []report.Point{{X: 100, Y: 900}, {X: 1000, Y: 1234, Low: 1100, High: 1300}}},
		report.Series{Kind: report.Line, Name: "flattened", X: "input, MB", Y: "MB/s", Points: []report.Point{{X: 100.5, Y: 300}, {X: 1000, Y: 310}}})
	sweep = table("Sweep", report.Series{Kind: report.Heat, Name: "server", X: "requests", Y: "part, MiB", Z: "MB/s", Points: []report.Point{
		{X: 1, Y: 5, Z: 17}, {X: 8, Y: 5, Z: 99}, {X: 1, Y: 8, Z: 18.2}, {X: 8, Y: 8, Z: 140, Label: "default"},
	}})
)

// texts returns the texts of a drawing, which must be good XML, and looks at its frame.
func texts(t *testing.T, svg []byte) (all []string) {
	t.Helper()
	in := xml.NewDecoder(bytes.NewReader(svg))
	open := ""
	for first := true; ; {
		token, err := in.Token()
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatalf("no XML: %v", err)
		}
		switch token := token.(type) {
		case xml.StartElement:
			open = token.Name.Local
			if open != "path" || !first {
				continue
			}
			first = false
			for _, a := range token.Attr {
				if a.Name.Local == "style" && !strings.Contains(a.Value, "#FFFFFF") {
					t.Errorf("the first thing drawn is no white ground: %v", token)
				}
			}
		case xml.CharData:
			if open == "text" {
				all = append(all, string(token))
			}
			open = ""
		}
	}
}

func TestDraw(t *testing.T) {
	f := func(tab report.Table, want ...string) {
		t.Helper()
		r := example(tab)
		var svg, again bytes.Buffer
		if err := errors.Join(draw(&svg, r, &tab), draw(&again, r, &tab)); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(svg.Bytes(), again.Bytes()) {
			t.Errorf("%s: not the same twice", tab.Name)
		}
		got := strings.Join(texts(t, svg.Bytes()), "\n")
		for _, text := range append(want, "2026-11-22, commit abcdef0; 2 cores, Some <CPU>; go1.26") {
			if !strings.Contains("\n"+got+"\n", "\n"+text+"\n") {
				t.Errorf("%s: %q is not there, only\n%s", tab.Name, text, got)
			}
		}
		if n := bytes.Count(svg.Bytes(), []byte("<text ")); n != bytes.Count(svg.Bytes(), []byte(`<text textLength="`)) {
			t.Errorf("%s: not all of %d texts have a width", tab.Name, n)
		}
		if bytes.Contains(svg.Bytes(), []byte("NaN")) || bytes.Contains(svg.Bytes(), []byte("Inf")) {
			t.Errorf("%s: something is drawn nowhere", tab.Name)
		}
	}
	f(oneSeries, "By way: lineitem", "MB/s of input", "ceiling", "flattened", "2,146", "376")
	f(peers, "Peers", "sluice", "others", "CSV & <more>", "a peer", "380", "38", "1.2")
	f(sizes, "By size", "ceiling", "flattened", "input, MB", "MB/s", "100", "1,000", "1,234", "310")
	f(sweep, "Sweep", "server, MB/s", "requests", "part, MiB", "default", "140", "18", "99")
}

func TestDrawRefuses(t *testing.T) {
	f := func(s report.Series) {
		t.Helper()
		tab := table("x", s)
		if err := draw(io.Discard, example(tab), &tab); err == nil {
			t.Errorf("%+v was drawn", s)
		}
	}
	f(report.Series{Kind: "pie"})
	f(report.Series{Kind: report.Bars})
	f(report.Series{Kind: report.Bars, Points: []report.Point{{Label: "a"}}})
	f(report.Series{Kind: report.Line})
	f(report.Series{Kind: report.Line, Points: []report.Point{{X: 0, Y: 1}}})
	f(report.Series{Kind: report.Heat})
}

// TestColours: among peers our own bars stand out, and what is no engine is grey.
func TestColours(t *testing.T) {
	f := func(labels string, want ...color.Color) {
		t.Helper()
		g := &grouped{series: []report.Series{{Kind: report.Bars}}, labels: strings.Split(labels, ",")}
		for _, label := range g.labels {
			g.series[0].Points = append(g.series[0].Points, report.Point{Label: label, Y: 1})
		}
		for i, label := range g.labels {
			if got := g.of(label)[0].colour; got != want[i] {
				t.Errorf("%s in %s: got %v, want %v", label, labels, got, want[i])
			}
		}
	}
	f("ceiling,flattened", grey, colours[0])
	f("Sluice, from a pipe", colours[0], colours[1])
	f("DuckDB,sluice,pipe", colours[1], colours[0], grey)
}

// TestRun: of each chart the newest is drawn, whatever report it is in.
func TestRun(t *testing.T) {
	results, out := t.TempDir(), t.TempDir()
	older, newer := example(oneSeries, peers), example(oneSeries, report.Table{Name: "no chart"})
	newer.Date, newer.Commit = "2026-12-01T00:00:00Z", "1234567"
	for _, r := range []*report.Report{newer, older} {
		if _, err := r.Save(results, ""); err != nil {
			t.Fatal(err)
		}
	}
	if err := run(results, out, nil); err != nil {
		t.Fatal(err)
	}
	f := func(file, commit string) {
		t.Helper()
		svg, err := os.ReadFile(filepath.Join(out, file))
		if err != nil || !strings.Contains(string(svg), "commit "+commit) {
			t.Errorf("%s: %v, want commit %s", file, err, commit)
		}
	}
	f("by-way.svg", "1234567")
	f("peers.svg", "abcdef0")
	if files, _ := os.ReadDir(out); len(files) != 2 {
		t.Errorf("got %v", files)
	}
	if err := run(t.TempDir(), out, nil); err == nil {
		t.Error("no report: no error")
	}
}

func TestTicks(t *testing.T) {
	f := func(high float64, want string) {
		t.Helper()
		var got []string
		for _, tick := range fewTicks(0, high) {
			got = append(got, tick.Label)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%v: got %q, want %q", high, got, want)
		}
	}
	f(2400, "0 500 1,000 1,500 2,000")
	f(450, "0 100 200 300 400")
	f(7, "0 1.0 2.0 3.0 4.0 5.0 6.0 7.0")
}
