package live

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/charmbracelet/x/ansi"
	"github.com/hinshun/vt10x"

	"github.com/sluice-data/sluice"
)

// fakeTerminal is a terminal in memory, as wide as a test wants it.
type fakeTerminal struct {
	t    *testing.T
	vt   vt10x.Terminal
	look Look
}

func newFakeTerminal(t *testing.T, width, height int) *fakeTerminal {
	return &fakeTerminal{t: t, vt: vt10x.New(vt10x.WithSize(width, height)), look: Look{Width: width, Height: height}}
}

func (f *fakeTerminal) Write(p []byte) (int, error) {
	// What came from a program gets its carriage returns from the terminal's driver.
	text := strings.ReplaceAll(strings.ReplaceAll(string(p), "\r\n", "\n"), "\n", "\r\n")
	if _, err := io.WriteString(f.vt, text); err != nil {
		return 0, err
	}
	if !f.vt.CursorVisible() {
		f.t.Errorf("the cursor is left hidden by %q", p)
	}
	return len(p), nil
}

// want compares with the lines on the screen.
func (f *fakeTerminal) want(lines ...string) {
	f.t.Helper()
	var got []string
	for line := range strings.Lines(f.vt.String()) {
		got = append(got, strings.TrimRight(line, " \n"))
	}
	for len(got) > 0 && got[len(got)-1] == "" {
		got = got[:len(got)-1]
	}
	if strings.Join(got, "\n") != strings.Join(lines, "\n") {
		f.t.Errorf("on the screen is\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(lines, "\n"))
	}
}

func (f *fakeTerminal) screen() *screen {
	return &screen{out: f, look: func() Look { return f.look }}
}

// picture is one of these lines.
func picture(lines ...string) func(Look) []string {
	return func(Look) []string { return lines }
}

func TestScreen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeTerminal(t, 20, 8)
		s := f.screen()
		say := func(text string) {
			_, _ = s.above(func() (int, error) { return io.WriteString(f, text) })
		}
		s.show(picture("one", "two", "three"))
		f.want("one", "two", "three")
		s.show(picture("a much longer one", "2"))
		f.want("a much longer one", "2")
		time.Sleep(redraw)
		say("a message\n")
		f.want("a message", "a much longer one", "2")
		say("another, which is longer than a line\n") // too soon for a picture
		f.want("a message", "another, which is lo", "nger than a line")
		s.show(picture("one", "two"))
		f.want("a message", "another, which is lo", "nger than a line", "one", "two")
		for i := range 9 { // it scrolls
			time.Sleep(redraw)
			say(fmt.Sprintf("message %d\n", i))
		}
		f.want("message 4", "message 5", "message 6", "message 7", "message 8", "one", "two")
		s.end(picture("the end"))
		say("and more\n")
		s.show(picture("too late"))
		f.want("message 4", "message 5", "message 6", "message 7", "message 8", "the end", "and more")
	})
}

// TestScreenResumes: what somebody else has written is not overwritten.
func TestScreenResumes(t *testing.T) {
	f := newFakeTerminal(t, 20, 8)
	s := f.screen()
	s.show(picture("one", "two"))
	_, _ = io.WriteString(f, "$ fg\n")
	s.forget()
	s.show(picture("three"))
	f.want("one", "two", "$ fg", "three")
}

// TestScreenGetsNarrower: the terminal has broken the lines, and the picture begins further up.
func TestScreenGetsNarrower(t *testing.T) {
	f := newFakeTerminal(t, 20, 8)
	_, _ = io.WriteString(f, "prompt\n")
	s := f.screen()
	s.show(picture("123456789 12345678", "short"))
	// As terminals do that break lines anew.
	f.vt = vt10x.New(vt10x.WithSize(10, 8))
	f.look.Width = 10
	_, _ = io.WriteString(f, "prompt\n123456789 12345678\nshort\n")
	s.show(picture("12345", "short"))
	f.want("prompt", "12345", "short")
}

// TestScreenIsGone: nobody is told, and nothing more is tried.
func TestScreenIsGone(t *testing.T) {
	tries := 0
	s := &screen{look: func() Look { return Look{Width: 80, Height: 24} }, out: writerFunc(func(p []byte) (int, error) {
		tries++
		return 0, errors.New("gone")
	})}
	s.show(picture("one"))
	s.show(picture("two"))
	n, err := s.above(func() (int, error) { return 7, nil })
	s.end(picture("three"))
	if tries != 1 || n != 7 || err != nil {
		t.Errorf("%d tries, wrote %d, %v", tries, n, err)
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// TestLive follows a sync: its rates are those of the last seconds.
func TestLive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeTerminal(t, 60, 40)
		begin := time.Now()
		resumed := make(chan os.Signal)
		var inFront atomic.Bool
		inFront.Store(true)
		term := &Terminal{out: f, look: func() Look { return f.look }, foreground: inFront.Load, onResume: func() (<-chan os.Signal, func()) { return resumed, func() {} }}
		l := Start(term, func() *sluice.Progress {
			// 100 rows a second for a minute, and then 1,000.
			took := time.Since(begin)
			rows := 100 * took.Seconds()
			if took > time.Minute {
				rows += 900 * (took - time.Minute).Seconds()
			}
			return &sluice.Progress{Elapsed: took, Rows: int64(rows), Source: took}
		})
		line := func(n int) string {
			synctest.Wait()
			all := strings.Split(f.vt.String(), "\n")
			return strings.TrimRight(all[n], " ")
		}
		want := func(n int, want string) {
			t.Helper()
			if got := line(n); got != want {
				t.Errorf("got  %q\nwant %q", got, want)
			}
		}
		time.Sleep(30*time.Second + interval/2)
		want(0, "sluice 30s  bottleneck: source")
		want(1, " rows             3,000  100/s")
		time.Sleep(40 * time.Second)
		want(1, " rows            16,000  1,000/s")
		if _, err := io.WriteString(l.Writer(f), `{"type":"STATE"}`+"\n"); err != nil {
			t.Error(err)
		}
		want(0, `{"type":"STATE"}`)
		want(1, "sluice 1m10s  bottleneck: source")

		// The shell has the terminal to itself meanwhile.
		inFront.Store(false)
		time.Sleep(10 * time.Second)
		want(1, "sluice 1m10s  bottleneck: source")
		inFront.Store(true)
		time.Sleep(time.Second)
		want(10, "sluice 1m21s  bottleneck: source")

		// Or it has stopped us: what it wrote stays.
		_, _ = io.WriteString(f, "$ fg\n")
		resumed <- os.Interrupt
		time.Sleep(time.Second)
		want(19, "$ fg")
		want(20, "sluice 1m22s  bottleneck: source")

		l.End(picture("the end"))
		time.Sleep(time.Minute)
		want(19, "$ fg")
		want(20, "the end")
		want(21, "")
	})
}

// TestEndOfAStuckTerminal: a process whose work is done does not wait for it.
func TestEndOfAStuckTerminal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stuck := make(chan struct{})
		term := &Terminal{
			out:        writerFunc(func(p []byte) (int, error) { <-stuck; return len(p), nil }),
			look:       func() Look { return Look{Width: 80, Height: 24} },
			foreground: func() bool { return true },
			onResume:   func() (<-chan os.Signal, func()) { return nil, func() {} },
		}
		l := Start(term, func() *sluice.Progress { return &sluice.Progress{} })
		time.Sleep(time.Minute)
		begin := time.Now()
		l.End(picture("the end"))
		if took := time.Since(begin); took != patience {
			t.Errorf("it took %v", took)
		}
		close(stuck)
	})
}

// TestDrawsAtOnce: each picture is one write, which leaves the cursor where it can be seen.
func TestDrawsAtOnce(t *testing.T) {
	var all []string
	s := &screen{look: func() Look { return Look{Width: 80, Height: 24} }, out: writerFunc(func(p []byte) (int, error) {
		all = append(all, string(p))
		return len(p), nil
	})}
	now, since := middle()
	for range 3 {
		s.show(func(look Look) []string { return View(now, since, look) })
	}
	if len(all) != 3 {
		t.Errorf("%d writes", len(all))
	}
	for _, w := range all {
		if strings.Count(w, ansi.HideCursor) != 1 || !strings.HasSuffix(w, ansi.ShowCursor+ansi.ResetModeSynchronizedOutput) {
			t.Errorf("wrote %q", w)
		}
	}
}
