// Package live shows people how a sync goes: a picture on a terminal that changes while the sync
// runs, or a line in the log now and then, and a summary at the end. All of it is made from
// what Engine.Progress and Engine.Run tell everybody; the engine knows nothing of it.
//
// The terminal is only written to. It is never read, its modes stay as they are, and between
// two writes the cursor is visible, so that whatever ends the process, kill -9 too, leaves a
// terminal that works.
package live
