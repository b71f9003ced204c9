//go:build !unix || solaris || aix

package dir

import "os"

// Here one directory is for one process at a time.

func lockOthers(*os.File) error { return nil }

func unlockOthers(*os.File) {}
