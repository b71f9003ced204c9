package dir

import (
	"context"
	"errors"
	"io/fs"
	"syscall"

	"github.com/sluice-data/sluice/sink"
)

const errNotDirectory = syscall.ENOTDIR

// fail makes a *sink.Error of what the operating system said. Nearly all of it is permanent:
// a local disk that refuses once refuses again.
func fail(op, key string, err error) error {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	e := &sink.Error{Op: op, Key: key, Err: cause(err)}
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		e.Kind = sink.ErrFull
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		e.Kind = sink.ErrDenied
	case errors.Is(err, errNotDirectory), errors.Is(err, syscall.EISDIR):
		e.Kind = sink.ErrUnsupported
		e.Err = errors.New("a directory cannot hold both an object and others below it")
	case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE):
		// Other uploads will close theirs.
		e.Class = sink.Retryable
	}
	return e
}

// cause leaves out the file's name: the key says it already.
func cause(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}

// noLinks says whether err means that this file system has no hard links, rather than that
// this one link failed.
func noLinks(err error) bool {
	for _, no := range []error{syscall.EPERM, syscall.ENOTSUP, syscall.EOPNOTSUPP, syscall.ENOSYS, syscall.EXDEV, syscall.EMLINK} {
		if errors.Is(err, no) {
			return true
		}
	}
	return false
}
