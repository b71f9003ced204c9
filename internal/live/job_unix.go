//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package live

import (
	"os"
	"os/signal"

	"golang.org/x/sys/unix"
)

// foreground reports whether the shell has us in the foreground of this terminal. On one that is
// not our controlling terminal there are no jobs.
func foreground(fd int) bool {
	group, err := unix.IoctlGetInt(fd, unix.TIOCGPGRP)
	return err != nil || group == unix.Getpgrp()
}

// onResume tells when the process goes on after a stop (Ctrl-Z). Nothing is taken from anybody:
// the signal does what it does without us.
func onResume() (<-chan os.Signal, func()) {
	c := make(chan os.Signal, 1)
	signal.Notify(c, unix.SIGCONT)
	return c, func() { signal.Stop(c) }
}
