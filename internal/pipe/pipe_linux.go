// Package pipe sets up the pipe through which a source feeds us.
package pipe

import (
	"os"

	"golang.org/x/sys/unix"
)

// size is what Linux allows without privileges (/proc/sys/fs/pipe-max-size).
const size = 1 << 20

// Grow makes the buffer of a pipe as large as the system allows. The usual 64 KiB cost a
// system call and a change of process every 64 KiB. A file that is no pipe stays as it is.
func Grow(f *os.File) {
	_, _ = unix.FcntlInt(f.Fd(), unix.F_SETPIPE_SZ, size) // a small pipe works too
}
