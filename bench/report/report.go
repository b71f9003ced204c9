// Package report keeps what a benchmark found: as a document for people (Markdown) and as
// numbers for charts and later comparisons (JSON). It measures nothing.
//
// A result is only worth something with what it was measured on, so a Report has the
// machine, the commit and the settings in it. Results are written once: Save never writes
// over a file.
package report

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
)

// Report is what one run of a benchmark found.
type Report struct {
	Title    string            `json:"title"`
	Date     string            `json:"date"`   // RFC 3339, in UTC
	Commit   string            `json:"commit"` // short; with "+changes" where the work tree differs
	Machine  Machine           `json:"machine"`
	Settings map[string]string `json:"settings,omitempty"` // what a reader needs to repeat it
	Tables   []Table           `json:"tables"`
}

// Table is a table for people, and the same numbers for a chart. The chart of a table, if
// it has one, is named after it (see Slug).
type Table struct {
	Name    string     `json:"name"`
	Note    string     `json:"note,omitempty"` // a paragraph above the table
	Columns []string   `json:"columns"`
	Rows    [][]string `json:"rows"`
	Series  []Series   `json:"series,omitempty"` // all of one kind
}

// Kind says how a series is drawn.
type Kind string

const (
	Bars Kind = "bars" // a bar for each Point: Label, Y. Several series stand side by side.
	Line Kind = "line" // X, Y
	Heat Kind = "heat" // Z in the cell at X, Y
)

// Series are the numbers of one line, one colour of bars, or one heat map.
type Series struct {
	Kind   Kind    `json:"kind"`
	Name   string  `json:"name"` // in the legend
	X      string  `json:"x,omitempty"`
	Y      string  `json:"y,omitempty"` // what the numbers are, with their unit, as in "MB/s of input"
	Z      string  `json:"z,omitempty"`
	Points []Point `json:"points"`
}

// Point is one number. Low and High are the least and the greatest of the runs whose median
// it is; both 0 where there was one run.
type Point struct {
	Label string  `json:"label,omitempty"`
	X     float64 `json:"x,omitempty"`
	Y     float64 `json:"y,omitempty"`
	Z     float64 `json:"z,omitempty"`
	Low   float64 `json:"low,omitempty"`
	High  float64 `json:"high,omitempty"`
}

// Table returns the table of that name, or nil.
func (r *Report) Table(name string) *Table {
	for i := range r.Tables {
		if r.Tables[i].Name == name {
			return &r.Tables[i]
		}
	}
	return nil
}

// Day is the date without the time.
func (r *Report) Day() string {
	day, _, _ := strings.Cut(r.Date, "T")
	return day
}

// check finds what would make a report unreadable later.
func (r *Report) check() error {
	for _, t := range r.Tables {
		for i, row := range t.Rows {
			if len(row) != len(t.Columns) {
				return fmt.Errorf("table %q: row %d has %d cells, there are %d columns", t.Name, i+1, len(row), len(t.Columns))
			}
		}
		for _, s := range t.Series {
			if s.Kind != t.Series[0].Kind || s.Kind != Bars && s.Kind != Line && s.Kind != Heat {
				return fmt.Errorf("table %q: series %q is of kind %q: all must be of one kind that there is", t.Name, s.Name, s.Kind)
			}
		}
	}
	return nil
}

// WriteJSON writes the report for programs.
func (r *Report) WriteJSON(w io.Writer) error {
	if err := r.check(); err != nil {
		return err
	}
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	_, err = w.Write(append(text, '\n'))
	return err
}

// Read reads what WriteJSON wrote.
func Read(in io.Reader) (*Report, error) {
	r := &Report{}
	if err := json.NewDecoder(in).Decode(r); err != nil {
		return nil, fmt.Errorf("not a report: %w", err)
	}
	return r, r.check()
}

// ReadFile reads a report's .json file.
func ReadFile(name string) (*Report, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close() // only read
	r, err := Read(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return r, nil
}
