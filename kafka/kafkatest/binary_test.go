package kafkatest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// binary builds sluice, once.
func binary(t testing.TB) string {
	t.Helper()
	path, err := build()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

var build = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "sluice-")
	if err != nil {
		return "", err
	}
	built = dir
	path := filepath.Join(dir, "sluice")
	cmd := exec.Command("go", "build", "-o", path, "./cmd/sluice")
	cmd.Dir = filepath.Join("..", "..")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building sluice: %w\n%s", err, out)
	}
	return path, nil
})

// built is the directory of the binary, to be removed.
var built string

// process is a run of sluice, as the platform sees it.
type process struct {
	cmd    *exec.Cmd
	stdout bytes.Buffer
	stderr bytes.Buffer
}

// start starts sluice on a config and a catalog that are written to files; catalog "": none.
func start(t testing.TB, command string, config map[string]any, catalog, stdin string, args ...string) *process {
	t.Helper()
	dir := t.TempDir()
	file := func(name string, content []byte) string {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	raw, err := json.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	args = append([]string{command, "--config", file("config.json", raw)}, args...)
	if catalog != "" {
		args = append(args, "--catalog", file("catalog.json", []byte(catalog)))
	}
	p := &process{cmd: exec.CommandContext(t.Context(), binary(t), args...)}
	p.cmd.Stdin, p.cmd.Stdout, p.cmd.Stderr = strings.NewReader(stdin), &p.stdout, &p.stderr
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return p
}

// exits wants an exit code, and texts on stdout.
func (p *process) exits(t testing.TB, code int, texts ...string) {
	t.Helper()
	_ = p.cmd.Wait()
	if got := p.cmd.ProcessState.ExitCode(); got != code {
		t.Errorf("got the exit code %d, want %d: %s%s", got, code, &p.stdout, &p.stderr)
	}
	for _, text := range texts {
		if !strings.Contains(p.stdout.String(), text) {
			t.Errorf("stdout\ngot  %s\nwant %s", &p.stdout, text)
		}
	}
}

// settings are a config as a user writes it, with a directory in place of a bucket.
func (b *brokers) settings(change map[string]any) map[string]any {
	kafka := map[string]any{"brokers": strings.Join(b.ListenAddrs(), ","), "partitions": 3}
	for key, value := range change {
		kafka[key] = value
	}
	return map[string]any{
		"s3_bucket_name": "bucket", "s3_bucket_path": "data", "s3_bucket_region": "", "s3_endpoint": "file://" + b.t.TempDir(),
		"format": map[string]any{"format_type": "CSV"}, "engine": "kafka", "kafka": kafka, "upload": map[string]any{"retry_minutes": 0},
	}
}
