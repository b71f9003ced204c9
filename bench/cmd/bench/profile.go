package main

import (
	"os"
	"runtime/pprof"
)

// profiled runs f under the CPU profiler if a file is named.
func profiled(file string, f func() error) error {
	if file == "" {
		return f()
	}
	out, err := os.Create(file)
	if err != nil {
		return err
	}
	if err := pprof.StartCPUProfile(out); err != nil {
		return err
	}
	defer func() {
		pprof.StopCPUProfile()
		_ = out.Close() // a lost profile does not spoil the measurement
	}()
	return f()
}
