package peers

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// fakeProc makes a directory like /proc: pid, its parent, VmHWM, VmRSS, RssAnon in KiB.
func fakeProc(t *testing.T, processes ...[5]int) string {
	t.Helper()
	root := t.TempDir()
	children := map[int][]string{}
	for _, p := range processes {
		children[p[1]] = append(children[p[1]], strconv.Itoa(p[0]))
	}
	for _, p := range processes {
		dir := filepath.Join(root, strconv.Itoa(p[0]))
		// Two threads: the children are listed at the second.
		for i, list := range []string{"", strings.Join(children[p[0]], " ")} {
			task := filepath.Join(dir, "task", strconv.Itoa(p[0]+i))
			if err := os.MkdirAll(task, 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(task, "children"), []byte(list), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		status := "Name:\tx\nVmHWM:\t  " + strconv.Itoa(p[2]) + " kB\nVmRSS:\t " + strconv.Itoa(p[3]) + " kB\nRssAnon:\t " + strconv.Itoa(p[4]) + " kB\n"
		if err := os.WriteFile(filepath.Join(dir, "status"), []byte(status), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func TestSample(t *testing.T) {
	f := func(peak, anon int64, processes ...[5]int) {
		t.Helper()
		var m memory
		m.sample(fakeProc(t, processes...), 10)
		if m.peak != peak<<10 || m.anon != anon<<10 {
			t.Errorf("%v: got %d and %d KiB, want %d and %d", processes, m.peak>>10, m.anon>>10, peak, anon)
		}
	}
	f(0, 0)
	f(100, 60, [5]int{10, 1, 100, 80, 60})
	f(160, 120, [5]int{10, 1, 90, 80, 60}, [5]int{20, 10, 80, 80, 60})
	f(300, 120, [5]int{10, 1, 90, 80, 60}, [5]int{20, 10, 300, 80, 60})
	f(240, 180, [5]int{10, 1, 80, 80, 60}, [5]int{20, 10, 80, 80, 60}, [5]int{30, 20, 80, 80, 60})
	f(80, 60, [5]int{10, 1, 80, 80, 60}, [5]int{20, 1, 500, 500, 500}) // not of ours
}

// command skips a test where there is none.
func command(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skipf("there is no %s", name)
	}
	return path
}

func TestExecute(t *testing.T) {
	sh := command(t, "sh")
	dir := t.TempDir()
	in, out := filepath.Join(dir, "in"), filepath.Join(dir, "out")
	if err := os.WriteFile(in, []byte("text\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	f := func(script, want, wantErr string) {
		t.Helper()
		r, err := execute(t.Context(), []string{sh, "-c", script}, []string{"VALUE=set"}, dir, in, out)
		text, _ := os.ReadFile(out)
		if string(text) != want {
			t.Errorf("%s: wrote %q, want %q", script, text, want)
		}
		if wantErr == "" && (err != nil || r.Took <= 0) || wantErr != "" && (err == nil || !strings.Contains(err.Error(), wantErr)) {
			t.Errorf("%s: took %v, error %v, want %q", script, r.Took, err, wantErr)
		}
	}
	f("cat; echo $VALUE", "text\nset\n", "")
	f("echo one >&2; echo two >&2; exit 3", "", "exit status 3: two")
	f("pwd", dir+"\n", "")
}

// TestExecuteCountsTheTree: the CPU time of a child's child counts too.
func TestExecuteCountsTheTree(t *testing.T) {
	sh := command(t, "sh")
	r, err := execute(t.Context(), []string{sh, "-c", `sh -c 'i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done'; true`}, nil, t.TempDir(), "", "")
	if err != nil {
		t.Fatal(err)
	}
	if r.CPU < 20*time.Millisecond {
		t.Errorf("only %v of CPU time", r.CPU)
	}
}

// TestMemoryIsNotTheParents: what this process has resident must not show in a small child.
func TestMemoryIsNotTheParents(t *testing.T) {
	sleep := command(t, "sleep")
	ballast := make([]byte, 128<<20)
	for i := range ballast {
		ballast[i] = 1
	}
	r, err := execute(t.Context(), []string{sleep, "0.1"}, nil, t.TempDir(), "", "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat("/proc/self/status"); err != nil {
		t.Skip("the system does not tell")
	}
	if r.Peak <= 0 || r.Peak > 64<<20 || ballast[1] != 1 {
		t.Errorf("sleep had %d bytes resident", r.Peak)
	}
}

func TestExecuteEnds(t *testing.T) {
	sleep := command(t, "sleep")
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	start := time.Now()
	_, err := execute(ctx, []string{sleep, "60"}, nil, t.TempDir(), "", "")
	if err == nil || time.Since(start) > 30*time.Second {
		t.Errorf("after %v: %v", time.Since(start), err)
	}
}

func TestReason(t *testing.T) {
	f := func(text, want string) {
		t.Helper()
		if got := reason(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
	f("", "")
	f("one\ntwo\n\n", "two")
	f("Traceback\n  File x\npolars.exceptions.SchemaError: bad value\n\nwhile doing:\n  [1] this\n", "polars.exceptions.SchemaError: bad value")
	f("ValueError: first\nduring it\nTypeError: second\n", "TypeError: second")
	f("no Error: here\nlast", "last")
}
