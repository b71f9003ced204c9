package main

import (
	"os"
	"runtime/debug"

	"github.com/KimMachineGun/automemlimit/memlimit"
)

// tuneMemory sets up the garbage collector, unless the user did with GOGC or GOMEMLIMIT.
//
// The engine's memory is a fixed set of buffers and hardly any garbage. With the default
// GOGC of 100 the collector would let the process grow to twice that set before it looks;
// 50 costs nothing here, because it seldom has to run. The limit, nine tenths of what the
// container or the machine has, makes it work harder before the kernel would kill us.
func tuneMemory() {
	collectAt(50)
	_, _ = memlimit.Set( // no limit found is no error: it stays unset
		memlimit.WithRatio(0.9),
		memlimit.WithProvider(memlimit.ApplyFallback(memlimit.FromCgroup, memlimit.FromSystem)),
	)
}

// collectAt sets GOGC, unless the user did.
func collectAt(percent int) {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(percent)
	}
}
