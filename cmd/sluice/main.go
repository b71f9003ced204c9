// Command sluice is an Airbyte destination for Amazon S3.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/sluice-data/sluice/internal/pipe"
)

func main() {
	tuneMemory()
	pipe.Grow(os.Stdin)
	ctx, hurry := signals()
	os.Exit(run(ctx, os.Args[1:], streams{in: os.Stdin, out: os.Stdout, err: os.Stderr, hurry: hurry}))
}

// signals ends the context with the first signal that asks us to stop, and closes hurry with the
// second one. The third ends the process, as it would without us.
func signals() (ctx context.Context, hurry <-chan struct{}) {
	ctx, cancel := context.WithCancelCause(context.Background())
	now := make(chan struct{})
	asked := make(chan os.Signal, 2)
	signal.Notify(asked, os.Interrupt, syscall.SIGTERM)
	go func() {
		cancel(fmt.Errorf("%v signal received", <-asked))
		<-asked
		signal.Stop(asked)
		close(now)
	}()
	return ctx, now
}
