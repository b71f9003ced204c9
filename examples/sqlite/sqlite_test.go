package main

import (
	"database/sql"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/sluice-data/sluice/internal/gateway"
	"github.com/sluice-data/sluice/internal/gateway/gatewaytest"
)

// asProgram has this test binary be the program itself.
const asProgram = "SQLITE_TEST_IS_THE_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
		// The memory that a parent sees (getrusage) has its own in it, from before the exec.
		status, _ := os.ReadFile("/proc/self/status")
		os.Stderr.Write(highest.Find(status))
		os.Exit(0)
	}
	gatewaytest.Main(m)
}

var highest = regexp.MustCompile(`VmHWM:\s*(\d+) kB`)

// source is a database, and the bucket that it is copied to.
type source struct {
	t      *testing.T
	db     *sql.DB
	file   string
	state  string
	g      *gateway.Gateway
	config string
}

func newSource(t *testing.T, statements ...string) *source {
	t.Helper()
	s := &source{t: t, g: gatewaytest.ForTest(t), file: filepath.Join(t.TempDir(), "a #1?.db"), state: filepath.Join(t.TempDir(), "state.json")}
	s.config = gatewaytest.Config(t, s.g, map[string]any{"flattening": "Root level flattening"}, nil)
	if err := os.WriteFile(s.file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	var err error
	if s.db, err = sql.Open("sqlite", address(s.file, "")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.db.Close() })
	s.exec(statements...)
	return s
}

func (s *source) exec(statements ...string) {
	s.t.Helper()
	for _, statement := range statements {
		if _, err := s.db.Exec(statement); err != nil {
			s.t.Fatal(err)
		}
	}
}

// series is the beginning of a statement, with the numbers from 1 to n.
func series(n int) string {
	return fmt.Sprintf("WITH RECURSIVE series(value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM series WHERE value < %d) ", n)
}

// start runs the program.
func (s *source) start(args ...string) (*exec.Cmd, *strings.Builder) {
	s.t.Helper()
	out := &strings.Builder{}
	cmd := exec.Command(os.Args[0], append([]string{"-config", s.config, "-db", s.file, "-state", s.state}, args...)...)
	cmd.Env = append(os.Environ(), asProgram+"=1")
	cmd.Stderr = out
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	return cmd, out
}

// copy runs the program to its end; with "" it has to succeed, else to fail with that.
func (s *source) copy(want string, args ...string) {
	s.t.Helper()
	cmd, out := s.start(args...)
	err := cmd.Wait()
	if (err == nil) != (want == "") || !strings.Contains(out.String(), want) {
		s.t.Fatalf("%q: got %v and\n%s\nwant %q", args, err, out, want)
	}
}

// ids counts the rows of a table by their column id.
func (s *source) ids(table string) map[int]int {
	s.t.Helper()
	count := map[int]int{}
	for _, row := range gatewaytest.Rows(s.t, s.g, table) {
		id, err := strconv.Atoi(row["id"])
		if err != nil {
			s.t.Fatal(err)
		}
		count[id]++
	}
	return count
}

// once demands that the ids 1 to n are there once, and no other.
func (s *source) once(table string, n int) {
	s.t.Helper()
	count := s.ids(table)
	for id := 1; id <= n; id++ {
		if count[id] != 1 {
			s.t.Errorf("%s: row %d is there %d times", table, id, count[id])
		}
	}
	if len(count) != n {
		s.t.Errorf("%s: got %d ids, want %d", table, len(count), n)
	}
}

// TestValues: each value arrives as it is stored, whatever its column was declared for.
func TestValues(t *testing.T) {
	s := newSource(t,
		`CREATE TABLE "the ""values""" (id INTEGER PRIMARY KEY, v ANY, d DATE, b BOOLEAN, n DECIMAL(10,2), t VARCHAR(9), f REAL, "twice" AS (id * 2))`,
	)
	f := func(values string) { s.exec(`INSERT INTO "the ""values""" (v, d, b, n, t, f) VALUES (` + values + `)`) }
	f(`NULL, NULL, NULL, NULL, NULL, NULL`)
	f(`'', '', '', '', '', ''`)
	f(`9223372036854775807, '2026-11-22', 1, 50000.10, 5, 1`)
	f(`x'00ff', '2026-11-22 10:00:00', 0, '-0.1', '007', 1e300`)
	f(`'<a> "b",' || char(10) || '☃', 1795341600, TRUE, 9007199254740993, x'', 0.1`)
	f(`9e999, -9e999, 'x', 123456789012345678, '1', -1.5e-7`)
	s.copy("", "-replace")
	keys := gatewaytest.Keys(t, s.g, "the__values_")
	if len(keys) != 1 {
		all, _ := filepath.Glob(filepath.Join(s.g.DataDir, s.g.Bucket, "*", "*"))
		t.Fatalf("got the objects %q of %q", keys, all)
	}
	raw, err := os.ReadFile(keys[0])
	if err != nil {
		t.Fatal(err)
	}
	got := regexp.MustCompile(`(?m)^"[0-9a-f-]{36}",\d+,`).ReplaceAllString(strings.ReplaceAll(string(raw), "\r\n", "\n"), "")
	want := `"_airbyte_ab_id","_airbyte_emitted_at","id","v","d","b","n","t","f","twice"
1,,,,,,,2
2,"","","","","","",4
3,9223372036854775807,"2026-11-22",1,50000.1,"5",1,6
4,"AP8=","2026-11-22 10:00:00",0,-0.1,"007",1e+300,8
5,"<a> ""b"",
☃",1795341600,1,9007199254740993,"",0.1,10
6,"+Inf","-Inf","x",123456789012345678,"1",-1.5e-07,12
`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// TestReplace: all tables, and nothing of what was there before; a view if it is named.
func TestReplace(t *testing.T) {
	s := newSource(t, `CREATE TABLE a (id INTEGER PRIMARY KEY, x)`, `CREATE TABLE b (id INTEGER PRIMARY KEY AUTOINCREMENT)`,
		series(100)+`INSERT INTO a SELECT value, 'x' FROM series`, `INSERT INTO b VALUES (1)`, `CREATE VIEW v AS SELECT id FROM a WHERE id < 4`)
	s.copy("", "-replace")
	s.once("a", 100)
	s.once("b", 1)
	s.exec(`DELETE FROM a WHERE id > 50`, `INSERT INTO b VALUES (2)`)
	s.copy("", "-replace", "-table", "a", "-table", "v")
	s.once("a", 50)
	s.once("b", 1)
	s.once("v", 3)
	// A row that can't be copied leaves the table as it was.
	s.exec(`DELETE FROM a WHERE id > 1`, `INSERT INTO a VALUES (9, CAST(x'ff' AS TEXT))`)
	s.copy("table a: column x: a text is not UTF-8", "-replace")
	s.once("a", 50)
}

// TestSince appends what is new, and rows of one cursor together.
func TestSince(t *testing.T) {
	s := newSource(t, `CREATE TABLE a (id INTEGER PRIMARY KEY, day TEXT COLLATE NOCASE)`,
		series(99)+`INSERT INTO a SELECT value, 'day ' || (value / 10) FROM series`, `CREATE TABLE "n" (id REAL)`, `INSERT INTO n VALUES (1), (2)`)
	s.copy("", "-since", "id", "-checkpoint-rows", "40")
	s.once("a", 99)
	s.once("n", 2)
	if n := len(gatewaytest.Keys(t, s.g, "a")); n != 3 {
		t.Errorf("got %d objects, want 3", n)
	}
	s.copy("", "-since", "id") // nothing is new
	s.exec(`INSERT INTO a VALUES (100, 'Day 5')`, `INSERT INTO n VALUES (3)`)
	s.copy("", "-since", "id")
	s.once("a", 100)
	s.once("n", 3)
	s.copy("one of the column id, not day", "-since", "day", "-table", "a")

	s.state += ".2"
	s.exec(`CREATE VIEW v AS SELECT id, day FROM a`)
	s.copy("", "-since", "day", "-table", "v", "-checkpoint-rows", "1")
	s.once("v", 100)
	if n := len(gatewaytest.Keys(t, s.g, "v")); n != 11 {
		t.Errorf("got %d objects, want one for each day", n)
	}
}

// TestKilled: with kill -9 between two checkpoints nothing is missing in the end, and nothing is
// there twice that the cursor had passed.
func TestKilled(t *testing.T) {
	const rows, every = 20_000, 200
	s := newSource(t, `CREATE TABLE a (id INTEGER PRIMARY KEY, day TEXT)`,
		series(rows)+`INSERT INTO a SELECT value, 'day' FROM series`)
	var passed []int
	for round := range 4 {
		cmd, out := s.start("-since", "id", "-checkpoint-rows", fmt.Sprint(every))
		ended := make(chan error, 1)
		go func() { ended <- cmd.Wait() }()
		before := stored(t, s.state)
		for at := before; at < before+every*(1+round*3) && at < rows; at = stored(t, s.state) {
			select {
			case err := <-ended:
				t.Fatalf("it ended by itself: %v\n%s", err, out)
			default:
			}
		}
		_ = cmd.Process.Kill()
		<-ended
		passed = append(passed, stored(t, s.state))
	}
	s.copy("", "-since", "id")
	count := s.ids("a")
	for id := 1; id <= rows; id++ {
		// Between a stored cursor and the next checkpoint, rows may have come twice.
		most := 1
		for _, p := range passed {
			if id > p && id <= p+2*every {
				most++
			}
		}
		if count[id] < 1 || count[id] > most {
			t.Errorf("row %d is there %d times; killed at %v", id, count[id], passed)
		}
	}
	if len(count) != rows || stored(t, s.state) != rows {
		t.Errorf("got %d ids up to the cursor %d", len(count), stored(t, s.state))
	}
	t.Logf("killed at %v", passed)
}

// stored is the cursor of the table a.
func stored(t *testing.T, file string) int {
	t.Helper()
	all, err := readCursors(file)
	if err != nil {
		t.Fatal(err)
	}
	at, err := all.get("a", "id")
	if err != nil {
		t.Fatal(err)
	}
	n, _ := at.(int64)
	return int(n)
}

// TestMemory: a table may be larger than the memory.
func TestMemory(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux has /proc")
	}
	if info, _ := debug.ReadBuildInfo(); slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"}) {
		t.Skip("the race detector has memory of its own")
	}
	const rows, size, most = 100_000, 2500, 200 << 20
	s := newSource(t, `CREATE VIEW a AS `+series(rows)+fmt.Sprintf(`SELECT value AS id, printf('%%0%dd', value) AS text FROM series`, size))
	s.config = gatewaytest.Config(t, s.g, map[string]any{"flattening": "Root level flattening"}, map[string]any{"upload": map[string]any{"memory_mb": 32}})
	cmd, out := s.start("-replace", "-table", "a")
	if err := cmd.Wait(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	found := highest.FindStringSubmatch(out.String())
	if found == nil {
		t.Fatalf("it does not say what it took:\n%s", out)
	}
	peak, _ := strconv.Atoi(found[1])
	if t.Logf("%d MB in %d MiB", rows*size/1_000_000, peak>>10); peak<<10 > most {
		t.Errorf("the peak was %d MiB", peak>>10)
	}
	keys := gatewaytest.Keys(t, s.g, "a")
	if len(keys) != 1 {
		t.Fatalf("got the objects %q", keys)
	}
	if info, err := os.Stat(keys[0]); err != nil || info.Size() < rows*size {
		t.Errorf("got %v and %v", info, err)
	}
}

// TestRefused: what can't be done is said, with the table.
func TestRefused(t *testing.T) {
	s := newSource(t)
	s.copy("it has no tables", "-replace")
	s.exec(`CREATE TABLE a (id INTEGER PRIMARY KEY, x)`, `INSERT INTO a VALUES (1, NULL), (2, 3)`)
	s.copy("either -replace or -since")
	s.copy("either -replace or -since", "-replace", "-since", "id")
	s.copy("table b: there is none", "-replace", "-table", "b")
	s.copy("table a: it has no column idd", "-since", "idd")
	s.copy("table a: x is no cursor", "-since", "x")
	s.copy("none.db", "-replace", "-db", filepath.Join(t.TempDir(), "none.db"))
	s.config = gatewaytest.Config(t, s.g, nil, map[string]any{"s3_bucket_name": "none"})
	s.copy("no such bucket", "-replace")
}
