package bench

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/sluice-data/sluice/bench/report"
)

// TestMain is the measured process too.
func TestMain(m *testing.M) {
	job, ok := IsChild()
	if !ok {
		// With the race detector each child would sleep for a second before it ends.
		if os.Getenv("GORACE") == "" {
			_ = os.Setenv("GORACE", "atexit_sleep_ms=0")
		}
		goleak.VerifyTestMain(m) // which exits
	}
	if err := Child(context.Background(), job, os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func suite() *Suite {
	return &Suite{
		Command: func(ctx context.Context) *exec.Cmd { return exec.CommandContext(ctx, os.Args[0]) },
		Runs:    2, Seed: 1, Block: 1 << 20, Log: io.Discard,
	}
}

// whole looks at what every table must have.
func whole(t *testing.T, table report.Table, err error, rows ...string) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	r := report.New("test")
	r.Tables = []report.Table{table}
	if err := r.WriteMarkdown(io.Discard); err != nil {
		t.Error(err)
	}
	var got []string
	for _, row := range table.Rows {
		got = append(got, row[0])
		for i, c := range row {
			if c == "" || strings.Contains(c, "Inf") || strings.Contains(c, "NaN") {
				t.Errorf("%s: row %s: %s is %q", table.Name, row[0], table.Columns[i], c)
			}
		}
	}
	if strings.Join(got, " ") != strings.Join(rows, " ") {
		t.Errorf("%s: rows %q, want %q", table.Name, got, rows)
	}
	for _, s := range table.Series {
		for _, p := range s.Points {
			if p.Y <= 0 || p.Low > p.Y || p.High < p.Y {
				t.Errorf("%s: series %s: %+v", table.Name, s.Name, p)
			}
		}
	}
}

func TestByWay(t *testing.T) {
	table, err := suite().ByWay(t.Context(), "tpch-lineitem", []Way{Pipe, Ceiling, Flattened, Unflattened}, 1e6)
	whole(t, table, err, "pipe", "ceiling", "flattened", "unflattened")
	if n := len(table.Series[0].Points); n != 3 {
		t.Errorf("%d points", n)
	}
	if of := table.Rows[1][3]; of != "1.00" {
		t.Errorf("the ceiling is %s of itself", of)
	}
	if _, err := suite().ByWay(t.Context(), "tpch-lineitem", []Way{"no such"}, 1e6); err != nil {
		t.Errorf("a way that there is not: %v, want a line that says so", err)
	}
}

// TestCompressedWays: before the engine can compress, its refusal is told; after, the rates.
func TestCompressedWays(t *testing.T) {
	table, err := suite().ByWay(t.Context(), "tpch-lineitem", []Way{Flattened, Gzip, Zstd}, 1e6)
	whole(t, table, err, "flattened", "gzip", "zstd")
	for i, way := range []Way{Gzip, Zstd} {
		if refused := way.Check() != nil; refused != (table.Rows[i+1][1] == "–") || refused != strings.Contains(table.Note, "`"+string(way)+"` (") {
			t.Errorf("%s: refused is %v, the table says %q, %s", way, refused, table.Rows[i+1], table.Note)
		}
	}
}

func TestByWorkloadAndSize(t *testing.T) {
	table, err := suite().ByWorkload(t.Context(), []string{"nested", "interleaved"}, 1e6)
	whole(t, table, err, "nested", "interleaved")
	table, err = suite().BySize(t.Context(), "python", []int64{1e6, 2e6})
	whole(t, table, err, "1", "2")
	table, err = suite().Large(t.Context(), "wide", 4e6)
	whole(t, table, err, "4")
	if _, err := suite().ByWorkload(t.Context(), []string{"no such"}, 1e6); err == nil {
		t.Error("a workload that there is not: no error")
	}
}

func TestCompression(t *testing.T) {
	if _, err := exec.LookPath("gzip"); err != nil {
		t.Skip("there is no gzip")
	}
	table, err := suite().Compression(t.Context(), "tpch-lineitem", 2e6)
	rows := []string{"gzip -1, the program", "sluice, no compression", "sluice, GZIP level 1"}
	if Gzip1.Check() == nil {
		rows = append(rows, "... its compression alone")
	}
	if err != nil || len(table.Rows) != len(rows) {
		t.Fatalf("%v, got %q", err, table.Rows)
	}
	for i, want := range rows {
		if got := table.Rows[i][0]; got != want {
			t.Errorf("row %d is %q, want %q", i, got, want)
		}
	}
}

// TestMeasure counts what went through, to the record.
func TestMeasure(t *testing.T) {
	w := Lineitem(1, 1<<20)
	for _, way := range []Way{Ceiling, Flattened} {
		r, err := Measure(t.Context(), suite().Command, Job{Way: way, Volume: 3e6}, &w)
		if err != nil {
			t.Fatal(err)
		}
		if want := int64(3e6 / w.LineBytes()); r.Records < want-10 || r.Records > want+10 || r.Bytes < 2.99e6 || r.Bytes > 3.01e6 {
			t.Errorf("%s: %d records, %d bytes", way, r.Records, r.Bytes)
		}
		if way == Ceiling && r.Uploaded != r.Bytes || r.Uploaded == 0 {
			t.Errorf("%s: %d bytes of %d were uploaded", way, r.Uploaded, r.Bytes)
		}
		if r.Rate() <= 0 || r.CPU <= 0 || r.PeakRSS < 0 || r.Allocs < 0 {
			t.Errorf("%s: %+v", way, r)
		}
	}
	if _, err := Measure(t.Context(), suite().Command, Job{Way: "no such", Volume: 1e5}, &w); err == nil {
		t.Error("a way that there is not: no error")
	}
}

func TestMedian(t *testing.T) {
	run := func(seconds int) Result { return Result{Bytes: 1e9, Took: time.Duration(seconds) * time.Second} }
	runs := Runs{run(5), run(1), run(3), run(2), run(4)}
	if m, s, f := runs.Median().Rate(), runs.Slowest().Rate(), runs.Fastest().Rate(); m != 1000./3 || s != 200 || f != 1000 {
		t.Errorf("got %v, %v, %v", m, s, f)
	}
}

func TestGrouped(t *testing.T) {
	f := func(n float64, want string) {
		t.Helper()
		if got := grouped(n); got != want {
			t.Errorf("%v: got %s, want %s", n, got, want)
		}
	}
	f(0, "0")
	f(999.4, "999")
	f(999.5, "1,000")
	f(1234567, "1,234,567")
}

// TestIntoS3 goes through the wire, into a server that is cleared afterwards.
func TestIntoS3(t *testing.T) {
	table, err := suite().ByWay(t.Context(), "tpch-lineitem", []Way{FlattenedS3, UnflattenedS3}, 2e6)
	whole(t, table, err, "flattened-s3", "unflattened-s3")
}
