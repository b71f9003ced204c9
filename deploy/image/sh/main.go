// Command sh is the shell of the image that is built without a base image: mvdan.cc/sh's
// interpreter with what Airbyte's platform asks of a shell beside it. Airbyte starts every
// connector by sh -c (see ../../../docs/AIRBYTE.md), and Go modules are all that the build
// may need, so no busybox.
//
// It is no shell for every purpose. A job in the background is a goroutine here, not a process:
// what is different is said at kill.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"mvdan.cc/sh/moreinterp/coreutils"
	"mvdan.cc/sh/v3/interp"
	"mvdan.cc/sh/v3/syntax"
)

func main() {
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// run is the whole shell; it returns the exit status.
func run(args []string, in *os.File, out, errs io.Writer) int {
	cmd, err := parseArgs(args)
	if err != nil {
		fmt.Fprintln(errs, "sh:", err)
		return 2
	}
	script, err := cmd.script(in)
	if err != nil {
		fmt.Fprintln(errs, "sh:", err)
		return 127
	}
	prog, err := syntax.NewParser().Parse(strings.NewReader(script), cmd.name)
	if err != nil {
		fmt.Fprintln(errs, "sh:", err)
		return 2
	}
	var p programs
	runner, err := interp.New(
		interp.StdIO(in, out, errs),
		interp.Params(cmd.params...),
		interp.CallHandler(nameKill),
		interp.ExecHandlers(p.kill, sleep, coreutils.ExecHandler, p.start),
	)
	if err != nil {
		fmt.Fprintln(errs, "sh:", err)
		return 2
	}
	defer p.passOn()()
	err = runner.Run(context.Background(), prog)
	if status, ok := errors.AsType[interp.ExitStatus](err); ok {
		return int(status)
	}
	if err != nil {
		fmt.Fprintln(errs, "sh:", err)
		return 1
	}
	return 0
}

// passOn gives the signals by which a container is asked to end to what runs in it, until the
// function that it returns is called. The shell is process 1 there, for which the kernel drops
// the signals that it has no handler for: with most shells the connector hears nothing, and is
// killed half a minute later in the middle of its uploads.
func (p *programs) passOn() (stop func()) {
	asked := make(chan os.Signal, 4)
	signal.Notify(asked, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
	go func() {
		for s := range asked {
			if p.signal(s) == 0 {
				os.Exit(128 + int(s.(syscall.Signal)))
			}
		}
	}()
	return func() {
		signal.Stop(asked)
		close(asked)
	}
}

// command is what the command line asks for.
type command struct {
	text   string   // after -c
	given  bool     // there was a -c
	file   string   // else the script's name; "" is stdin
	name   string   // for error messages
	params []string // for interp.Params: options, --, and $1 and so on
}

// parseArgs reads sh [-eux...] [-c TEXT [NAME]] [FILE] [ARGUMENT...].
func parseArgs(args []string) (command, error) {
	c := command{name: "sh"}
	for len(args) > 0 && len(args[0]) > 1 && args[0][0] == '-' {
		flags := args[0][1:]
		args = args[1:]
		if flags == "-" {
			break
		}
		for _, flag := range flags {
			switch {
			case flag == 'c':
				c.given = true
			case flag == 'i' || flag == 'l' || flag == 's':
				// Interactive, login, script from stdin: nothing is different here.
			case strings.ContainsRune("aefnux", flag):
				c.params = append(c.params, "-"+string(flag))
			default:
				return c, fmt.Errorf("the option -%c is not known", flag)
			}
		}
	}
	switch {
	case c.given && len(args) == 0:
		return c, errors.New("-c needs a script")
	case c.given:
		c.text, args = args[0], args[1:]
		if len(args) > 0 {
			c.name, args = args[0], args[1:]
		}
	case len(args) > 0:
		c.file, c.name, args = args[0], args[0], args[1:]
	}
	c.params = append(append(c.params, "--"), args...)
	return c, nil
}

// script returns the text to run. Stdin is read to its end first: there is no prompt.
func (c command) script(in io.Reader) (string, error) {
	switch {
	case c.given:
		return c.text, nil
	case c.file != "":
		text, err := os.ReadFile(c.file)
		return string(text), err
	default:
		text, err := io.ReadAll(in)
		return string(text), err
	}
}
