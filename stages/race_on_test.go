//go:build race

package stages

// The race detector makes sync.Pool drop a part of what it is given, and sonic.Valid takes
// its state from one.
const allowedAllocs = 500
