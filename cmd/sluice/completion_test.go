//go:build unix

package main

import (
	"context"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

// TestCompletion presses the key in a shell: what is completed runs, and what it prints tells.
func TestCompletion(t *testing.T) {
	ofTexts(t)
	t.Parallel()
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("there is no bash")
	}
	at := inDirectory(t)
	config := writeFile(t, "my-config.json", at.config)
	f := func(typed, want string) {
		t.Helper()
		// An interactive shell has line editing also without a terminal.
		ctx, cancel := context.WithTimeout(context.Background(), deadline)
		defer cancel()
		cmd := exec.CommandContext(ctx, bash, "--norc", "--noprofile", "-i")
		cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // away from the terminal of the tests
		cmd.Dir = strings.TrimSuffix(config, "/my-config.json")
		cmd.Env = append(os.Environ(), "PATH="+strings.TrimSuffix(binary, "/sluice")+":"+os.Getenv("PATH"), "TERM=dumb", "INPUTRC=/dev/null", "HISTFILE=")
		cmd.Stdin = strings.NewReader("source <(sluice completion bash)\n" + typed + "\nexit\n")
		out, err := cmd.Output() // the prompt and what is typed are on stderr
		if err != nil || !strings.Contains(string(out), want) {
			t.Errorf("%q: got %v and %q, want %q", typed, err, out, want)
		}
	}
	f("sluice wr\t--help", "Usage:\n  sluice write --config FILE")
	f("sluice sp\t", `"type":"SPEC"`)
	f("sluice ls --conf\tmy-\t", "has no objects of a sync")
	f("sluice check --config my-\t", "SUCCEEDED")
	f("sluice --log-level=debug ch\t--config=my-\t", "SUCCEEDED")
	f("sluice gc --config my-config.json --old\t 1h", "nothing to abort (--older-than 1h)")
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		if s := ask(t, "", "completion", shell).ok("sluice"); len(s.out) < 1000 {
			t.Errorf("%s: got %q", shell, s.out)
		}
	}
}
