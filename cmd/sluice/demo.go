package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/sluice-data/sluice/config"
	"github.com/sluice-data/sluice/internal/demo"
)

func (a *app) demo() *cobra.Command {
	var file string
	var keep keepFlag
	cmd := &cobra.Command{
		Use:   "demo [--config FILE] [--keep [DIR]]",
		Short: "See a whole sync of recorded data, in a directory or in your bucket",
		Long: "Demo runs sluice check and sluice write on what a source connector once said, and shows what came out.\n" +
			"It writes into a temporary directory; or, with --config, into the bucket of that config, where it makes a\n" +
			"directory of its own below the path. What it wrote is removed at the end.",
		Example: "  sluice demo\n  sluice demo --keep DIR\n  sluice demo --config config.json",
		Args: func(cmd *cobra.Command, args []string) error {
			// A flag whose value may be left out leaves the value to the arguments.
			if len(args) == 1 && keep.on && keep.dir == "" {
				keep.dir, args = args[0], nil
			}
			return noArgs(cmd, args)
		},
		RunE: func(cmd *cobra.Command, _ []string) error {
			signal.Ignore(syscall.SIGPIPE) // a reader that goes away (demo | head) must not keep us from tidying up
			opts, err := a.demoOptions(file, keep)
			if err != nil {
				return err
			}
			if level := cmd.Flag("log-level"); level.Changed {
				opts.LogLevel = level.Value.String()
			}
			ctx := cmd.Context()
			if !signal.Ignored(syscall.SIGHUP) { // as by nohup
				var stop func()
				ctx, stop = signal.NotifyContext(ctx, syscall.SIGHUP) // a terminal that is closed
				defer stop()
			}
			return demo.Run(ctx, opts)
		},
	}
	cmd.Flags().StringVar(&file, "config", "", "write below the path of this config, a JSON file; - is stdin")
	cmd.Flags().Var(&keep, "keep", "leave what was written; without --config, all files go to `DIR`, if it is given")
	cmd.Flags().Lookup("keep").NoOptDefVal = "true"
	return cmd
}

func (a *app) demoOptions(file string, keep keepFlag) (opts demo.Options, err error) {
	opts = demo.Options{Out: a.out, Keep: keep.on}
	if opts.Binary, err = os.Executable(); err != nil {
		return opts, err
	}
	switch {
	case file != "" && keep.dir != "":
		return opts, &usageError{errors.New("with --config the objects are in the bucket: --keep takes no directory then")}
	case file != "":
		if opts.Config, err = a.read(file, true); err != nil {
			return opts, err
		}
		cfg, _, err := config.Parse(opts.Config)
		if err != nil {
			return opts, err
		}
		a.emit.Redact(config.SecretsOf(cfg)...)
	case keep.dir != "":
		opts.Dir, err = emptyDir(keep.dir)
	}
	return opts, err
}

// keepFlag is --keep, --keep DIR or --keep=DIR.
type keepFlag struct {
	on  bool
	dir string
}

func (k *keepFlag) String() string { return k.dir }

// Type has the help show a flag whose value may be left out: then it is "true".
func (k *keepFlag) Type() string { return "bool" }

func (k *keepFlag) Set(value string) error {
	k.on, k.dir = value != "false", ""
	if k.on && value != "true" {
		k.dir = value
	}
	return nil
}

// emptyDir makes a directory, or makes sure that there is nothing in it.
func emptyDir(name string) (string, error) {
	dir, err := filepath.Abs(name)
	if err != nil {
		return "", err
	}
	switch entries, err := os.ReadDir(dir); {
	case errors.Is(err, fs.ErrNotExist):
		err := os.MkdirAll(dir, 0o755)
		if err != nil {
			err = &usageError{err}
		}
		return dir, err
	case err != nil:
		return "", &usageError{err}
	case len(entries) > 0:
		return "", &usageError{fmt.Errorf("--keep %s: the directory is not empty; give one that is, or one that is not there yet", name)}
	}
	return dir, nil
}
