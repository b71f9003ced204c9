package bench

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	"github.com/sluice-data/sluice"
	"github.com/sluice-data/sluice/airbyte"
	"github.com/sluice-data/sluice/config"
	"github.com/sluice-data/sluice/internal/pipe"
)

// Way is what the process at the end of the pipe does with the input.
type Way string

const (
	Ceiling     Way = "ceiling"     // reads it and does nothing: what the pipe alone allows
	Flattened   Way = "flattened"   // the whole pipeline, one column a field
	Unflattened Way = "unflattened" // the whole pipeline, one JSON column
)

// Result is one run.
type Result struct {
	Way     Way
	Bytes   int64 // of input
	Records int64
	Took    time.Duration
	CPU     time.Duration // of the measured process, all cores
	PeakRSS int64         // bytes
}

// Rate is megabytes (10^6) of input a second.
func (r Result) Rate() float64 { return float64(r.Bytes) / 1e6 / r.Took.Seconds() }

// Measure feeds the workload to a child process, made by command, until about the given
// number of bytes (volume) is through.
func Measure(ctx context.Context, command func(context.Context) *exec.Cmd, way Way, w Workload, volume int64) (Result, error) {
	cmd := command(ctx)
	in, err := cmd.StdinPipe()
	if err != nil {
		return Result{}, err
	}
	var peak bytes.Buffer
	cmd.Stdout, cmd.Stderr = &peak, os.Stderr
	if err := cmd.Start(); err != nil {
		return Result{}, err
	}
	r := Result{Way: way}
	start := time.Now()
	for r.Bytes < volume {
		n, err := in.Write(w.Block)
		if r.Bytes += int64(n); err != nil {
			break // the child ended; Wait says why
		}
		r.Records += int64(w.Records)
	}
	_ = in.Close() // the child sees the end
	if err := cmd.Wait(); err != nil {
		return Result{}, fmt.Errorf("%s: %w", way, err)
	}
	r.Took = time.Since(start)
	r.CPU = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	_, _ = fmt.Sscan(peak.String(), &r.PeakRSS)
	return r, nil
}

// PrintPeak prints the most memory that this process has had resident, for Measure. (Not
// from getrusage: Linux counts the parent's memory at the fork in a child's maximum.)
func PrintPeak(w io.Writer) error {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return err
	}
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	var kib int64
	_, _ = fmt.Sscan(rest, &kib) // 0 where the system does not tell
	_, err = fmt.Fprintln(w, kib<<10)
	return err
}

// Child is what the measured process does. It fails if rows are missing at the end.
func Child(ctx context.Context, way Way, in *os.File) error {
	pipe.Grow(in) // as cmd/sluice does
	if way == Ceiling {
		_, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, in, make([]byte, 512<<10))
		return err
	}
	parsed, err := airbyte.ParseCatalog([]byte(lineitemCatalog))
	if err != nil {
		return err
	}
	cfg := config.Default()
	cfg.Bucket, cfg.Path, cfg.Region = "bench", "bench", "us-east-1"
	if way == Flattened {
		cfg.Format.CSV.Flattening = config.FlatteningRoot
	}
	store := &Discard{}
	engine, err := sluice.Open(ctx, &cfg, parsed, sluice.Options{Store: store})
	if err != nil {
		return err
	}
	sum, err := engine.Run(ctx, in, func([]byte) error { return nil })
	if err != nil {
		return err
	}
	if sum.Objects == 0 || store.Bytes.Load() == 0 {
		return fmt.Errorf("nothing was uploaded: %s", sum)
	}
	return nil
}

// Median returns the run with the middle rate.
func Median(runs []Result) Result {
	sorted := slices.Clone(runs)
	slices.SortFunc(sorted, func(a, b Result) int {
		if a.Rate() < b.Rate() {
			return -1
		}
		return 1
	})
	return sorted[len(sorted)/2]
}
