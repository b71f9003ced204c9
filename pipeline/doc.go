// Package pipeline is the engine: it moves batches of lines through stages that run side
// by side. It knows no format and no S3.
//
//	input ─▶ read ─▶ stage ─▶ stage ─▶ ... ─▶ in order ─▶ end
//	           ▲ 1     N        N                  1        │
//	           └───────────── empty batches ────────────────┘
//
// The batches are a fixed set that circulates: read takes an empty one, the end gives it
// back. So the number of batches bounds the engine's memory; every channel has room for
// all of them, no send can block, and when the end is slow, read finds no empty batch, the
// source's pipe fills up, and the source waits.
//
// A stage is a plain function on a batch. How many workers it has is a number; each worker
// gets its own copy of the stage, so that a stage's scratch memory needs no lock.
//
// The Ledger knows which rows are durable and which STATE may leave; Commit is the one
// goroutine that lets them.
package pipeline
