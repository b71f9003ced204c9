package bench

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"time"
)

// Result is one run.
type Result struct {
	Job
	Bytes    int64 // of input
	Records  int64
	Uploaded int64 // bytes; 0 for the way Pipe
	Took     time.Duration
	CPU      time.Duration // of the measured process, all cores
	PeakRSS  int64         // bytes
	Allocs   float64       // on the heap, a record, in the steady state; less than 0: not measured
}

// Rate is megabytes (10^6) of input a second.
func (r Result) Rate() float64 { return float64(r.Bytes) / 1e6 / r.Took.Seconds() }

// Measure feeds the workload to a child process, made by command, until about as many bytes
// as the job says are through. The clock runs from the start of the child to its end, so it
// includes what every sync pays once. The program that command starts must call Child when
// IsChild says so.
func Measure(ctx context.Context, command func(context.Context) *exec.Cmd, job Job, w *Workload) (Result, error) {
	job.Workload = w.Name
	text, err := json.Marshal(&job)
	if err != nil {
		return Result{}, err
	}
	cmd := command(ctx)
	cmd.Env = append(os.Environ(), jobVariable+"="+string(text))
	in, err := cmd.StdinPipe()
	if err != nil {
		return Result{}, err
	}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, os.Stderr
	if err := cmd.Start(); err != nil {
		return Result{}, err
	}
	r := Result{Job: job}
	start := time.Now()
	for r.Bytes < job.Volume {
		lines, records := w.Prefix(int(min(job.Volume-r.Bytes, 1<<30)))
		if _, err := in.Write(lines); err != nil {
			break // the child ended; Wait says why
		}
		r.Bytes += int64(len(lines))
		r.Records += int64(records)
	}
	_ = in.Close() // the child sees the end
	if err := cmd.Wait(); err != nil {
		return Result{}, fmt.Errorf("%s, %s: %w", w.Name, job.Way, err)
	}
	r.Took = time.Since(start)
	r.CPU = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	return r, r.add(out.Bytes())
}

// add takes what the child told.
func (r *Result) add(told []byte) error {
	var o outcome
	if err := json.Unmarshal(told, &o); err != nil {
		return fmt.Errorf("%s, %s: the child's outcome: %w", r.Workload, r.Way, err)
	}
	if o.Rows >= 0 && o.Rows != r.Records {
		return fmt.Errorf("%s, %s: %d records went in, %d rows came out", r.Workload, r.Way, r.Records, o.Rows)
	}
	r.PeakRSS, r.Uploaded, r.Allocs = o.PeakRSS, o.Uploaded, -1
	if o.Sampled > 0 {
		records := float64(o.Sampled) / float64(r.Bytes) * float64(r.Records)
		r.Allocs = float64(o.Mallocs) / records
	}
	return nil
}

// Runs are runs of the same job.
type Runs []Result

// Median returns the run with the middle rate.
func (runs Runs) Median() Result { return runs.sorted()[len(runs)/2] }

// Slowest returns the run with the least rate.
func (runs Runs) Slowest() Result { return runs.sorted()[0] }

// Fastest returns the run with the greatest rate.
func (runs Runs) Fastest() Result { return runs.sorted()[len(runs)-1] }

func (runs Runs) sorted() Runs {
	sorted := slices.Clone(runs)
	slices.SortStableFunc(sorted, func(a, b Result) int { return cmp.Compare(a.Rate(), b.Rate()) })
	return sorted
}
