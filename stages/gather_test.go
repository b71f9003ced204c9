package stages

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/sluice-data/sluice/format"
	"github.com/sluice-data/sluice/pipeline"
	"github.com/sluice-data/sluice/sink"
)

// grouped is a format of groups: <rows>, and behind the last one where each is.
type grouped struct {
	*format.CSV
	size int64
	bad  string // rows that have this can't be packed
}

func (g *grouped) NewBuilder() format.Builder { return &groupBuilder{} }
func (g *grouped) GroupSize() int64           { return g.size }
func (g *grouped) Extension() string          { return "toy" }

func (g *grouped) AppendTrailer(dst []byte, groups []format.Group) []byte {
	for _, group := range groups {
		dst = fmt.Appendf(dst, "|%d %d %d %v", group.Offset, group.Size, group.Rows, group.Info)
	}
	return dst
}

type groupBuilder struct{}

func (*groupBuilder) AppendGroup(dst []byte, p format.Packer, chunks [][]byte, rows int64) ([]byte, any, error) {
	dst, n := append(dst, '<'), int64(0)
	for _, c := range chunks {
		n += int64(bytes.Count(c, []byte("\n")))
		dst = append(dst, c...)
	}
	if bad := p.(*grouped).bad; bad != "" && bytes.Contains(dst, []byte(bad)) {
		return nil, nil, errors.New("a bad row")
	}
	if n != rows || !bytes.HasSuffix(chunks[len(chunks)-1], []byte("\n")) {
		return nil, nil, fmt.Errorf("%d rows in chunks, not %d", n, rows)
	}
	return append(dst, '>'), n, nil
}

// groupedTable is a table of that format with one column.
func groupedTable(stream string, size int64) *Table {
	t := table(stream, "a")
	t.Encoder = &grouped{CSV: format.NewCSV(format.Dialect{Delimiter: ',', LineEnd: "\n"}, t.Format), size: size}
	return t
}

var gatherStage = pipeline.Stage{Name: "pack", Workers: 1}

// gathering makes a rig gather, in so much memory.
func (r *rig) gathering(workers int, memory int64) *rig {
	r.opts.Gather = NewGather(r.catalog, pipeline.Stage{Name: "pack", Workers: workers}, memory)
	r.group.Go(func() error { return r.opts.Gather.Run(r.t.Context()) })
	return r
}

// read takes the objects of a table apart, in their order, and returns the values of the column.
func (r *rig) read(t *Table, most int) (values []int) {
	r.t.Helper()
	paths, err := filepath.Glob(filepath.Join(r.root, t.Dir, "*"))
	if err != nil {
		r.t.Fatal(err)
	}
	slices.SortFunc(paths, func(a, b string) int { return number(a) - number(b) })
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			r.t.Fatal(err)
		}
		body, trailer, _ := strings.Cut(string(text), "|")
		for i, group := range strings.Split(trailer, "|") {
			var offset, size, rows, info int
			if _, err := fmt.Sscan(group, &offset, &size, &rows, &info); err != nil || info != rows {
				r.t.Fatalf("%s, group %d: %q, %v", path, i, group, err)
			}
			g := body[offset : offset+size]
			if !strings.HasPrefix(g, "<") || !strings.HasSuffix(g, ">") || strings.Count(g, "\n") != rows || size > most {
				r.t.Fatalf("%s, group %d at %d has %d bytes: %.100q", path, i, offset, size, g)
			}
			for line := range strings.Lines(g[1 : size-1]) {
				v, err := strconv.Atoi(strings.TrimSpace(line[strings.LastIndexByte(line, ',')+1:]))
				if err != nil {
					r.t.Fatal(err)
				}
				values = append(values, v)
			}
		}
	}
	return values
}

// number is the partition id in a name.
func number(path string) int {
	name := strings.TrimSuffix(path[strings.LastIndexByte(path, '_')+1:], ".toy")
	n, _ := strconv.Atoi(name)
	return n
}

// TestGather sends random rows of some streams, with STATEs between them: they are all in objects, in
// their order and in groups of the right size, and no STATE is early.
func TestGather(t *testing.T) {
	for seed := range uint64(30) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { testGather(t, rand.New(rand.NewPCG(seed, 1))) })
	}
}

func testGather(t *testing.T, rng *rand.Rand) {
	var tables []*Table
	size := int64(1+rng.IntN(8)) * firstChunk
	for i := range 1 + rng.IntN(6) {
		tables = append(tables, groupedTable(fmt.Sprint("s", i), size))
	}
	age := time.Duration(rng.IntN(2)) * time.Minute
	r := newRig(t, int64(rng.IntN(3))*100_000, age, tables...).gathering(1+rng.IntN(3), int64(1+rng.IntN(40))*firstChunk)
	sent := make([][]int, len(tables))
	states, row := 0, 0
	for range 5 + rng.IntN(40) {
		var lines []string
		for range rng.IntN(800) {
			s := rng.IntN(len(tables))
			lines = append(lines, record(tables[s].Stream.Name, fmt.Sprintf(`{"a":%d}`, row)))
			sent[s] = append(sent[s], row)
			row++
			if rng.IntN(300) == 0 {
				lines = append(lines, legacyState)
				states++
			}
		}
		if len(lines) == 0 {
			continue
		}
		if err := r.send(lines...); err != nil {
			t.Fatal(err)
		}
		if rng.IntN(4) == 0 {
			r.now = r.now.Add(time.Minute)
			if err := r.Tick(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
	r.end()
	for i, table := range tables {
		if got := r.read(table, int(size)+1000); !slices.Equal(got, sent[i]) {
			t.Errorf("stream %d: %d rows of %d, or in another order", i, len(got), len(sent[i]))
		}
		if s := r.Summary()[i]; s.Rows != int64(len(sent[i])) || !s.Complete {
			t.Errorf("summary %+v", s)
		}
	}
	if left := len(r.states); left != states {
		t.Errorf("%d of %d states", left, states)
	}
	if used := r.opts.Gather.Memory(); used != 0 {
		t.Errorf("%d bytes in use at the end", used)
	}
}

// TestGatherBudget: hundreds of streams that take turns stay in the budget.
func TestGatherBudget(t *testing.T) {
	var tables []*Table
	for i := range 300 {
		tables = append(tables, groupedTable(fmt.Sprint("s", i), 1<<20))
	}
	const most = 100 * firstChunk
	r := newRig(t, 0, 0, tables...).gathering(2, most)
	for i := range 40 {
		var lines []string
		for _, table := range tables {
			for range 5 {
				lines = append(lines, record(table.Stream.Name, fmt.Sprintf(`{"a":%d}`, i)))
			}
		}
		if err := r.send(lines...); err != nil {
			t.Fatal(err)
		}
		if used := r.opts.Gather.Memory(); used > most {
			t.Fatalf("%d bytes in use", used)
		}
	}
	r.end()
	if n := len(r.read(tables[0], 1<<21)); n != 200 {
		t.Errorf("%d rows", n)
	}
}

// TestGatherStates: a STATE waits for rows that are gathered.
func TestGatherStates(t *testing.T) {
	r := newRig(t, 0, time.Minute, groupedTable("users", 1<<20)).gathering(1, 10<<20)
	if err := r.send(record("users", `{"a":1}`), legacyState); err != nil {
		t.Fatal(err)
	}
	if err := r.Tick(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := r.commit.Held(); n != 1 || r.keys("data/users") != "" {
		t.Errorf("%d states wait, objects %q", n, r.keys("data/users"))
	}
	r.now = r.now.Add(time.Minute)
	if err := r.Tick(t.Context()); err != nil {
		t.Fatal(err)
	}
	<-r.states
	if got := r.read(r.catalog.Tables[0], 1000); len(got) != 1 {
		t.Errorf("rows %v", got)
	}
	r.end()
}

// TestGatherStop: what is gathered of rows in front of a STATE is written when a sync is stopped.
func TestGatherStop(t *testing.T) {
	r := newRig(t, 0, 0, groupedTable("users", 1<<20), groupedTable("orders", 1<<20)).gathering(1, 10<<20)
	if err := r.send(record("users", `{"a":1}`), legacyState, record("orders", `{"a":2}`)); err != nil {
		t.Fatal(err)
	}
	if err := r.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(r.states) != 1 || r.keys("data/orders") != "" {
		t.Errorf("%d states, orders: %q", len(r.states), r.keys("data/orders"))
	}
	r.end()
}

// TestGatherFailed: of a refresh that fails nothing is seen, also not what was gathered.
func TestGatherFailed(t *testing.T) {
	users := groupedTable("users", 2*firstChunk)
	users.Refresh = Atomic
	r := newRig(t, 0, 0, users).gathering(1, 10<<20)
	var lines []string
	for i := range 2000 {
		lines = append(lines, record("users", fmt.Sprintf(`{"a":%d}`, i)))
	}
	if err := r.send(append(lines, status("users", "INCOMPLETE"))...); err != nil {
		t.Fatal(err)
	}
	r.end()
	if got := r.keys("data/users"); got != "" || r.opts.Gather.Memory() != 0 {
		t.Errorf("objects %q, %d bytes in use", got, r.opts.Gather.Memory())
	}
}

// TestGatherPackError names the stream.
func TestGatherPackError(t *testing.T) {
	users := groupedTable("users", 1<<20)
	users.Encoder.(*grouped).bad = "13"
	r := newRig(t, 0, 0, users).gathering(1, 10<<20)
	if err := r.send(record("users", `{"a":13}`)); err != nil {
		t.Fatal(err)
	}
	if err := r.Finish(t.Context()); err == nil || err.Error() != "stream users: packing 1 row: a bad row" {
		t.Errorf("error %v", err)
	}
	r.opts.Gather.Close()
	r.up.Close()
	_ = r.group.Wait()
}

// TestEpochGathers: an epoch's object has all groups, and its end is counted only then.
func TestEpochGathers(t *testing.T) {
	users := groupedTable("users", 2*firstChunk)
	r := newEpochRig(t, sink.UploadOptions{}, nil, users)
	r.opts.Gather = NewGather(r.catalog, gatherStage, 10<<20)
	r.group.Go(func() error { return r.opts.Gather.Run(t.Context()) })
	var lines []string
	for i := range 2000 {
		lines = append(lines, record("users", fmt.Sprintf(`{"a":%d}`, i)))
	}
	r.send(lines...)
	if err := r.Finish(t.Context()); err != nil || r.Rows() != 2000 {
		t.Fatalf("%d rows, %v", r.Rows(), err)
	}
	if err := r.Complete(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.opts.Gather.Close()
	r.up.Close()
	if err := r.group.Wait(); err != nil {
		t.Fatal(err)
	}
	text := r.read("data/users/0.toy")
	if strings.Count(text, "<") != strings.Count(text, "|") || strings.Count(text, "|") < 3 || strings.Count(text, "\n") != 2000 {
		t.Errorf("%.300q", text)
	}
}

// TestGatherNamesStreamOnce: an error belongs to the stream whose rows it is about, and not to the one
// whose rows were given when it was found.
func TestGatherNamesStreamOnce(t *testing.T) {
	users := groupedTable("users", firstChunk)
	users.Encoder.(*grouped).bad = "13"
	r := newRig(t, 0, 0, users, groupedTable("orders", 1<<20)).gathering(1, firstChunk)
	err := r.send(record("users", `{"a":13}`))
	for range 200 {
		if err == nil {
			err = r.send(record("orders", `{"a":"`+strings.Repeat("x", 1000)+`"}`))
		}
	}
	if err == nil || err.Error() != "stream users: packing 1 row: a bad row" {
		t.Errorf("error %v", err)
	}
	r.opts.Gather.Close()
	r.up.Close()
	_ = r.group.Wait()
}

// A group is a share of the memory, in which each worker's counts twice; or half of that, as long as it is large.
func TestGatherLimit(t *testing.T) {
	const mib, no = 1 << 20, 1 << 40
	for _, c := range []struct {
		most             int64
		workers          int
		size, rows, room int64
		want             int64
	}{
		{128 * mib, 2, 128 * mib, largeRows, no, 128 * mib / 12},
		{128 * mib, 2, 128 * mib, largeRows - 1, no, 128 * mib / 6},
		{128 * mib, 4, 128 * mib, largeRows, no, 8 * mib},
		{128 * mib, 8, 128 * mib, largeRows, no, 128 * mib / 18},
		{12 * mib, 1, 128 * mib, largeRows, no, 3 * mib},
		{128 * mib, 2, 5 * mib, largeRows, no, 5 * mib},
		{128 * mib, 2, 128 * mib, 1, 4 * mib, 4 * mib},
		{128 * mib, 2, 128 * mib, 1, 1, firstChunk},
	} {
		g := &Gather{workers: c.workers, most: c.most}
		if got := g.limit(&Table{packer: &grouped{size: c.size}}, c.rows, c.room); got != c.want {
			t.Errorf("%+v: %d", c, got)
		}
	}
}
