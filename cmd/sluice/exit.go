package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sluice-data/sluice"
	"github.com/sluice-data/sluice/airbyte"
	"github.com/sluice-data/sluice/internal/guard"
)

// Exit codes, as docs/COMMANDS.md has them. 0 is success; check exits with 0 also when its answer
// is FAILED.
const (
	exitFailed = 1 // the store, the brokers, the source, or a bug
	exitConfig = 2 // wrong command line, config or catalog, or rights that are missing
)

// usageError is a wrong command line, or a file that it names.
type usageError struct{ err error }

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

// failure is how an error is shown.
type failure struct {
	kind    airbyte.FailureType
	code    int
	message string // what, where, and what to do
}

// advice is where to look, and what to do once the cause of a failure is mended.
type advice struct{ help, again, safely string }

var syncing = advice{"sluice --help", "sync again", "sync again, what was acknowledged is safe"}

// explain finds what the reader of an error can do about it.
func explain(err error, to advice) failure {
	hint := sluice.Advice(err)
	failed := func(kind airbyte.FailureType, hint string) failure {
		return failure{kind, exitFailed, join(err, hint)}
	}
	if isUsage(err) {
		return failure{airbyte.ConfigError, exitConfig, join(err, "see "+to.help)}
	}
	switch sluice.Classify(err) {
	case sluice.ClassSettings:
		return failure{airbyte.ConfigError, exitConfig, join(err, hint)}
	case sluice.ClassOutage:
		return failed(airbyte.TransientError, cmp.Or(hint, "the store did not answer as it should")+": "+to.safely)
	case sluice.ClassInput:
		var incomplete *sluice.IncompleteError
		if errors.As(err, &incomplete) {
			return failed(airbyte.TransientError, hint)
		}
		return failed(airbyte.SystemError, "nothing behind this line was acknowledged: "+hint+", and "+to.again)
	case sluice.ClassRefused, sluice.ClassUnknown:
	}
	if hint != "" {
		hint += ", and " + to.again
	}
	return failed(airbyte.SystemError, hint)
}

// isUsage reports whether an error is a wrong command line; some of these are cobra's.
func isUsage(err error) bool {
	var usage *usageError
	return errors.As(err, &usage) || strings.HasPrefix(err.Error(), "required flag") || strings.HasPrefix(err.Error(), "unknown command")
}

func join(err error, hint string) string {
	if hint == "" {
		return err.Error()
	}
	return err.Error() + " (" + hint + ")"
}

// interrupted is the error of a run that a signal has ended, or nil.
func interrupted(ctx context.Context) error {
	if ctx.Err() == nil {
		return nil
	}
	return context.Cause(ctx)
}

// failed is explain for a run that a signal may have ended.
func failed(ctx context.Context, err error, to advice, stopped string) failure {
	if cause := interrupted(ctx); cause != nil && errors.Is(err, cause) {
		return failure{airbyte.TransientError, exitFailed, fmt.Sprintf(stopped, cause)}
	}
	return explain(err, to)
}

// stoppedSyncing is what is said of a sync that a signal has ended.
const stoppedSyncing = "stopped: %v. What was acknowledged is safe; sync again"

// fail tells of an error, and returns the exit code. The platform hears it as a TRACE on stdout,
// and should that be gone on stderr; people read it on stderr.
func (a *app) fail(ctx context.Context, cmd *cobra.Command, err error) int {
	to, stopped, people := syncing, stoppedSyncing, isForPeople(cmd)
	if people {
		to, stopped = advice{cmd.CommandPath() + " --help", "run it again", "run it again"}, "stopped: %v"
	}
	f := failed(ctx, err, to, stopped)
	var bug *guard.BugError
	if errors.As(err, &bug) {
		a.log.Debug(bug.Stack)
	}
	if people {
		a.complain(cmd, f.message)
		return f.code
	}
	if werr := a.emit.TraceError(f.kind, f.message, "", time.Now()); werr != nil {
		_, _ = fmt.Fprintf(a.err, "sluice: %s\n", a.emit.Clean(f.message))
	}
	return f.code
}
