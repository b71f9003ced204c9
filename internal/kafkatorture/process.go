package kafkatorture

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// process is a child that ends with us at the latest, also when we are killed.
type process struct {
	cmd   *exec.Cmd
	begun time.Time
	log   string        // the file that has its stderr, and its stdout where nobody reads that
	done  chan struct{} // closed when it has ended
}

// start starts a command. Its stderr is appended to the log, and so is its stdout unless the
// command has one.
func start(cmd *exec.Cmd, log string) (*process, error) {
	out, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, err
	}
	defer out.Close() // the child has its own
	cmd.Stderr = out
	if cmd.Stdout == nil {
		cmd.Stdout = out
	}
	dieWithParent(cmd)
	p := &process{cmd: cmd, begun: time.Now(), log: log, done: make(chan struct{})}
	started := make(chan error)
	go func() {
		// Linux ends the child when the thread that started it ends, so this goroutine keeps
		// its thread for as long as the child lives.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err != nil {
			return
		}
		_ = cmd.Wait() // ProcessState has it
		close(p.done)
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("starting %s: %w", cmd.Path, err)
	}
	return p, nil
}

// signal fails only where the process has ended by itself, which done tells.
func (p *process) signal(s syscall.Signal) { _ = p.cmd.Process.Signal(s) }

// kill is kill -9. It returns when the process is gone.
func (p *process) kill() {
	p.signal(syscall.SIGKILL)
	<-p.done
}

// end asks the process to end, and ends it by force after wait.
func (p *process) end(wait time.Duration) (inTime bool) {
	p.signal(syscall.SIGCONT)
	p.signal(syscall.SIGTERM)
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-p.done:
		return true
	case <-timer.C:
		p.kill()
		return false
	}
}

func (p *process) ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// code is the exit code of a process that has ended; -1: a signal.
func (p *process) code() int { return p.cmd.ProcessState.ExitCode() }

// said is the end of the log.
func (p *process) said() string {
	const most = 2 << 10
	f, err := os.Open(p.log)
	if err != nil {
		return err.Error()
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && info.Size() > most {
		_, err = f.Seek(-most, io.SeekEnd)
		if err != nil {
			return err.Error()
		}
	}
	text, err := io.ReadAll(f)
	if err != nil {
		return err.Error()
	}
	return strings.TrimSpace(string(text))
}

// environment is ours without what is for S3 clients, and without the machine's credentials.
func environment() []string {
	env := []string{"AWS_CONFIG_FILE=" + os.DevNull, "AWS_SHARED_CREDENTIALS_FILE=" + os.DevNull, "AWS_EC2_METADATA_DISABLED=true"}
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "AWS_") && !strings.HasPrefix(v, "SLUICE_") {
			env = append(env, v)
		}
	}
	return env
}
