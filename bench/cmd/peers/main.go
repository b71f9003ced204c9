// Command peers measures other tools beside Sluice, in turns, on the same records. It
// installs them at its first run, prints a report, and with -save writes it to
// bench/results. It is started in the repository's root.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"

	"github.com/sluice-data/sluice/bench"
	"github.com/sluice-data/sluice/bench/peers"
	"github.com/sluice-data/sluice/bench/report"
)

type options struct {
	runs      int
	megabytes int64
	only      string
	tables    string
	probes    bool
	sluice    string
	python    string
	bin       string
	dir       string
	save      bool
	results   string
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var err error
	if job, ok := bench.IsChild(); ok {
		err = bench.Child(ctx, job, os.Stdin, os.Stdout)
	} else {
		err = measure(ctx, os.Args[1:])
	}
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "peers:", err)
		os.Exit(1)
	}
}

func (o *options) parse(args []string) error {
	f := flag.NewFlagSet("peers", flag.ContinueOnError)
	f.IntVar(&o.runs, "runs", 5, "`runs` of each tool; medians are shown")
	f.Int64Var(&o.megabytes, "mb", 1000, "input of a run, in `MB`; slow tools get less")
	f.StringVar(&o.only, "only", "", "beside Sluice, only tools with one of these `words` in their names, with commas between")
	f.StringVar(&o.tables, "tables", "flattened,unflattened,s3,parquet-zstd,parquet-snappy,avro,jsonl", "`tables` to make, with commas between")
	f.BoolVar(&o.probes, "probes", true, "see what the tools make of unusual records")
	f.StringVar(&o.sluice, "sluice", ".bin/sluice", "the `program` sluice")
	f.StringVar(&o.python, "python", "python3", "the `program` that makes the environments of Python tools")
	f.StringVar(&o.bin, "bin", ".bin/peers", "`directory` for the tools")
	f.StringVar(&o.dir, "dir", "", "`directory` for input and output, which take about three times -mb; default: memory (/dev/shm), or that for temporary files")
	f.BoolVar(&o.save, "save", false, "write the report to -results, as Markdown and JSON")
	f.StringVar(&o.results, "results", "bench/results", "`directory` for -save")
	if err := f.Parse(args); err != nil {
		return err
	}
	if f.NArg() > 0 {
		return fmt.Errorf("%q is one argument too many", f.Arg(0))
	}
	if o.runs < 1 || o.megabytes < 1 {
		return fmt.Errorf("-runs is %d, -mb is %d: both must be at least 1", o.runs, o.megabytes)
	}
	return nil
}

// choose returns the peers of the tables and tools that were asked for.
func (o *options) choose(all []peers.Peer) ([]peers.Peer, error) {
	tables := strings.Split(o.tables, ",")
	chosen := slices.DeleteFunc(all, func(p peers.Peer) bool {
		if !slices.Contains(tables, string(p.Table)) {
			return true
		}
		return o.only != "" && p.Tool != "" && !slices.ContainsFunc(strings.Split(o.only, ","), func(word string) bool {
			return strings.Contains(strings.ToLower(p.Name+" "+p.Tool), strings.ToLower(word))
		})
	})
	if len(chosen) == 0 {
		return nil, fmt.Errorf("-tables %q -only %q leave nothing", o.tables, o.only)
	}
	return chosen, nil
}

func measure(ctx context.Context, args []string) (err error) {
	var o options
	if err := o.parse(args); err != nil {
		return err
	}
	chosen, err := o.choose(peers.All())
	if err != nil {
		return err
	}
	env, err := o.environment(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(env.Work)) }()
	s := &peers.Suite{Env: env, Peers: chosen, Runs: o.runs, Volume: o.megabytes * 1e6, Probes: o.probes, Log: os.Stderr,
		Command: func(ctx context.Context) *exec.Cmd { return exec.CommandContext(ctx, os.Args[0]) }}
	r := report.New("Peers")
	// What was measured is shown, even if one of them failed.
	failure := s.Run(ctx)
	if r.Tables = s.Tables(); len(r.Tables) == 0 {
		return failure
	}
	o.settings(r, s)
	if failure != nil {
		r.Settings["left out"] = failure.Error()
	}
	return errors.Join(failure, o.write(r))
}

// environment makes the directories.
func (o *options) environment(ctx context.Context) (*peers.Env, error) {
	root, err := os.Getwd()
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(filepath.Join(root, "bench", "peers")); err != nil {
		return nil, fmt.Errorf("start it in the root of the repository: %w", err)
	}
	python, _, err := peers.FindPython(ctx, o.python)
	if err != nil {
		return nil, err
	}
	bin, err := filepath.Abs(o.bin)
	if err != nil {
		return nil, err
	}
	sluice, err := filepath.Abs(o.sluice)
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(sluice); err != nil {
		return nil, fmt.Errorf("%w (make build makes it)", err)
	}
	if o.dir == "" {
		o.dir = peers.Scratch(3 * o.megabytes * 1e6)
	}
	work, err := os.MkdirTemp(o.dir, "sluice-peers-")
	if err != nil {
		return nil, err
	}
	return &peers.Env{Root: root, Bin: bin, Work: work, Sluice: sluice, Python: python, Threads: runtime.GOMAXPROCS(0)}, nil
}

// settings says what a reader must know to believe the numbers, and to repeat them.
func (o *options) settings(r *report.Report, s *peers.Suite) {
	r.Settings["command"] = fmt.Sprintf("make bench-peers, %d runs of each tool in turns, medians; %d threads where a tool takes a number", o.runs, s.Env.Threads)
	r.Settings["input"] = "one file (Sluice from a pipe: written by another process), read once before each run, so that it comes from memory"
	r.Settings["files"] = "input and output are on " + peers.FileSystem(s.Env.Work)
	r.Settings["MB/s"] = "10^6 bytes of Airbyte messages a second, for tools with another input those of the same records; the time is that of the whole process, its start and the loading of Python included"
	r.Settings["CPU"] = "user and system time that the system gives for the process tree at its end"
	r.Settings["peak"] = "memory resident in the process tree, looked at every 10 ms, or the system's own record (VmHWM) of one process where that is more. It includes mapped files: libraries, and the input of tools that map it; \"without files\" is what is left without them (RssAnon)"
	r.Settings["times Sluice"] = "the rate divided by that of the first line"
	if versions := s.Versions(); versions != "" {
		r.Settings["tools"] = versions
	}
}

// write prints the report, and saves it if that is asked for.
func (o *options) write(r *report.Report) error {
	if err := r.WriteMarkdown(os.Stdout); err != nil || !o.save {
		return err
	}
	stem, err := r.Save(o.results, "peers")
	if err == nil {
		fmt.Fprintf(os.Stderr, "\nwritten: %s.md and .json\n", stem)
	}
	return err
}
