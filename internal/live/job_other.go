//go:build !(linux || darwin || freebsd || netbsd || openbsd || dragonfly)

package live

import "os"

func foreground(int) bool { return true }

func onResume() (<-chan os.Signal, func()) { return nil, func() {} }
