package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"

	"github.com/sluice-data/sluice/bench/report"
)

// Suite makes the tables of a report. Runs that are compared alternate, so that what else
// the machine does hits all of them, and each table has the ceiling of its own runs in it.
type Suite struct {
	Command func(context.Context) *exec.Cmd // a program that runs Child when IsChild says so
	Runs    int                             // of each way; medians are shown
	Seed    uint64
	Block   int       // bytes of a workload that are made, and sent again and again
	Log     io.Writer // what is being measured
	Profile string    // a file for a CPU profile of the large run
}

func (s *Suite) logf(format string, args ...any) { _, _ = fmt.Fprintf(s.Log, format+"\n", args...) }

// rounds runs each job s.Runs times, alternating. A way that fails ends them all.
func (s *Suite) rounds(ctx context.Context, w *Workload, jobs []Job, server *Server) ([]Runs, error) {
	all := make([]Runs, len(jobs))
	for round := range s.Runs {
		for i, job := range jobs {
			r, err := Measure(ctx, s.Command, job, w)
			if err != nil {
				return nil, err
			}
			s.logf("  %d/%d %-14s %-14s %5d MB  %6.0f MB/s  %6.2f CPU s  %6.1f MiB", round+1, s.Runs,
				w.Name, job.Way, r.Bytes/1e6, r.Rate(), r.CPU.Seconds(), mib(r.PeakRSS))
			all[i] = append(all[i], r)
			if server != nil && job.Way.S3() {
				if err := server.Clear(); err != nil {
					return nil, err
				}
			}
		}
	}
	return all, nil
}

// ByWay compares ways on one workload, volume bytes a run. A way that this build can't go
// gets a line that says so.
func (s *Suite) ByWay(ctx context.Context, name string, ways []Way, volume int64) (t report.Table, err error) {
	w, err := s.workload(name)
	if err != nil {
		return t, err
	}
	var jobs []Job
	var server *Server
	var refused refusals
	for _, way := range ways {
		job := Job{Way: way, Volume: volume}
		if err := way.Check(); err != nil {
			refused.add(string(way), err)
			continue
		}
		if way.S3() {
			if server == nil {
				if server, err = StartServer(ctx); err != nil {
					return t, err
				}
				defer func() { err = errors.Join(err, server.Stop()) }()
			}
			job.Bucket = &server.Bucket
		}
		jobs = append(jobs, job)
	}
	runs, err := s.rounds(ctx, &w, jobs, server)
	if err != nil {
		return t, err
	}
	t = report.Table{
		Name: "Throughput by way",
		Note: fmt.Sprintf("Workload %s, %d MB a run, %.0f bytes a record; %s. The rates are of input, in MB (10^6 bytes). "+
			"\"Of ceiling\" is against the way `ceiling` of the same runs; \"cores\" is CPU time by time.%s\n\n%s",
			w.Name, volume/1e6, w.LineBytes(), medians(s.Runs), refused.note(), describe(ways)),
		Columns: []string{"way", "MB/s", "least–most", "of ceiling", "records/s", "CPU s/GB", "cores", "allocations/record", "peak MiB"},
	}
	series := report.Series{Kind: report.Bars, Name: w.Name, Y: "MB/s of input"}
	ceiling := rateOf(runs, Ceiling)
	for _, r := range runs {
		m := r.Median()
		t.Rows = append(t.Rows, []string{string(m.Way), rate(m), spread(r), ratio(m.Rate(), ceiling),
			grouped(float64(m.Records) / m.Took.Seconds()), fmt.Sprintf("%.2f", m.CPU.Seconds()/float64(m.Bytes)*1e9),
			fmt.Sprintf("%.2f", m.CPU.Seconds()/m.Took.Seconds()), allocations(m), peak(m)})
		if m.Way != Pipe { // so fast that all the others would look alike
			series.Points = append(series.Points, point(r, string(m.Way)))
		}
	}
	t.Rows = append(t.Rows, refused.rows(len(t.Columns))...)
	t.Series = []report.Series{series}
	return t, nil
}

// describe lists the ways that were asked for.
func describe(ways []Way) string {
	var parts []string
	for _, w := range Ways {
		for _, asked := range ways {
			if asked == w.Way {
				parts = append(parts, fmt.Sprintf("- `%s`: %s", w.Way, w.What))
			}
		}
	}
	return strings.Join(parts, "\n")
}

// ByWorkload compares flattened and unflattened with the ceiling on each workload.
func (s *Suite) ByWorkload(ctx context.Context, names []string, volume int64) (report.Table, error) {
	t := report.Table{
		Name: "Throughput by workload",
		Columns: []string{"workload", "bytes/record", "ceiling MB/s", "flattened MB/s", "least–most", "of ceiling", "records/s", "CPU s/GB",
			"allocations/record", "peak MiB", "unflattened MB/s", "of ceiling"},
	}
	ways := []Way{Ceiling, Flattened, Unflattened}
	series := make([]report.Series, len(ways))
	var jobs []Job
	for i, way := range ways {
		series[i] = report.Series{Kind: report.Bars, Name: string(way), Y: "MB/s of input"}
		jobs = append(jobs, Job{Way: way, Volume: volume})
	}
	var what []string
	for _, name := range names {
		w, err := s.workload(name)
		if err != nil {
			return t, err
		}
		runs, err := s.rounds(ctx, &w, jobs, nil)
		if err != nil {
			return t, err
		}
		for i := range ways {
			series[i].Points = append(series[i].Points, point(runs[i], name))
		}
		ceiling, flat, unflat := runs[0].Median(), runs[1].Median(), runs[2].Median()
		t.Rows = append(t.Rows, []string{name, grouped(w.LineBytes()), rate(ceiling),
			rate(flat), spread(runs[1]), ratio(flat.Rate(), ceiling.Rate()), grouped(float64(flat.Records) / flat.Took.Seconds()),
			fmt.Sprintf("%.2f", flat.CPU.Seconds()/float64(flat.Bytes)*1e9), allocations(flat), peak(flat),
			rate(unflat), ratio(unflat.Rate(), ceiling.Rate())})
		g, _ := Find(name) // s.workload has found it
		what = append(what, fmt.Sprintf("- `%s`: %s", name, g.What))
	}
	t.Series = series
	t.Note = fmt.Sprintf("%d MB a run, %s; records/s, CPU, allocations and memory are those of flattened.\n\n%s",
		volume/1e6, medians(s.Runs), strings.Join(what, "\n"))
	return t, nil
}

// BySize shows what the input's size costs: where the rate falls or the memory grows,
// something is not constant.
func (s *Suite) BySize(ctx context.Context, name string, volumes []int64) (report.Table, error) {
	t := report.Table{
		Name:    "Cost against size",
		Note:    fmt.Sprintf("Workload %s, flattened, %s. A run's time includes the start of the process.", name, medians(s.Runs)),
		Columns: []string{"input MB", "MB/s", "least–most", "of ceiling", "CPU s/GB", "allocations/record", "peak MiB"},
	}
	w, err := s.workload(name)
	if err != nil {
		return t, err
	}
	ways := []Way{Ceiling, Flattened}
	var jobs []Job
	for _, volume := range volumes {
		for _, way := range ways {
			jobs = append(jobs, Job{Way: way, Volume: volume})
		}
	}
	runs, err := s.rounds(ctx, &w, jobs, nil)
	if err != nil {
		return t, err
	}
	for _, way := range ways {
		t.Series = append(t.Series, report.Series{Kind: report.Line, Name: string(way), X: "input, MB", Y: "MB/s of input"})
	}
	for i := range volumes {
		ceiling, flat := runs[2*i], runs[2*i+1]
		m := flat.Median()
		t.Rows = append(t.Rows, []string{grouped(float64(m.Bytes) / 1e6), rate(m), spread(flat), ratio(m.Rate(), ceiling.Median().Rate()),
			fmt.Sprintf("%.2f", m.CPU.Seconds()/float64(m.Bytes)*1e9), allocations(m), peak(m)})
		for n, r := range []Runs{ceiling, flat} {
			p := point(r, "")
			p.X = float64(r.Median().Bytes) / 1e6
			t.Series[n].Points = append(t.Series[n].Points, p)
		}
	}
	return t, nil
}

// Large is one long run, for its memory.
func (s *Suite) Large(ctx context.Context, name string, volume int64) (report.Table, error) {
	t := report.Table{
		Name:    "One long run",
		Note:    fmt.Sprintf("Workload %s, flattened, once.", name),
		Columns: []string{"input MB", "MB/s", "records", "CPU s", "allocations/record", "peak MiB"},
	}
	w, err := s.workload(name)
	if err != nil {
		return t, err
	}
	r, err := Measure(ctx, s.Command, Job{Way: Flattened, Volume: volume, Profile: s.Profile}, &w)
	if err != nil {
		return t, err
	}
	s.logf("  %s, %d MB: %.0f MB/s, peak %.1f MiB", name, r.Bytes/1e6, r.Rate(), mib(r.PeakRSS))
	t.Rows = [][]string{{grouped(float64(r.Bytes) / 1e6), rate(r), grouped(float64(r.Records)),
		fmt.Sprintf("%.1f", r.CPU.Seconds()), allocations(r), peak(r)}}
	return t, nil
}

func (s *Suite) workload(name string) (Workload, error) {
	g, err := Find(name)
	if err != nil {
		return Workload{}, err
	}
	s.logf("workload %s: %s", g.Name, g.What)
	return g.Make(s.Seed, s.Block), nil
}
