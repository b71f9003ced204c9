// Command bench measures the engine: whole pipelines in a process of their own, fed through
// a pipe as a source would, beside the ceiling of a pipeline that only copies. It prints a
// report, and with -save writes it to bench/results.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/sluice-data/sluice/bench"
	"github.com/sluice-data/sluice/bench/report"
)

// options are the flags. Sizes are in MB, 10^6 bytes.
type options struct {
	runs      int
	workload  string
	ways      string
	megabytes int64
	workloads string
	each      int64
	sizes     string
	large     int64
	profile   string
	seed      uint64
	sweep     sweepOptions
	out       output
}

// output says where a report goes.
type output struct {
	save bool
	dir  string
	name string
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var err error
	if job, ok := bench.IsChild(); ok {
		err = profiled(job.Profile, func() error { return bench.Child(ctx, job, os.Stdin, os.Stdout) })
	} else {
		err = measure(ctx, os.Args[1:])
	}
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func (o *options) flags() *flag.FlagSet {
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	f.IntVar(&o.runs, "runs", 5, "`runs` of each way; medians are shown")
	f.StringVar(&o.workload, "workload", "tpch-lineitem", "`workload` of the tables by way, by size, and of the long run")
	f.StringVar(&o.ways, "ways", "all", "`ways` to compare on it, with commas between; none")
	f.Int64Var(&o.megabytes, "mb", 1000, "input of a run of the table by way, in `MB`")
	f.StringVar(&o.workloads, "workloads", "all", "`workloads` of the table by workload, with commas between; none")
	f.Int64Var(&o.each, "each", 400, "input of a run of the table by workload, in `MB`")
	f.StringVar(&o.sizes, "sizes", "100,300,1000,3000", "inputs of the table by size, in `MB`; none")
	f.Int64Var(&o.large, "large", 4000, "input of one long run, in `MB`, that shows whether memory grows; 0: none")
	f.StringVar(&o.profile, "profile", "", "`file` for a CPU profile of the long run")
	f.Uint64Var(&o.seed, "seed", 1, "`seed` of the workloads")
	o.sweep.flags(f)
	f.BoolVar(&o.out.save, "save", false, "write the report to -results, as Markdown and JSON")
	f.StringVar(&o.out.dir, "results", "bench/results", "`directory` for -save")
	f.StringVar(&o.out.name, "name", "", "`name` to put behind date and commit in the file's name")
	f.Usage = func() {
		fmt.Fprint(f.Output(), "bench measures the engine and prints a report.\n\nFlags:\n")
		f.PrintDefaults()
		fmt.Fprint(f.Output(), "\nWays:\n")
		for _, w := range bench.Ways {
			fmt.Fprintf(f.Output(), "  %-15s %s\n", w.Way, w.What)
		}
		fmt.Fprint(f.Output(), "\nWorkloads:\n")
		for _, g := range bench.Workloads {
			fmt.Fprintf(f.Output(), "  %-15s %s\n", g.Name, g.What)
		}
	}
	return f
}

func measure(ctx context.Context, args []string) error {
	var o options
	f := o.flags()
	if err := f.Parse(args); err != nil {
		return err
	}
	if f.NArg() > 0 {
		return fmt.Errorf("%q is one argument too many", f.Arg(0))
	}
	if o.runs < 1 {
		return fmt.Errorf("-runs is %d: must be at least 1", o.runs)
	}
	if o.sweep.on {
		r, err := o.sweep.run(ctx, o.workload, o.seed)
		if err != nil {
			return err
		}
		if o.out.name == "" {
			o.out.name = "sweep"
		}
		return o.out.write(r)
	}
	s := &bench.Suite{Command: self, Runs: o.runs, Seed: o.seed, Block: 64 << 20, Log: os.Stderr, Profile: o.profile}
	r := report.New("Throughput")
	r.Settings["engine"] = "all defaults but what a way names"
	r.Settings["input"] = "written into a pipe by another process of the same machine"
	r.Settings["store"] = "discards, but reads every byte and computes its CRC-32; of the ways with s3, a server on the same machine"
	r.Settings["allocations/record"] = "on the heap, between 25% and 95% of the input"
	r.Settings["seed"] = strconv.FormatUint(o.seed, 10)
	for _, step := range o.steps(s) {
		t, err := step(ctx)
		if err != nil {
			return err
		}
		r.Tables = append(r.Tables, t)
	}
	return o.out.write(r)
}

// steps are the tables that the flags ask for.
func (o *options) steps(s *bench.Suite) []func(context.Context) (report.Table, error) {
	type ctx = context.Context
	var steps []func(ctx) (report.Table, error)
	if ways := o.chosenWays(); len(ways) > 0 {
		steps = append(steps, func(c ctx) (report.Table, error) { return s.ByWay(c, o.workload, ways, o.megabytes*1e6) })
		if slices.Contains(ways, bench.Gzip) {
			steps = append(steps, func(c ctx) (report.Table, error) { return s.Compression(c, o.workload, o.each*1e6) })
		}
	}
	if names := o.chosenWorkloads(); len(names) > 0 {
		steps = append(steps, func(c ctx) (report.Table, error) { return s.ByWorkload(c, names, o.each*1e6) })
	}
	if o.sizes != "none" {
		steps = append(steps, func(c ctx) (report.Table, error) {
			var volumes []int64
			for _, text := range strings.Split(o.sizes, ",") {
				n, err := strconv.ParseInt(text, 10, 64)
				if err != nil || n < 1 {
					return report.Table{}, fmt.Errorf("-sizes: %q is no number of MB", text)
				}
				volumes = append(volumes, n*1e6)
			}
			return s.BySize(c, o.workload, volumes)
		})
	}
	if o.large > 0 {
		steps = append(steps, func(c ctx) (report.Table, error) { return s.Large(c, o.workload, o.large*1e6) })
	}
	return steps
}

func (o *options) chosenWays() (ways []bench.Way) {
	switch o.ways {
	case "none":
	case "all":
		for _, w := range bench.Ways {
			ways = append(ways, w.Way)
		}
	default:
		for _, w := range strings.Split(o.ways, ",") {
			ways = append(ways, bench.Way(w))
		}
	}
	return ways
}

func (o *options) chosenWorkloads() (names []string) {
	switch o.workloads {
	case "none":
	case "all":
		for _, g := range bench.Workloads {
			names = append(names, g.Name)
		}
	default:
		names = strings.Split(o.workloads, ",")
	}
	return names
}

// write prints the report, and saves it if that is asked for.
func (o output) write(r *report.Report) error {
	if err := r.WriteMarkdown(os.Stdout); err != nil || !o.save {
		return err
	}
	stem, err := r.Save(o.dir, o.name)
	if err == nil {
		fmt.Fprintf(os.Stderr, "\nwritten: %s.md and .json\n", stem)
	}
	return err
}

// self starts this program again as the measured process.
func self(ctx context.Context) *exec.Cmd { return exec.CommandContext(ctx, os.Args[0]) }
