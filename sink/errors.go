package sink

import (
	"context"
	"errors"
	"fmt"
)

// Class says what can be done about a failed call.
type Class int

const (
	// Permanent: the same call will fail again (access denied, no such bucket, a bad
	// request). It is the zero value, so that an error that nobody has classified is not
	// retried for ever.
	Permanent Class = iota
	// Retryable: the call did not happen, or doing it again does no harm.
	Retryable
	// Unknown: the call may have happened; the reply was lost. Who may not do it twice has
	// to look first.
	Unknown
)

func (c Class) String() string {
	switch c {
	case Retryable:
		return "retryable"
	case Unknown:
		return "unknown whether it happened"
	case Permanent:
	}
	return "permanent"
}

// Kinds of failure that callers tell apart, with errors.Is.
var (
	ErrNotFound    = errors.New("no such object")
	ErrNoBucket    = errors.New("no such bucket")
	ErrNoUpload    = errors.New("no such upload")
	ErrTaken       = errors.New("an object with this key exists")
	ErrDenied      = errors.New("access denied")
	ErrCredentials = errors.New("credentials not accepted")
	ErrExpired     = errors.New("the credentials have expired")
	ErrClock       = errors.New("the clocks differ too much")
	ErrEndpoint    = errors.New("not a usable endpoint")
	ErrTooLarge    = errors.New("too large for this store")
	ErrUnsupported = errors.New("not supported by this store")
	ErrFull        = errors.New("no space left")
)

// Error is a failed call to a store.
type Error struct {
	Op    string // the call as the store names it: "UploadPart"
	Key   string // "" where there is none
	Class Class
	Kind  error  // one of the kinds above, or nil
	Right string // that was denied, as the store names it: "s3:PutObject on the object"; or ""
	Err   error  // what the store or the network said
}

func (e *Error) Error() string {
	on, takes := "", ""
	if e.Key != "" {
		on = " " + e.Key
	}
	if e.Right != "" {
		takes = ", it takes the right " + e.Right
	}
	switch {
	case e.Kind == nil:
		return fmt.Sprintf("%s%s: %v", e.Op, on, e.Err)
	case e.Err == nil:
		return fmt.Sprintf("%s%s: %v%s", e.Op, on, e.Kind, takes)
	}
	return fmt.Sprintf("%s%s: %v%s (%v)", e.Op, on, e.Kind, takes, e.Err)
}

// Unwrap lets errors.Is find the kind and the cause.
func (e *Error) Unwrap() []error {
	var all []error
	for _, err := range []error{e.Kind, e.Err} {
		if err != nil {
			all = append(all, err)
		}
	}
	return all
}

// ClassOf returns the class of err. What is no *Error is Permanent, and so is a context
// that has ended: nobody waits for another try.
func ClassOf(err error) Class {
	var e *Error
	if errors.Is(err, context.Canceled) || !errors.As(err, &e) {
		return Permanent
	}
	return e.Class
}
