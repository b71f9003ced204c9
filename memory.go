package sluice

import (
	"fmt"

	"github.com/KimMachineGun/automemlimit/memlimit"

	"github.com/sluice-data/sluice/config"
)

const mebibyte = 1 << 20

// Where nothing is known of a limit, and nothing was set.
const (
	defaultBuffers = 256 * mebibyte
	defaultLine    = 1024 * mebibyte
)

// The least that a sync works with, however small its container.
const (
	leastBuffers = 32 * mebibyte
	leastLine    = 8 * mebibyte
)

// memory is how the memory that the process may use is divided. What is left is for the
// batches on their way (a few hundred kilobytes each), the requests and the runtime.
type memory struct {
	buffers int64 // of all uploads and open objects: upload.memory_mb
	line    int64 // the longest line
	warning string
}

// containerLimit is the memory limit of the control group that the process is in; 0: none.
func containerLimit() int64 {
	limit, err := memlimit.FromCgroup()
	if err != nil || limit > 1<<62 {
		return 0
	}
	return int64(limit)
}

// divide divides a limit in bytes; 0: none is known.
func divide(cfg *config.Config, limit int64) memory {
	m := memory{buffers: cfg.Upload.Memory(), line: defaultLine}
	if limit <= 0 {
		if m.buffers == 0 {
			m.buffers = defaultBuffers
		}
		return m
	}
	if m.buffers == 0 {
		m.buffers = min(defaultBuffers, max(limit/3, leastBuffers))
	} else if m.buffers > limit/2 {
		m.warning = fmt.Sprintf("upload.memory_mb is %d, but all of the process may use %d MiB: the kernel may end it", m.buffers/mebibyte, limit/mebibyte)
	}
	// A giant record is there as input, in a buffer that may have twice its length, as a row
	// with its quotes doubled, and once more in what was outgrown a moment ago. A tenth is what
	// GOMEMLIMIT leaves (cmd/sluice).
	const rest, copies = 64 * mebibyte, 5
	m.line = min(defaultLine, max((limit-limit/10-m.buffers-rest)/copies, leastLine))
	return m
}
