package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"go.uber.org/goleak"

	"github.com/sluice-data/sluice/internal/guard"
	"github.com/sluice-data/sluice/internal/scan"
)

// fillFunc is a Source.
type fillFunc func(ctx context.Context, b *Batch) error

func (f fillFunc) Fill(ctx context.Context, b *Batch) error { return f(ctx, b) }

// counted fills n batches of one line each, and then ends with err.
func counted(n int, err error) fillFunc {
	i := 0
	return func(_ context.Context, b *Batch) error {
		if len(b.Input)+len(b.Origins)+len(b.Rejects)+len(b.Output) > 0 {
			return errors.New("the batch is not empty")
		}
		if i == n {
			return err
		}
		b.Input = fmt.Appendf(b.Input, "line %d\n", i)
		b.Origins = append(b.Origins, Origin{Offset: int64(i)})
		b.Rejects = append(b.Rejects, Reject{})
		i++
		return nil
	}
}

func TestRunSourceKeepsTheOrder(t *testing.T) {
	defer goleak.VerifyNone(t)
	// Workers that finish out of order: each second one lets the others go first.
	var turn atomic.Int64
	shuffle := func(_ context.Context, b *Batch) error {
		if turn.Add(1)%2 == 0 {
			for range 1000 {
				turn.Load()
			}
		}
		return nil
	}
	offset := int64(0)
	end := &collector{process: func(b *Batch) error {
		if len(b.Origins) != 1 || b.Origins[0].Offset != offset {
			return fmt.Errorf("got the origins %v, want %d", b.Origins, offset)
		}
		offset++
		return nil
	}}
	stats := &Stats{}
	err := RunSource(t.Context(), counted(5000, io.EOF), []Stage{stage(4, shuffle), stage(3, upper)}, end, Options{Batches: 6, Stats: stats})
	if err != nil {
		t.Fatal(err)
	}
	in := numbered(5000)
	if got := strings.Join(end.got, ""); got != strings.ToUpper(in) || end.finished != 1 {
		t.Errorf("%d bytes came out in another order, or not all; Finish was called %d times", len(got), end.finished)
	}
	if !stats.Ended.Load() || stats.Input.Load() != int64(len(in)) {
		t.Errorf("ended: %v, input %d, want %d", stats.Ended.Load(), stats.Input.Load(), len(in))
	}
}

func TestRunSourceEmpty(t *testing.T) {
	defer goleak.VerifyNone(t)
	end := &collector{}
	if err := RunSource(t.Context(), counted(0, io.EOF), []Stage{stage(1, upper)}, end, small); err != nil || end.finished != 1 || len(end.got) > 0 {
		t.Errorf("got %v, %q; Finish was called %d times", err, end.got, end.finished)
	}
}

// TestRunSourceErrors: the first error is that of RunSource, and nothing is finished.
func TestRunSourceErrors(t *testing.T) {
	defer goleak.VerifyNone(t)
	broken := errors.New("broken")
	f := func(name string, in Source, process func(context.Context, *Batch) error, end *collector) {
		t.Helper()
		stats := &Stats{}
		if err := RunSource(t.Context(), in, []Stage{stage(2, process)}, end, Options{Batches: 6, Stats: stats}); !errors.Is(err, broken) {
			t.Errorf("%s: got %v", name, err)
		}
		if end.finished != 0 || stats.Ended.Load() {
			t.Errorf("%s: finished %d times, ended %v", name, end.finished, stats.Ended.Load())
		}
	}
	forEver := func() Source { return counted(-1, nil) }
	f("fill at once", counted(0, broken), upper, &collector{})
	f("fill later", counted(100, broken), upper, &collector{})
	f("stage", forEver(), func(context.Context, *Batch) error { return broken }, &collector{})
	f("end", forEver(), upper, &collector{process: func(*Batch) error { return broken }})
}

func TestRunSourceTurnsAPanicIntoAnError(t *testing.T) {
	defer goleak.VerifyNone(t)
	boom := fillFunc(func(_ context.Context, b *Batch) error {
		if b.seq > 0 {
			panic("boom")
		}
		b.Input = append(b.Input, "a\n"...)
		return nil
	})
	err := RunSource(t.Context(), boom, []Stage{stage(1, upper)}, &collector{}, small)
	var bug *guard.BugError
	if !errors.As(err, &bug) || err.Error() != "BUG: boom" || bug.Stack == "" {
		t.Errorf("got %v", err)
	}
}

// TestRunSourceCancel cancels while Fill waits for something to read.
func TestRunSourceCancel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		waiting := fillFunc(func(ctx context.Context, b *Batch) error {
			if b.seq == 0 {
				b.Input = append(b.Input, "a\n"...)
				return nil
			}
			<-ctx.Done()
			return context.Cause(ctx)
		})
		end := &collector{}
		done := make(chan error, 1)
		go func() { done <- RunSource(ctx, waiting, []Stage{stage(2, upper)}, end, small) }()
		synctest.Wait()
		if len(done) > 0 || len(end.got) != 1 {
			t.Errorf("it has ended, or the batch before the wait has not arrived: %q", end.got)
		}
		cause := errors.New("told to stop")
		cancel(cause)
		synctest.Wait() // the bubble is left only when all goroutines have ended
		if err := <-done; !errors.Is(err, cause) || end.finished != 0 {
			t.Errorf("got %v; Finish was called %d times", err, end.finished)
		}
	})
}

// TestRunSourceBounds: a source that always has something is held back by an end that does not go on.
func TestRunSourceBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var fills atomic.Int64
		in := fillFunc(func(_ context.Context, b *Batch) error {
			fills.Add(1)
			b.Input = append(b.Input, "a\n"...)
			return nil
		})
		release, enough := make(chan struct{}), errors.New("enough")
		end := &collector{process: func(*Batch) error { <-release; return enough }}
		done := make(chan error, 1)
		go func() { done <- RunSource(t.Context(), in, []Stage{stage(2, upper)}, end, small) }()
		synctest.Wait()
		if n := fills.Load(); n != int64(small.Batches) {
			t.Errorf("%d batches were filled, and %d circulate", n, small.Batches)
		}
		close(release)
		if err := <-done; !errors.Is(err, enough) {
			t.Errorf("got %v", err)
		}
	})
}

// TestBatchForgets: an empty batch holds nothing of a log's client, or of errors.
func TestBatchForgets(t *testing.T) {
	b := &Batch{
		Origins: []Origin{{Value: []byte("of the client")}, {Offset: 2}},
		Rejects: []Reject{{Line: 1, Text: scan.Span{End: 3}, Err: io.EOF}},
	}
	b.reset()
	if len(b.Origins)+len(b.Rejects) > 0 || cap(b.Origins) < 2 || cap(b.Rejects) < 1 {
		t.Errorf("after reset: %d origins and %d rejects, room for %d and %d", len(b.Origins), len(b.Rejects), cap(b.Origins), cap(b.Rejects))
	}
	if o, r := b.Origins[:2], b.Rejects[:1]; o[0].Value != nil || r[0].Err != nil {
		t.Errorf("after reset there are still %v and %v", o, r)
	}
}
