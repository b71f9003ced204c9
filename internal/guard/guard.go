// Package guard turns panics into errors at the top of each goroutine, so that a bug ends
// a sync with a message and with its uploads aborted, like every other failure.
package guard

import (
	"fmt"
	"runtime/debug"
)

// Run calls f. A panic in it becomes a *BugError.
func Run(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &BugError{Panic: p, Stack: string(debug.Stack())}
		}
	}()
	return f()
}

// BugError is a panic.
type BugError struct {
	Panic any
	Stack string // for the log, not for the user
}

func (e *BugError) Error() string { return fmt.Sprintf("BUG: %v", e.Panic) }
