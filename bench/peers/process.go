package peers

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// longest is how long one run may take.
const longest = 10 * time.Minute

// Run is one measured run of a peer.
type Run struct {
	Bytes  int64         // of input, counted in Airbyte messages
	Took   time.Duration // from the start of the process to its end
	CPU    time.Duration // of the whole process tree, all cores
	Peak   int64         // bytes resident, of the process tree; see watch
	Anon   int64         // of them without mapped files; 0: not known
	Output int64         // bytes of CSV; 0 where it went to /dev/null
}

// Rate is megabytes (10^6) of input a second.
func (r Run) Rate() float64 { return float64(r.Bytes) / 1e6 / r.Took.Seconds() }

// execute runs a command to its end and measures it. in and out may be empty.
func execute(ctx context.Context, args, env []string, dir, in, out string) (Run, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, longest, fmt.Errorf("stopped after %v", longest))
	defer cancel()
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
	var told bytes.Buffer // what it says, of which the end is shown if it fails
	cmd.Stdout, cmd.Stderr = &told, &told
	if in != "" {
		f, err := os.Open(in)
		if err != nil {
			return Run{}, err
		}
		defer f.Close() // only read
		cmd.Stdin = f
	}
	var err error
	var stdout *os.File
	if out != "" {
		if stdout, err = os.OpenFile(out, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644); err != nil {
			return Run{}, err
		}
		cmd.Stdout = stdout
	}
	r, err := timed(cmd)
	if stdout != nil {
		err = errors.Join(err, stdout.Close())
	}
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	if err != nil {
		return Run{}, fmt.Errorf("%s: %w: %s", filepath.Base(args[0]), err, reason(told.String()))
	}
	return r, nil
}

// timed runs a command. The CPU time that the system gives for a child that has ended
// includes that of the children that it waited for itself.
func timed(cmd *exec.Cmd) (Run, error) {
	start := time.Now()
	if err := cmd.Start(); err != nil {
		return Run{}, err
	}
	stop := make(chan struct{})
	found := watch("/proc", cmd.Process.Pid, sampleEvery, stop)
	err := cmd.Wait()
	r := Run{Took: time.Since(start)}
	close(stop)
	m := <-found
	r.Peak, r.Anon = m.peak, m.anon
	r.CPU = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	return r, err
}

// fault is how a Python program ends its last words: the class of the exception, and more.
var fault = regexp.MustCompile(`^[\w.]*(Error|Exception): .+`)

// reason returns the line of a tool's output that says what is wrong: the one that Python
// ends with, or just the last one.
func reason(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	for _, line := range slices.Backward(lines) {
		if fault.MatchString(line) {
			return strings.TrimSpace(line)
		}
	}
	return strings.TrimSpace(lines[len(lines)-1])
}
