package gateway

import (
	"bytes"
	"fmt"
	"io"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
	"time"
)

// process is the child process that serves.
type process struct {
	cmd    *exec.Cmd
	output *tail
	// done is closed when the process has ended and err is set.
	done chan struct{}
	err  error

	stopOnce sync.Once
}

// startProcess starts the gateway and watches it until it ends.
func startProcess(binary string, args, env []string, log io.Writer) (*process, error) {
	out := &tail{next: log}
	cmd := exec.Command(binary, args...)
	cmd.Env = env
	cmd.Stdout, cmd.Stderr = out, out
	// The output's pipe must not keep Wait from returning.
	cmd.WaitDelay = time.Second
	dieWithParent(cmd)

	p := &process{cmd: cmd, output: out, done: make(chan struct{})}
	started := make(chan error)
	go func() {
		// Linux ends the child when the thread that started it ends, not the
		// whole process. Go ends idle threads as it likes, so this goroutine
		// keeps its thread for as long as the child lives.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err != nil {
			return
		}
		p.err = cmd.Wait()
		close(p.done)
	}()
	if err := <-started; err != nil {
		return nil, err
	}
	return p, nil
}

// stop asks the process to end, and ends it by force after wait.
func (p *process) stop(wait time.Duration) error {
	var err error
	p.stopOnce.Do(func() {
		select {
		case <-p.done:
			err = fmt.Errorf("the gateway had ended before it was stopped: %s; its last output:\n%s",
				p.ending(), p.output.String())
			return
		default:
		}
		// A signal fails only when the process has ended meanwhile, which is
		// what is wanted.
		_ = p.cmd.Process.Signal(syscall.SIGTERM)
		timer := time.NewTimer(wait)
		defer timer.Stop()
		select {
		case <-p.done:
		case <-timer.C:
			_ = p.cmd.Process.Kill()
			<-p.done
		}
	})
	return err
}

// ending tells how the process ended. Only to be called after done is closed.
func (p *process) ending() string {
	if p.err != nil {
		return p.err.Error()
	}
	return "exit status 0"
}

// shared is a writer for several processes.
type shared struct {
	mu sync.Mutex
	to io.Writer
}

func (s *shared) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.to.Write(b)
}

// tailSize is how much output is kept for an error message.
const tailSize = 4 << 10

// tail hands on what it is given, and keeps the last lines.
type tail struct {
	next io.Writer

	mu   sync.Mutex
	kept []byte
}

func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	t.kept = append(t.kept, b...)
	if over := len(t.kept) - tailSize; over > 0 {
		t.kept = append(t.kept[:0], t.kept[over:]...)
		// The cut line's rest says little.
		if i := bytes.IndexByte(t.kept, '\n'); i >= 0 {
			t.kept = append(t.kept[:0], t.kept[i+1:]...)
		}
	}
	t.mu.Unlock()
	// A log that fails must not stop the gateway, whose output pipe would
	// close with it.
	_, _ = t.next.Write(b)
	return len(b), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(bytes.TrimSpace(t.kept))
}
