//go:build !linux

package peers

import "os"

// Scratch returns a directory for files of any size.
func Scratch(int64) string { return os.TempDir() }

// FileSystem says what kind of file system a directory is on.
func FileSystem(string) string { return "the file system for temporary files" }
