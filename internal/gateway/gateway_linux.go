package gateway

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// dieWithParent has the kernel end the child when this process ends, even when
// it is killed and cannot tidy up.
func dieWithParent(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Pdeathsig: syscall.SIGKILL,
		// A group of its own: Ctrl-C on a terminal reaches this process, which
		// may still have data to write, and not the gateway under it.
		Setpgid: true,
	}
}

// lockBuild keeps several processes from building at the same time, which
// would do the same work several times over. The kernel drops the lock of a
// process that dies. The lock's file stays: to remove it could let two
// processes hold a lock on two files of the same name.
func lockBuild(ctx context.Context, path string) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			// Closing the file drops the lock, and loses nothing if it fails.
			return func() { _ = f.Close() }, nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) {
			_ = f.Close()
			return nil, err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			_ = f.Close()
			return nil, context.Cause(ctx)
		}
	}
}
