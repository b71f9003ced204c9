package live

import (
	"io"
	"sync"
	"time"

	"github.com/sluice-data/sluice"
)

// interval is how often the picture is drawn.
const interval = 200 * time.Millisecond

// Live is a picture on a terminal that is drawn again and again.
type Live struct {
	screen   screen
	terminal *Terminal
	progress func() *sluice.Progress
	stop     chan struct{}
	ended    sync.WaitGroup
	samples  []*sluice.Progress // of the last seconds, oldest first
}

// Start draws what progress tells, until End.
func Start(t *Terminal, progress func() *sluice.Progress) *Live {
	l := &Live{screen: screen{out: t.out, look: t.look}, terminal: t, progress: progress, stop: make(chan struct{})}
	l.ended.Go(l.run)
	return l
}

func (l *Live) run() {
	resumed, ignore := l.terminal.onResume()
	defer ignore()
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		l.frame()
		select {
		case <-tick.C:
		case <-resumed:
			l.screen.forget()
		case <-l.stop:
			return
		}
	}
}

// frame draws one picture. A shell that has put us into the background has the terminal to itself.
func (l *Live) frame() {
	now, since := l.sample()
	if !l.terminal.foreground() {
		l.screen.forget()
		return
	}
	l.screen.show(func(look Look) []string { return View(now, since, look) })
}

// sample takes a look, and tells which earlier one to compare it with.
func (l *Live) sample() (now, since *sluice.Progress) {
	now = l.progress()
	l.samples = append(l.samples, now)
	for now.Elapsed-l.samples[0].Elapsed > window {
		l.samples = l.samples[1:]
	}
	return now, l.samples[0]
}

// Writer returns a writer of whole lines to w, which is the same terminal: they come to stand
// above the picture.
func (l *Live) Writer(w io.Writer) io.Writer { return &lines{l: l, w: w} }

type lines struct {
	l *Live
	w io.Writer
}

func (w *lines) Write(p []byte) (int, error) {
	return w.l.screen.above(func() (int, error) { return w.w.Write(p) })
}

// patience is how long End waits for a terminal that takes nothing: one that was stopped with
// Ctrl-S, or is at the other end of a dead connection. The sync has ended, and so must the process.
const patience = 2 * time.Second

// End puts the last lines in the place of the picture. Nothing is drawn after it.
func (l *Live) End(last func(Look) []string) {
	close(l.stop)
	written := make(chan struct{})
	go func() {
		defer close(written)
		l.ended.Wait()
		if !l.terminal.foreground() {
			l.screen.forget()
		}
		l.screen.end(last)
	}()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-written:
	case <-timer.C:
	}
}
