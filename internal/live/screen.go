package live

import (
	"io"
	"strings"
	"sync"
	"time"

	"github.com/charmbracelet/x/ansi"
)

// screen keeps a picture at the end of what is on a terminal. The cursor stands at the beginning
// of the line below it.
type screen struct {
	mu     sync.Mutex
	out    io.Writer
	look   func() Look
	lines  []string  // of the picture
	there  []int     // the widths of those lines that are on the terminal now
	wide   int       // the terminal's width when they were written
	last   time.Time // when that was
	closed bool      // nothing is drawn any more
}

// show draws another picture in place of the last one.
func (s *screen) show(picture func(Look) []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	look := s.look()
	s.lines = picture(look)
	s.draw(look)
}

// draw writes what has to be written in one call: a terminal that knows of synchronized output
// shows it at once, and in others the cursor is hidden meanwhile, so that it does not jump
// about. Each line clears what was behind it.
func (s *screen) draw(look Look) {
	if s.closed {
		return
	}
	var b strings.Builder
	b.WriteString(ansi.SetModeSynchronizedOutput + ansi.HideCursor)
	s.back(&b, look)
	if look.Width != s.wide { // the lines may have been broken anew
		b.WriteString(ansi.EraseScreenBelow)
	}
	s.there, s.wide, s.last = s.there[:0], look.Width, time.Now()
	for _, line := range s.lines {
		b.WriteString(line + ansi.EraseLineRight + "\r\n")
		s.there = append(s.there, width(line))
	}
	b.WriteString(ansi.EraseScreenBelow + ansi.ShowCursor + ansi.ResetModeSynchronizedOutput)
	s.write(b.String())
}

// back moves the cursor to the beginning of the picture. A terminal that has become narrower
// has broken lines of it.
func (s *screen) back(b *strings.Builder, look Look) {
	rows := 0
	for _, w := range s.there {
		rows += max(1, (w+look.Width-1)/max(look.Width, 1))
	}
	b.WriteString("\r")
	if rows > 0 {
		b.WriteString(ansi.CursorUp(rows))
	}
}

// write gives up when the terminal is gone: that is no reason to end a sync.
func (s *screen) write(text string) {
	if _, err := io.WriteString(s.out, text); err != nil {
		s.closed = true
	}
}

// redraw is how soon after a picture the next one may be drawn. A source that has a STATE leave
// each millisecond would else keep the terminal busy.
const redraw = 50 * time.Millisecond

// above has write put whole lines where the picture is, and puts the picture below them.
func (s *screen) above(write func() (int, error)) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	look := s.look()
	if len(s.there) > 0 && !s.closed {
		var b strings.Builder
		s.back(&b, look)
		b.WriteString(ansi.EraseScreenBelow)
		s.there = s.there[:0]
		s.write(b.String())
	}
	n, err := write()
	if time.Since(s.last) >= redraw {
		s.draw(look)
	}
	return n, err
}

// forget leaves what is on the terminal where it is: somebody else has written since.
func (s *screen) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.there = s.there[:0]
}

// end puts the last lines where the picture was.
func (s *screen) end(lines func(Look) []string) {
	s.show(lines)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
}
