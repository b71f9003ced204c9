// Command torture kills sluice with kill -9, hundreds of times, and looks at what is left:
// see internal/torture. `make torture` runs it.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/sluice-data/sluice/internal/gateway"
	"github.com/sluice-data/sluice/internal/torture"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx)
	stop()
	if err != nil {
		fmt.Fprintf(os.Stderr, "torture: %v\n", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	var opts torture.Options
	flag.StringVar(&opts.Binary, "sluice", "", "path of the sluice binary")
	flag.Uint64Var(&opts.Seed, "seed", 0, "what the rounds are drawn from; 0: the time")
	flag.IntVar(&opts.Rounds, "runs", 200, "the number of rounds")
	round := flag.Int("round", -1, "play this round alone")
	flag.IntVar(&opts.Jobs, "jobs", 2, "rounds at a time")
	report := flag.String("json", "", "write the figures to this file too")
	flag.Parse()
	if opts.Binary == "" {
		return errors.New("-sluice is missing: the path of the sluice binary (or use make torture)")
	}
	if opts.Seed == 0 {
		opts.Seed = uint64(time.Now().Unix())
	}
	if *round >= 0 {
		opts.First, opts.Rounds = *round, 1
	}
	opts.Found = func(v *torture.Violation, p *torture.Plan) {
		fmt.Printf("\nBROKEN: %v\n%v\nagain: make torture SEED=%d ROUND=%d\n\n", v, p, p.Seed, p.Round)
	}
	opts.Done = func(t *torture.Tally) {
		if t.Rounds%50 == 0 {
			fmt.Printf("%d rounds, %d kills, %d promises broken, %v\n", t.Rounds, t.Killed(), len(t.Violations), t.Duration.Round(time.Second))
		}
	}
	fmt.Printf("killing sluice in %d rounds of the seed %d\n", opts.Rounds, opts.Seed)
	if _, err := gateway.Binary(ctx, os.Stderr); err != nil {
		return err
	}
	tally, err := torture.Run(ctx, opts)
	if err != nil {
		return err
	}
	if err := tally.Write(os.Stdout); err != nil {
		return err
	}
	if *report != "" {
		raw, err := json.MarshalIndent(tally, "", "  ")
		if err != nil {
			return err
		}
		if err := os.WriteFile(*report, append(raw, '\n'), 0o644); err != nil {
			return err
		}
	}
	if n := len(tally.Violations); n > 0 {
		return fmt.Errorf("%d promises of docs/GUARANTEES.md were broken", n)
	}
	return nil
}
