// Package feed joins many goroutines that write lines with the one that reads them.
package feed

import (
	"context"
	"io"
	"sync"
)

// Feed is a queue of bytes with a bound. Write may be called from many goroutines and waits
// for room; Read is for one, and waits for something to read. So whoever writes is held back
// as soon as the reader is.
type Feed struct {
	limit int

	mu     sync.Mutex
	buf    []byte
	read   int           // bytes of buf that were read
	closed error         // for Write; nil while open
	ended  error         // for Read, once all is read
	filled chan struct{} // has room for one: "look again"
	freed  chan struct{} // closed when there is room again; nil if nobody waits
}

// New makes a feed of at most so many bytes, and of one write where that is more.
func New(limit int) *Feed {
	return &Feed{limit: limit, filled: make(chan struct{}, 1)}
}

// Write adds what the parts are together, all of it or, with an error, nothing.
func (f *Feed) Write(ctx context.Context, parts ...[]byte) error {
	size := 0
	for _, p := range parts {
		size += len(p)
	}
	f.mu.Lock()
	for {
		if f.closed != nil {
			defer f.mu.Unlock()
			return f.closed
		}
		if used := len(f.buf) - f.read; used == 0 || used+size <= f.limit {
			break
		}
		if f.freed == nil {
			f.freed = make(chan struct{})
		}
		freed := f.freed
		f.mu.Unlock()
		select {
		case <-freed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		f.mu.Lock()
	}
	if f.read > 0 && len(f.buf)+size > cap(f.buf) {
		f.buf = f.buf[:copy(f.buf, f.buf[f.read:])]
		f.read = 0
	}
	for _, p := range parts {
		f.buf = append(f.buf, p...)
	}
	f.mu.Unlock()
	f.wake()
	return nil
}

// Read reads what is there, and waits if there is nothing.
func (f *Feed) Read(p []byte) (int, error) {
	for {
		f.mu.Lock()
		if n := copy(p, f.buf[f.read:]); n > 0 {
			f.read += n
			if f.read == len(f.buf) {
				f.empty()
			}
			f.free()
			f.mu.Unlock()
			return n, nil
		}
		ended := f.ended
		f.mu.Unlock()
		if ended != nil || len(p) == 0 {
			return 0, ended
		}
		<-f.filled
	}
}

// empty makes room; one giant write does not set the memory of all that follow.
func (f *Feed) empty() {
	f.buf, f.read = f.buf[:0], 0
	if cap(f.buf) > 2*f.limit {
		f.buf = nil
	}
}

// free wakes those who wait for room, under the lock.
func (f *Feed) free() {
	if f.freed != nil {
		close(f.freed)
		f.freed = nil
	}
}

func (f *Feed) wake() {
	select {
	case f.filled <- struct{}{}:
	default: // it will look anyway
	}
}

// Close ends the feed: what is in it can still be read, and then io.EOF; Write says err. It does
// nothing if the feed was closed or refused before.
func (f *Feed) Close(err error) { f.end(err, io.EOF) }

// Refuse has Write say err, and leaves the reader waiting: what was refused may be missing, so
// this must not look like the end. It does nothing if the feed was closed before.
func (f *Feed) Refuse(err error) { f.end(err, nil) }

// Fail ends the feed for both sides: what is in it is gone. The first failure counts.
func (f *Feed) Fail(err error) {
	f.mu.Lock()
	f.buf, f.read = nil, 0
	if f.ended == nil || f.ended == io.EOF {
		f.closed, f.ended = err, err
	}
	f.free()
	f.mu.Unlock()
	f.wake()
}

func (f *Feed) end(write, read error) {
	f.mu.Lock()
	if f.closed == nil {
		f.closed, f.ended = write, read
	}
	f.free()
	f.mu.Unlock()
	f.wake()
}
