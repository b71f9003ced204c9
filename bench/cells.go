package bench

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/sluice-data/sluice/bench/report"
)

// How numbers stand in the tables.

func rate(r Result) string { return grouped(r.Rate()) }

func spread(r Runs) string { return rate(r.Slowest()) + "–" + rate(r.Fastest()) }

// medians says how a number came about.
func medians(runs int) string {
	if runs == 1 {
		return "one run each"
	}
	return fmt.Sprintf("medians of %d alternating runs", runs)
}

// ratio is a part of something; "–" if that was not measured.
func ratio(part, whole float64) string {
	if whole == 0 {
		return "–"
	}
	return fmt.Sprintf("%.2f", part/whole)
}

// rateOf is the median rate of a way, or 0.
func rateOf(all []Runs, way Way) float64 {
	for _, r := range all {
		if r[0].Way == way {
			return r.Median().Rate()
		}
	}
	return 0
}

// allocations are shown to a ten-thousandth: what counts is that there is not one a record.
func allocations(r Result) string {
	if r.Allocs < 0 {
		return "–"
	}
	return fmt.Sprintf("%.4f", r.Allocs)
}

func mib(n int64) float64 { return float64(n) / (1 << 20) }

func peak(r Result) string { return fmt.Sprintf("%.1f", mib(r.PeakRSS)) }

// grouped is a whole number with commas between thousands.
func grouped(f float64) string {
	digits := strconv.FormatInt(int64(f+0.5), 10)
	out := ""
	for len(digits) > 3 {
		out = "," + digits[len(digits)-3:] + out
		digits = digits[:len(digits)-3]
	}
	return digits + out
}

func point(r Runs, label string) report.Point {
	p := report.Point{Label: label, Y: r.Median().Rate()}
	if len(r) > 1 {
		p.Low, p.High = r.Slowest().Rate(), r.Fastest().Rate()
	}
	return p
}

// refusals are what this build can't do. They keep their place in a table.
type refusals struct {
	names   []string
	reasons []string
}

func (r *refusals) add(name string, err error) {
	r.names = append(r.names, name)
	r.reasons = append(r.reasons, fmt.Sprintf("`%s` (%v)", name, err))
}

func (r *refusals) rows(columns int) [][]string {
	var rows [][]string
	for _, name := range r.names {
		row := []string{name}
		for len(row) < columns {
			row = append(row, "–")
		}
		rows = append(rows, row)
	}
	return rows
}

// note is a sentence for the table's note, or nothing.
func (r *refusals) note() string {
	if len(r.reasons) == 0 {
		return ""
	}
	return " This build can't do " + strings.Join(r.reasons, ", ") + "."
}
