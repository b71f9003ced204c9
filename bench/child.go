package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/sluice-data/sluice"
	"github.com/sluice-data/sluice/airbyte"
	"github.com/sluice-data/sluice/internal/pipe"
)

// Job is what the measured process is told.
type Job struct {
	Way      Way
	Workload string  // its name; the catalog follows from it
	Volume   int64   // bytes of input that will come, about
	Bucket   *Bucket `json:",omitempty"` // for ways with S3
	Profile  string  `json:",omitempty"` // a file for a CPU profile
}

// jobVariable hands the job to the child. (Not an argument: other users can see those, and
// a job may have the key of a server in it.)
const jobVariable = "SLUICE_BENCH_JOB"

// stubWay is the child that is measured by nobody: the S3 stub of a sweep.
const stubWay Way = "stub"

// IsChild returns the job if this process was started to be measured. A program that calls
// Measure asks it first, and runs Child instead of its own main.
func IsChild() (*Job, bool) {
	text, ok := os.LookupEnv(jobVariable)
	if !ok {
		return nil, false
	}
	job := &Job{}
	if err := json.Unmarshal([]byte(text), job); err != nil {
		return nil, false
	}
	return job, true
}

// outcome is what the child tells its parent, on stdout.
type outcome struct {
	PeakRSS  int64 // bytes
	Uploaded int64 // bytes
	Rows     int64 // -1: not counted
	// Allocations on the heap between two moments of the input, and the bytes between them.
	Mallocs uint64
	Sampled int64
}

// Child does the job with the input and writes the outcome. It fails if nothing was uploaded.
func Child(ctx context.Context, job *Job, in *os.File, out io.Writer) error {
	if job.Way == stubWay {
		return serveStub(in, out)
	}
	debug.SetGCPercent(50) // as cmd/sluice does
	pipe.Grow(in)          // likewise
	s := &sampler{in: in, marks: [2]int64{job.Volume / 4, job.Volume / 100 * 95}}
	o := outcome{Rows: -1}
	if err := run(ctx, job, s, &o); err != nil {
		return err
	}
	o.Mallocs, o.Sampled = s.between()
	o.PeakRSS = peakRSS()
	return json.NewEncoder(out).Encode(&o)
}

func run(ctx context.Context, job *Job, in io.Reader, o *outcome) (err error) {
	store := &Discard{}
	switch job.Way {
	case Pipe:
		_, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, in, make([]byte, 512<<10))
		return err
	case Ceiling:
		if o.Uploaded, err = copyOnly(ctx, in, store); err != nil {
			return err
		}
	default:
		sum, err := runEngine(ctx, job, in, store)
		if err != nil {
			return err
		}
		o.Uploaded, o.Rows = sum.Bytes, sum.Rows
	}
	if o.Uploaded == 0 || !job.Way.S3() && store.Bytes.Load() != o.Uploaded {
		return fmt.Errorf("%d bytes were uploaded, %d arrived", o.Uploaded, store.Bytes.Load())
	}
	return nil
}

func runEngine(ctx context.Context, job *Job, in io.Reader, store *Discard) (*sluice.Summary, error) {
	cfg, err := job.Way.config(job.Bucket)
	if err != nil {
		return nil, err
	}
	g, err := Find(job.Workload)
	if err != nil {
		return nil, err
	}
	catalog, err := airbyte.ParseCatalog(g.Make(0, 0).Catalog)
	if err != nil {
		return nil, err
	}
	opts := sluice.Options{Store: store}
	if job.Way.S3() {
		opts.Store = nil // the one that the config names
	}
	engine, err := sluice.Open(ctx, cfg, catalog, opts)
	if err != nil {
		return nil, err
	}
	return engine.Run(ctx, in, func([]byte) error { return nil })
}

// peakRSS is the most memory in bytes that this process has had resident. (Not from
// getrusage: Linux counts the parent's memory at the fork in a child's maximum.)
func peakRSS() int64 {
	status, _ := os.ReadFile("/proc/self/status") // not there: 0
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	var kib int64
	_, _ = fmt.Sscan(rest, &kib) // 0 where the system does not tell
	return kib << 10
}

// sampler counts the input that passes, and notes the heap's allocations when the marks
// are passed: behind the start, where buffers grow, and before the end, where objects are
// completed. So what is between them is the steady state.
type sampler struct {
	in      io.Reader
	passed  int64 // bytes
	marks   [2]int64
	samples []sample
}

type sample struct {
	at      int64 // bytes
	mallocs uint64
}

func (s *sampler) Read(p []byte) (int, error) {
	n, err := s.in.Read(p)
	s.passed += int64(n)
	if i := len(s.samples); i < len(s.marks) && s.passed >= s.marks[i] {
		var stats runtime.MemStats
		runtime.ReadMemStats(&stats) // stops the world for some 10 µs, twice a run
		s.samples = append(s.samples, sample{s.passed, stats.Mallocs})
	}
	return n, err
}

// between returns the allocations between the marks and the bytes of input between them,
// 0 and 0 if the input was too short.
func (s *sampler) between() (mallocs uint64, bytes int64) {
	if len(s.samples) < 2 {
		return 0, 0
	}
	return s.samples[1].mallocs - s.samples[0].mallocs, s.samples[1].at - s.samples[0].at
}
