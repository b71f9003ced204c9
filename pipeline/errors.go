package pipeline

import (
	"errors"
	"fmt"
)

// ErrInput is in every error that the input is to blame for: a line that is no JSON, a
// record of a stream that nobody configured.
var ErrInput = errors.New("bad input")

// ErrLong is in the error of a line that is longer than Options.MaxLine.
var ErrLong = errors.New("the line is longer than what fits into memory")

// LineError is an error at a line of the input.
type LineError struct {
	Line int64 // from 1
	Err  error
}

func (e *LineError) Error() string { return fmt.Sprintf("line %d: %v", e.Line, e.Err) }

// Unwrap gives the reason, and ErrInput.
func (e *LineError) Unwrap() []error { return []error{ErrInput, e.Err} }
