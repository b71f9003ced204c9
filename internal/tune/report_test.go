package tune

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"
)

// report is that of a search on a surface.
func report(t *testing.T, settings []Setting, rate surface) *Report {
	t.Helper()
	r, err := Search(t.Context(), settings, noisy(rate, 0.02, 1))
	if err != nil {
		t.Fatal(err)
	}
	out := &Report{Result: r, Cores: 2, Memory: 256 * mebibyte, Upload: Upload{PartSizeMB: 9, Concurrency: 9, TimeoutSeconds: 20}, Bytes: 5, Requests: 6}
	out.Upload.Recommend(r)
	return out
}

func TestReport(t *testing.T) {
	f := func(r *Report, block string, texts ...string) {
		t.Helper()
		var b strings.Builder
		if err := r.Text(&b); err != nil {
			t.Fatal(err)
		}
		text := b.String()
		for line := range strings.Lines(text) {
			if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > columns {
				t.Errorf("a line of %d columns: %s", n, line)
			}
		}
		flat := strings.Join(strings.Fields(text), " ")
		for _, want := range append(texts, block) {
			if !strings.Contains(flat, want) {
				t.Errorf("no %q in\n%s", want, text)
			}
		}
		if strings.Contains(text, "\x1b") {
			t.Error("colours, where none were asked for")
		}
	}
	better := report(t, within(256), connections(20, 1e4))
	f(better, `"upload": { "part_size_mb": 5, "concurrency": 32, "timeout_seconds": 20 }`,
		"5 MiB × 32 ██████", "recommended", "8 MiB × 16 ██████", "default", "Recommended: 5 MiB × 32 is", "It needs 175 MiB of memory, of 256",
		"What limits: the connections", "try --memory-mb 352", "64 MiB - - - - -")
	f(report(t, within(256), connections(20, 200)), `"upload": { "timeout_seconds": 20 }`,
		"default, recommended", "Recommended: the default. Nothing is faster than the default 8 MiB × 16", "Leave part_size_mb and concurrency out", "What limits: the network, or the store")
	f(report(t, within(8192), hill(mib(64, 64), 1e6, 0.6)), `"concurrency": 64`, "that many is the most there is")
	f(report(t, within(1024), hill(mib(8, 32), 1e3, 0.7)), `"upload": { "concurrency": 32, "timeout_seconds": 20 }`, "default", "recommended")
	better.Tried[1].Samples[0].Retries = 3
	f(better, "", "3 requests had to be made again")

	better.Colour = true
	var b strings.Builder
	if err := better.Text(&b); err != nil || strings.Count(b.String(), "\x1b[32m") != 1 {
		t.Errorf("%v, %q", err, b.String())
	}
}

func TestReportJSON(t *testing.T) {
	var b strings.Builder
	if err := report(t, within(256), connections(20, 1e4)).JSON(&b); err != nil {
		t.Fatal(err)
	}
	var got struct {
		Verdict     string
		Recommended struct {
			PartSizeMB  int `json:"part_size_mb"`
			Concurrency int
		}
		Upload   map[string]any
		Settings []struct {
			Runs []float64 `json:"runs_mb_per_s"`
		}
		Limit string
		Gain  float64
	}
	if err := json.Unmarshal([]byte(b.String()), &got); err != nil {
		t.Fatal(err)
	}
	if got.Verdict != "better" || got.Recommended.PartSizeMB != 5 || got.Recommended.Concurrency != 32 || got.Limit != "connections" ||
		got.Gain < 0.3 || len(got.Settings) != 10 || len(got.Settings[0].Runs) != 3 || len(got.Upload) != 3 || strings.Count(b.String(), "\n") != 1 {
		t.Errorf("got %s", b.String())
	}
}

func TestBar(t *testing.T) {
	f := func(part float64, want string) {
		t.Helper()
		if got := bar(part, 4); got != want {
			t.Errorf("%v: got %q, want %q", part, got, want)
		}
	}
	f(1, "████")
	f(0.5, "██")
	f(0.53125, "██▏")
	f(0.47, "█▉")
	f(0, "▏")
}
