package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/sluice-data/sluice"
	"github.com/sluice-data/sluice/config"
	"github.com/sluice-data/sluice/internal/tune"
)

// tuneOptions are the flags of tune.
type tuneOptions struct {
	config  string
	seconds int
	size    string
	memory  int
	json    bool

	bytes int64 // of size
}

func (a *app) tune() *cobra.Command {
	var o tuneOptions
	cmd := &cobra.Command{
		Use:   "tune --config FILE",
		Short: "Find the part size and concurrency of uploads for this bucket and machine",
		Long: "Tune uploads made-up bytes to the bucket of the config, with several part sizes and numbers of requests at a time, and prints\n" +
			"the upload block to paste into the config: an empty one if the defaults do as well. Nothing becomes visible in the bucket,\n" +
			"and what was uploaded is removed.",
		Example: "  sluice tune --config config.json\n" +
			"  sluice tune --config config.json --seconds 120 --memory-mb 512\n" +
			"  sluice tune --config config.json --json > tuned.json",
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.complete(); err != nil {
				return &usageError{err}
			}
			raw, err := a.read(o.config, true)
			if err != nil {
				return err
			}
			cfg, err := a.config(raw)
			if err != nil {
				return err
			}
			signal.Ignore(syscall.SIGPIPE) // a reader that goes away must not keep us from tidying up
			return o.run(cmd.Context(), a, cfg)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.config, "config", "", "the config, a JSON file; - is stdin")
	f.IntVar(&o.seconds, "seconds", 30, "about how long to measure")
	f.StringVar(&o.size, "size", "20GB", "the most to send in all, such as 500MB")
	f.IntVar(&o.memory, "memory-mb", 0, "upload.memory_mb to measure with; default: what a sync with this config has")
	f.BoolVar(&o.json, "json", false, "print the result as JSON, and nothing else")
	_ = cmd.MarkFlagRequired("config") // fails only for a flag that is not there
	return cmd
}

// complete checks the flags.
func (o *tuneOptions) complete() (err error) {
	const least = 200_000_000 // a round of the default, and not much more
	switch o.bytes, err = parseSize(o.size); {
	case err != nil:
		return fmt.Errorf("--size is %q: must be a number of bytes such as 500MB or 20GB", o.size)
	case o.bytes < least:
		return fmt.Errorf("--size is %s: must be at least 200MB, of which the first look takes the most", o.size)
	case o.seconds < 1 || o.seconds > 3600:
		return fmt.Errorf("--seconds is %d: must be 1 to 3600", o.seconds)
	case o.memory != 0 && o.memory < 32:
		return fmt.Errorf("--memory-mb is %d: must be at least 32", o.memory)
	}
	return nil
}

// parseSize reads a number of bytes with a decimal unit.
func parseSize(text string) (int64, error) {
	number, unit := strings.TrimSuffix(strings.ToUpper(text), "B"), 1.0
	for suffix, size := range map[string]float64{"K": 1e3, "M": 1e6, "G": 1e9, "T": 1e12} {
		if n, ok := strings.CutSuffix(number, suffix); ok {
			number, unit = n, size
			break
		}
	}
	n, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	if err == nil && !(n >= 0 && n*unit < 1e18) {
		err = errors.New("out of range")
	}
	return int64(n * unit), err
}

// run finds the setting, and leaves nothing behind.
func (o *tuneOptions) run(ctx context.Context, a *app, cfg *config.Config) (err error) {
	if strings.HasPrefix(cfg.Endpoint, "file:") {
		return &usageError{errors.New("s3_endpoint is a local directory: part size and concurrency matter only to uploads over a network")}
	}
	if o.memory > 0 {
		cfg.Upload.MemoryMB = o.memory
	}
	m, settings, err := o.meter(ctx, a, cfg)
	if err != nil {
		return err
	}
	defer func() { err = tidied(ctx, a, m, err) }()
	result, err := o.measure(ctx, a, m, settings)
	if err != nil {
		return err
	}
	report := &tune.Report{
		Result: result, Cores: runtime.GOMAXPROCS(0), Memory: m.Options.Memory, Upload: uploadBlock(cfg),
		Bytes: m.Sent, Requests: m.Requests.Load(), Colour: colourful(a.out),
	}
	report.Upload.Recommend(result)
	if o.json {
		return report.JSON(a.out)
	}
	return report.Text(a.out)
}

// meter prepares what measures.
func (o *tuneOptions) meter(ctx context.Context, a *app, cfg *config.Config) (*tune.Meter, []tune.Setting, error) {
	open := *cfg
	open.Upload.Concurrency = 64 // connections that are kept, for the most that is tried
	store, err := sluice.OpenStore(ctx, &open)
	if err != nil {
		return nil, nil, err
	}
	m, settings := tune.New(store, cfg, tune.Options{
		Time: time.Duration(o.seconds) * time.Second, Bytes: o.bytes,
		Say: func(line string) { a.say("%s", line) },
	})
	m.SweepBefore(ctx, time.Now().Add(-time.Hour))
	return m, settings, nil
}

// measure looks once, says what will be sent, and searches.
func (o *tuneOptions) measure(ctx context.Context, a *app, m *tune.Meter, settings []tune.Setting) (*tune.Result, error) {
	most := tune.MostRequests(o.bytes)
	a.say("Uploads to %s, %s/, for about %d s: at most %s in %d requests,\nwhich on Amazon S3 cost at most $%.3f; bytes in cost nothing there, but a NAT gateway on the way may.\nNothing of it becomes visible, and all of it is removed.\n",
		m.Store.Properties().Name, m.Dir, o.seconds, gigabytes(o.bytes), most, tune.Cost(most))
	if _, err := m.Probe(ctx); err != nil {
		return nil, err
	}
	plan, err := m.Plan(ctx, settings)
	if err != nil {
		return nil, err
	}
	if bound := 2 * m.Time; plan.Time > bound {
		return nil, fmt.Errorf("the network, or the store, is too slow to compare settings in %v: that takes about %d s: give --seconds %d",
			m.Time, int(plan.Time.Seconds()), int(plan.Time.Seconds()/10+1)*10)
	}
	a.say("\nThat was the first look, which does not count. %d settings: about %s in %d requests ($%.3f), %d s.\n",
		len(settings), gigabytes(plan.Bytes), plan.Requests, tune.Cost(plan.Requests), int(plan.Time.Seconds()+0.5))
	result, err := tune.Search(ctx, settings, m.Measure)
	a.say("")
	return result, err
}

// tidied makes sure that nothing is left, and adds to the error what is.
func tidied(ctx context.Context, a *app, m *tune.Meter, err error) error {
	left, looking := m.Tidy(ctx)
	if len(left) > 0 {
		return fmt.Errorf("%w; these unfinished uploads are left in %s, invisible, but they cost storage until somebody aborts them, or a lifecycle rule does: %s",
			cmp.Or(err, looking, errLeft), m.Store.Properties().Name, strings.Join(left, ", "))
	}
	switch {
	case looking != nil:
		a.say("Every upload was aborted, as far as can be told; to look whether one is left was not possible: %v", looking)
	case err != nil:
		a.say("Nothing is left in %s.", m.Store.Properties().Name)
	}
	return err
}

// errLeft is what nobody has another error for.
var errLeft = errors.New("not all of it could be removed")

// say writes to stderr, for who is watching.
func (a *app) say(format string, args ...any) {
	_, _ = fmt.Fprintln(a.err, a.emit.Clean(fmt.Sprintf(format, args...)))
}

func gigabytes(n int64) string { return fmt.Sprintf("%.1f GB", float64(n)/1e9) }

// uploadBlock is what the config has set.
func uploadBlock(cfg *config.Config) tune.Upload {
	u := tune.Upload{MemoryMB: cfg.Upload.MemoryMB, TimeoutSeconds: cfg.Upload.TimeoutSeconds}
	if retry := cfg.Upload.RetryMinutes; retry != config.Default().Upload.RetryMinutes {
		u.RetryMinutes = &retry
	}
	return u
}

// colourful reports whether a writer is a terminal that takes colours.
func colourful(w io.Writer) bool {
	file, ok := w.(*os.File)
	if !ok || os.Getenv("NO_COLOR") != "" || os.Getenv("TERM") == "dumb" {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
