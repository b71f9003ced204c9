// Ingest is an HTTP server that takes records and answers once they are in the bucket.
//
//	ingest -config config.json -table events -table users=users.schema.json
//	curl --data-binary @events.ndjson http://127.0.0.1:8080/v1/events
//
// main.go is the process, server.go the requests, lake.go the writer that they share.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/sluice-data/sluice"
	"github.com/sluice-data/sluice/config"
)

func main() {
	// A second signal ends the process at once, as the default is.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	if err := run(ctx, log, os.Args[1:]); err != nil && !errors.Is(err, flag.ErrHelp) {
		log.Error(err.Error())
		os.Exit(1)
	}
}

// run serves until ctx ends.
func run(ctx context.Context, log *slog.Logger, args []string) error {
	var tables []sluice.Table
	flags := flag.NewFlagSet("ingest", flag.ContinueOnError)
	file := flags.String("config", "config.json", "Sluice's `file` of settings")
	address := flags.String("listen", "127.0.0.1:8080", "`address` to listen on")
	wait := flags.Duration("wait", 20*time.Second, "how long a request may wait until its records are in the bucket")
	grace := flags.Duration("grace", 25*time.Second, "how long requests may take that are under way when a signal comes")
	limits := limits{}
	flags.Int64Var(&limits.body, "max-bytes", 8<<20, "`bytes` that a request may have")
	flags.IntVar(&limits.requests, "max-requests", 32, "requests that may be under way at a time")
	pace := pace{}
	flags.DurationVar(&pace.every, "commit-every", time.Second, "time from one checkpoint to the next, each of which makes an object a table")
	flags.Int64Var(&pace.bytes, "commit-bytes", 64<<20, "`bytes` that may wait for a checkpoint before it is made earlier")
	flags.Func("table", "`name` of a table, or name=file with its JSON schema; may be repeated", func(value string) error {
		t, err := parseTable(value)
		tables = append(tables, t)
		return err
	})
	if err := flags.Parse(args); err != nil {
		return err
	}
	if len(tables) == 0 {
		return errors.New("no tables: name them with -table")
	}
	cfg, err := readConfig(log, *file)
	if err != nil {
		return err
	}
	// Wrong settings and missing rights end the start, where somebody sees them.
	if err := sluice.Check(ctx, cfg, sluice.Options{Log: log}); err != nil {
		return fmt.Errorf("looking at the bucket: %w", err)
	}
	lake := &lake{cfg: cfg, tables: tables, pace: pace, log: log}
	if err := lake.open(); err != nil {
		return err
	}
	listener, err := net.Listen("tcp", *address)
	if err != nil {
		return err
	}
	log.Info("listening", "address", listener.Addr().String())
	server := &http.Server{
		Handler:           newServer(lake, limits, *wait),
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       time.Minute,
		WriteTimeout:      time.Minute + *wait,
	}
	return serve(ctx, server, listener, lake, *grace)
}

// serve answers requests until ctx ends, then those that are under way, and closes the lake last:
// so all that was acknowledged is in the bucket, and what comes then is not acknowledged.
func serve(ctx context.Context, server *http.Server, listener net.Listener, lake *lake, grace time.Duration) error {
	keep, end := context.WithCancel(context.Background())
	defer end()
	kept := make(chan struct{})
	go func() { defer close(kept); lake.keep(keep) }()
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()

	var err error
	select {
	case err = <-failed:
	case <-ctx.Done():
	}
	lake.log.Info("stopping")
	bound, cancel := context.WithTimeout(context.Background(), grace)
	defer cancel()
	err = errors.Join(err, server.Shutdown(bound))
	end()
	err = errors.Join(err, lake.close(bound))
	<-kept
	return err
}

func readConfig(log *slog.Logger, file string) (*config.Config, error) {
	raw, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	cfg, warnings, err := config.Parse(raw)
	for _, w := range warnings {
		log.Warn(w, "file", file)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return cfg, nil
}

func parseTable(value string) (sluice.Table, error) {
	name, file, found := strings.Cut(value, "=")
	t := sluice.Table{Name: name}
	if !found {
		return t, nil
	}
	schema, err := os.ReadFile(file)
	t.Schema = schema
	return t, err
}
