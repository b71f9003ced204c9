//go:build race

package parquet

// raceDetector counts allocations of its own, and drops what pools have.
const raceDetector = true
