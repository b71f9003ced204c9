package live

import (
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/charmbracelet/x/ansi"

	"github.com/sluice-data/sluice"
	"github.com/sluice-data/sluice/stages"
)

// done is a sync that had to say something of its streams.
func done(streams int) *sluice.Summary {
	s := &sluice.Summary{
		Rows: 12_345_678, Input: 5_300_000_000, Bytes: 4_100_000_000, Objects: 412, States: 12, Took: 72 * time.Second,
		Source: 40 * time.Second, Store: 19 * time.Second, Requests: 123456 * time.Millisecond,
	}
	for i, name := range []string{"decode", "stamp", "flatten", "encode", "assemble"} {
		s.Stages = append(s.Stages, sluice.StageTime{Name: name, Workers: 2, Took: time.Duration(i+1) * 1234 * time.Millisecond})
	}
	for i := range streams {
		one := stages.StreamSummary{StreamProgress: stream(fmt.Sprintf("public.table_%d", i), int64(i)*1000, 0), Complete: true}
		one.Bytes, one.Objects = int64(i)*123_456, int64(i)
		s.Streams = append(s.Streams, one)
	}
	return s
}

func TestEnd(t *testing.T) {
	f := func(name string, width int, s *sluice.Summary, why string) {
		t.Helper()
		now, _ := middle()
		lines := End(s, now, why, Look{Width: width, Height: 24})
		golden(t, fmt.Sprintf("end-%s-%d", name, width), lines)
		for _, line := range lines {
			if w := ansi.StringWidth(line); w >= width {
				t.Errorf("%s: %q has %d cells in a terminal of %d", name, line, w, width)
			}
		}
		if got := ansi.Strip(strings.Join(End(s, now, why, Look{Width: width, Height: 24, Color: true}), "\n")); got != strings.Join(lines, "\n") {
			t.Errorf("%s: with colours it is\n%s", name, got)
		}
	}
	for _, width := range []int{40, 80, 120} {
		f("well", width, done(3), "")
		bad := done(3)
		bad.Retries, bad.Early, bad.Held = 1, 2, 3
		bad.Streams[1].Complete, bad.Streams[1].Replaced = false, 4
		bad.Streams[2].Undeclared = map[string]int64{"b\x1b[2J": 1, "a": 12_000}
		f("bad", width, bad, "the source did not complete 1 stream: public.table_1. Sync again")
	}
	f("many", 80, done(1000), "")
	f("failed", 80, nil, "UploadPart data/users/2026_11_22_1795338000000_0.csv: no such bucket (check s3_bucket_name, s3_bucket_region and s3_endpoint)")
	f("empty", 80, &sluice.Summary{}, "")
}

func TestLine(t *testing.T) {
	now, since := middle()
	f := func(got, want string) {
		t.Helper()
		if got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
	f(Line(now, since), "progress: 12345678 rows in 1m12s, now 100 MB/s read and 80 MB/s sent; 412 objects complete, 14 requests under way, 3 repeated; 12 states sent, 3 held; bottleneck: store")
	f(Line(&sluice.Progress{}, &sluice.Progress{}), "progress: looking at the bucket")
}

// TestLog: a line each interval, with the rates since the last one, and none before the first.
func TestLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var lines []string
		log := slog.New(slog.NewTextHandler(writerFunc(func(p []byte) (int, error) {
			mu.Lock()
			defer mu.Unlock()
			lines = append(lines, string(p))
			return len(p), nil
		}), nil))
		said := func() []string {
			mu.Lock()
			defer mu.Unlock()
			return slices.Clone(lines)
		}
		begin := time.Now()
		progress := func() *sluice.Progress {
			took := time.Since(begin)
			return &sluice.Progress{Elapsed: took, Input: int64(1e6 * took.Seconds() * took.Seconds()), Source: took}
		}
		stop := Log(log, progress, 30*time.Second)
		time.Sleep(30*time.Second - 1)
		synctest.Wait()
		if got := said(); len(got) > 0 {
			t.Errorf("too early: %s", got)
		}
		time.Sleep(31 * time.Second)
		stop()
		time.Sleep(time.Hour)
		got := said()
		if len(got) != 2 || !strings.Contains(got[0], "rows in 30s, now 30 MB/s read") || !strings.Contains(got[1], "rows in 1m0s, now 90 MB/s read") {
			t.Errorf("got %s", got)
		}
	})
}
