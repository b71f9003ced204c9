package peers

import (
	"os"

	"golang.org/x/sys/unix"
)

// shared is where Linux has a file system in memory.
const shared = "/dev/shm"

// Scratch returns a directory for files of so many bytes: in memory where there is room
// for twice as much, so that no disk is measured, else the one for temporary files.
func Scratch(size int64) string {
	var s unix.Statfs_t
	if unix.Statfs(shared, &s) == nil && s.Type == unix.TMPFS_MAGIC && int64(s.Bavail)*s.Bsize > 2*size && keepsAttributes(shared) {
		return shared
	}
	return os.TempDir()
}

// keepsAttributes tells whether files may have extended attributes, which the S3 server needs.
func keepsAttributes(dir string) bool {
	f, err := os.CreateTemp(dir, "sluice-peers-")
	if err != nil {
		return false
	}
	err = unix.Setxattr(f.Name(), "user.sluice", []byte("x"), 0)
	_ = f.Close() // nothing was written
	_ = os.Remove(f.Name())
	return err == nil
}

// FileSystem says what kind of file system a directory is on.
func FileSystem(dir string) string {
	var s unix.Statfs_t
	if unix.Statfs(dir, &s) == nil && s.Type == unix.TMPFS_MAGIC {
		return "a file system in memory (tmpfs)"
	}
	return "a disk"
}
