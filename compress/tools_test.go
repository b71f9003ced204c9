package compress

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
)

// tool runs a command in dir, and skips the test if the machine has none.
func tool(t *testing.T, dir, name string, args ...string) {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skipf("no %s here", name)
	}
	cmd := exec.Command(path, args...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%.2000s", name, err, out)
	}
}

func write(t *testing.T, dir, name string, b []byte) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, dir, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// The reference implementations read what is joined.
func TestToolsReadJoinedPieces(t *testing.T) {
	for _, want := range []struct{ extension, command string }{{"gz", "gzip"}, {"zst", "zstd"}} {
		t.Run(want.command, func(t *testing.T) {
			dir := t.TempDir()
			r := rand.New(rand.NewPCG(8, 9))
			contents := map[string][]byte{}
			var files []string
			add := func(c Codec, name string, pieces ...[]byte) {
				name = fmt.Sprintf("%03d %s", len(files), name)
				contents[name] = slices.Concat(pieces...)
				files = append(files, name+"."+want.extension)
				write(t, dir, files[len(files)-1], stream(c, compressors(c, 2), pieces))
			}
			rounds := 8
			if testing.Short() || raceDetector {
				rounds = 2
			}
			for _, c := range codecs {
				if c.codec.Extension() != want.extension {
					continue
				}
				add(c.codec, c.name+" nothing")
				for range rounds {
					var list [][]byte
					for range r.IntN(60) {
						list = append(list, somePiece(r))
					}
					add(c.codec, c.name, list...)
				}
			}
			tool(t, dir, want.command, append([]string{"-t"}, files...)...)
			tool(t, dir, want.command, append([]string{"-d", "-k", "-q"}, files...)...)
			for name, content := range contents {
				if !bytes.Equal(read(t, dir, name), content) {
					t.Errorf("%s: not what was compressed", name)
				}
			}
		})
	}
}

// The zstd command uses recent distances from the first sequence on, and other tables and block
// sizes than our encoder, so its frames show whether the check reads blocks rightly, and that
// it is needed.
func TestCheckOnFramesOfTheZstdCommand(t *testing.T) {
	dir := t.TempDir()
	r := rand.New(rand.NewPCG(10, 11))
	var files []string
	for _, kind := range nasty {
		for _, n := range []int{10, 40, 300, 3000, 70_000, 300_000} {
			files = append(files, fmt.Sprintf("%s %d", kind.name, n))
			write(t, dir, files[len(files)-1], kind.make(r, n))
		}
	}
	var check carryCheck
	passed, refused, broken := 0, 0, 0
	for _, level := range []string{"--fast=3", "-1", "-3", "-6", "-12", "-19"} {
		tool(t, dir, "zstd", append([]string{level, "-k", "-q", "-f", "--no-check"}, files...)...)
		for _, name := range files {
			frame := read(t, dir, name+".zst")
			header := frameHeader(frame)
			if header == 0 {
				t.Fatalf("%s %s: a header of another kind: % x", level, name, frame[:min(len(frame), 14)])
			}
			blocks := frame[header:]
			alone := check.isAlone(blocks)
			unmarkLast(blocks)
			readsAll(t, level+" "+name, blocks)
			same, good := staysItself(blocks)
			switch {
			case !good:
				t.Errorf("%s %s: no frame", level, name)
			case alone && !same:
				t.Errorf("%s %s: passed, but differs behind other blocks", level, name)
			case alone:
				passed++
			case same:
				refused++
				t.Logf("%s %s: refused, but it is the same", level, name)
			default:
				broken++
			}
		}
	}
	t.Logf("%d passed, %d would be broken, %d refused without need", passed, broken, refused)
	if passed == 0 || broken == 0 {
		t.Error("the frames don't show both")
	}
}
