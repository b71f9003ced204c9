// The tests of this package run the real binary as the platform does: a process with two
// files and three pipes, and an S3 gateway behind it. A job is one sync, a target is where
// it writes, and a result is all that the platform would see of it.

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/sluice-data/sluice/internal/gateway/gatewaytest"
)

// binary is the sluice that TestMain has built.
var binary string

func TestMain(m *testing.M) {
	code, err := runTests(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = max(code, 1)
	}
	os.Exit(code)
}

func runTests(m *testing.M) (code int, err error) {
	// The cache of go test knows results by the test's binary. With this it holds all of
	// sluice, so that a change of sluice is a change of it.
	runtime.KeepAlive(main)

	// What the machine has of its own must not decide what the binary sees.
	for _, v := range os.Environ() {
		if name, _, _ := strings.Cut(v, "="); strings.HasPrefix(name, "AWS_") {
			os.Unsetenv(name)
		}
	}
	os.Setenv("AWS_CONFIG_FILE", os.DevNull)
	os.Setenv("AWS_SHARED_CREDENTIALS_FILE", os.DevNull)
	os.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	// A binary with the race detector would wait for a second at its end.
	os.Setenv("GORACE", "atexit_sleep_ms=0")

	// The tests mostly wait: for a process, a timeout, a network that is slow. A -parallel of the
	// command line comes behind, and wins.
	atOnce := 4 * runtime.GOMAXPROCS(0)
	if raceEnabled() { // they compute
		atOnce /= 2
	}
	if err := flag.Set("test.parallel", strconv.Itoa(atOnce)); err != nil {
		return 1, err
	}

	dir, err := os.MkdirTemp("", "sluice-")
	if err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, gatewaytest.Stop(), os.RemoveAll(dir)) }()
	binary = filepath.Join(dir, "sluice")
	args := []string{"build", "-o", binary}
	if raceEnabled() {
		args = append(args, "-race")
	}
	if out, err := exec.Command("go", append(args, ".")...).CombinedOutput(); err != nil {
		return 1, fmt.Errorf("building sluice: %w\n%s", err, out)
	}
	return m.Run(), nil
}

// raceEnabled reports whether the test was built with -race: the binary is too, then.
func raceEnabled() bool {
	info, ok := debug.ReadBuildInfo()
	return ok && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"})
}

// ofTexts skips a test of what is said about arguments, configs and rights when there is the race
// detector: it would find there what it finds in every sync, and makes each start several times as long.
func ofTexts(t testing.TB) {
	t.Helper()
	if raceEnabled() {
		t.Skip("a test of texts: the one without the race detector shows all of it")
	}
}

// fields is a JSON object.
type fields = map[string]any

// deadline is how long anything may take that a test waits for, on a machine that is busy.
const deadline = 2 * time.Minute

// waitFor looks until ok, and fails the test if that takes too long.
func waitFor(t testing.TB, what string, ok func() bool) {
	t.Helper()
	end := time.NewTimer(deadline)
	defer end.Stop()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-end.C:
			t.Fatalf("waited %s in vain until %s", deadline, what)
		}
	}
}

// process is a running sluice.
type process struct {
	t      testing.TB
	cmd    *exec.Cmd
	cancel context.CancelFunc
	stdin  io.WriteCloser
	stdout io.ReadCloser
	stderr bytes.Buffer
	read   chan struct{} // closed at the end of stdout

	mu  sync.Mutex
	out []byte

	deaf   bool // the test has closed our end of stdout
	killed bool
}

// start starts sluice with these arguments.
func start(t testing.TB, env []string, args ...string) *process {
	t.Helper()
	return startCommand(t, env, binary, args...)
}

// startCommand starts a command that becomes sluice.
func startCommand(t testing.TB, env []string, name string, args ...string) *process {
	t.Helper()
	p := newProcess(t, env, name, args...)
	p.run()
	return p
}

// newProcess makes a process that is not started yet.
func newProcess(t testing.TB, env []string, name string, args ...string) *process {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	t.Cleanup(cancel)
	p := &process{t: t, cancel: cancel, cmd: exec.CommandContext(ctx, name, args...), read: make(chan struct{})}
	// What hangs shows where.
	p.cmd.Cancel = func() error { return p.cmd.Process.Signal(syscall.SIGQUIT) }
	p.cmd.WaitDelay = 5 * time.Second
	p.cmd.Env = append(os.Environ(), env...)
	p.cmd.Stderr = &p.stderr
	return p
}

// run starts it, with pipes where nothing else was given.
func (p *process) run() {
	p.t.Helper()
	var err error
	if p.stdin, err = p.cmd.StdinPipe(); err != nil {
		p.t.Fatal(err)
	}
	if p.cmd.Stdout == nil {
		if p.stdout, err = p.cmd.StdoutPipe(); err != nil {
			p.t.Fatal(err)
		}
	}
	if err := p.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	if p.stdout == nil {
		close(p.read)
		return
	}
	go p.collect()
}

// collect reads stdout to its end.
func (p *process) collect() {
	defer close(p.read)
	buf := make([]byte, 64<<10)
	for {
		n, err := p.stdout.Read(buf)
		p.mu.Lock()
		p.out = append(p.out, buf[:n]...)
		p.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// send writes lines to stdin. A process that has ended, as it does after bad input, takes
// no more; that is for the result to judge.
func (p *process) send(lines ...string) *process {
	var text strings.Builder
	for _, line := range lines {
		text.WriteString(line)
		text.WriteByte('\n')
	}
	return p.sendText(text.String())
}

func (p *process) sendText(text string) *process {
	p.t.Helper()
	if _, err := io.WriteString(p.stdin, text); err != nil && !errors.Is(err, syscall.EPIPE) && !errors.Is(err, os.ErrClosed) {
		p.t.Errorf("writing to stdin: %v", err)
	}
	return p
}

// closeStdout is a platform that goes away.
func (p *process) closeStdout() {
	p.t.Helper()
	p.deaf = true
	if err := p.stdout.Close(); err != nil {
		p.t.Error(err)
	}
}

func (p *process) signal(s os.Signal) {
	p.t.Helper()
	p.killed = s == os.Kill
	if err := p.cmd.Process.Signal(s); err != nil {
		p.t.Error(err)
	}
}

// messages returns those whole lines that have come so far.
func (p *process) messages() []message {
	p.t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	var all []message
	for line := range strings.Lines(string(p.out[:bytes.LastIndexByte(p.out, '\n')+1])) {
		m, err := parseMessage(strings.TrimSuffix(line, "\n"))
		if err != nil {
			p.t.Errorf("stdout has the line %q: %v", line, err)
		}
		all = append(all, m)
	}
	return all
}

// waitState waits for the n-th STATE on stdout.
func (p *process) waitState(n int) {
	p.t.Helper()
	waitFor(p.t, fmt.Sprintf("STATE %d is on stdout", n), func() bool { return len(statesOf(p.messages())) >= n })
}

// finish closes stdin and waits for the end.
func (p *process) finish() *result {
	p.t.Helper()
	if err := p.stdin.Close(); err != nil && !errors.Is(err, os.ErrClosed) {
		p.t.Error(err)
	}
	return p.wait()
}

// wait waits for the end, and checks what is true of every run.
func (p *process) wait() *result {
	p.t.Helper()
	<-p.read
	err := p.cmd.Wait()
	p.cancel()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		p.t.Fatal(err)
	}
	r := &result{t: p.t, code: p.cmd.ProcessState.ExitCode(), messages: p.messages(), stdout: string(p.out), stderr: p.stderr.String()}
	if p.killed || p.deaf {
		return r
	}
	if r.stdout != "" && !strings.HasSuffix(r.stdout, "\n") {
		p.t.Errorf("stdout ends in the middle of a line: %q", r.stdout)
	}
	if r.stderr != "" {
		p.t.Errorf("stderr is not empty:\n%s", r.stderr)
	}
	traces := 0
	for _, m := range r.messages {
		if m.Type == "TRACE" {
			traces++
		}
	}
	if want := min(r.code, 1); traces != want {
		p.t.Errorf("exit code %d with %d TRACE messages:\n%s", r.code, traces, r.stdout)
	}
	return r
}

// job is one sync.
type job struct {
	config  fields // over what leads to the target
	streams []stream
	args    []string
	env     []string
}

// stream is one stream of a configured catalog.
type stream struct {
	name      string
	namespace any // string, nil for null, or absent
	schema    string
	mode      string // default append
	gen, min  int    // generation ids, where gen is not 0
	sync      int    // sync_id, where not 0
	more      fields // over the configured stream
}

// absent is for a key that is not there at all.
var absent = struct{}{}

func (s stream) configured() fields {
	inner := fields{"name": s.name, "json_schema": json.RawMessage(`{}`), "supported_sync_modes": []string{"full_refresh", "incremental"}}
	if s.schema != "" {
		inner["json_schema"] = json.RawMessage(s.schema)
	}
	if s.namespace != absent {
		inner["namespace"] = s.namespace
	}
	outer := fields{"stream": inner, "sync_mode": "full_refresh", "destination_sync_mode": "append"}
	if s.mode != "" {
		outer["destination_sync_mode"] = s.mode
	}
	if s.gen != 0 {
		outer["generation_id"], outer["minimum_generation_id"] = s.gen, s.min
	}
	if s.sync != 0 {
		outer["sync_id"] = s.sync
	}
	maps.Copy(outer, s.more)
	return outer
}

// catalog is a ConfiguredAirbyteCatalog.
func catalog(streams ...stream) fields {
	all := []fields{}
	for _, s := range streams {
		all = append(all, s.configured())
	}
	return fields{"streams": all}
}

// writeFile writes text, or a value as JSON, to a file of the test, and returns its name.
func writeFile(t testing.TB, name string, content any) string {
	t.Helper()
	text, isText := content.(string)
	if !isText {
		raw, err := json.Marshal(content)
		if err != nil {
			t.Fatal(err)
		}
		text = string(raw)
	}
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}
