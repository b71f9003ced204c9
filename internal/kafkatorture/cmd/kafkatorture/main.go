// Command kafkatorture kills workers and brokers of Apache Kafka, hundreds of times, and looks
// at what is left: see internal/kafkatorture. `make e2e-kafka` runs it.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/sluice-data/sluice/internal/gateway"
	"github.com/sluice-data/sluice/internal/kafkatorture"
)

func main() {
	if len(os.Args) > 1 && os.Args[1] == "naive" {
		end(naive(os.Args[2:]))
	}
	self, err := os.Executable()
	if err != nil {
		end(err)
	}
	if slices.ContainsFunc(os.Args, func(arg string) bool { return strings.TrimLeft(arg, "-") == "bench" }) {
		end(run(self, "")) // nothing is cut off
	}
	cmd := exec.Command(self, os.Args[1:]...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	// It hears of Ctrl-C itself, being in our group; a signal that is ignored it would inherit.
	signal.Notify(make(chan os.Signal, 1), os.Interrupt)
	code, done, reason := kafkatorture.Isolate(cmd)
	if done {
		os.Exit(code)
	}
	signal.Reset(os.Interrupt)
	end(run(self, reason))
}

func end(err error) {
	if err != nil {
		fmt.Fprintf(os.Stderr, "kafkatorture: %v\n", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// naive is the worker of the control arm.
func naive(args []string) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	flags := flag.NewFlagSet("naive", flag.ExitOnError)
	config := flags.String("config", "", "as sluice worker's")
	catalog := flags.String("catalog", "", "as sluice worker's")
	instance := flags.String("instance-id", "", "as sluice worker's")
	if err := flags.Parse(args); err != nil {
		return err
	}
	return kafkatorture.Naive(ctx, *config, *catalog, *instance)
}

func run(self, reason string) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	opts := kafkatorture.Options{Self: self, Found: found, Done: done}
	flag.StringVar(&opts.Binary, "sluice", "", "path of the sluice binary")
	flag.StringVar(&opts.Front, "front", "", "path of the sluice binary of the fronts, if it is another one")
	flag.StringVar(&opts.Libs, "libs", "", "directory of Kafka's jars")
	flag.StringVar(&opts.Producer, "producer", "", "source of the producer in Java")
	flag.StringVar(&opts.Python, "python", "python3", "interpreter for the auditor")
	flag.StringVar(&opts.Auditor, "auditor", "", "the auditor")
	flag.StringVar(&opts.Work, "work", "", "directory for what failed rounds leave")
	flag.Uint64Var(&opts.Seed, "seed", 0, "what the rounds are drawn from; 0: the time")
	rounds := flag.Int("runs", 12, "the number of rounds")
	round := flag.Int("round", -1, "play this round alone")
	flag.BoolVar(&opts.Direct, "direct", false, "look at the workers alone: rows go to Kafka without a front, and there are no STATEs")
	control := flag.Bool("control", true, "play the control arm too")
	bench := flag.Int("bench", 0, "measure workers beside sluice write with so many rows, and do nothing else")
	turns := flag.Int("turns", 5, "how often each of them")
	report := flag.String("json", "", "write the figures to this file too")
	flag.Parse()
	if opts.Binary == "" || opts.Libs == "" || opts.Work == "" || opts.Auditor == "" {
		return errors.New("-sluice, -libs, -work and -auditor are needed: use make e2e-kafka")
	}
	if opts.Front == "" {
		opts.Front = opts.Binary
	}
	if *bench > 0 {
		if _, err := gateway.Binary(ctx, os.Stderr); err != nil {
			return err
		}
		return kafkatorture.Bench(ctx, opts, *bench, *turns, os.Stdout)
	}
	if opts.Seed == 0 {
		opts.Seed = uint64(time.Now().Unix())
	}
	plan(&opts, *rounds, *round, *control)
	if reason != "" {
		fmt.Printf("no worker is cut off from Kafka or S3, but paused instead: %s\n", reason)
	}
	fmt.Printf("%d rounds of the seed %d, each some minutes\n", len(opts.Plans), opts.Seed)
	if _, err := gateway.Binary(ctx, os.Stderr); err != nil {
		return err
	}
	tally, err := kafkatorture.Run(ctx, opts)
	if err != nil {
		return err
	}
	return tell(tally, *report)
}

// plan draws the rounds, or the one that is asked for.
func plan(opts *kafkatorture.Options, rounds, round int, control bool) {
	switch {
	case round == kafkatorture.ControlRound:
		rounds, control = 0, true
	case round >= 0:
		opts.Plans, rounds, control = append(opts.Plans, kafkatorture.Draw(opts.Seed, round)), 0, false
	}
	if control {
		opts.Plans = append(opts.Plans, kafkatorture.Control(opts.Seed))
	}
	for i := range rounds {
		opts.Plans = append(opts.Plans, kafkatorture.Draw(opts.Seed, i))
	}
}

func found(v *kafkatorture.Violation, p *kafkatorture.Plan) {
	fmt.Printf("\nBROKEN: %v\n%vagain: make e2e-kafka SEED=%d ROUND=%d\n\n", v, p, p.Seed, p.Round)
}

func done(p *kafkatorture.Plan, t *kafkatorture.Tally) {
	name := fmt.Sprintf("round %d", p.Round)
	if p.Naive {
		name = "control arm"
	}
	fmt.Printf("%s, %v: %s\n", name, t.Duration.Round(time.Second), t.Line())
}

func tell(tally *kafkatorture.Tally, report string) error {
	for _, e := range tally.Exits {
		fmt.Println(e)
	}
	if err := tally.Write(os.Stdout); err != nil {
		return err
	}
	if report != "" {
		raw, err := json.MarshalIndent(tally, "", "  ")
		if err != nil {
			return err
		}
		if err := os.WriteFile(report, append(raw, '\n'), 0o644); err != nil {
			return err
		}
	}
	if n := len(tally.Violations); n > 0 {
		return fmt.Errorf("%d promises were broken", n)
	}
	return nil
}
