package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/sluice-data/sluice/internal/generate"
)

// generateOptions are the flags of generate.
type generateOptions struct {
	generate.Options
	catalog             string // file
	generation, minimum int64
	refresh             bool
}

func (a *app) generate() *cobra.Command {
	var o generateOptions
	cmd := &cobra.Command{
		Use:   "generate",
		Short: "Make Airbyte messages to try things with",
		Long: "Generate writes the messages of a source on stdout: records that look like real data, STATEs, and the statuses of its streams.\n" +
			"The same flags make the same bytes everywhere. Streams take turns, a STATE each.\n\nShapes:\n" + shapes(),
		Example: "  sluice generate --rows 5\n" +
			"  sluice generate --streams 3 --rows 100000 --catalog catalog.json > messages.jsonl\n" +
			"  sluice generate --catalog - > catalog.json && sluice generate --rows 1000000 | sluice write --config config.json --catalog catalog.json\n" +
			"  sluice generate --shape wide,nested --streams 10 --generation 7 --refresh --catalog catalog.json > refresh.jsonl",
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.complete(cmd); err != nil {
				return &usageError{err}
			}
			signal.Ignore(syscall.SIGPIPE) // a reader that has seen enough is no failure
			return o.run(cmd.Context(), a.out)
		},
	}
	f := cmd.Flags()
	f.IntVar(&o.Streams, "streams", 1, "how many streams")
	f.Int64Var(&o.Rows, "rows", 1000, "records of each stream")
	f.Uint64Var(&o.Seed, "seed", 1, "another number makes other records")
	f.StringSliceVar(&o.Shapes, "shape", []string{generate.Shapes[0].Name}, "what records look like; of several shapes the streams take one each, in turn")
	f.Int64Var(&o.StateEvery, "state-every", 1000, "records of a stream in front of each of its STATEs; 0: one at its end")
	f.BoolVar(&o.Statuses, "status", true, "stream statuses: STARTED, and COMPLETE, which ends a full refresh")
	f.StringVar(&o.catalog, "catalog", "", "write the configured catalog that fits to this file; -: print it, and no messages")
	f.BoolVar(&o.refresh, "refresh", false, "the catalog asks for a full refresh")
	f.Int64Var(&o.generation, "generation", 0, "the catalog has this generation_id; without, it has none")
	f.Int64Var(&o.minimum, "minimum-generation", 0, "the catalog has this minimum_generation_id: 0, or with a full refresh the generation")
	return cmd
}

func shapes() string {
	var b strings.Builder
	for _, s := range generate.Shapes {
		fmt.Fprintf(&b, "  %-10s %s\n", s.Name, s.What)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// complete checks the flags.
func (o *generateOptions) complete(cmd *cobra.Command) error {
	for _, n := range []struct {
		flag         string
		value, least int64
	}{
		{"streams", int64(o.Streams), 1}, {"rows", o.Rows, 0}, {"state-every", o.StateEvery, 0}, {"generation", o.generation, 0},
	} {
		if n.value < n.least {
			return fmt.Errorf("--%s is %d: must be at least %d", n.flag, n.value, n.least)
		}
	}
	flags := cmd.Flags()
	if !flags.Changed("generation") {
		if flags.Changed("minimum-generation") {
			return errors.New("--minimum-generation goes together with --generation")
		}
		o.Overwrite = o.refresh
	} else {
		if o.refresh && !flags.Changed("minimum-generation") {
			o.minimum = o.generation
		}
		if o.minimum != 0 && o.minimum != o.generation {
			return fmt.Errorf("--minimum-generation is %d: must be 0 (append) or the generation %d itself (full refresh)", o.minimum, o.generation)
		}
		if full := o.minimum > 0; o.refresh && !full {
			return fmt.Errorf("--refresh needs a minimum generation above 0, it is %d: leave --minimum-generation out, and give a --generation above 0", o.minimum)
		}
		o.Generation = &generate.Generation{ID: o.generation, Minimum: o.minimum}
	}
	return nil
}

func (o *generateOptions) run(ctx context.Context, out io.Writer) error {
	messages, err := generate.New(o.Options)
	if err != nil {
		return &usageError{err}
	}
	switch o.catalog {
	case "":
	case "-":
		// In a pipe the next command may look for its catalog before a file of ours is there.
		_, err = out.Write(messages.Catalog())
		return enough(err)
	default:
		if err := os.WriteFile(o.catalog, messages.Catalog(), 0o644); err != nil {
			return &usageError{fmt.Errorf("--catalog: %w", err)}
		}
	}
	return enough(messages.Write(ctx, out))
}

// enough is nil for a reader that has seen enough, such as head.
func enough(err error) error {
	if errors.Is(err, syscall.EPIPE) {
		return nil
	}
	return err
}
