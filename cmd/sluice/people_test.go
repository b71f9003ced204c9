package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/sluice-data/sluice/sink"
)

// said is what a command for people has said.
type said struct {
	t           testing.TB
	code        int
	out, errors string
}

// ask runs a command for people on the target's config.
func (at *target) ask(command string, args ...string) *said {
	at.t.Helper()
	return ask(at.t, "", append([]string{command, "--config", writeFile(at.t, "config.json", at.config)}, args...)...)
}

func ask(t testing.TB, stdin string, args ...string) *said {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	defer cancel()
	var out, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, binary, args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &out, &stderr
	var exit *exec.ExitError
	if err := cmd.Run(); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	s := &said{t: t, code: cmd.ProcessState.ExitCode(), out: out.String(), errors: stderr.String()}
	text := s.errors
	if args[0] != "generate" { // which is there to speak it
		text += s.out
	}
	if strings.Contains(text, `"type":"TRACE"`) || strings.Contains(text, `"type":"LOG"`) {
		t.Errorf("sluice %q speaks Airbyte's protocol:\n%s%s", args, s.out, s.errors)
	}
	return s
}

// ok demands success without a complaint, and all of these texts in the output.
func (s *said) ok(texts ...string) *said {
	s.t.Helper()
	if s.code != 0 || s.errors != "" {
		s.t.Errorf("exit code %d: %s", s.code, s.errors)
	}
	contains(s.t, "the output", s.out, texts...)
	return s
}

// failed demands an exit code, and all of these texts on stderr.
func (s *said) failed(code int, texts ...string) *said {
	s.t.Helper()
	if s.code != code {
		s.t.Errorf("exit code %d, want %d: %s", s.code, code, s.errors)
	}
	contains(s.t, "stderr", s.errors, texts...)
	return s
}

// without demands that the output has none of these texts.
func (s *said) without(texts ...string) *said {
	s.t.Helper()
	for _, text := range texts {
		if strings.Contains(s.out+s.errors, text) {
			s.t.Errorf("the output has %q:\n%s%s", text, s.out, s.errors)
		}
	}
	return s
}

// begin makes an upload with one part of three bytes, and leaves it.
func (at *target) begin(meta sink.Metadata, keys ...string) {
	at.t.Helper()
	for _, key := range keys {
		up, err := at.store.Create(at.t.Context(), key, meta)
		if err == nil {
			err = up.Part(at.t.Context(), sink.Part{Number: 1, Body: sink.NewBody([]byte("abc"))})
		}
		if err != nil {
			at.t.Fatal(err)
		}
	}
}

// TestPeopleErrors: what is wrong is on stderr, in plain text, with the command and where to look.
func TestPeopleErrors(t *testing.T) {
	ofTexts(t)
	t.Parallel()
	at := inDirectory(t)
	config := writeFile(t, "config.json", at.config)
	f := func(want string, args ...string) {
		t.Helper()
		for _, command := range []string{"ls", "gc"} {
			s := ask(t, "", append([]string{command}, args...)...).failed(2, want)
			if !strings.HasPrefix(s.errors, "sluice "+command+": ") || strings.Count(s.errors, "\n") != 1 || s.out != "" {
				t.Errorf("sluice %s %q: stdout %q, stderr %q", command, args, s.out, s.errors)
			}
		}
	}
	f(`"config" not set (see sluice `)
	f("unknown flag: --frobnicate", "--config", config, "--frobnicate")
	f("extra", "--config", config, "extra")
	f("no-such-file.json", "--config", "no-such-file.json")
	f("must be debug, info", "--config", config, "--log-level", "loud")
	f("full_refresh is", "--config", writeFile(t, "config.json", at.with(fields{"full_refresh": "never"})))
	f("not valid JSON", "--config", writeFile(t, "config.json", "{"))
	nowhere := at.with(fields{"s3_bucket_name": "nowhere"})
	f("there is no directory", "--config", writeFile(t, "config.json", nowhere))
	if _, err := os.Stat(strings.TrimSuffix(at.root, "bucket") + "nowhere"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("looking at a directory has made it: %v", err)
	}
	ask(t, toJSON(t, at.config), "ls", "--config", "-").ok("no objects of a sync")
	ask(t, "", "gc", "--config", config, "--older-than", "-1h").failed(2, "--older-than is -1h: must be 0 or more")
	ask(t, "", "gc", "--config", config, "--older-than", "soon").failed(2, "--older-than", "sluice gc --help")
	ask(t, "", "completion", "bash", "extra").failed(2, "sluice completion bash: ")
}

// TestPeopleAndTheStore has stores that do not answer, or not as they should.
func TestPeopleAndTheStore(t *testing.T) {
	t.Parallel()
	at := inBucket(t)
	f := func(code int, change fields, want ...string) {
		t.Helper()
		config := writeFile(t, "config.json", at.with(change))
		for _, command := range []string{"ls", "gc"} {
			s := ask(t, "", command, "--config", config).failed(code, append(want, "sluice "+command+": ")...)
			s.without("sync again", "fake-secret", "fake-key", at.config["secret_access_key"].(string))
		}
	}
	f(2, fields{"access_key_id": "fake-key", "secret_access_key": "fake-secret"}, "credentials not accepted", "check access_key_id")
	f(2, fields{"s3_bucket_name": "no-such-bucket-here"}, "no such bucket", "s3_bucket_name")
	f(1, fields{"s3_endpoint": closedPort(t), "upload": fields{"retry_minutes": 0}}, "refused", "run it again")
	// A trouble that passes is sat out, and told of.
	seen, proxy := throughProxy(t)
	proxy.refuse("ListObjectsV2", "", 1, 503, "SlowDown")
	s := seen.ask("ls").failed(0, "sluice ls: warning: ", "SlowDown", "trying again")
	contains(t, "the output", s.out, "no objects of a sync")
}

// TestStdoutClosed: sluice ls | head ends as every such program does, without a word.
func TestStdoutClosed(t *testing.T) {
	t.Parallel()
	at := inDirectory(t)
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer write.Close()
	read.Close()
	var stderr bytes.Buffer
	cmd := exec.Command(binary, "ls", "--config", writeFile(t, "config.json", at.config))
	cmd.Stdout, cmd.Stderr = write, &stderr
	var exit *exec.ExitError
	if err := cmd.Run(); !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGPIPE || stderr.Len() > 0 {
		t.Errorf("got %v, stderr %q; want the end by SIGPIPE", err, &stderr)
	}
}
