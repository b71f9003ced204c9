package torture

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// attemptLimit ends an attempt that hangs: the longest take a few seconds.
const attemptLimit = 2 * time.Minute

// attempt is one run of the binary, from its start to its end, whichever comes.
type attempt struct {
	evidence
	killed bool
	code   int    // the exit code of one that was not killed
	said   string // TRACE messages, and what was on stderr

	script   *script
	platform *platform
	pause    time.Duration
	cmd      *exec.Cmd
	trigger  *trigger
	stdin    io.WriteCloser
	stderr   bytes.Buffer
	started  chan struct{} // closed when cmd runs
	came     chan struct{} // has room for one: a STATE was read
}

// kill is kill -9. The first request can be here before we know the process. It fails only
// where that has ended by itself, which its exit code tells.
func (a *attempt) kill() {
	<-a.started
	_ = a.cmd.Process.Kill()
}

// newAttempt is one of a job that has come as far as the platform knows.
func newAttempt(streams []Stream, known *platform) *attempt {
	a := &attempt{evidence: *newEvidence(len(streams)), platform: known, started: make(chan struct{}), came: make(chan struct{}, 1)}
	a.from = known.resume(streams)
	copy(a.sent, a.from)
	return a
}

// files are the two that a destination is given.
type files struct{ config, catalog any }

func (f files) write(in string) (args []string, err error) {
	args = []string{"write"}
	for _, one := range []struct {
		name    string
		content any
	}{{"config", f.config}, {"catalog", f.catalog}} {
		raw, err := json.Marshal(one.content)
		if err != nil {
			return nil, err
		}
		file := filepath.Join(in, one.name+".json")
		if err := os.WriteFile(file, raw, 0o600); err != nil {
			return nil, err
		}
		args = append(args, "--"+one.name, file)
	}
	return args, nil
}

// run starts the binary, plays source and platform, and returns when the process has ended
// and the store has done what had reached it.
func (a *attempt) run(ctx context.Context, binary string, args []string) error {
	ctx, cancel := context.WithTimeoutCause(ctx, attemptLimit, fmt.Errorf("the attempt did not end within %v", attemptLimit))
	defer cancel()
	a.cmd = exec.CommandContext(ctx, binary, args...)
	a.cmd.Env = environment()
	a.cmd.Stderr = &a.stderr
	var err error
	if a.stdin, err = a.cmd.StdinPipe(); err != nil {
		return err
	}
	stdout, err := a.cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := a.cmd.Start(); err != nil {
		return errors.Join(err, a.trigger.close(ctx))
	}
	close(a.started)
	if shot := a.trigger.shot; shot != nil && shot.Kind == AtTime {
		timer := time.AfterFunc(shot.After, a.trigger.fire)
		defer timer.Stop()
	}
	sent := make(chan error, 1)
	ended := make(chan struct{})
	go func() { sent <- a.send(ended) }()
	reading := a.receive(stdout)
	waiting := a.cmd.Wait()
	close(ended)
	err = errors.Join(reading, a.outcome(ctx, waiting), <-sent)
	err = errors.Join(err, a.trigger.close(ctx))
	a.touched, a.shown = a.trigger.showings(a.script.layout, a.script.streams)
	return err
}

// environment is ours without what is for S3 clients, and without the machine's credentials.
func environment() []string {
	env := []string{"AWS_CONFIG_FILE=" + os.DevNull, "AWS_SHARED_CREDENTIALS_FILE=" + os.DevNull, "AWS_EC2_METADATA_DISABLED=true"}
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "AWS_") {
			env = append(env, v)
		}
	}
	return env
}

// outcome looks at how the process ended.
func (a *attempt) outcome(ctx context.Context, waiting error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	var exit *exec.ExitError
	if waiting != nil && !errors.As(waiting, &exit) {
		return waiting
	}
	a.code = a.cmd.ProcessState.ExitCode()
	a.killed = a.code == -1 // it was a signal, and we send no other
	a.said += a.stderr.String()
	return nil
}

// send is the source. It stops where the process has ended.
func (a *attempt) send(ended <-chan struct{}) error {
	out := bufio.NewWriterSize(a.stdin, 64<<10)
	var line []byte
	for n, step := range a.script.steps {
		if step.kind == stepRecord {
			a.sent[step.stream] = step.number + 1 // before it is: it may arrive
		}
		line = a.script.appendLine(line[:0], step)
		if _, err := out.Write(line); err != nil {
			return gone(err)
		}
		shot := a.trigger.shot
		aimed := shot != nil && shot.Kind == AtLine && shot.N == n+1
		if aimed || a.pause > 0 && step.kind == stepState {
			if err := out.Flush(); err != nil {
				return gone(err)
			}
		}
		if aimed {
			a.trigger.fire()
		}
		if a.pause > 0 && step.kind == stepState {
			a.wait(ended)
		}
	}
	return gone(errors.Join(out.Flush(), a.stdin.Close()))
}

// gone leaves out the errors of a pipe that nobody reads any more.
func gone(err error) error {
	if err == nil || errors.Is(err, syscall.EPIPE) || errors.Is(err, os.ErrClosed) {
		return nil
	}
	return fmt.Errorf("writing to stdin: %w", err)
}

// wait gives the STATE that was just sent the time to come back, as it does if its rows are
// durable. A refresh that shows its table at the end holds it back for longer.
func (a *attempt) wait(ended <-chan struct{}) {
	timer := time.NewTimer(a.pause)
	defer timer.Stop()
	select {
	case <-a.came:
	case <-timer.C:
	case <-ended:
	}
}

// receive is the platform. It keeps the STATEs of whole lines.
func (a *attempt) receive(stdout io.Reader) error {
	in := bufio.NewReader(stdout)
	for {
		line, err := in.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("reading stdout: %w", err)
		}
		if err := a.message(line); err != nil {
			// The rest is read all the same, or the process would wait for that.
			_, _ = io.Copy(io.Discard, in)
			return err
		}
	}
}

func (a *attempt) message(line []byte) error {
	var m message
	if err := json.Unmarshal(line, &m); err != nil {
		return fmt.Errorf("stdout has the line %.200q: %w", line, err)
	}
	if m.Trace != nil {
		a.said += m.Trace.Error.Message + "\n"
	}
	if m.Type != "STATE" {
		return nil
	}
	index, err := a.platform.receive(&m.State)
	if err != nil {
		return err
	}
	if index < 0 || index >= len(a.script.marks) {
		return fmt.Errorf("a STATE that the source did not send: %.200q", line)
	}
	a.emitted = append(a.emitted, a.script.marks[index].at)
	select {
	case a.came <- struct{}{}:
	default:
	}
	if shot := a.trigger.shot; shot != nil && shot.Kind == AtState && shot.N == len(a.emitted) {
		a.trigger.fire()
	}
	return nil
}
