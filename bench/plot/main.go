// Command plot draws the charts of benchmark reports as SVG: bars, lines and heat maps,
// one file a table, named after it.
//
// It uses gonum.org/v1/plot: it is kept up, draws to SVG by itself, and its axes, legends
// and text can be used with plotters of one's own. The alternatives were go-chart, which
// has no heat maps, and go-echarts, which makes web pages that need JavaScript.
package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"github.com/sluice-data/sluice/bench/report"
)

func main() {
	results := flag.String("results", "bench/results", "`directory` with reports; of each chart the newest report that has it is drawn")
	out := flag.String("out", "docs/charts", "`directory` for the SVG files")
	flag.Usage = func() {
		fmt.Fprint(flag.CommandLine.Output(), "plot draws the charts of benchmark reports.\n\nUsage: plot [flags] [report.json ...]\n\nFlags:\n")
		flag.PrintDefaults()
	}
	flag.Parse()
	if err := run(*results, *out, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "plot:", err)
		os.Exit(1)
	}
}

// run draws the charts of the named reports, or of all in results. Of two reports with the
// same table the newer one is drawn.
func run(results, out string, files []string) error {
	if len(files) == 0 {
		var err error
		if files, err = filepath.Glob(filepath.Join(results, "*.json")); err != nil {
			return err
		}
	}
	newest := map[string]*report.Report{}
	for _, file := range files {
		r, err := report.ReadFile(file)
		if err != nil {
			return err
		}
		for _, t := range r.Tables {
			if n := newest[t.Name]; len(t.Series) > 0 && (n == nil || r.Date > n.Date) {
				newest[t.Name] = r
			}
		}
	}
	if len(newest) == 0 {
		return errors.New("no report has a chart")
	}
	if err := os.MkdirAll(out, 0o755); err != nil {
		return err
	}
	for name, r := range newest {
		var svg bytes.Buffer
		if err := draw(&svg, r, r.Table(name)); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		file := filepath.Join(out, report.Slug(name)+".svg")
		if err := os.WriteFile(file, svg.Bytes(), 0o644); err != nil {
			return err
		}
		fmt.Println(file)
	}
	return nil
}
