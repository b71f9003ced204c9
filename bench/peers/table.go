package peers

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/sluice-data/sluice/bench/report"
)

var titles = map[Table]string{
	Flattened:   "Peers, flattened",
	Unflattened: "Peers, unflattened",
	ToS3:        "Peers, to the same S3 server",

	ParquetZstd:   "Peers, Parquet with zstd",
	ParquetSnappy: "Peers, Parquet with snappy",
	Avro:          "Peers, Avro",
	JSONLines:     "Peers, JSON lines",
}

var notes = map[Table]string{
	Flattened: "Airbyte messages of TPC-H lineitem records to CSV, one column a field. Tools that can write to /dev/null do, " +
		"which is in their favour; Sluice from a pipe writes to a store that discards, after a CRC-32 of each byte. " +
		"The file that the tools read has RECORD messages only, since most would make rows of other messages too. " +
		"Only Sluice acknowledges STATEs, when their rows are durable.",
	Unflattened: "The same, but data stays one column of JSON.",
	ToS3: "Flattened, into one versitygw on the same machine, whose CPU time and memory are not counted, but which takes its " +
		"share of the cores. " +
		"Plain HTTP on the loopback interface.",
	ParquetZstd:   typedNote,
	ParquetSnappy: typedNote,
	Avro: "The same columns as in Parquet. Uncompressed where nothing is said, as is everybody's default. " +
		"pyarrow writes no Avro.",
	JSONLines: "One object a line, with the members that the other tables have as columns; dates stay text. pyarrow writes no JSON.",
}

const typedNote = "One typed column a field, from file to file: 64-bit integers, doubles, dates, texts, and the nested field as a struct. " +
	"Each file is read again: all rows and, after the first run of each tool, a sum over each column. " +
	"Everybody's own sizes of row groups and pages. Tools without a random id have 36 bytes a row less to write."

// Tables are the results.
func (s *Suite) Tables() []report.Table {
	var tables []report.Table
	for _, table := range Tables {
		var measured []*Peer
		for _, p := range s.of(table) {
			if len(s.results[p]) > 0 {
				measured = append(measured, p)
			}
		}
		if len(measured) > 0 {
			tables = append(tables, s.speeds(table, measured), s.outputs(table, measured))
		}
	}
	if len(s.probed) > 0 {
		tables = append(tables, s.probes())
	}
	return tables
}

func (s *Suite) speeds(table Table, measured []*Peer) report.Table {
	t := report.Table{Name: titles[table], Note: notes[table],
		Columns: []string{"tool", "version", "input, MB", "output", "MB/s of input", "least to most", "times Sluice", "CPU s/GB", "peak MiB", "without files"}}
	bars := report.Series{Kind: report.Bars, Name: titles[table], Y: "MB/s of input"}
	sluice := median(s.results[measured[0]]).Rate()
	for _, p := range measured {
		runs := s.results[p]
		m, least, most := median(runs), runs[0].Rate(), runs[0].Rate()
		for _, r := range runs {
			least, most = min(least, r.Rate()), max(most, r.Rate())
		}
		gigabytes := float64(m.Bytes) / 1e9
		t.Rows = append(t.Rows, []string{p.Name, s.Env.version(p), fmt.Sprintf("%.0f", gigabytes*1000), s.where(p),
			digits(m.Rate()), digits(least) + " to " + digits(most), fmt.Sprintf("%.2f", m.Rate()/sluice),
			fmt.Sprintf("%.1f", m.CPU.Seconds()/gigabytes), mebibytes(m.Peak), mebibytes(m.Anon)})
		bars.Points = append(bars.Points, report.Point{Label: p.Name, Y: m.Rate(), Low: least, High: most})
	}
	if table.typed() {
		s.sizes(&t, measured)
	}
	if measured[0].Tool != "" { // Sluice is not among them
		for i := range t.Rows {
			t.Rows[i][6] = "-"
		}
	}
	t.Series = []report.Series{bars}
	return t
}

// sizes adds a column: what came out of each MB of messages.
func (s *Suite) sizes(t *report.Table, measured []*Peer) {
	t.Columns = append(t.Columns, "file, MB a GB of input")
	for i, p := range measured {
		m := median(s.results[p])
		t.Rows[i] = append(t.Rows[i], fmt.Sprintf("%.1f", 1000*float64(m.Output)/float64(m.Bytes)))
	}
}

// where says what a peer writes to.
func (s *Suite) where(p *Peer) string {
	switch {
	case p.Way != "":
		return "discarded"
	case p.Table == ToS3:
		return "S3"
	case p.Null:
		return "/dev/null"
	}
	return "a file"
}

// mebibytes writes a size; "-" if it is not known.
func mebibytes(size int64) string {
	if size == 0 {
		return "-"
	}
	return fmt.Sprintf("%.0f", float64(size)/(1<<20))
}

// digits writes a rate with three digits at most, and none behind the point from 10 on.
func digits(rate float64) string {
	if rate < 10 {
		return fmt.Sprintf("%.1f", rate)
	}
	return fmt.Sprintf("%.0f", rate)
}

// outputs says what one gets for the speed.
func (s *Suite) outputs(table Table, measured []*Peer) report.Table {
	t := report.Table{Name: titles[table] + ": what one gets", Columns: []string{"tool", "its CSV beside Sluice's", "what it does not do"},
		Note: "A few thousand rows, parsed by Python's csv module and compared cell by cell, all columns but the random id: as text, and where that differs, by value."}
	if table.typed() {
		t.Columns[1] = "its values beside the messages'"
		t.Note = "A few thousand rows, read by pyarrow, fastavro or Python's json and compared with the messages, value by value, and the types of the columns."
	}
	for _, p := range measured {
		if p.Tool != "" {
			t.Rows = append(t.Rows, []string{p.Name, s.verdicts[p].String(), p.Lacks})
		}
	}
	return t
}

func (s *Suite) probes() report.Table {
	t := report.Table{Name: "Peers: unusual records", Columns: []string{"in the second of three records"},
		Note: "What each tool makes of it, beside what Sluice writes: as text, in the cell in question, and in the number of rows and columns. Sluice writes digits as they came, and the rows of RECORD messages only."}
	var asked []*Peer
	for _, p := range s.of(Flattened) {
		if len(s.probed[p]) == len(Probes) {
			asked = append(asked, p)
			t.Columns = append(t.Columns, p.Name)
		}
	}
	for i := range Probes {
		row := []string{Probes[i].Name}
		for _, p := range asked {
			row = append(row, s.probed[p][i])
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

// median returns the run with the middle rate; of an even number, the slower of the two.
func median(runs []Run) Run {
	sorted := slices.SortedFunc(slices.Values(runs), func(a, b Run) int { return cmp.Compare(a.Rate(), b.Rate()) })
	return sorted[(len(sorted)-1)/2]
}

// Versions names the tools and their versions, for the settings of a report.
func (s *Suite) Versions() string {
	var said []string
	for _, r := range recipes {
		if tool, ok := s.Env.Tools[r.name]; ok {
			said = append(said, r.name+" "+tool.Version)
		}
	}
	return strings.Join(said, ", ")
}
