// Command bench measures the whole pipeline from a pipe into a store that discards, beside
// the ceiling of the pipe alone, alternating, in one run.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"runtime/debug"

	"github.com/sluice-data/sluice/bench"
)

func main() {
	child := flag.String("child", "", "internal: be the measured process, going this way")
	runs := flag.Int("runs", 5, "runs of each way; the medians are shown")
	megabytes := flag.Int64("mb", 1000, "input of a run, in MB")
	large := flag.Int64("large", 4000, "input of one more run, in MB, that shows whether memory grows; 0: none")
	profile := flag.String("profile", "", "file for a CPU profile of the flattened way")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	var err error
	if *child != "" {
		debug.SetGCPercent(50) // as cmd/sluice does
		err = profiled(*profile, func() error { return bench.Child(ctx, bench.Way(*child), os.Stdin) })
		if err == nil {
			err = bench.PrintPeak(os.Stdout)
		}
	} else {
		err = compare(ctx, bench.Lineitem(1, 64<<20), *runs, *megabytes*1e6, *large*1e6, *profile)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func compare(ctx context.Context, w bench.Workload, runs int, bytes, large int64, profile string) error {
	fmt.Printf("%s, %d runs of %d MB each way, alternating; %s %s/%s, %d cores\n\n",
		w.Name, runs, bytes/1e6, runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU())
	ways := []bench.Way{bench.Ceiling, bench.Flattened, bench.Unflattened}
	results := map[bench.Way][]bench.Result{}
	for range runs {
		for _, way := range ways {
			r, err := bench.Measure(ctx, self(way, ""), way, w, bytes)
			if err != nil {
				return err
			}
			results[way] = append(results[way], r)
		}
	}
	ceiling := bench.Median(results[bench.Ceiling]).Rate()
	fmt.Printf("%-12s %10s %12s %12s %10s %12s\n", "way", "MB/s", "of ceiling", "records/s", "CPU s", "peak MiB")
	show := func(name string, r bench.Result) {
		fmt.Printf("%-12s %10.0f %12.2f %12.0f %10.2f %12.1f\n", name, r.Rate(), r.Rate()/ceiling,
			float64(r.Records)/r.Took.Seconds(), r.CPU.Seconds(), float64(r.PeakRSS)/(1<<20))
	}
	for _, way := range ways {
		show(string(way), bench.Median(results[way]))
	}
	if large > 0 {
		r, err := bench.Measure(ctx, self(bench.Flattened, profile), bench.Flattened, w, large)
		if err != nil {
			return err
		}
		show(fmt.Sprintf("... %d GB", large/1e9), r)
	}
	return nil
}

// self starts this program again as the measured process.
func self(way bench.Way, profile string) func(context.Context) *exec.Cmd {
	return func(ctx context.Context) *exec.Cmd {
		return exec.CommandContext(ctx, os.Args[0], "-child", string(way), "-profile", profile)
	}
}
