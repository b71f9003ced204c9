package main

import (
	"bytes"
	"os"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/creack/pty"
	"github.com/hinshun/vt10x"
	"golang.org/x/term"
)

// terminal is a pseudo terminal, and what is on its screen.
type terminal struct {
	t      *testing.T
	tty    *os.File
	before *term.State
	done   chan struct{}

	mu  sync.Mutex
	vt  vt10x.Terminal
	raw bytes.Buffer
}

func newTerminal(t *testing.T, width, height int) *terminal {
	t.Helper()
	ptmx, tty, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	if err := pty.Setsize(ptmx, &pty.Winsize{Cols: uint16(width), Rows: uint16(height)}); err != nil {
		t.Fatal(err)
	}
	s := &terminal{t: t, tty: tty, done: make(chan struct{}), vt: vt10x.New(vt10x.WithSize(width, height))}
	if s.before, err = term.GetState(int(tty.Fd())); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(s.done)
		defer ptmx.Close()
		buf := make([]byte, 64<<10)
		for {
			n, err := ptmx.Read(buf)
			s.mu.Lock()
			s.raw.Write(buf[:n])
			_, _ = s.vt.Write(buf[:n])
			s.mu.Unlock()
			if err != nil {
				return // the end of a terminal is an error
			}
		}
	}()
	t.Cleanup(s.hangUp)
	return s
}

// hangUp closes the terminal, once the process that has it too has ended.
func (s *terminal) hangUp() {
	s.tty.Close()
	<-s.done
}

// text is what is on the screen.
func (s *terminal) text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	lines := strings.Split(s.vt.String(), "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	return strings.TrimRight(strings.Join(lines, "\n"), "\n")
}

func (s *terminal) wait(what string) {
	s.t.Helper()
	defer func() {
		if s.t.Failed() {
			s.t.Logf("on the screen is\n%s", s.text())
		}
	}()
	waitFor(s.t, "the terminal shows "+what, func() bool { return strings.Contains(s.text(), what) })
}

// What may be sent to a terminal: colours, moves up, erasing, and the modes of hiding the cursor
// and of drawing at once. All else changes the terminal, or asks it something, which it would
// answer on the input of whoever comes next.
var harmless = regexp.MustCompile(`^\x1b\[([0-9;]*m|[0-9]*[AJK]|\?25[hl]|\?2026[hl])`)

// left demands that the terminal is as it was found.
func (s *terminal) left() {
	s.t.Helper()
	after, err := term.GetState(int(s.tty.Fd()))
	if err != nil {
		s.t.Fatal(err)
	}
	same(s.t, "the modes of the terminal", after, s.before)
	s.hangUp()
	if !s.vt.CursorVisible() {
		s.t.Error("the cursor is hidden")
	}
	for rest := s.raw.Bytes(); ; {
		_, escape, found := bytes.Cut(rest, []byte("\x1b"))
		if !found {
			return
		}
		if !harmless.Match(append([]byte("\x1b"), escape...)) {
			s.t.Errorf("the terminal got \\x1b%.10q", escape)
		}
		rest = escape
	}
}

// startOn starts a sync with stderr on a terminal; stdout is a pipe, or the same terminal.
func (at *target) startOn(s *terminal, together bool, j job) *process {
	at.t.Helper()
	p := newProcess(at.t, append([]string{"TERM=xterm-256color", "NO_COLOR="}, j.env...), binary, at.write(j)...)
	p.cmd.Stderr = s.tty
	if together {
		p.cmd.Stdout = s.tty
	}
	p.run()
	return p
}

// onUsers is a sync of users, with objects that are closed soon.
func onUsers(args ...string) job {
	return job{config: fields{"checkpoint_minutes": 0.005}, streams: []stream{{name: "users", schema: idSchema}, {name: "orders", schema: idSchema}}, args: args}
}

// estimated says that there will be 100 rows.
const estimated = `{"type":"TRACE","trace":{"type":"ESTIMATE","emitted_at":1,"estimate":{"name":"users","type":"STREAM","row_estimate":100}}}`

// TestLive looks at the terminal while a sync runs, and when it has ended.
func TestLive(t *testing.T) {
	t.Parallel()
	s := newTerminal(t, 100, 30)
	at := inDirectory(t)
	p := at.startOn(s, false, onUsers())
	p.send(estimated).send(numbered("users", 0, 50)...).send(streamState("users", `{"n":1}`))
	s.wait("users   ━━━━━━━━────────     50%  50 rows")
	s.wait("bottleneck: source")
	s.wait("1 sent")
	r := p.send(status("users", "COMPLETE"), status("orders", "COMPLETE")).finish().ok()
	s.left()
	contains(t, "the screen", s.text(), "✓ sluice: 50 rows of 2 streams", "users     50", "orders     0", "waited  source")
	if strings.Contains(s.text(), "bottleneck") {
		t.Errorf("the picture is still there:\n%s", s.text())
	}
	// Whoever reads stdout gets the same as without a terminal.
	if len(r.states()) != 1 {
		t.Errorf("got the states %q", r.states())
	}
	contains(t, "the log", strings.Join(r.logs("INFO"), "\n"), "users: 50 rows", "50 rows of 2 streams")
}

// TestLiveTogether has messages on the same terminal: they stand whole, above the picture.
func TestLiveTogether(t *testing.T) {
	t.Parallel()
	s := newTerminal(t, 200, 40)
	at := inDirectory(t)
	p := at.startOn(s, true, onUsers())
	state := streamState("users", `{"n":1}`)
	p.send(numbered("users", 0, 50)...).send(state)
	s.wait(`{"n":1}`)
	s.wait("1 sent")
	p.finish()
	s.left()
	text := s.text()
	messages, picture, _ := strings.Cut(text, "✓ sluice: 50 rows")
	if picture == "" || strings.Contains(text, "bottleneck") {
		t.Errorf("the end is not what it should be:\n%s", text)
	}
	states := 0
	for line := range strings.Lines(strings.TrimSpace(messages)) {
		m, err := parseMessage(strings.TrimSpace(line))
		if err != nil {
			t.Errorf("a line is %q: %v", line, err)
		}
		if m.Type == "STATE" {
			states++
		}
	}
	if states != 1 || strings.Contains(text, "50 rows of 2 streams in 1 object") {
		t.Errorf("%d states, or a log that says again what the summary says:\n%s", states, text)
	}
}

// TestLiveEnds has the sync end in other ways: the terminal is left as it was.
func TestLiveEnds(t *testing.T) {
	t.Parallel()
	f := func(name string, end func(p *process), last ...string) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newTerminal(t, 80, 30)
			p := inDirectory(t).startOn(s, false, onUsers())
			p.send(numbered("users", 0, 50)...)
			s.wait("50 rows")
			end(p)
			p.wait()
			s.left()
			contains(t, "the screen", s.text(), last...)
		})
	}
	f("a signal", func(p *process) { p.signal(os.Interrupt) }, "✗ sluice: failed after", "! stopped: interrupt signal received", "What was acknowledged is safe")
	f("an error", func(p *process) { p.send("no message") }, "✗ sluice: failed after", "50 rows", "! ", "line 51")
	f("kill -9", func(p *process) { p.signal(syscall.SIGKILL) }, "50 rows", "bottleneck: ")
	f("a source that gave up", func(p *process) { p.send(status("users", "COMPLETE")).stdin.Close() }, "✗ sluice: 50 rows", "orders     0", "! its source did not complete it", "! the source did not complete 1")
}

// TestLiveResizes makes the terminal narrower while the picture is there.
func TestLiveResizes(t *testing.T) {
	t.Parallel()
	s := newTerminal(t, 80, 30)
	p := inDirectory(t).startOn(s, false, onUsers())
	s.wait("0/s           requests   0 under way") // beside other facts
	if err := pty.Setsize(s.tty, &pty.Winsize{Cols: 40, Rows: 30}); err != nil {
		t.Fatal(err)
	}
	s.mu.Lock()
	s.vt.Resize(40, 30)
	s.mu.Unlock()
	s.wait("\n requests   0 under way")
	p.finish()
	s.left()
}

// TestProgressOption chooses what is shown.
func TestProgressOption(t *testing.T) {
	t.Parallel()
	f := func(shown bool, color bool, args []string, env ...string) {
		t.Run(strings.Join(append([]string{"write"}, append(args, env...)...), " "), func(t *testing.T) {
			t.Parallel()
			s := newTerminal(t, 80, 30)
			j := onUsers(args...)
			j.env = env
			r := inDirectory(t).startOn(s, false, j).send(numbered("users", 0, 5)...).finish().ok()
			s.left()
			if got := s.raw.Len() > 0; got != shown {
				t.Errorf("the terminal got %q", s.raw.String())
			}
			if got := regexp.MustCompile(`\x1b\[[0-9;]+m`).Match(s.raw.Bytes()); got != color {
				t.Errorf("the terminal got %q", s.raw.String())
			}
			contains(t, "the log", strings.Join(r.logs("INFO"), "\n"), "5 rows of 2 streams")
		})
	}
	f(true, true, nil)
	f(true, true, []string{"--progress", "auto"})
	f(true, true, []string{"--progress", "live"})
	f(false, false, []string{"--progress", "log"})
	f(false, false, []string{"--progress", "none"})
	f(true, false, nil, "NO_COLOR=1")
	f(false, false, nil, "TERM=dumb")
	f(false, false, nil, "TERM=")

	at := inDirectory(t)
	at.start(onUsers("--progress", "live")).finish().failed(2, "config_error", "--progress is live", "stderr is no terminal")
	at.start(onUsers("--progress", "loud")).finish().failed(2, "config_error", `--progress is "loud"`, "auto, live, log or none")
}
