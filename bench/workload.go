// Package bench measures the engine: seeded workloads, a store that discards, and runs of
// whole pipelines in a process of their own, fed through a pipe as a source would.
package bench

import "github.com/sluice-data/sluice/internal/generate"

// Workload is an endless stream of messages with its catalog.
type Workload = generate.Workload

// Workloads are what the benchmark measures.
var Workloads = generate.Workloads

// Find returns the generator of that name.
var Find = generate.Find

// Lineitem is the first of them.
func Lineitem(seed uint64, size int) Workload { return Workloads[0].Make(seed, size) }
