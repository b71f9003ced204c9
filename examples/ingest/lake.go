package main

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sluice-data/sluice"
	"github.com/sluice-data/sluice/config"
)

// lake is the bucket, for all requests: one writer, and when that has failed, the next.
type lake struct {
	cfg    *config.Config
	tables []sluice.Table
	pace   pace
	log    *slog.Logger

	current atomic.Pointer[writer]
}

// errDown is for requests that come while nothing is written.
var errDown = errors.New("the store does not answer")

// open opens the next writer. That does not ask the store for anything yet.
func (l *lake) open() error {
	w, err := sluice.NewWriter(context.Background(), l.cfg, l.tables, sluice.Options{Log: l.log})
	if err != nil {
		return err
	}
	next := &writer{Writer: w, pace: l.pace, tables: map[string]*sluice.TableWriter{}, arrived: make(chan struct{}, 1), full: make(chan struct{}, 1)}
	for _, t := range l.tables {
		if next.tables[t.Name], err = w.Table("", t.Name); err != nil {
			w.Abort()
			return err
		}
	}
	l.current.Store(next)
	return nil
}

// keep makes the checkpoints, and opens a new writer when one has failed, until ctx ends. The
// requests that the failed one held were told so, and come again.
func (l *lake) keep(ctx context.Context) {
	const least, most = time.Second, 30 * time.Second
	for pause := least; ; pause = min(2*pause, most) {
		w := l.current.Load()
		if w.commit(ctx) > 0 {
			pause = least
		}
		if ctx.Err() != nil {
			return
		}
		l.log.Error("the writer has failed: a new one is opened", "error", w.Err(), "pause", pause)
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return
		}
		if err := l.open(); err != nil {
			l.log.Error(err.Error())
		}
	}
}

// close ends the writer. It comes behind the last request: there is nothing left to write, or
// nothing that is acknowledged.
func (l *lake) close(ctx context.Context) error {
	sum, err := l.current.Load().Close(ctx)
	if err == nil {
		l.log.Info(sum.String())
	}
	return err
}

// pace says how many requests share a checkpoint.
type pace struct {
	every time.Duration
	bytes int64
}

// writer is a Writer that commits in groups: the requests that come while one checkpoint is under
// way, and until the next is due, wait for that one together.
type writer struct {
	*sluice.Writer
	tables map[string]*sluice.TableWriter
	pace   pace

	mu      sync.Mutex
	next    *group        // those who wait for the next checkpoint; nil: nobody
	began   time.Time     // of the checkpoint under way; zero: none
	arrived chan struct{} // has one for each group: somebody waits
	full    chan struct{} // has one for a group that need not wait for more
}

// group are the requests that one checkpoint answers.
type group struct {
	bytes int64
	done  chan struct{}
	err   error // then
}

// wait returns once a checkpoint that began after this call has covered what was written before it.
func (w *writer) wait(ctx context.Context, bytes int64) error {
	w.mu.Lock()
	if w.next == nil {
		w.next = &group{done: make(chan struct{})}
		w.arrived <- struct{}{} // has room: that of the group before is gone, as the group is
	}
	g := w.next
	before := g.bytes
	g.bytes += bytes
	if before < w.pace.bytes && g.bytes >= w.pace.bytes {
		w.full <- struct{}{}
	}
	w.mu.Unlock()
	select {
	case <-g.done:
		return g.err
	case <-w.Done():
		return w.Err()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// commit makes checkpoints until ctx or the writer ends, and returns how many went well.
func (w *writer) commit(ctx context.Context) (n int) {
	due := time.NewTimer(0) // after a time without requests, nobody waits for others
	defer due.Stop()
	for {
		select {
		case <-w.arrived:
		case <-w.Done():
			return n
		case <-ctx.Done():
			return n
		}
		select {
		case <-due.C:
		case <-w.full:
		case <-w.Done():
		}
		due.Reset(w.pace.every)
		g := w.take()
		_, g.err = w.Checkpoint(context.Background()) // it ends with the writer
		w.taken(g)
		if g.err == nil {
			n++
		}
	}
}

// take closes the group: whoever comes now waits for the next.
func (w *writer) take() *group {
	w.mu.Lock()
	defer w.mu.Unlock()
	g := w.next
	w.next, w.began = nil, time.Now()
	select {
	case <-w.full: // nobody has looked, it was due anyway
	default:
	}
	return g
}

func (w *writer) taken(g *group) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.began = time.Time{}
	close(g.done)
}

// health is nil while records get into the bucket. A checkpoint that takes long is an outage
// that is still being sat out: to take more records would only fill the memory.
func (w *writer) health(patience time.Duration) error {
	if err := w.Err(); err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.began.IsZero() && time.Since(w.began) > patience {
		return errDown
	}
	return nil
}
