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
		fillContainer(t, at, flat(), 8<<20)
		same(t, "s0", at.column("data/s0", "id"), ids(0, containerRows+containerGiants))
		same(t, "s299", at.column("data/s299", "id"), ids(0, containerRows))
		at.clean()
	})
}

// TestSmallContainerTyped is the same for the formats that take more copies of a record.
func TestSmallContainerTyped(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		format  fields
		longest int
	}{
		"avro":         {fields{"format_type": "Avro", "compression_codec": fields{"codec": "zstandard"}}, 8 << 20 * 5 / 7},
		"parquet-zstd": {fields{"format_type": "Parquet", "compression_codec": "ZSTD"}, 4 << 20},
		"parquet-gzip": {fields{"format_type": "Parquet", "compression_codec": "GZIP"}, 4 << 20},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			at := inDirectory(t)
			fillContainer(t, at, fields{"format": c.format, "metadata_columns": "v2"}, c.longest)
			for stream, want := range map[string]int{"s0": containerRows + containerGiants, "s299": containerRows} {
				got := 0
				for _, key := range at.keysIn("data/" + stream) {
					if name == "avro" {
						got += len(avroIDs(t, at.bytes(key)))
					} else {
						got += len(parquetIDs(t, at.bytes(key)))
					}
				}
				if got != want {
					t.Errorf("%s: %d rows, not %d", stream, got, want)
				}
			}
			at.clean()
		})
	}
}

// What fillContainer sends: rows of each of its 300 streams, and giants of the first one.
const containerRows, containerGiants = 100, 5

// fillContainer has a sync in a container. longest is the longest line that it takes.
func fillContainer(t *testing.T, at *target, config fields, longest int) {
	t.Helper()
	c := newContainer(t, 128)
	const streams = 300
	j := job{config: config}
	for i := range streams {
		j.streams = append(j.streams, stream{name: fmt.Sprint("s", i), schema: `{"properties":{"id":{},"pad":{"type":"string"}}}`, mode: []string{"append", "overwrite"}[i%2]})
	}
	p := c.start(at, j)
	pad := strings.Repeat("x", 2000)
	for row := range containerRows {
		var lines []string
		for i := range streams {
			lines = append(lines, record(fmt.Sprint("s", i), fmt.Sprintf(`{"id":%d,"pad":"%s"}`, row, pad)))
		}
		p.send(lines...)
	}
	giant := strings.Repeat(`ab\"`, (longest-1000)/4)
	for row := range containerGiants {
		p.send(record("s0", fmt.Sprintf(`{"id":%d,"pad":"%s"}`, containerRows+row, giant)))
	}
	p.send(globalState(`{}`)).finish().ok()
}

// TestTooLong refuses what would not fit, and says what to do.
func TestTooLong(t *testing.T) {
	t.Parallel()
	for limit, config := range map[int]fields{8: flat(), 5: {"format": fields{"format_type": "Avro"}}, 4: {"format": fields{"format_type": "Parquet"}}} {
		c, at := newContainer(t, 128), inDirectory(t)
		p := c.start(at, job{config: config, streams: []stream{{name: "s", schema: idSchema}}})
		p.send(record("s", `{"id":"`+strings.Repeat("x", (limit+1)<<20)+`"}`)).finish().
			failed(1, "system_error", "line 1", fmt.Sprintf("the limit is %d MiB", limit), "give the container more memory")
		at.clean()
	}
}
