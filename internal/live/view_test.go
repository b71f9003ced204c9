package live

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"

	"github.com/sluice-data/sluice"
	"github.com/sluice-data/sluice/airbyte"
	"github.com/sluice-data/sluice/stages"
)

var update = flag.Bool("update", false, "write the expected pictures anew")

// golden compares with a file of testdata.
func golden(t *testing.T, name string, lines []string) {
	t.Helper()
	got := strings.Join(lines, "\n") + "\n"
	file := filepath.Join("testdata", name+".txt")
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s: go test ./internal/live -update, if this is as it should be:\n%s\nwant:\n%s", name, got, want)
	}
}

// stream is what a stream has; a name may have a namespace in front of a dot.
func stream(name string, rows, estimate int64) stages.StreamProgress {
	namespace, bare, ok := strings.Cut(name, ".")
	if !ok {
		namespace, bare = "", name
	}
	return stages.StreamProgress{Stream: airbyte.StreamID{Namespace: namespace, Name: bare}, Rows: rows, Estimate: estimate}
}

// middle is a sync in its middle, and the same five seconds ago.
func middle() (now, since *sluice.Progress) {
	since = &sluice.Progress{
		Elapsed: 67 * time.Second, Input: 4_800_000_000, Bytes: 3_700_000_000, Rows: 11_500_000,
		Source: 40 * time.Second, Room: 20 * time.Second, Store: 15 * time.Second,
		Streams: []stages.StreamProgress{stream("public.users", 1_000_000, 4_000_000), stream("public.orders", 10_000_000, 0), stream("public.events", 0, 0), stream("public.countries", 249, 249), stream("public.broken", 251, 0), stream("public.idle", 7, 0)},
	}
	now = &sluice.Progress{
		Elapsed: 72 * time.Second, Input: 5_300_000_000, Bytes: 4_100_000_000, Rows: 12_345_678, Objects: 412, Parts: 1024, Flying: 14, Retries: 3,
		States: 12, Held: 3, Memory: 180 << 20, MemoryLimit: 256 << 20,
		Source: 40*time.Second + 150*time.Millisecond, Room: 24*time.Second + 850*time.Millisecond, Store: 19 * time.Second,
		Streams: []stages.StreamProgress{stream("public.users", 1_500_000, 4_000_000), stream("public.orders", 10_345_171, 0), stream("public.events", 0, 0), stream("public.countries", 249, 249), stream("public.broken", 251, 0), stream("public.idle", 7, 0)},
	}
	now.Streams[3].Ended = true
	now.Streams[4].Ended, now.Streams[4].Failed = true, true
	return now, since
}

// thousand has more streams than there is room for, of which a few run.
func thousand() (now, since *sluice.Progress) {
	now, since = middle()
	now.Streams, since.Streams = nil, nil
	for i := range 1000 {
		s := stream(fmt.Sprintf("namespace.a_stream_with_a_long_name_%03d", i), 0, int64(i%2)*1000)
		since.Streams = append(since.Streams, s)
		switch {
		case i < 600:
			s.Rows, s.Ended, since.Streams[i].Rows = 500, true, 500
		case i < 620:
			s.Rows = int64(1) << (i - 600)
		}
		now.Streams = append(now.Streams, s)
	}
	return now, since
}

func TestView(t *testing.T) {
	f := func(name string, width, height int, now, since *sluice.Progress) {
		t.Helper()
		lines := View(now, since, Look{Width: width, Height: height})
		golden(t, fmt.Sprintf("view-%s-%dx%d", name, width, height), lines)
		if len(lines) >= height {
			t.Errorf("%s: %d lines in a terminal of %d", name, len(lines), height)
		}
		for _, line := range lines {
			if w := ansi.StringWidth(line); w >= width {
				t.Errorf("%s: %q has %d cells in a terminal of %d", name, line, w, width)
			}
		}
		// Colours change nothing else.
		colored := View(now, since, Look{Width: width, Height: height, Color: true})
		if got := ansi.Strip(strings.Join(colored, "\n")); got != strings.Join(lines, "\n") {
			t.Errorf("%s: with colours it is\n%s", name, got)
		}
	}
	now, since := middle()
	f("middle", 40, 24, now, since)
	f("middle", 80, 24, now, since)
	f("middle", 120, 30, now, since)
	f("middle", 80, 8, now, since) // no room for all streams
	f("middle", 20, 4, now, since) // nor for anything
	now, since = thousand()
	f("thousand", 40, 24, now, since)
	f("thousand", 80, 24, now, since)
	f("thousand", 120, 30, now, since)
	f("zero", 80, 24, &sluice.Progress{}, &sluice.Progress{})
	now, since = middle()
	now.Ended = true
	f("ended", 80, 24, now, since)
}

// TestViewOfAnySize: whatever a terminal says of itself, nothing breaks.
func TestViewOfAnySize(t *testing.T) {
	now, since := thousand()
	for _, w := range []int{0, 1, 5, 8, 13, 20, 39, 40, 41, 60, 77, 78, 79, 80, 100, 130, 400} {
		for _, h := range []int{0, 1, 2, 9, 10, 11, 50} {
			for _, line := range View(now, since, Look{Width: w, Height: h}) {
				if ansi.StringWidth(line) > max(w-1, 0) {
					t.Fatalf("%d x %d: %q", w, h, line)
				}
			}
		}
	}
}

// TestNamesAreHarmless: a source that names a stream can't steer the terminal.
func TestNamesAreHarmless(t *testing.T) {
	now, since := middle()
	now.Streams[0].Stream.Name = "\x1b[2J\x07\r\nus\u202eers\u009b31m"
	got := strings.Join(View(now, since, Look{Width: 120, Height: 30}), "\n")
	if strings.ContainsAny(got, "\x1b\x07\r\u202e\u009b") || !strings.Contains(got, "us\uFFFDers") {
		t.Errorf("got %q", got)
	}
}

// TestNumbers are as people read them.
func TestNumbers(t *testing.T) {
	f := func(got, want string) {
		t.Helper()
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	f(count(1234567), "1,234,567")
	f(count(0), "0")
	f(size(5_300_000_000), "5.3 GB")
	f(size(999), "999 B")
	f(size(-1), "0 B")
	f(memory(180<<20), "180 MiB")
	f(many(1, "row"), "1 row")
	f(many(1000, "row"), "1,000 rows")
	f(clock(72*time.Second+900*time.Millisecond), "1m12s")
	f(clock(0), "0s")
	f(lasted(1234*time.Millisecond), "1.23s")
	f(lasted(3723*time.Second+1), "1h2m3s")
	f(share(1, 3), "33%")
	f(share(0, 0), "0%")
	f(fmt.Sprint(rate(100, 5*time.Second), rate(-1, time.Second), rate(1, 0)), "20 0 0")
}
