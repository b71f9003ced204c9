package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sluice-data/sluice"
	"github.com/sluice-data/sluice/airbyte"
	"github.com/sluice-data/sluice/config"
	"github.com/sluice-data/sluice/internal/guard"
	"github.com/sluice-data/sluice/pipeline"
	"github.com/sluice-data/sluice/sink"
)

// Exit codes, as docs/COMMANDS.md has them. 0 is success; check exits with 0 also when its answer
// is FAILED.
const (
	exitFailed = 1 // the store, the source, or a bug
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

// explain finds the class of an error and what its reader can do about it.
func explain(err error, to advice) failure {
	var (
		settings   config.Errors
		plan       *sluice.PlanError
		usage      *usageError
		incomplete *sluice.IncompleteError
		store      *sink.Error
		bug        *guard.BugError
	)
	user := func(hint string) failure {
		return failure{airbyte.ConfigError, exitConfig, join(err, hint)}
	}
	failed := func(kind airbyte.FailureType, hint string) failure {
		return failure{kind, exitFailed, join(err, hint)}
	}
	switch {
	case errors.As(err, &settings), errors.As(err, &plan):
		return user("")
	case errors.As(err, &usage), strings.HasPrefix(err.Error(), "required flag"), strings.HasPrefix(err.Error(), "unknown command"):
		return user("see " + to.help)
	case errors.As(err, &incomplete):
		return failed(airbyte.TransientError, "")
	case errors.As(err, &bug):
		return failed(airbyte.SystemError, "this is a fault of sluice, please report it; "+to.again)
	case errors.Is(err, pipeline.ErrLong):
		return failed(airbyte.SystemError, "nothing behind this line was acknowledged: give the container more memory, or leave the large field out, and sync again")
	case errors.Is(err, pipeline.ErrInput):
		return failed(airbyte.SystemError, "nothing behind this line was acknowledged: mend the source and sync again")
	case errors.As(err, &store) && store.Right != "":
		return user("allow it in the policy of the user or role, and deny it in none; docs/IAM.md has a policy with all that a sync needs")
	case errors.Is(err, sink.ErrCredentials):
		return user("check access_key_id, secret_access_key and the clock of this machine")
	case errors.Is(err, sink.ErrExpired):
		return user("give it new ones and " + to.again + "; an access key of its own, or a role (role_arn), does not end in the middle of a sync")
	case errors.Is(err, sink.ErrClock):
		return failed(airbyte.SystemError, "set the clock of this machine, or of the store, and "+to.again)
	case errors.Is(err, sink.ErrEndpoint):
		return user("check s3_endpoint and s3_bucket_region")
	case errors.Is(err, sink.ErrTooLarge):
		return user("set file_size_mb, or upload.part_size_mb, to what the store takes")
	case errors.Is(err, sink.ErrDenied):
		return user("sluice check tries every right that a sync needs")
	case errors.Is(err, sink.ErrNoBucket):
		return user("check s3_bucket_name, s3_bucket_region and s3_endpoint; sluice does not create buckets")
	case errors.Is(err, sink.ErrFull):
		return failed(airbyte.SystemError, "free some space and "+to.again)
	case errors.As(err, &store) && store.Class != sink.Permanent:
		return failed(airbyte.TransientError, "the store did not answer as it should: "+to.safely)
	}
	return failed(airbyte.SystemError, "")
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
