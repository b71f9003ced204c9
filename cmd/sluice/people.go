package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sluice-data/sluice"
	"github.com/sluice-data/sluice/config"
	"github.com/sluice-data/sluice/internal/inventory"
)

// Groups of commands. What those of the first say is Airbyte's protocol, all of it on stdout.
// The others are for people: plain text, and what goes wrong is on stderr.
const (
	forAirbyte = "airbyte"
	forPeople  = "people"
)

// group puts commands into groups; those that cobra adds are for people.
func group(root *cobra.Command, id, title string, commands ...*cobra.Command) {
	root.AddGroup(&cobra.Group{ID: id, Title: title})
	for _, cmd := range commands {
		cmd.GroupID = id
		root.AddCommand(cmd)
	}
}

// isForPeople reports whether a command, or one that it is part of, is for people.
func isForPeople(cmd *cobra.Command) bool {
	for ; cmd != nil; cmd = cmd.Parent() {
		if cmd.GroupID == forPeople {
			return true
		}
	}
	return false
}

// turnToPeople makes what the command has to tell, beside its output, text on stderr.
func (a *app) turnToPeople(cmd *cobra.Command) {
	a.log = slog.New(&notes{a: a, command: cmd.CommandPath()})
}

// complain tells people of an error.
func (a *app) complain(cmd *cobra.Command, message string) {
	_, _ = fmt.Fprintf(a.err, "%s: %s\n", cmd.CommandPath(), a.emit.Clean(message))
}

// notes is a log for people.
type notes struct {
	a       *app
	command string
}

func (n *notes) Enabled(_ context.Context, level slog.Level) bool { return level >= n.a.level.Level() }

func (n *notes) Handle(_ context.Context, r slog.Record) error {
	level := strings.ToLower(r.Level.String())
	if r.Level == slog.LevelWarn {
		level = "warning"
	}
	_, err := fmt.Fprintf(n.a.err, "%s: %s: %s\n", n.command, level, n.a.emit.Clean(r.Message))
	return err
}

// WithAttrs and WithGroup: nothing that is logged here has attributes.
func (n *notes) WithAttrs([]slog.Attr) slog.Handler { return n }
func (n *notes) WithGroup(string) slog.Handler      { return n }

// patience is how long an outage is sat out while somebody waits in front of the screen.
const patience = 15 * time.Second

// open opens the bucket of a config, to look at it.
func (a *app) open(ctx context.Context, configFile string) (*inventory.Bucket, error) {
	raw, err := a.read(configFile, true)
	if err != nil {
		return nil, err
	}
	cfg, err := a.config(raw)
	if err != nil {
		return nil, err
	}
	if err := isThere(cfg); err != nil {
		return nil, err
	}
	store, err := sluice.OpenStore(ctx, cfg)
	if err != nil {
		return nil, err
	}
	template, err := cfg.Template()
	if err != nil {
		return nil, err
	}
	return inventory.Open(store, template, min(cfg.Upload.RetryFor(), patience), func(err error, pause time.Duration) {
		a.log.Warn(fmt.Sprintf("%v; trying again in %s", err, pause.Round(time.Millisecond)))
	}), nil
}

// isThere keeps a look at a directory from making it, as a sync would.
func isThere(cfg *config.Config) error {
	u, err := url.Parse(cfg.Endpoint)
	if err != nil || u.Scheme != "file" {
		return nil
	}
	dir := filepath.Join(filepath.FromSlash(u.Path), cfg.Bucket)
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return config.Errors{{Field: "s3_endpoint", Value: strconv.Quote(cfg.Endpoint), Allowed: "there is no directory " + dir + " yet; the first sync makes it"}}
	}
	return nil // what else is wrong with it, opening it tells
}

// configFlag is the flag that each command has.
func configFlag(cmd *cobra.Command, file *string) {
	cmd.Flags().StringVar(file, "config", "", "the config, a JSON file; - is stdin")
	_ = cmd.MarkFlagRequired("config") // fails only for a flag that is not there
}

// printer prints lines until one fails; that error stays.
type printer struct {
	w   io.Writer
	err error
}

func (p *printer) line(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.w, format+"\n", args...)
	}
}
