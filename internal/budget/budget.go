// Package budget divides the memory that a process may use among those parts of a sync that need much.
package budget

import (
	"fmt"
	"math"

	"github.com/KimMachineGun/automemlimit/memlimit"
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
	leastLine    = 8 * mebibyte // of TextCopies
)

// How many copies there are of a giant record at the same time, by what it becomes.
const (
	// TextCopies: as input, in a buffer that may have twice its length, as a row with its quotes doubled, and once
	// more in what was outgrown a moment ago.
	TextCopies = 5
	// AvroCopies: as a row, as a block and as a compressed one, too.
	AvroCopies = 7
	// ParquetCopies: of a row group, too, that is packed: its rows, the column, the page, the compressed page
	// and the chunk.
	ParquetCopies = 10
)

// Budget is how the memory that the process may use is divided. What is left is for the
// batches on their way (a few hundred kilobytes each), the requests and the runtime.
type Budget struct {
	Buffers int64 // bytes, of all uploads and open objects: upload.memory_mb
	Warning string

	records int64 // bytes, of the copies of a giant record
}

// ContainerLimit is the memory limit of the control group that the process is in; 0: none.
func ContainerLimit() int64 {
	limit, err := memlimit.FromCgroup()
	if err != nil || limit > 1<<62 {
		return 0
	}
	return int64(limit)
}

// Divide divides a limit in bytes, of which the config gives so many to the buffers. A limit of 0 is
// one that is not known, and buffers of 0 are those that nobody has set.
func Divide(limit, buffers int64) Budget {
	b := Budget{Buffers: buffers, records: math.MaxInt64}
	if limit <= 0 {
		if b.Buffers == 0 {
			b.Buffers = defaultBuffers
		}
		return b
	}
	if b.Buffers == 0 {
		b.Buffers = min(defaultBuffers, max(limit/3, leastBuffers))
	} else if b.Buffers > limit/2 {
		b.Warning = fmt.Sprintf("upload.memory_mb is %d, but all of the process may use %d MiB: the kernel may end it", b.Buffers/mebibyte, limit/mebibyte)
	}
	// A tenth is what GOMEMLIMIT leaves (cmd/sluice).
	const rest = 64 * mebibyte
	b.records = limit - limit/10 - b.Buffers - rest
	return b
}

// Line is how many bytes the longest line may have, of which there are so many copies.
func (b Budget) Line(copies int64) int64 {
	return min(defaultLine, max(b.records/copies, leastLine*TextCopies/copies))
}
