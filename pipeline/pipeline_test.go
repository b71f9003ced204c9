package pipeline

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/sluice-data/sluice/internal/guard"
)

// collector is an End that keeps what it gets.
type collector struct {
	got      []string
	ticks    int
	finished int
	stopped  int
	stopping error
	process  func(*Batch) error
}

func (c *collector) Process(_ context.Context, b *Batch) error {
	c.got = append(c.got, string(b.Output))
	if c.process != nil {
		return c.process(b)
	}
	return nil
}

func (c *collector) Tick(context.Context) error   { c.ticks++; return nil }
func (c *collector) Finish(context.Context) error { c.finished++; return nil }
func (c *collector) Stop(context.Context) error   { c.stopped++; return c.stopping }

// stage makes a stage of n workers.
func stage(n int, f func(context.Context, *Batch) error) Stage {
	return Stage{Name: "toy", Workers: n, New: func() func(context.Context, *Batch) error { return f }}
}

func upper(_ context.Context, b *Batch) error {
	b.Output = append(b.Output, strings.ToUpper(string(b.Input))...)
	return nil
}

func numbered(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "line %d\n", i)
	}
	return b.String()
}

var small = Options{Batches: 6, Block: 64}

func TestRunKeepsTheOrder(t *testing.T) {
	defer goleak.VerifyNone(t)
	in := numbered(5000)
	// Workers that finish out of order: each waits for the one that started after it.
	var turn atomic.Int64
	shuffle := func(_ context.Context, b *Batch) error {
		if turn.Add(1)%2 == 0 {
			for range 1000 {
				turn.Load()
			}
		}
		return nil
	}
	end := &collector{}
	err := Run(t.Context(), strings.NewReader(in), []Stage{stage(4, shuffle), stage(3, upper)}, end, small)
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(end.got, ""); got != strings.ToUpper(in) {
		t.Errorf("%d bytes came out in another order, or not all", len(got))
	}
	if end.finished != 1 {
		t.Errorf("Finish was called %d times", end.finished)
	}
}

func TestRunBoundsItsBatches(t *testing.T) {
	// The end takes nothing: the source must be stopped when all batches are on their way.
	defer goleak.VerifyNone(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	read := &countingReader{line: []byte(strings.Repeat("x", 63) + "\n")}
	stop := errors.New("enough")
	end := &collector{process: func(*Batch) error {
		for read.reads.Load() < int64(small.Batches) {
			if ctx.Err() != nil {
				break
			}
		}
		cancel(stop)
		<-ctx.Done()
		return context.Cause(ctx)
	}}
	err := Run(ctx, read, []Stage{stage(2, upper)}, end, small)
	if !errors.Is(err, stop) {
		t.Fatal(err)
	}
	if n := read.reads.Load(); n > int64(small.Batches)+1 {
		t.Errorf("%d blocks were read with %d batches", n, small.Batches)
	}
}

// countingReader yields a line a read, for ever.
type countingReader struct {
	line  []byte
	reads atomic.Int64
}

func (r *countingReader) Read(p []byte) (int, error) {
	r.reads.Add(1)
	return copy(p, r.line), nil
}

func TestRunReportsTheFirstBadLine(t *testing.T) {
	defer goleak.VerifyNone(t)
	// Later batches fail sooner: the workers of the first one wait until another has failed.
	later := make(chan struct{})
	var once sync.Once
	fail := func(_ context.Context, b *Batch) error {
		if b.Line == 1 {
			<-later
		} else {
			defer once.Do(func() { close(later) })
		}
		return &LineError{Line: b.Line, Err: errors.New("bad")}
	}
	end := &collector{}
	err := Run(t.Context(), strings.NewReader(numbered(100)), []Stage{stage(3, fail), stage(1, upper)}, end, small)
	if err == nil || err.Error() != "line 1: bad" || !errors.Is(err, ErrInput) {
		t.Errorf("got %v", err)
	}
	if end.finished != 0 {
		t.Error("Finish was called after a failure")
	}
}

func TestRunPassesErrorsOn(t *testing.T) {
	defer goleak.VerifyNone(t)
	broken := errors.New("broken")
	f := func(name string, in io.Reader, process func(context.Context, *Batch) error, end *collector) {
		t.Helper()
		if err := Run(t.Context(), in, []Stage{stage(2, process)}, end, small); !errors.Is(err, broken) {
			t.Errorf("%s: got %v", name, err)
		}
		if end.finished != 0 {
			t.Errorf("%s: Finish was called after a failure", name)
		}
	}
	f("end", strings.NewReader(numbered(100)), upper, &collector{process: func(*Batch) error { return broken }})
	f("read", io.MultiReader(strings.NewReader("a\n"), errReader{broken}), upper, &collector{})
	f("stage", strings.NewReader(numbered(100)), func(context.Context, *Batch) error { return broken }, &collector{})
}

type errReader struct{ err error }

func (r errReader) Read([]byte) (int, error) { return 0, r.err }

func TestRunTurnsAPanicIntoAnError(t *testing.T) {
	defer goleak.VerifyNone(t)
	f := func(name string, process func(context.Context, *Batch) error, end *collector) {
		t.Helper()
		err := Run(t.Context(), strings.NewReader("a\n"), []Stage{stage(1, process)}, end, small)
		var bug *guard.BugError
		if !errors.As(err, &bug) || err.Error() != "BUG: boom" || bug.Stack == "" {
			t.Errorf("%s: got %v", name, err)
		}
	}
	f("stage", func(context.Context, *Batch) error { panic("boom") }, &collector{})
	f("end", upper, &collector{process: func(*Batch) error { panic("boom") }})
}

func TestRunTicksWhileTheInputIsQuiet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pr, pw := io.Pipe()
		end := &collector{}
		done := make(chan error)
		go func() { done <- Run(t.Context(), pr, []Stage{stage(1, upper)}, end, Options{Tick: time.Second}) }()
		_, _ = pw.Write([]byte("a\n"))
		time.Sleep(10*time.Second + time.Millisecond) // of the test's own clock
		synctest.Wait()
		if end.ticks != 10 {
			t.Errorf("%d ticks in 10 s", end.ticks)
		}
		_ = pw.Close()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func TestRunReturnsWhileAReadIsBlocked(t *testing.T) {
	pr, pw := io.Pipe()
	ctx, cancel := context.WithCancelCause(t.Context())
	cause := errors.New("told to stop")
	go func() {
		_, _ = pw.Write([]byte("a\n")) // taken by a Read; the next one blocks
		cancel(cause)
	}()
	if err := Run(ctx, pr, []Stage{stage(1, upper)}, &collector{}, small); !errors.Is(err, cause) {
		t.Errorf("got %v", err)
	}
	_ = pw.Close() // lets the Read go
	goleak.VerifyNone(t)
}

func TestBatchGivesBackWhatGrewTooBig(t *testing.T) {
	b := &Batch{Input: make([]byte, 10, maxKept+1), Output: make([]byte, 10, 1024), Records: make([]Record, 3, 8)}
	b.reset()
	if cap(b.Input) != 0 || cap(b.Output) != 1024 || len(b.Output) != 0 || len(b.Records) != 0 || cap(b.Records) != 8 {
		t.Errorf("after reset: input cap %d, output cap %d, %d records", cap(b.Input), cap(b.Output), len(b.Records))
	}
}

// TestOneLargeBatch: each batch past maxKept waits until the one before it has left, whatever
// the number of batches.
func TestOneLargeBatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var in bytes.Buffer
		for i := range 12 {
			in.Write(bytes.Repeat([]byte{'a' + byte(i)}, maxKept+i<<10))
			in.WriteString("\nsmall\n")
		}
		var large, most atomic.Int64
		count := func(b *Batch, n int64) {
			if len(b.Input) > maxKept {
				most.Store(max(most.Load(), large.Add(n)))
			}
		}
		steps := []Stage{stage(4, func(_ context.Context, b *Batch) error {
			count(b, 1)
			time.Sleep(time.Second)
			return nil
		})}
		end := &collector{process: func(b *Batch) error { count(b, -1); return nil }}
		if err := Run(t.Context(), &in, steps, end, Options{Block: 1 << 10}); err != nil {
			t.Fatal(err)
		}
		if most.Load() != 1 || large.Load() != 0 {
			t.Errorf("up to %d large batches at a time", most.Load())
		}
	})
}
