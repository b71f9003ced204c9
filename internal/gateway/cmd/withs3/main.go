// Command withs3 runs a command with an S3 server of its own: it starts the gateway with an
// empty bucket, writes a config of sluice for it, and adds the name of that file to the
// command's arguments. When the command has ended, so does the server, and nothing is left.
//
//	withs3 .bin/sluice demo --config
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/sluice-data/sluice/internal/gateway"
)

const (
	bucket = "demo"
	path   = "data_sync"
)

func main() {
	// A reader that goes away must not keep us from tidying up.
	signal.Ignore(syscall.SIGPIPE)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	err := run(ctx, os.Args[1:])
	stop()
	var ended *exec.ExitError
	switch {
	case errors.As(err, &ended):
		os.Exit(max(ended.ExitCode(), 1)) // it has said why
	case err != nil:
		fmt.Fprintf(os.Stderr, "withs3: %v\n", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) (err error) {
	if len(args) == 0 {
		return errors.New("which command? Such as: withs3 .bin/sluice demo --config")
	}
	dir, err := os.MkdirTemp("", "sluice-s3-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	// Of the server's output only the news that it is being built is for the user; Start gives
	// the rest in its error.
	if _, err := gateway.Binary(ctx, os.Stderr); err != nil {
		return err
	}
	server, err := gateway.Start(ctx, gateway.Options{Dir: dir, Buckets: []string{bucket}})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.Stop()) }()
	config := filepath.Join(dir, "config.json")
	if err := writeConfig(config, server); err != nil {
		return err
	}

	cmd := exec.CommandContext(ctx, args[0], append(args[1:], config)...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = time.Minute // it may have to tidy up in the server
	return cmd.Run()
}

func writeConfig(name string, server *gateway.Gateway) error {
	text, err := json.MarshalIndent(map[string]any{
		"s3_endpoint":       server.Endpoint,
		"s3_bucket_name":    bucket,
		"s3_bucket_path":    path,
		"s3_bucket_region":  server.Region,
		"access_key_id":     server.AccessKey,
		"secret_access_key": server.SecretKey,
		"format":            map[string]string{"format_type": "CSV", "flattening": "Root level flattening"},
	}, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(name, text, 0o600)
}
