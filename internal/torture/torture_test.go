package torture

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestTorture kills sluice some dozen times. What it finds depends on the machine, but what
// it demands does not: a violation is one on every machine. On a slow one it stops early.
// `make torture` does more.
func TestTorture(t *testing.T) {
	rounds := 24
	total, err := Run(t.Context(), Options{
		Binary: buildSluice(t), Seed: 1, Rounds: rounds, Jobs: 2, Limit: 20 * time.Second,
		Found: func(v *Violation, p *Plan) {
			t.Errorf("%v\n%v\nagain: make torture SEED=%d ROUND=%d", v, p, p.Seed, p.Round)
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	var table bytes.Buffer
	if err := total.Write(&table); err != nil {
		t.Fatal(err)
	}
	t.Logf("\n%s", table.String())
	if total.Rounds >= rounds/2 && total.Killed() < total.Rounds/2 || total.Rows == 0 {
		t.Errorf("too little was looked at:\n%s", table.String())
	}
}

// buildSluice builds the binary, with the race detector where the test has it.
func buildSluice(t *testing.T) string {
	t.Helper()
	const source = "../../cmd/sluice"
	// The cache of go test knows the library, which this package imports, but the command only
	// by the files that are looked at.
	files, err := filepath.Glob(source + "/*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if _, err := os.Stat(file); err != nil {
			t.Fatal(err)
		}
	}
	binary := filepath.Join(t.TempDir(), "sluice")
	args := []string{"build", "-o", binary}
	if info, ok := debug.ReadBuildInfo(); ok && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"}) {
		args = append(args, "-race")
	}
	cmd := exec.CommandContext(t.Context(), "go", append(args, source)...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("building sluice: %v\n%s", err, out)
	}
	return binary
}
