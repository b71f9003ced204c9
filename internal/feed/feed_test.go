package feed

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestOrder: each writer's lines come in their order, and whole.
func TestOrder(t *testing.T) {
	const writers, lines = 8, 500
	f := New(100)
	var all sync.WaitGroup
	for w := range writers {
		all.Go(func() {
			for i := range lines {
				if err := f.Write(t.Context(), fmt.Appendf(nil, "%d ", w), fmt.Appendf(nil, "%d", i), []byte("\n")); err != nil {
					t.Error(err)
				}
			}
		})
	}
	go func() { all.Wait(); f.Close(io.ErrClosedPipe) }()
	got, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	next := make([]int, writers)
	for line := range strings.Lines(string(got)) {
		var w, i int
		if _, err := fmt.Sscanf(line, "%d %d\n", &w, &i); err != nil || i != next[w] {
			t.Fatalf("got the line %q of writer %d, want number %d: %v", line, w, next[w], err)
		}
		next[w]++
	}
	for w, n := range next {
		if n != lines {
			t.Errorf("got %d lines of writer %d", n, w)
		}
	}
}

// TestHeldBack: a writer waits for room, for the end of its context, and for the feed's.
func TestHeldBack(t *testing.T) {
	for _, release := range []struct {
		name string
		do   func(f *Feed, cancel context.CancelCauseFunc)
		want error
	}{
		{"read", func(f *Feed, _ context.CancelCauseFunc) { _, _ = f.Read(make([]byte, 9)) }, nil},
		{"cancel", func(_ *Feed, cancel context.CancelCauseFunc) { cancel(io.ErrNoProgress) }, io.ErrNoProgress},
		{"close", func(f *Feed, _ context.CancelCauseFunc) { f.Close(io.ErrClosedPipe) }, io.ErrClosedPipe},
		{"refuse", func(f *Feed, _ context.CancelCauseFunc) { f.Refuse(io.ErrNoProgress) }, io.ErrNoProgress},
		{"fail", func(f *Feed, _ context.CancelCauseFunc) { f.Fail(io.ErrShortBuffer) }, io.ErrShortBuffer},
	} {
		t.Run(release.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := New(10)
				ctx, cancel := context.WithCancelCause(t.Context())
				if err := f.Write(ctx, []byte("123456789")); err != nil {
					t.Fatal(err)
				}
				done := make(chan error, 2)
				for range 2 {
					go func() { done <- f.Write(ctx, []byte("ab")) }()
				}
				synctest.Wait()
				if len(done) > 0 {
					t.Fatalf("it did not wait: %v", <-done)
				}
				release.do(f, cancel)
				for range 2 {
					if err := <-done; !errors.Is(err, release.want) {
						t.Errorf("got %v, want %v", err, release.want)
					}
				}
			})
		})
	}
}

// TestEnds: what is written before Close is read, what is written before Fail is not.
func TestEnds(t *testing.T) {
	f := New(10)
	_ = f.Write(t.Context(), []byte("abc"))
	f.Close(io.ErrClosedPipe)
	if got, err := io.ReadAll(f); string(got) != "abc" || err != nil {
		t.Errorf("got %q and %v", got, err)
	}
	f = New(10)
	_ = f.Write(t.Context(), []byte("abc"))
	f.Close(io.ErrClosedPipe)
	f.Fail(io.ErrNoProgress)
	if got, err := io.ReadAll(f); len(got) > 0 || !errors.Is(err, io.ErrNoProgress) {
		t.Errorf("got %q and %v", got, err)
	}
	f.Close(io.ErrClosedPipe)
	if _, err := f.Read(make([]byte, 1)); !errors.Is(err, io.ErrNoProgress) {
		t.Errorf("got %v: the first end counts", err)
	}
}

// TestGiant: one write may be larger than the feed, and is not kept.
func TestGiant(t *testing.T) {
	f := New(10)
	giant := bytes.Repeat([]byte("x"), 1000)
	if err := f.Write(t.Context(), giant); err != nil {
		t.Fatal(err)
	}
	p := make([]byte, 2000)
	if n, err := f.Read(p); n != 1000 || err != nil {
		t.Errorf("got %d and %v", n, err)
	}
	if cap(f.buf) > 20 {
		t.Errorf("%d bytes are kept", cap(f.buf))
	}
}

// TestRefused: the reader does not take it for the end, whatever is called behind it.
func TestRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := New(10)
		f.Refuse(io.ErrNoProgress)
		f.Close(io.ErrClosedPipe)
		if err := f.Write(t.Context(), []byte("a")); !errors.Is(err, io.ErrNoProgress) {
			t.Errorf("got %v", err)
		}
		done := make(chan error, 1)
		go func() {
			_, err := f.Read(make([]byte, 1))
			done <- err
		}()
		synctest.Wait()
		if len(done) > 0 {
			t.Fatalf("Read says %v", <-done)
		}
		f.Fail(io.ErrUnexpectedEOF)
		if err := <-done; !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("got %v", err)
		}
	})
}
