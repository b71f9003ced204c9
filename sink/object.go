package sink

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
)

// Object is one object that is being written. Append, Close and the questions about its
// size are for the one goroutine that writes; the requests happen on the uploader's
// workers.
//
// A small object goes in one request (Put) when it is closed. One that outgrows its first
// part becomes an upload in parts. Either way nothing is visible before all of it is.
type Object struct {
	// What each append touches, together: with hundreds of streams that take turns, time goes
	// into fetching it.
	tail     []byte // the chunk that is filling, or nil; not one of chunks
	rows     int64
	buffered int64 // bytes in chunks and tail
	size     int64 // bytes appended in all
	closed   bool
	parts    int // cut so far
	u        *Uploader

	Key  string
	set  *Set
	meta func(rows int64) Metadata

	// Trailer, if set, is asked once, when the object is closed, for the bytes that end it.
	// That may be between two calls of Append, when the memory budget is spent.
	Trailer func() []byte

	chunks  [][]byte // full, and not cut yet; of the goroutine that writes, as all above
	trailer []byte   // of a closed object; a few bytes, not of the budget

	// What is on its way; shared with the workers.
	creating chan struct{} // has room for one: who makes upload, or looks at it
	upload   Upload        // nil until the first part is sent
	whole    [][]byte      // of a held set's last object, where one request will do

	mu      sync.Mutex
	pending int  // parts that are not up yet
	last    bool // no more parts will come
}

// Size is the number of bytes appended.
func (o *Object) Size() int64 { return o.size }

// Rows is the number of rows appended.
func (o *Object) Rows() int64 { return o.rows }

// Closed reports whether the object takes no more bytes. An object can be closed between
// two calls of Append of other objects, when the memory budget is spent.
func (o *Object) Closed() bool { return o.closed }

// Full reports whether the object has reached its size, or is so near to a limit of the
// store that the next append could pass it.
func (o *Object) Full() bool {
	limits := &o.u.limits
	if o.u.opts.MaxObject > 0 && o.size >= o.u.opts.MaxObject {
		return true
	}
	return limits.MaxParts > 0 && o.parts >= fullParts(*limits) || limits.MaxObject > 0 && o.size > limits.MaxObject/2
}

// fullParts is the number of parts at which an object is full. One more is for what is
// buffered then, and one in a hundred for a last row that is larger than a part.
func fullParts(limits Properties) int { return max(limits.MaxParts-limits.MaxParts/100-1, 1) }

// Room is the number of bytes until the object is at its size; a very large number where
// none was set.
func (o *Object) Room() int64 {
	if o.u.opts.MaxObject <= 0 {
		return 1 << 62
	}
	return o.u.opts.MaxObject - o.size
}

// Append adds bytes, the given number of rows, and sends each part that gets full. It
// waits while the memory budget is spent.
func (o *Object) Append(ctx context.Context, p []byte, rows int64) error {
	o.rows += rows
	for {
		n := min(cap(o.tail)-len(o.tail), len(p))
		o.tail = append(o.tail, p[:n]...)
		o.buffered += int64(n)
		o.size += int64(n)
		if p = p[n:]; len(p) == 0 {
			return nil
		}
		if err := o.next(ctx); err != nil {
			return err
		}
	}
}

// next begins another chunk, after cutting what is a part.
func (o *Object) next(ctx context.Context) error {
	if o.tail != nil {
		o.chunks, o.tail = append(o.chunks, o.tail), nil
	}
	if o.buffered >= o.partSize() {
		if err := o.cut(ctx, false); err != nil {
			return err
		}
	}
	if o.chunks == nil {
		room := int64(8)
		if o.parts > 0 { // it will be a whole part
			room = o.partSize()/chunkSize + 1
		}
		o.chunks = make([][]byte, 0, room)
	}
	c, err := o.u.chunk(ctx, o)
	if err != nil {
		return err
	}
	o.tail = c
	o.u.filled++
	return nil
}

// partSize grows with the object where nobody told how large it will be, so that 10,000
// parts reach the largest object that a store takes: doubled each thousand parts. The
// memory budget is the bound.
func (o *Object) partSize() int64 {
	size := o.u.opts.PartSize
	if o.u.opts.MaxObject == 0 && !o.u.limits.EqualParts {
		size <<= min(o.parts/1000, 9)
	}
	size = min(size, int64(o.u.mem.limit)*chunkSize/4, o.u.limits.MaxPartSize)
	return max(size, o.u.opts.PartSize) // which the store's minimum may have put above the bound
}

// take empties the buffer.
func (o *Object) take() [][]byte {
	chunks := o.chunks
	if o.tail != nil {
		chunks = append(chunks, o.tail)
	}
	o.u.filled -= len(chunks)
	o.chunks, o.tail, o.buffered = nil, nil, 0
	return chunks
}

// cut sends what is buffered as the next part, or the last one.
func (o *Object) cut(ctx context.Context, last bool) error {
	chunks := o.take()
	o.parts++
	body := o.body(chunks, last)
	part := Part{Number: o.parts, Offset: o.size - body.Len(), Body: body}
	// In one step, so that no worker sees a last part but not that it is still to come.
	o.mu.Lock()
	o.pending++
	o.last = last
	o.mu.Unlock()
	return o.u.send(ctx, func(ctx context.Context) error { return o.sendPart(ctx, part, chunks) })
}

// body joins chunks; the last ones are followed by what ends the object.
func (o *Object) body(chunks [][]byte, last bool) Body {
	if last && len(o.trailer) > 0 {
		return NewBody(append(slices.Clip(chunks), o.trailer)...)
	}
	return NewBody(chunks...)
}

func (o *Object) sendPart(ctx context.Context, part Part, chunks [][]byte) error {
	upload, err := o.start(ctx)
	if err == nil {
		err = upload.Part(ctx, part)
	}
	o.u.mem.release(chunks) // now, since what may follow (complete, purge) takes its time
	if err != nil {
		return fmt.Errorf("uploading part %d of %s: %w", part.Number, o.Key, err)
	}
	o.u.Stats.Parts.Add(1)
	o.u.Stats.Bytes.Add(part.Body.Len())
	o.mu.Lock()
	o.pending--
	ready := o.last && o.pending == 0
	o.mu.Unlock()
	if ready {
		return o.set.uploaded(ctx, o)
	}
	return nil
}

// start returns the upload, creating it for the first part. The other parts wait for the
// request on purpose: they can't go before it. The goroutine that writes does not.
func (o *Object) start(ctx context.Context) (Upload, error) {
	select {
	case o.creating <- struct{}{}:
		defer func() { <-o.creating }()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	if o.upload != nil {
		return o.upload, nil
	}
	upload, err := o.u.store.Create(ctx, o.Key, o.set.metadata(o, -1))
	if err != nil {
		o.u.lose(o)
		return nil, err
	}
	o.upload = upload
	o.u.track(o)
	return upload, nil
}

// Close ends the object: what is buffered is sent. An object of a set that is not held
// becomes visible when all of it is up; one of a held set waits for Set.Commit.
func (o *Object) Close(ctx context.Context) error {
	if o.closed {
		return nil
	}
	o.shut()
	// A held object goes in parts also where one request would do: it can be sent now and
	// made visible later.
	if o.parts == 0 && !o.set.held {
		chunks := o.take()
		return o.u.send(ctx, func(ctx context.Context) error {
			if err := o.put(ctx, chunks); err != nil {
				return err
			}
			return o.set.visible(ctx, o)
		})
	}
	if o.buffered > 0 || len(o.trailer) > 0 {
		return o.cut(ctx, true)
	}
	o.mu.Lock()
	o.last = true
	done := o.pending == 0
	o.mu.Unlock()
	if done {
		return o.u.send(ctx, func(ctx context.Context) error { return o.set.uploaded(ctx, o) })
	}
	return nil
}

// maxMoves is how many keys are tried for an object: a store that calls every key taken has
// another problem.
const maxMoves = 20

// shut makes the object take no more bytes.
func (o *Object) shut() {
	o.closed = true
	delete(o.u.open, o)
	if o.Trailer != nil {
		o.trailer = o.Trailer()
		o.size += int64(len(o.trailer))
	}
}

// put makes the object in one request.
func (o *Object) put(ctx context.Context, chunks [][]byte) error {
	body := o.body(chunks, true)
	var err error
	for range maxMoves {
		err = o.u.store.Put(ctx, o.Key, body, o.set.metadata(o, o.rows))
		if !errors.Is(err, ErrTaken) || o.set.NextKey == nil {
			break
		}
		o.set.move(o)
	}
	o.u.mem.release(chunks)
	if err != nil {
		return fmt.Errorf("uploading %s: %w", o.Key, err)
	}
	o.u.Stats.Bytes.Add(body.Len())
	return nil
}

// complete makes an upload in parts visible.
func (o *Object) complete(ctx context.Context) error {
	if err := o.upload.Complete(ctx); err != nil {
		return fmt.Errorf("completing %s: %w", o.Key, err)
	}
	o.u.untrack(o)
	return nil
}
