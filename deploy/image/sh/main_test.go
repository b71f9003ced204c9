package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// A process of its own for each case: signals and exits are part of what is tested.
func TestMain(m *testing.M) {
	if os.Getenv("SH_TEST_IS_SHELL") != "" {
		os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
	}
	os.Setenv("SH_TEST_IS_SHELL", "yes")
	os.Exit(m.Run())
}

// shell runs a shell in an empty directory; stdin is a line of text.
func shell(t *testing.T, path string, args ...string) (out, errs string, code int) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), path, args...)
	cmd.Dir = t.TempDir()
	cmd.Env = append(os.Environ(), "AIRBYTE_ENTRYPOINT=/bin/echo connector")
	var stdout, stderr bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewBufferString("line\n"), &stdout, &stderr
	// Programs in the background that outlive a shell hold its output open.
	cmd.WaitDelay = 10 * time.Second
	err := cmd.Run()
	if exit, failed := errors.AsType[*exec.ExitError](err); err != nil && !failed {
		t.Fatal(err)
	} else if failed {
		code = exit.ExitCode()
	}
	return stdout.String(), stderr.String(), code
}

// What scripts that start connectors are made of. Where the machine has a shell, it must see
// each case the same way.
func TestScripts(t *testing.T) {
	system, err := exec.LookPath("sh")
	if err != nil {
		t.Logf("not compared with the system's shell: %v", err)
	}
	f := func(want string, wantCode int, args ...string) {
		t.Helper()
		for _, path := range []string{os.Args[0], system} {
			if path == "" {
				continue
			}
			if out, errs, code := shell(t, path, args...); out != want || code != wantCode {
				t.Errorf("%s %q\ngot  %q, %d\nwant %q, %d\n%s", filepath.Base(path), args, out, code, want, wantCode, errs)
			}
		}
	}
	f("connector spec\n", 0, "-c", `eval "$AIRBYTE_ENTRYPOINT spec"`)
	f("connector\n", 0, "-c", `(eval "$AIRBYTE_ENTRYPOINT" > out) & wait $!; cat out`)
	f("3\n", 0, "-c", `(exit 3) & wait $!; echo $?`)
	f("5 6\n", 0, "-c", `(exit 5) & A=$!; (exit 6) & B=$!; wait $A; C=$?; wait $B; echo $C $?`)
	f("", 7, "-c", `(exit 7) & P=$!; (while true; do if [ -f TERMINATED ]; then exit; fi; sleep 10; done) >/dev/null 2>&1 & wait $P; exit $?`)
	f("7\n", 0, "-c", `echo 7 > new; mv new exitCode.txt; cat exitCode.txt`)
	f("line\n", 0, "-c", `/bin/cat 2> err > out < /dev/stdin; cat out`)
	f("line\n", 0, "-c", `echo line > in; (eval "/bin/cat" > out) < in & wait $!; cat out`)
	f("yes\n", 0, "-c", `touch TERMINATED; if [ ! -f nothing ] && [ -f TERMINATED ]; then echo yes; else echo no; fi`)
	f("no\n", 0, "-c", `if [ -z "$AIRBYTE_ENTRYPOINT" ]; then echo yes; else echo no; fi`)
	f("left\n", 4, "-c", `trap 'echo left' EXIT; exit 4`)
	f("sh a b\n", 0, "-c", `echo "$0 $1 $2"`, "sh", "a", "b")
	f("a b|c\n", 0, "-c", `set -- "a b" c; printf '%s|%s\n' "$@"`)
	f("1\n", 0, "-ec", `false || echo $?`)
	f("", 1, "-ec", `false; echo no`)
	f("143\n", 0, "-c", `/bin/sh -c 'kill -TERM $$'; echo $?`)
	f("", 127, "-c", `no-such-program`)
}

// kill is ours: see there.
func TestKill(t *testing.T) {
	f := func(want string, script string) {
		t.Helper()
		begin := time.Now()
		out, errs, code := shell(t, os.Args[0], "-c", script)
		if out != want || code != 0 || time.Since(begin) > 20*time.Second {
			t.Errorf("%s\ngot  %q, %d after %v\nwant %q\n%s", script, out, code, time.Since(begin), want, errs)
		}
	}
	// The named pipe is read by the program once it runs.
	const starts = `(eval "/bin/sh -c 'echo up > pipe; exec /bin/sleep 60'") & P=$!; read up < pipe; `
	f("0 143\n", `mkfifo pipe; `+starts+`kill $P; K=$?; wait $P; echo $K $?`)
	f("137\n", `mkfifo pipe; `+starts+`kill -9 $P; wait $P; echo $?`)
	f("137\n", `mkfifo pipe; `+starts+`kill -s KILL $P; wait $P; echo $?`)
	f("143\n", `mkfifo pipe; `+starts+`(while true; do if [ -f T ]; then kill $P; exit 0; fi; sleep 0.01; done) & touch T; wait $P; echo $?`)
	f("1\n", `(exit 0) & wait $!; kill $!; echo $?`)
	f("1\n", `kill 2147483647; echo $?`)
	f("2\n", `kill -s NONE 1; echo $?`)
	f("2\n", `kill; echo $?`)
}

// A container is asked to end by a signal to its process 1, the shell.
func TestSignalReachesTheProgram(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-c", `(eval "/bin/sh -c 'trap \"exit 9\" TERM; echo up; while :; do /bin/sleep 0.05; done'") & wait $!; exit $?`)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := out.Read(make([]byte, 3)); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); cmd.ProcessState.ExitCode() != 9 {
		t.Errorf("%v, want the exit code of the program's own handler, 9", err)
	}
}
