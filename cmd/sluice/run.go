package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/sluice-data/sluice"
	"github.com/sluice-data/sluice/airbyte"
	"github.com/sluice-data/sluice/config"
	"github.com/sluice-data/sluice/kafka"
)

// streams are the process's standard streams.
type streams struct {
	in  io.Reader
	out io.Writer // Airbyte messages and nothing else, but for help, version and commands for people
	err io.Writer

	hurry <-chan struct{} // closed: what is under way is not finished any more
}

// app is what the commands share.
type app struct {
	streams
	emit  *airbyte.Emitter
	level slog.LevelVar
	log   *slog.Logger
}

// run is the whole program: it returns the exit code (see exit.go).
func run(ctx context.Context, args []string, std streams) int {
	a := &app{streams: std, emit: airbyte.NewEmitter(std.out)}
	a.log = airbyte.NewLogger(a.emit, &a.level)
	root := a.root()
	root.SetArgs(args)
	root.SetIn(std.in)
	root.SetOut(std.out)
	root.SetErr(std.err)
	if cmd, err := root.ExecuteContextC(ctx); err != nil {
		return a.fail(ctx, cmd, err)
	}
	return 0
}

func (a *app) root() *cobra.Command {
	var level string
	root := &cobra.Command{
		Use:           "sluice",
		Short:         "An Airbyte destination for Amazon S3",
		Long:          "Sluice reads Airbyte messages on stdin and leaves one directory of CSV, JSONL, Avro or Parquet objects a stream in a bucket.",
		Version:       sluice.Version,
		SilenceErrors: true,
		SilenceUsage:  true,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			if isForPeople(cmd) {
				a.turnToPeople(cmd)
			} else {
				// Without this a platform that closes our stdout kills us in the middle of an upload;
				// with it the write fails, and the sync ends in order. (A person who pipes us into
				// head wants the end, and no error.)
				signal.Ignore(syscall.SIGPIPE)
			}
			if err := a.level.UnmarshalText([]byte(level)); err != nil {
				return &usageError{fmt.Errorf("--log-level is %q: must be debug, info, warn or error", level)}
			}
			return nil
		},
	}
	root.PersistentFlags().StringVar(&level, "log-level", "info", "least level of what is logged: debug, info, warn, error")
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return &usageError{err} })
	group(root, forAirbyte, "The connector, as Airbyte runs it:", a.spec(), a.check(), a.write())
	group(root, forPeople, "For people:", a.demo(), a.worker(), a.ls(), a.gc(), a.tune(), a.generate())
	root.SetHelpCommandGroupID(forPeople)
	root.SetCompletionCommandGroupID(forPeople)
	completeEverywhere(root, a.out)
	return root
}

func (a *app) spec() *cobra.Command {
	return &cobra.Command{
		Use:     "spec",
		Short:   "Print the connector's specification",
		Example: "  sluice spec",
		Args:    noArgs,
		RunE:    func(*cobra.Command, []string) error { return a.emit.Spec(config.Spec()) },
	}
}

func (a *app) check() *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use:     "check --config FILE",
		Short:   "Prove that a config works: each right that a sync needs is tried",
		Example: "  sluice check --config config.json\n  sluice check --config - < config.json",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			raw, err := a.read(file, true)
			if err != nil {
				return err
			}
			// What is wrong with the config is the answer, not a failure of the command.
			cfg, err := a.config(raw)
			if err == nil {
				err = sluice.Check(cmd.Context(), cfg, sluice.Options{Log: a.log})
			}
			if err == nil && cfg.Engine == config.EngineKafka {
				err = kafka.Check(cmd.Context(), cfg, kafka.Options{Log: a.log})
			}
			if err != nil {
				if cause := interrupted(cmd.Context()); cause != nil {
					return cause
				}
				f := explain(err, syncing)
				return a.emit.ConnectionStatus(false, f.message)
			}
			return a.emit.ConnectionStatus(true, "")
		},
	}
	configFlag(cmd, &file)
	return cmd
}

func (a *app) write() *cobra.Command {
	var configFile, catalogFile string
	var show shown
	cmd := &cobra.Command{
		Use:     "write --config FILE --catalog FILE",
		Short:   "Sync: write the Airbyte messages on stdin to the bucket",
		Example: "  source read --config s.json --catalog c.json | sluice write --config config.json --catalog c.json",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			raw, err := a.read(configFile, false)
			if err != nil {
				return err
			}
			cfg, err := a.config(raw)
			if err != nil {
				return err
			}
			if raw, err = a.read(catalogFile, false); err != nil {
				return err
			}
			catalog, err := airbyte.ParseCatalog(raw)
			if err != nil {
				return err
			}
			if !onPlatform() && catalog.MarkPlaceholders() {
				a.log.Info("every generation and sync id in the catalog is 1, as PyAirbyte writes them: destination_sync_mode decides what is replaced")
			}
			return a.sync(cmd.Context(), cfg, catalog, &show)
		},
	}
	cmd.Flags().StringVar(&configFile, "config", "", "the config, a JSON file")
	cmd.Flags().StringVar(&catalogFile, "catalog", "", "the configured catalog, a JSON file")
	_ = cmd.MarkFlagRequired("config")
	_ = cmd.MarkFlagRequired("catalog")
	show.flags(cmd.Flags())
	return cmd
}

// onPlatform reports whether an Airbyte platform has started this process: it tells each
// connector the number of its job.
func onPlatform() bool { return os.Getenv("WORKER_JOB_ID") != "" }

// engine is what a sync goes through.
type engine interface {
	Run(ctx context.Context, in io.Reader, emit func(state []byte) error) (*sluice.Summary, error)
	Progress() *sluice.Progress
}

func (a *app) engine(ctx context.Context, cfg *config.Config, catalog *airbyte.Catalog) (engine, error) {
	if cfg.Engine == config.EngineKafka {
		return kafka.OpenFront(ctx, cfg, catalog, kafka.Options{Log: a.log, Hurry: a.hurry})
	}
	return sluice.Open(ctx, cfg, catalog, sluice.Options{Log: a.log, Hurry: a.hurry})
}

func (a *app) sync(ctx context.Context, cfg *config.Config, catalog *airbyte.Catalog, show *shown) error {
	if err := show.prepare(ctx, a); err != nil {
		return err
	}
	defer show.close()
	engine, err := a.engine(ctx, cfg, catalog)
	if err != nil {
		return err
	}
	end := show.start(a, engine.Progress)
	summary, err := engine.Run(ctx, a.in, a.emit.State)
	end(ctx, summary, err)
	return err
}

// config parses and checks a config, and makes sure that its secrets are never printed.
func (a *app) config(raw []byte) (*config.Config, error) {
	cfg, warnings, err := config.Parse(raw)
	if err != nil {
		return nil, err
	}
	a.emit.Redact(config.SecretsOf(cfg)...)
	for _, w := range warnings {
		a.log.Warn("config: " + w)
	}
	return cfg, nil
}

// read reads a file; "-" is stdin where the command has no other use for it.
func (a *app) read(name string, stdin bool) ([]byte, error) {
	if name == "-" {
		if !stdin {
			return nil, &usageError{errors.New("- (stdin) is where write reads its messages: give a file")}
		}
		return io.ReadAll(a.in)
	}
	raw, err := os.ReadFile(name)
	if err != nil {
		return nil, &usageError{err}
	}
	return raw, nil
}

func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return &usageError{fmt.Errorf("%q is one argument too many for %s", args[0], cmd.CommandPath())}
	}
	return nil
}
