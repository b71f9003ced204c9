package main

import (
	"errors"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/sluice-data/sluice/config"
)

// The command gets a config that works, its exit code is kept, and nothing is left.
func TestRun(t *testing.T) {
	if err := run(t.Context(), nil); err == nil {
		t.Error("no command is no error")
	}
	if _, err := exec.LookPath("sh"); err != nil {
		t.Skip("this test needs a shell")
	}
	out, temp := filepath.Join(t.TempDir(), "copy"), t.TempDir()
	t.Setenv("TMPDIR", temp)
	t.Setenv("OUT", out)
	err := run(t.Context(), []string{"sh", "-c", `cp "$0" "$OUT"; exit 3`})
	var ended *exec.ExitError
	if !errors.As(err, &ended) || ended.ExitCode() != 3 {
		t.Errorf("got the error %v, want exit code 3", err)
	}
	text, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	cfg, warnings, err := config.Parse(text)
	if err != nil || len(warnings) > 0 {
		t.Fatalf("%v, %v in %s", err, warnings, text)
	}
	if resp, err := http.Get(cfg.Endpoint); err == nil {
		resp.Body.Close()
		t.Error("the server is still there")
	}
	if left, err := os.ReadDir(temp); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
