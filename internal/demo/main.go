// Command demo shows one whole sync: what a source connector said is piped through the
// sluice binary into a real S3 server, and what then is in the bucket is read back.
// `make demo` runs it. It needs no network and leaves nothing behind.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/sluice-data/sluice/internal/gateway"
)

const (
	bucketName = "demo"
	bucketPath = "data_sync"

	configFile  = "config.json"
	catalogFile = "catalog.json"
)

func main() {
	binary := flag.String("sluice", "", "path of the sluice binary")
	flag.Parse()
	// A reader that goes away (demo | head) must not keep us from tidying up.
	signal.Ignore(syscall.SIGPIPE)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	err := run(ctx, *binary, os.Stdout)
	if cause := context.Cause(ctx); err != nil && cause != nil {
		err = cause // what else went wrong then is only what follows from it
	}
	stop()
	if err != nil {
		fmt.Fprintf(os.Stderr, "\ndemo: %v\n", err)
		os.Exit(1)
	}
}

// run is the whole demo. When it returns, the server has ended and its files are gone.
func run(ctx context.Context, binary string, out io.Writer) (err error) {
	if binary == "" {
		return errors.New("-sluice is missing: the path of the sluice binary (or use make demo)")
	}
	if binary, err = filepath.Abs(binary); err != nil {
		return err
	}
	rec, err := loadRecording()
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "sluice-demo-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()

	server, err := startServer(ctx, dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.Stop()) }()

	return show(ctx, screen{out}, &sluice{binary: binary, dir: dir, server: server, recording: rec})
}

// startServer runs the S3 server. Of its output only the news that it is being built is
// for the user; Start gives the rest in its error.
func startServer(ctx context.Context, dir string) (*gateway.Gateway, error) {
	if _, err := gateway.Binary(ctx, os.Stderr); err != nil {
		return nil, err
	}
	return gateway.Start(ctx, gateway.Options{Dir: dir, Buckets: []string{bucketName}})
}
