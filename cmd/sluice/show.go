package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/pflag"

	"github.com/sluice-data/sluice"
	"github.com/sluice-data/sluice/internal/live"
	"github.com/sluice-data/sluice/internal/metrics"
)

// logEvery is how often a sync without a picture says how far it is.
const logEvery = 30 * time.Second

// shown is how people are told how a sync goes.
type shown struct {
	progress string
	terminal *live.Terminal // nil: no picture

	metricsAddr    string
	metricsStreams int
	metrics        *metrics.Server // nil: none
}

func (s *shown) flags(set *pflag.FlagSet) {
	set.StringVar(&s.progress, "progress", "auto", "how far the sync is: live, a picture on the terminal behind stderr; log, a LOG message each half minute; none; auto, live if it can be, else log")
	set.StringVar(&s.metricsAddr, "metrics-addr", "", "HOST:PORT where Prometheus finds /metrics, and others /healthz, as long as the sync runs; default: nowhere")
	set.IntVar(&s.metricsStreams, "metrics-streams", 200, "so many streams, the first of the catalog, have metrics of their own; the rest is the stream \"other\"")
}

// prepare looks whether what is wanted can be had. close has to follow.
func (s *shown) prepare(ctx context.Context, a *app) error {
	switch s.progress {
	case "log", "none":
	case "auto", "live":
		s.terminal = live.Open(a.err, os.Getenv)
	default:
		return &usageError{fmt.Errorf("--progress is %q: must be auto, live, log or none", s.progress)}
	}
	if s.progress == "live" && s.terminal == nil {
		return &usageError{errors.New("--progress is live, but stderr is no terminal that can be drawn on: leave the option out, or see what TERM is")}
	}
	if s.metricsStreams < 0 {
		return &usageError{fmt.Errorf("--metrics-streams is %d: must not be negative", s.metricsStreams)}
	}
	if s.metricsAddr == "" {
		return nil
	}
	var err error
	if s.metrics, err = metrics.Listen(ctx, s.metricsAddr, a.log); err != nil {
		return &usageError{fmt.Errorf("--metrics-addr is %q: %w: choose another HOST:PORT, or leave the option out", s.metricsAddr, err)}
	}
	return nil
}

// close ends what is served.
func (s *shown) close() {
	if s.metrics != nil {
		s.metrics.Close()
	}
}

// start begins to show what progress tells, and returns what shows the end.
func (s *shown) start(a *app, progress func() *sluice.Progress) (end func(context.Context, *sluice.Summary, error)) {
	if s.metrics != nil {
		s.metrics.Serve(progress, s.metricsStreams)
	}
	switch {
	case s.terminal != nil:
		return s.draw(a, progress)
	case s.progress == "none":
		return func(_ context.Context, sum *sluice.Summary, _ error) { a.summary(sum) }
	}
	stop := live.Log(a.log, progress, logEvery)
	return func(_ context.Context, sum *sluice.Summary, _ error) {
		stop()
		a.summary(sum)
	}
}

// draw shows a picture. Where messages go to a terminal too, they come to stand above it, and
// a summary below them would say the same again.
func (s *shown) draw(a *app, progress func() *sluice.Progress) (end func(context.Context, *sluice.Summary, error)) {
	picture := live.Start(s.terminal, progress)
	together := live.IsTerminal(a.out)
	if together {
		a.emit.Through(picture.Writer)
	}
	return func(ctx context.Context, sum *sluice.Summary, err error) {
		why := ""
		if err != nil {
			why = a.emit.Clean(failed(ctx, err, syncing, stoppedSyncing).message)
		}
		picture.End(func(look live.Look) []string { return live.End(sum, progress(), why, look) })
		if !together {
			a.summary(sum)
		}
	}
}

// summary logs what a sync did; nil is one that failed.
func (a *app) summary(s *sluice.Summary) {
	if s == nil {
		return
	}
	for _, stream := range s.Streams {
		a.log.Info(stream.String())
	}
	a.log.Info(s.String())
	a.log.Info(s.Times())
}
