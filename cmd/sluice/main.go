// Command sluice is an Airbyte destination for Amazon S3.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/sluice-data/sluice/internal/pipe"
)

func main() {
	tuneMemory()
	pipe.Grow(os.Stdin)
	// Without this a platform that closes our stdout kills us in the middle of an upload;
	// with it the write fails, and the sync ends in order.
	signal.Ignore(syscall.SIGPIPE)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], streams{in: os.Stdin, out: os.Stdout, err: os.Stderr})
	stop()
	os.Exit(code)
}
