//go:build unix && !solaris && !aix

package dir

import (
	"errors"
	"os"
	"syscall"
)

// lockOthers waits until no other process holds the lock.
func lockOthers(f *os.File) error {
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX)
		if !errors.Is(err, syscall.EINTR) {
			return err
		}
	}
}

// unlockOthers cannot fail on a file that is locked.
func unlockOthers(f *os.File) { _ = syscall.Flock(int(f.Fd()), syscall.LOCK_UN) }
