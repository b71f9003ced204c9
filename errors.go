package sluice

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/sluice-data/sluice/airbyte"
	"github.com/sluice-data/sluice/config"
	"github.com/sluice-data/sluice/internal/guard"
	"github.com/sluice-data/sluice/pipeline"
	"github.com/sluice-data/sluice/sink"
	"github.com/sluice-data/sluice/stages"
)

// ErrClosed is returned by a Writer that was closed or aborted.
var ErrClosed = errors.New("the writer is closed")

// errRan is what a second Run returns.
var errRan = errors.New("an Engine runs once: Open another one for another sync")

// PlanError says that config and catalog, or config and tables, do not go together.
type PlanError struct{ Err error }

func (e *PlanError) Error() string { return e.Err.Error() }

// Unwrap gives the reason.
func (e *PlanError) Unwrap() error { return e.Err }

// RecordError says that one record can't be written. It is not in its table, and all others are.
type RecordError struct {
	Table airbyte.StreamID
	Err   error // what is wrong with it
}

func (e *RecordError) Error() string { return fmt.Sprintf("a record of table %s: %v", e.Table, e.Err) }

// Unwrap gives the reason.
func (e *RecordError) Unwrap() error { return e.Err }

// IncompleteError says that the source did not deliver some streams to their end. What it
// did deliver is kept as the sync mode says: appended rows stay, and an atomic full refresh
// that had not ended left the old objects as they were.
type IncompleteError struct {
	Streams  []airbyte.StreamID // that are not complete, in the order of the catalog
	Held     int                // states that were not sent
	Reported string             // the last error that the source reported, or ""
}

func (e *IncompleteError) Error() string {
	names := make([]string, len(e.Streams))
	for i, s := range e.Streams {
		names[i] = s.String()
	}
	reported := ""
	if e.Reported != "" {
		reported = fmt.Sprintf(" (it reported: %s)", e.Reported)
	}
	return fmt.Sprintf("the source did not complete %s: %s%s. Appended rows stay, and an atomic full refresh that had not ended left its table as it was; sync again",
		stages.Count(int64(len(names)), "stream"), strings.Join(names, ", "), reported)
}

// Class says where the cause of an error lies, and so who can mend it.
type Class string

// The classes of errors. Only behind ClassOutage does it help to do the same again.
const (
	// ClassSettings: the config, the catalog or the tables, or what they name. There is no such
	// bucket, the credentials are not accepted or have expired, a right is missing. A person has to
	// change that.
	ClassSettings Class = "settings"
	// ClassInput: what came in. A line or a record can't be read or written, or the source did not
	// complete its streams (IncompleteError).
	ClassInput Class = "input"
	// ClassRefused: the store has answered, and will answer the same again. It is full, its clock is
	// another, it does not know the request.
	ClassRefused Class = "refused"
	// ClassOutage: the store, or the network, did not answer as it should, for longer than
	// upload.retry_minutes. It may an hour later.
	ClassOutage Class = "outage"
	// ClassUnknown: everything else, such as a fault of this package, ErrClosed, what emit has
	// returned, or the end of a context.
	ClassUnknown Class = "unknown"
)

// Classify returns the class of an error that this package, or airbyte.ParseCatalog or config.Parse,
// has returned. It looks through what the error is wrapped in. That of nil is "".
//
// The end of a context is its caller's doing, with a cause of the caller's: look at that first.
func Classify(err error) Class {
	class, _ := diagnose(err)
	return class
}

// Diagnosed is an error that knows its class, and what Advice says of it: those of the package kafka.
type Diagnosed interface {
	error
	Diagnosis() (Class, string)
}

// Advice says what can be done about an error, in the words of the config: "check s3_bucket_name,
// s3_bucket_region and s3_endpoint". It is "" where the error says that itself, or where nothing is
// known.
func Advice(err error) string {
	_, advice := diagnose(err)
	return advice
}

// kinds are what errors.Is can tell, the first that fits.
var kinds = [...]struct {
	kind   error
	class  Class
	advice string
}{
	{pipeline.ErrLong, ClassInput, "give the container more memory, or leave the large field out"},
	{pipeline.ErrInput, ClassInput, "mend the source"},
	{sink.ErrCredentials, ClassSettings, "check access_key_id, secret_access_key and the clock of this machine"},
	{sink.ErrExpired, ClassSettings, "give it new ones; an access key of its own, or a role (role_arn), does not end in the middle of a sync"},
	{sink.ErrClock, ClassRefused, "set the clock of this machine, or of the store"},
	{sink.ErrEndpoint, ClassSettings, "check s3_endpoint and s3_bucket_region"},
	{sink.ErrTooLarge, ClassSettings, "set file_size_mb, or upload.part_size_mb, to what the store takes"},
	{sink.ErrDenied, ClassSettings, "sluice check tries every right that a sync needs"},
	{sink.ErrNoBucket, ClassSettings, "check s3_bucket_name, s3_bucket_region and s3_endpoint; sluice does not create buckets"},
	{sink.ErrFull, ClassRefused, "free some space"},
}

func diagnose(err error) (Class, string) {
	var (
		settings   config.Errors
		catalog    *airbyte.CatalogError
		plan       *PlanError
		record     *RecordError
		incomplete *IncompleteError
		store      *sink.Error
		bug        *guard.BugError
		known      Diagnosed
	)
	switch {
	case err == nil:
		return "", ""
	case errors.As(err, &settings), errors.As(err, &catalog), errors.As(err, &plan):
		return ClassSettings, ""
	case errors.As(err, &incomplete):
		return ClassInput, ""
	case errors.As(err, &known):
		return known.Diagnosis()
	case errors.As(err, &bug):
		return ClassUnknown, "this is a fault of sluice, please report it"
	case errors.As(err, &store) && store.Right != "":
		return ClassSettings, "allow it in the policy of the user or role, and deny it in none; docs/IAM.md has a policy with all that a sync needs"
	}
	for _, k := range kinds {
		if errors.Is(err, k.kind) {
			return k.class, k.advice
		}
	}
	switch {
	case errors.As(err, &record):
		return ClassInput, ""
	case store == nil, errors.Is(err, context.Canceled):
		return ClassUnknown, ""
	case store.Class == sink.Permanent:
		return ClassRefused, ""
	}
	return ClassOutage, ""
}
