package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/sluice-data/sluice/airbyte"
)

const (
	// runLimit ends a run that hangs: each takes less than a second, or some into a bucket that
	// is far away.
	runLimit = 5 * time.Minute
	// stopWait is how long sluice may take to end after Ctrl-C: it aborts its uploads.
	stopWait = 30 * time.Second
)

// program runs the binary as the platform does: a process, files, standard streams.
type program struct {
	binary   string
	logLevel string
	at       *place
}

// command is a command line of sluice, as it is run and as it is shown.
type command struct {
	args  []string
	stdin string // the name of a file, or ""
}

func (c command) String() string {
	line := "sluice " + strings.Join(c.args, " ")
	if c.stdin != "" {
		line += " < " + c.stdin
	}
	return line
}

func (p *program) check() command { return p.command("", "check", "--config", configFile) }

func (p *program) write() command {
	return p.command(messagesFile, "write", "--config", configFile, "--catalog", catalogFile)
}

func (p *program) command(stdin string, args ...string) command {
	if p.logLevel != "" {
		args = append(args, "--log-level", p.logLevel)
	}
	return command{args, stdin}
}

// run runs sluice to its end. It gives each LOG message to log when it comes. The error of a run
// that failed has what sluice said.
func (p *program) run(ctx context.Context, c command, log func(level, text string)) (*answer, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, runLimit, fmt.Errorf("sluice %s did not end within %s", c.args[0], runLimit))
	defer cancel()
	var errOut bytes.Buffer
	got := &answer{log: log}
	cmd := exec.CommandContext(ctx, p.binary, c.args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = p.at.dir, got, &errOut
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = stopWait
	if c.stdin != "" {
		in, err := os.Open(filepath.Join(p.at.dir, c.stdin))
		if err != nil {
			return nil, err
		}
		defer in.Close()
		cmd.Stdin = in
	}
	begin := time.Now()
	err := cmd.Run()
	got.took = time.Since(begin)
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if err != nil {
		said := append(got.failures, strings.TrimSpace(errOut.String()))
		said = slices.DeleteFunc(said, func(text string) bool { return text == "" })
		return nil, fmt.Errorf("sluice %s: %w\n%s", c.args[0], err, strings.Join(said, "\n"))
	}
	return got, got.wrong()
}

// answer is what sluice says on its standard output.
type answer struct {
	log         func(level, text string)
	took        time.Duration
	states      []state
	failures    []string // of TRACE messages of type ERROR
	check       string   // the answer to check
	checkReason string

	rest []byte // the beginning of a line whose end has not come
	bad  error
}

var _ io.Writer = (*answer)(nil)

// of returns the states of one stream.
func (a *answer) of(id airbyte.StreamID) []state {
	var states []state
	for _, s := range a.states {
		if s.stream == id {
			states = append(states, s)
		}
	}
	return states
}

// state is a STATE message of one stream.
type state struct {
	stream airbyte.StreamID
	text   string // what the source will get back: its stream_state
}

// message has the parts of an Airbyte message that the demo shows.
type message struct {
	Type  string
	Log   struct{ Level, Message string }
	State struct {
		Stream struct {
			Descriptor struct{ Namespace, Name string } `json:"stream_descriptor"`
			State      json.RawMessage                  `json:"stream_state"`
		}
	}
	Trace struct {
		Type  string
		Error struct{ Message string }
	}
	ConnectionStatus struct{ Status, Message string }
}

// Write takes the output as it comes.
func (a *answer) Write(p []byte) (int, error) {
	a.rest = append(a.rest, p...)
	for {
		line, rest, whole := bytes.Cut(a.rest, []byte("\n"))
		if !whole {
			return len(p), nil
		}
		a.take(line)
		a.rest = rest
	}
}

func (a *answer) take(line []byte) {
	var m message
	if err := json.Unmarshal(line, &m); err != nil {
		if a.bad == nil {
			a.bad = fmt.Errorf("sluice said what is no message: %.80q", line)
		}
		return
	}
	switch m.Type {
	case "LOG":
		a.log(m.Log.Level, m.Log.Message)
	case "STATE":
		s := m.State.Stream // the recording has states of single streams only
		a.states = append(a.states, state{airbyte.StreamID(s.Descriptor), string(s.State)})
	case "TRACE":
		if m.Trace.Type == "ERROR" {
			a.failures = append(a.failures, m.Trace.Error.Message)
		}
	case "CONNECTION_STATUS":
		a.check, a.checkReason = m.ConnectionStatus.Status, m.ConnectionStatus.Message
	}
}

// wrong says what was no message.
func (a *answer) wrong() error {
	if a.bad == nil && len(a.rest) > 0 {
		return fmt.Errorf("sluice ended in the middle of a message: %.80q", a.rest)
	}
	return a.bad
}
