package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
	"mvdan.cc/sh/v3/expand"
	"mvdan.cc/sh/v3/interp"
)

// programs are the processes that the shell has started and that have not ended.
type programs struct {
	mu      sync.Mutex
	running map[*os.Process]bool
}

// signal sends to all of them, and returns how many there are.
func (p *programs) signal(s os.Signal) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	for process := range p.running {
		// One that has ended meanwhile is as good.
		_ = process.Signal(s)
	}
	return len(p.running)
}

// launch starts a process and takes it into the list, so that no signal is lost between the two.
func (p *programs) launch(cmd *exec.Cmd) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := cmd.Start(); err != nil {
		return err
	}
	if p.running == nil {
		p.running = map[*os.Process]bool{}
	}
	p.running[cmd.Process] = true
	return nil
}

func (p *programs) ended(process *os.Process) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.running, process)
}

// start is the end of the handlers: it runs what is no part of the shell. The interpreter has
// one too, but that one tells nobody which process it has started.
func (p *programs) start(interp.ExecHandlerFunc) interp.ExecHandlerFunc {
	return func(ctx context.Context, args []string) error {
		hc := interp.HandlerCtx(ctx)
		path, err := interp.LookPathDir(hc.Dir, hc.Env, args[0])
		if err != nil {
			fmt.Fprintf(hc.Stderr, "sh: %s: not found\n", args[0])
			return interp.ExitStatus(127)
		}
		cmd := exec.Command(path)
		cmd.Args, cmd.Env, cmd.Dir = args, exported(hc.Env), hc.Dir
		// These are files, not copies: the connector reads the pipe itself.
		cmd.Stdin, cmd.Stdout, cmd.Stderr = hc.Stdin, hc.Stdout, hc.Stderr
		if err := p.launch(cmd); err != nil {
			fmt.Fprintf(hc.Stderr, "sh: %s: %v\n", args[0], err)
			if errors.Is(err, fs.ErrNotExist) {
				return interp.ExitStatus(127)
			}
			return interp.ExitStatus(126)
		}
		err = cmd.Wait()
		p.ended(cmd.Process)
		exit, failed := errors.AsType[*exec.ExitError](err)
		if !failed {
			return err
		}
		if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
			return interp.ExitStatus(128 + int(status.Signal()))
		}
		return interp.ExitStatus(exit.ExitCode())
	}
}

// exported is the environment of a process.
func exported(env expand.Environ) []string {
	var list []string
	env.Each(func(name string, v expand.Variable) bool {
		if v.Exported && v.Kind == expand.String {
			list = append(list, name+"="+v.Str)
		}
		return true
	})
	return list
}

// sleep is of the shell itself, so that nothing is left behind by a script that ends while a
// loop in the background sleeps.
func sleep(next interp.ExecHandlerFunc) interp.ExecHandlerFunc {
	return func(ctx context.Context, args []string) error {
		if args[0] != "sleep" {
			return next(ctx, args)
		}
		var total time.Duration
		for _, arg := range args[1:] {
			if last := arg[max(len(arg)-1, 0):]; strings.Trim(last, "0123456789.") == "" {
				arg += "s"
			}
			d, err := time.ParseDuration(arg)
			if err != nil || d < 0 {
				fmt.Fprintf(interp.HandlerCtx(ctx).Stderr, "sleep: %q is no time\n", arg)
				return interp.ExitStatus(1)
			}
			total += d
		}
		timer := time.NewTimer(total)
		defer timer.Stop()
		select {
		case <-timer.C:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// killName is what kill is called on its way to the handler: under its own name the
// interpreter takes it for a builtin, which it lacks.
const killName = "kill(1)"

func nameKill(_ context.Context, args []string) ([]string, error) {
	if args[0] == "kill" {
		args[0] = killName
	}
	return args, nil
}

// kill sends a signal. What $! says of a job (g1, g2...) is no process, and the interpreter does
// not tell which processes a job has started. So a signal to a job goes to every program that
// the shell runs. In the script that starts a connector that is one: the connector.
func (p *programs) kill(next interp.ExecHandlerFunc) interp.ExecHandlerFunc {
	return func(ctx context.Context, args []string) error {
		if args[0] != killName {
			return next(ctx, args)
		}
		errs := interp.HandlerCtx(ctx).Stderr
		sig, targets, err := killArgs(args[1:])
		if err != nil {
			fmt.Fprintln(errs, "kill:", err)
			return interp.ExitStatus(2)
		}
		missed := false
		for _, target := range targets {
			if job, isJob := strings.CutPrefix(target, "g"); isJob && strings.Trim(job, "0123456789") == "" {
				if p.signal(sig) == 0 {
					fmt.Fprintf(errs, "kill: %s has ended\n", target)
					missed = true
				}
				continue
			}
			pid, err := strconv.Atoi(target)
			if err == nil {
				err = syscall.Kill(pid, sig)
			}
			if err != nil {
				fmt.Fprintf(errs, "kill: %s: %v\n", target, err)
				missed = true
			}
		}
		if missed {
			return interp.ExitStatus(1)
		}
		return nil
	}
}

// killArgs reads [-SIGNAL | -s SIGNAL] [--] TARGET...
func killArgs(args []string) (syscall.Signal, []string, error) {
	name := "TERM"
	if len(args) > 1 && args[0] == "-s" {
		name, args = args[1], args[2:]
	} else if len(args) > 0 && len(args[0]) > 1 && args[0][0] == '-' && args[0] != "--" {
		name, args = args[0][1:], args[1:]
	}
	if len(args) > 0 && args[0] == "--" {
		args = args[1:]
	}
	sig := unix.SignalNum("SIG" + strings.TrimPrefix(strings.ToUpper(name), "SIG"))
	if n, err := strconv.Atoi(name); err == nil {
		sig = syscall.Signal(n)
	} else if sig == 0 {
		return 0, nil, fmt.Errorf("%s is no signal", name)
	}
	if len(args) == 0 {
		return 0, nil, errors.New("which process?")
	}
	return sig, args, nil
}
