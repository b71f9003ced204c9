// Package demo shows one whole sync: what a source connector said is given to the sluice
// binary, as a platform would do it, and what then is in the bucket is read back. The bucket
// is a directory that is removed again, or a place of its own in a bucket of the user's.
package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
)

// Options say where the demo writes.
type Options struct {
	Binary   string    // the sluice that is run
	LogLevel string    // for it; "" is its default
	Out      io.Writer // for people

	// Config is a config of the user's: the demo writes below its path, into a directory that
	// nobody else has. nil: into files, without any server.
	Config []byte
	// Keep leaves what was written: the objects in the bucket; or, without a Config, all files.
	Keep bool
	// Dir is where these files go: an empty directory. "": a new temporary one.
	Dir string
}

// Run is the whole demo. When it returns, nothing of it is left, but for what is to be kept.
//
// It runs the binary and not the engine, so that the commands that it shows are what happens.
func Run(ctx context.Context, opts Options) error {
	rec, err := loadRecording()
	if err != nil {
		return err
	}
	at, err := newPlace(opts, rec)
	if err != nil {
		return err
	}
	out := screen{opts.Out}
	err = show(ctx, out, &program{binary: opts.Binary, logLevel: opts.LogLevel, at: at}, rec)
	if cause := context.Cause(ctx); err != nil && cause != nil {
		err = cause // what else went wrong then is only what follows from it
	}
	if tidying := at.remove(ctx); tidying != nil {
		err = errors.Join(err, fmt.Errorf("tidying up: %w", tidying))
	}
	if err == nil {
		showNext(out, at)
	} else if left := at.left(); left != "" {
		err = fmt.Errorf("%w; what was written until then is in %s", err, left)
	}
	return err
}
