package pipeline

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
)

// reader cuts the input into batches of whole lines.
type reader struct {
	in      io.Reader
	block   int   // bytes to read at a time
	maxLine int   // bytes
	line    int64 // number of the next batch's first line
	seq     int64
	tail    []byte // the beginning of a line whose end has not been read yet
	// large has room for one token, which a batch takes that grows past maxKept. So there is
	// one giant record on its way at a time, whatever the number of batches: each costs
	// several times its length.
	large chan struct{}
	stats *Stats
}

// fill reads into b: at least one whole line, and no more than what is there to read
// without waiting once a line is complete, so that a slow source's records move on at
// once. It returns io.EOF, with an empty batch, at the end of the input. A last line
// without a line end is a line like any other: if it was cut off, it is no JSON, and
// decoding says so.
func (r *reader) fill(ctx context.Context, b *Batch) error {
	b.Input = append(b.Input[:0], r.tail...)
	r.tail = r.tail[:0]
	searched := len(b.Input) // no line ends before this
	for {
		if len(b.Input) >= maxKept && !b.large {
			select {
			case r.large <- struct{}{}:
				b.large = true
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
		n, asked, err := r.more(b)
		cut := bytes.LastIndexByte(b.Input[searched:], '\n') + 1
		if err != nil && err != io.EOF {
			return fmt.Errorf("reading the input after line %d: %w", r.line+int64(bytes.Count(b.Input, newline)), err)
		}
		if cut > 0 && (n < asked || len(b.Input) >= r.block) && err == nil {
			cut += searched
			r.tail = append(r.tail, b.Input[cut:]...)
			b.Input = b.Input[:cut]
			break
		}
		if err == io.EOF {
			if len(b.Input) == 0 {
				return io.EOF
			}
			break
		}
		if cut == 0 {
			searched = len(b.Input)
		}
		if cut == 0 && len(b.Input) > r.maxLine {
			return &LineError{Line: r.line, Err: fmt.Errorf("%w: the limit is %d MiB", ErrLong, r.maxLine>>20)}
		}
	}
	b.seq, b.Line = r.seq, r.line
	r.seq++
	r.line += int64(bytes.Count(b.Input, newline))
	return nil
}

var newline = []byte{'\n'}

// more reads once, up to a block. A batch that one long line fills grows to double its
// size, so that the line is copied a bounded number of times.
func (r *reader) more(b *Batch) (n, asked int, err error) {
	have := len(b.Input)
	want := max(r.block-have, r.block/4)
	if cap(b.Input)-have < want {
		b.Input = append(make([]byte, 0, max(2*have, have+want)), b.Input...)
	}
	free := b.Input[have:min(cap(b.Input), have+want)]
	r.stats.Source.Begin()
	n, err = r.in.Read(free)
	r.stats.Source.End()
	if n < 0 || n > len(free) {
		return 0, 0, errors.New("the reader returned an impossible count")
	}
	r.stats.Input.Add(int64(n))
	b.Input = b.Input[:have+n]
	return n, len(free), err
}

// read fills empty batches and passes them on until the end of the input. It is not part
// of the group of goroutines that Run waits for: a Read that waits for a source can't be
// cancelled, so after a failure of another stage it is left behind, with the one batch it
// holds, until the source sends something or closes.
func (r *reader) read(ctx context.Context, empty <-chan *Batch, out chan<- filled) {
	for {
		r.stats.Room.Begin()
		select {
		case b := <-empty:
			r.stats.Room.End()
			if ctx.Err() != nil {
				return // both were ready
			}
			err := r.fill(ctx, b)
			if err == io.EOF {
				r.stats.Ended.Store(true)
			}
			out <- filled{b, err} // out has room for every batch
			if err != nil {
				return
			}
		case <-ctx.Done():
			r.stats.Room.End()
			return
		}
	}
}

type filled struct {
	batch *Batch
	err   error
}
