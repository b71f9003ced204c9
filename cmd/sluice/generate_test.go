package main

import (
	"bytes"
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func readFile(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestGenerateAndWrite syncs what generate has made.
func TestGenerateAndWrite(t *testing.T) {
	t.Parallel()
	inBoth(t, func(t *testing.T, at *target) {
		file := filepath.Join(t.TempDir(), "catalog.json")
		sync := func(objects, rows int, flags ...string) {
			t.Helper()
			flags = append([]string{"generate", "--streams", "2", "--rows", "120", "--state-every", "50", "--catalog", file}, flags...)
			made := ask(t, "", flags...)
			if printed := ask(t, "", append(flags, "--catalog", "-")...); printed.out != readFile(t, file) {
				t.Errorf("%v: printed is another catalog: %s", flags, printed.out)
			}
			if made.code != 0 || made.errors != "" {
				t.Fatalf("got exit code %d and %s", made.code, made.errors)
			}
			r := start(t, nil, "write", "--config", writeFile(t, "config.json", at.with(flat(nil))), "--catalog", file).sendText(made.out).finish()
			if states := len(r.states()); r.code != 0 || states != 6 {
				t.Fatalf("%v: exit code %d, %d states\n%s", flags, r.code, states, r.stdout)
			}
			for _, dir := range []string{"data/shop/orders_1", "data/shop/orders_2"} {
				if n, keys := len(at.rows(dir)), at.keysIn(dir); n != rows || len(keys) != objects {
					t.Errorf("%v: %s has %d rows in %v, want %d in %d objects", flags, dir, n, keys, rows, objects)
				}
			}
		}
		sync(1, 120)
		sync(2, 240, "--seed", "2", "--generation", "4")
		sync(1, 120, "--generation", "5", "--refresh")
		sync(1, 120, "--generation", "6", "--minimum-generation", "6")
		sync(1, 120, "--refresh")
	})
}

// TestGenerateTwice: the same flags, the same bytes.
func TestGenerateTwice(t *testing.T) {
	t.Parallel()
	args := []string{"generate", "--streams", "3", "--rows", "2000", "--shape", "orders,nested"}
	one, two, other := ask(t, "", args...), ask(t, "", args...), ask(t, "", append(args, "--seed", "2")...)
	if one.out != two.out || one.out == other.out || one.code != 0 || len(one.out) < 1e6 {
		t.Errorf("%d, %d and %d bytes, exit code %d", len(one.out), len(two.out), len(other.out), one.code)
	}
	for _, stream := range []string{"orders_1", "nested_2", "orders_3"} {
		if !strings.Contains(one.out, `"stream":"`+stream+`"`) {
			t.Errorf("there is no stream %s", stream)
		}
	}
}

// TestGenerateEnds in the middle of an endless stream, at once.
func TestGenerateEnds(t *testing.T) {
	t.Parallel()
	f := func(name string, code int, stderr string, end func(out io.Closer, p *os.Process) error) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), deadline)
		defer cancel()
		cmd := exec.CommandContext(ctx, binary, "generate", "--rows", "1000000000000")
		var errs bytes.Buffer
		cmd.Stderr = &errs
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(out, make([]byte, 1<<20)); err != nil {
			t.Errorf("%s: reading: %v", name, err)
		}
		if err := end(out, cmd.Process); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		_, _ = io.Copy(io.Discard, out) // the end of a pipe that is closed is no failure
		_ = cmd.Wait()                  // the exit code says it
		if got := cmd.ProcessState.ExitCode(); got != code || errs.String() != stderr {
			t.Errorf("%s: got exit code %d and %q", name, got, errs.String())
		}
	}
	f("a reader that goes away, as head does", 0, "", func(out io.Closer, _ *os.Process) error { return out.Close() })
	f("Ctrl-C", 1, "sluice generate: stopped: interrupt signal received\n", func(_ io.Closer, p *os.Process) error { return p.Signal(os.Interrupt) })
}

// TestGenerateRefuses says what is wrong with the flags, and what would be right.
func TestGenerateRefuses(t *testing.T) {
	ofTexts(t)
	t.Parallel()
	f := func(want string, args ...string) {
		t.Helper()
		ask(t, "", append([]string{"generate"}, args...)...).failed(2, "sluice generate: "+want, "(see sluice generate --help)")
	}
	f("unknown flag: --row", "--row", "1")
	f(`invalid argument "many"`, "--rows", "many")
	f("--rows is -1: must be at least 0", "--rows", "-1")
	f("--streams is 0: must be at least 1", "--streams", "0")
	f("--state-every is -1", "--state-every", "-1")
	f("--minimum-generation goes together with --generation", "--minimum-generation", "1")
	f("--minimum-generation is 2: must be 0 (append) or the generation 3 itself", "--generation", "3", "--minimum-generation", "2")
	f("--refresh needs a minimum generation above 0", "--generation", "3", "--minimum-generation", "0", "--refresh")
	f("--refresh needs", "--generation", "0", "--refresh")
	f(`there is no shape "cubes"`, "--shape", "cubes")
	f(`"more" is one argument too many`, "more")
	f("--catalog", "--catalog", filepath.Join(t.TempDir(), "no", "catalog.json"))
}
