package metrics

import (
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.uber.org/goleak"

	"github.com/sluice-data/sluice"
	"github.com/sluice-data/sluice/airbyte"
	"github.com/sluice-data/sluice/stages"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// full is a sync that has something of everything.
func full() *sluice.Progress {
	p := &sluice.Progress{
		Input: 5_300_000_000, Bytes: 4_100_000_000, Objects: 412, Parts: 1024, Flying: 14, Retries: 3, States: 12, Held: 5,
		Memory: 180 << 20, MemoryLimit: 256 << 20, Source: 40 * time.Second, Room: 25 * time.Second, Store: 19 * time.Second, Requests: time.Minute,
		Stages: []sluice.StageTime{{Name: "decode", Workers: 2, Took: 3 * time.Second}, {Name: "assemble", Workers: 1, Took: 1500 * time.Millisecond}},
	}
	for i, name := range []string{"users", "orders", "other", "üñ \"x\"\n", "late"} {
		s := stages.StreamProgress{Stream: airbyte.StreamID{Namespace: "public", Name: name}, Rows: int64(i) * 10, Bytes: int64(i) * 100}
		if name == "other" {
			s.Stream.Namespace = ""
		}
		p.Streams = append(p.Streams, s)
	}
	p.Streams[1].Estimate, p.Streams[4].Estimate = 100, 100
	p.Streams[2].Ended = true
	p.Streams[3].Ended, p.Streams[3].Failed = true, true
	return p
}

// of returns a collector of what f tells.
func of(named int, f func() *sluice.Progress) *collector { return newCollector(f, named) }

// TestCollector compares with what Prometheus gets.
func TestCollector(t *testing.T) {
	f := func(named int, p *sluice.Progress, names []string, want string) {
		t.Helper()
		var text strings.Builder
		for line := range strings.Lines(want) {
			text.WriteString(strings.TrimSpace(line) + "\n")
		}
		if err := testutil.CollectAndCompare(of(named, func() *sluice.Progress { return p }), strings.NewReader(text.String()), names...); err != nil {
			t.Error(err)
		}
	}
	rows := `# HELP sluice_rows_total Rows given to objects.
		# TYPE sluice_rows_total counter
		`
	f(200, full(), []string{"sluice_rows_total"}, rows+`sluice_rows_total{namespace="public",stream="users"} 0
		sluice_rows_total{namespace="public",stream="orders"} 10
		sluice_rows_total{namespace="",stream="other"} 20
		sluice_rows_total{namespace="public",stream="üñ \"x\"\n"} 30
		sluice_rows_total{namespace="public",stream="late"} 40`)
	f(2, full(), []string{"sluice_rows_total", "sluice_estimated_rows"}, `# HELP sluice_estimated_rows Rows that the source expects to send, where it says so.
		# TYPE sluice_estimated_rows gauge
		sluice_estimated_rows{namespace="public",stream="orders"} 100
		`+rows+`sluice_rows_total{namespace="public",stream="users"} 0
		sluice_rows_total{namespace="public",stream="orders"} 10
		sluice_rows_total{namespace="",stream="other"} 90`)
	f(0, full(), []string{"sluice_rows_total"}, rows+`sluice_rows_total{namespace="",stream="other"} 100`)
	f(4, full(), []string{"sluice_rows_total"}, rows+`sluice_rows_total{namespace="public",stream="users"} 0
		sluice_rows_total{namespace="public",stream="orders"} 10
		sluice_rows_total{namespace="public",stream="üñ \"x\"\n"} 30
		sluice_rows_total{namespace="",stream="other"} 60`)
	f(200, full(), []string{"sluice_streams"}, `# HELP sluice_streams Streams by state: waiting (no row yet), running, done, failed.
		# TYPE sluice_streams gauge
		sluice_streams{state="waiting"} 1
		sluice_streams{state="running"} 2
		sluice_streams{state="done"} 1
		sluice_streams{state="failed"} 1`)
	f(200, full(), []string{"sluice_wait_seconds_total", "sluice_stage_busy_seconds_total", "sluice_states_held", "sluice_input_bytes_total"}, `# HELP sluice_input_bytes_total Bytes read from the source.
		# TYPE sluice_input_bytes_total counter
		sluice_input_bytes_total 5.3e+09
		# HELP sluice_stage_busy_seconds_total Time that a stage worked, all its workers together.
		# TYPE sluice_stage_busy_seconds_total counter
		sluice_stage_busy_seconds_total{stage="assemble"} 1.5
		sluice_stage_busy_seconds_total{stage="decode"} 3
		# HELP sluice_states_held STATE messages that wait for rows in front of them to be in completed objects.
		# TYPE sluice_states_held gauge
		sluice_states_held 5
		# HELP sluice_wait_seconds_total What reading waited for: the source, Sluice's own work (cpu), or the store. The largest rate is the bottleneck.
		# TYPE sluice_wait_seconds_total counter
		sluice_wait_seconds_total{for="cpu"} 6
		sluice_wait_seconds_total{for="source"} 40
		sluice_wait_seconds_total{for="store"} 19`)
	f(200, &sluice.Progress{}, []string{"sluice_rows_total"}, "")
}

// TestNames has Prometheus' own linter look at all of them.
func TestNames(t *testing.T) {
	for _, p := range []*sluice.Progress{full(), {}} {
		registry := prometheus.NewPedanticRegistry()
		registry.MustRegister(of(200, func() *sluice.Progress { return p }))
		problems, err := testutil.GatherAndLint(registry)
		if err != nil {
			t.Fatal(err)
		}
		for _, problem := range problems {
			t.Errorf("%s: %s", problem.Metric, problem.Text)
		}
	}
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(of(200, full))
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	if len(families) != len(all) {
		t.Errorf("%d metrics are served, and %d listed", len(families), len(all))
	}
}

// TestCountersRise: a time that was read a little late is no restart.
func TestCountersRise(t *testing.T) {
	p := full()
	c := of(200, func() *sluice.Progress { return p })
	f := func(room time.Duration, held int, wantCPU, wantHeld float64) {
		t.Helper()
		p.Room, p.Held = room, held
		want := fmt.Sprintf("# HELP sluice_states_held %s\n# TYPE sluice_states_held gauge\nsluice_states_held %v\n", help("sluice_states_held"), wantHeld) +
			fmt.Sprintf("# HELP sluice_wait_seconds_total %s\n# TYPE sluice_wait_seconds_total counter\n", help("sluice_wait_seconds_total")) +
			fmt.Sprintf("sluice_wait_seconds_total{for=\"cpu\"} %v\nsluice_wait_seconds_total{for=\"source\"} 40\nsluice_wait_seconds_total{for=\"store\"} 19\n", wantCPU)
		if err := testutil.CollectAndCompare(c, strings.NewReader(want), "sluice_states_held", "sluice_wait_seconds_total"); err != nil {
			t.Error(err)
		}
	}
	f(25*time.Second, 5, 6, 5)
	f(24*time.Second, 4, 6, 4)
	f(26*time.Second, 6, 7, 6)
	f(18*time.Second, 0, 7, 0)
}

func help(name string) string {
	for _, m := range all {
		if m.name == name {
			return m.help
		}
	}
	return ""
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// serve starts a server and returns its address.
func serve(t *testing.T, progress func() *sluice.Progress) (*Server, string) {
	t.Helper()
	s, err := Listen(t.Context(), "127.0.0.1:0", quiet())
	if err != nil {
		t.Fatal(err)
	}
	s.Serve(progress, 200)
	return s, "http://" + s.listener.Addr().String()
}

func TestServer(t *testing.T) {
	s, at := serve(t, full)
	defer s.Close()
	client := &http.Client{}
	defer client.CloseIdleConnections()
	f := func(method, path string, code int, parts ...string) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), method, at+path, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode != code {
			t.Errorf("%s %s: %s, %v", method, path, resp.Status, err)
		}
		for _, part := range parts {
			if !strings.Contains(string(body), part) {
				t.Errorf("%s %s has no %s:\n%s", method, path, part, body)
			}
		}
	}
	f("GET", "/metrics", 200, "sluice_rows_total", "go_goroutines", "process_", `sluice_build_info{version="`+sluice.Version)
	f("GET", "/healthz", 200, "ok")
	f("GET", "/", 404)
	f("GET", "/debug/pprof/", 404)
	f("POST", "/metrics", 405)
}

// TestServerEnds: a scrape that hangs does not hold up the end of a sync.
func TestServerEnds(t *testing.T) {
	begun, hang := make(chan struct{}), make(chan struct{})
	s, at := serve(t, func() *sluice.Progress {
		close(begun)
		<-hang
		return full()
	})
	answered := make(chan struct{})
	go func() {
		defer close(answered)
		client := &http.Client{}
		defer client.CloseIdleConnections()
		if resp, err := client.Get(at + "/metrics"); err == nil {
			resp.Body.Close()
		}
	}()
	<-begun
	begin := time.Now()
	s.Close()
	if took := time.Since(begin); took > 10*patience {
		t.Errorf("it took %v", took)
	}
	close(hang)
	<-answered
}

// TestListen: a port that is taken is known at once.
func TestListen(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	f := func(address, want string) {
		t.Helper()
		s, err := Listen(t.Context(), address, quiet())
		if err == nil {
			s.Close() // without Serve
		}
		if got := fmt.Sprint(err); !strings.Contains(got, want) {
			t.Errorf("%s: got %s, want %s", address, got, want)
		}
	}
	f(l.Addr().String(), "address already in use")
	f("127.0.0.1", "missing port")
	f("127.0.0.1:0", "<nil>")
}
