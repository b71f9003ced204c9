package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// container is a control group with a memory limit: what a container is to a process.
type container struct{ dir string }

// newContainer needs the right to make control groups, which a test run may not have.
func newContainer(t *testing.T, limit int) container {
	t.Helper()
	if raceEnabled() {
		t.Skip("the race detector takes several times the memory")
	}
	name := "sluice-test-" + strconv.FormatUint(rand.Uint64(), 36)
	var errs []error
	for _, version := range []struct{ root, limit string }{
		{"/sys/fs/cgroup/memory", "memory.limit_in_bytes"},
		{"/sys/fs/cgroup", "memory.max"},
	} {
		c := container{filepath.Join(version.root, name)}
		err := os.Mkdir(c.dir, 0o755)
		if err == nil {
			t.Cleanup(func() {
				if err := os.Remove(c.dir); err != nil {
					t.Errorf("removing the control group: %v", err)
				}
			})
			err = os.WriteFile(filepath.Join(c.dir, version.limit), strconv.AppendInt(nil, int64(limit)<<20, 10), 0o644)
		}
		if err == nil {
			return c
		}
		errs = append(errs, err)
	}
	t.Skipf("control groups can't be made here: %v", errors.Join(errs...))
	return container{}
}

// start begins a sync inside. The shell puts itself into the group, and becomes sluice.
func (c container) start(at *target, j job) *process {
	at.t.Helper()
	args := append([]string{"-c", `echo $$ > "$0/cgroup.procs" && exec "$@"`, c.dir, binary}, at.write(j)...)
	return startCommand(at.t, j.env, "sh", args...)
}

// TestSmallContainer: a sync of many streams, and of records that are nearly too large, stays
// inside a container of 128 MiB without being told of it.
func TestSmallContainer(t *testing.T) {
	t.Parallel()
	inBoth(t, func(t *testing.T, at *target) {
		c := newContainer(t, 128)
		const streams, rows = 300, 100
		j := job{config: flat()}
		for i := range streams {
			j.streams = append(j.streams, stream{name: fmt.Sprint("s", i), schema: `{"properties":{"id":{},"pad":{}}}`, mode: []string{"append", "overwrite"}[i%2]})
		}
		p := c.start(at, j)
		pad := strings.Repeat("x", 2000)
		for row := range rows {
			var lines []string
			for i := range streams {
				lines = append(lines, record(fmt.Sprint("s", i), fmt.Sprintf(`{"id":%d,"pad":"%s"}`, row, pad)))
			}
			p.send(lines...)
		}
		giant := strings.Repeat(`ab\"`, (8<<20-1000)/4)
		for row := range 5 {
			p.send(record("s0", fmt.Sprintf(`{"id":%d,"pad":"%s"}`, rows+row, giant)))
		}
		p.send(globalState(`{}`)).finish().ok()
		same(t, "s0", at.column("data/s0", "id"), ids(0, rows+5))
		same(t, "s299", at.column("data/s299", "id"), ids(0, rows))
		at.clean()
	})
}

// TestTooLong refuses what would not fit, and says what to do.
func TestTooLong(t *testing.T) {
	t.Parallel()
	c, at := newContainer(t, 128), inDirectory(t)
	p := c.start(at, job{config: flat(), streams: []stream{{name: "s", schema: idSchema}}})
	p.send(record("s", `{"id":"`+strings.Repeat("x", 9<<20)+`"}`)).finish().
		failed(1, "system_error", "line 1", "the limit is 8 MiB", "give the container more memory")
	at.clean()
}
