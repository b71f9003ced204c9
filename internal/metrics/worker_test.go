package metrics

import (
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/sluice-data/sluice"
	"github.com/sluice-data/sluice/kafka"
)

// working is a worker that has something of everything.
func working() kafka.WorkerProgress {
	return kafka.WorkerProgress{
		Joined: true, Rebalances: 2, Epochs: 30, Replays: 1, Rows: 480249, Bytes: 265_000_000, Objects: 21, DeadLetters: 3,
		Partitions: []kafka.PartitionProgress{{Topic: "sluice.users", Partition: 0, Committed: 100, End: 150}, {Topic: "sluice.users", Partition: 11, Committed: 7}},
	}
}

// gathered are the names of what Prometheus gets.
func gathered(t *testing.T, p kafka.WorkerProgress) (names []string) {
	t.Helper()
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(newWorkerCollector(func() kafka.WorkerProgress { return p }))
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		names = append(names, f.GetName())
	}
	return names
}

// TestWorkerCollector compares with what Prometheus gets.
func TestWorkerCollector(t *testing.T) {
	f := func(p kafka.WorkerProgress, name, head, want string) {
		t.Helper()
		c := newWorkerCollector(func() kafka.WorkerProgress { return p })
		if want != "" {
			want = "# HELP " + name + " " + head + "\n" + want + "\n"
			want = strings.Replace(want, "\n", "\n# TYPE "+name+" "+map[bool]string{true: "counter", false: "gauge"}[strings.HasSuffix(name, "_total")]+"\n", 1)
		}
		if err := testutil.CollectAndCompare(c, strings.NewReader(want), name); err != nil {
			t.Error(err)
		}
	}
	f(working(), "sluice_worker_joined", "1 while the worker is a member of its group, else 0.", "sluice_worker_joined 1")
	f(kafka.WorkerProgress{}, "sluice_worker_joined", "1 while the worker is a member of its group, else 0.", "sluice_worker_joined 0")
	f(working(), "sluice_worker_rows_total", "Rows in completed objects.", "sluice_worker_rows_total 480249")
	f(working(), "sluice_worker_uploaded_bytes_total", "Bytes of completed objects.", "sluice_worker_uploaded_bytes_total 2.65e+08")
	f(working(), "sluice_worker_objects_total", "Objects completed.", "sluice_worker_objects_total 21")
	f(working(), "sluice_worker_epochs_total", "Runs of offsets committed.", "sluice_worker_epochs_total 30")
	f(working(), "sluice_worker_replays_total", "Of those, the ones that another worker had prepared.", "sluice_worker_replays_total 1")
	f(working(), "sluice_worker_rebalances_total", "Assignments that the worker got from its group.", "sluice_worker_rebalances_total 2")
	f(working(), "sluice_worker_dead_letters_total", "Records that could not be written, and went into dead letter objects.", "sluice_worker_dead_letters_total 3")
	f(working(), "sluice_worker_lag", "Offsets of such a partition that are not committed.",
		"sluice_worker_lag{partition=\"0\",topic=\"sluice.users\"} 50\nsluice_worker_lag{partition=\"11\",topic=\"sluice.users\"} 0")
	f(working(), "sluice_worker_committed_offset", "Committed offset of a partition of the worker.",
		"sluice_worker_committed_offset{partition=\"0\",topic=\"sluice.users\"} 100\nsluice_worker_committed_offset{partition=\"11\",topic=\"sluice.users\"} 7")
	f(kafka.WorkerProgress{}, "sluice_worker_lag", "", "")
	if names := gathered(t, working()); len(names) != len(ofWorkers) {
		t.Errorf("%d metrics are served, and %d listed", len(names), len(ofWorkers))
	}
}

// TestWorkerNames has Prometheus' own linter look at them.
func TestWorkerNames(t *testing.T) {
	problems, err := testutil.CollectAndLint(newWorkerCollector(working))
	if err != nil || len(problems) > 0 {
		t.Errorf("%v, %v", problems, err)
	}
}

// TestServeWorker: a worker is ready while it is a member of its group, and healthy before that.
func TestServeWorker(t *testing.T) {
	s, err := Listen(t.Context(), "127.0.0.1:0", quiet())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var joined atomic.Bool
	s.ServeWorker(func() kafka.WorkerProgress {
		p := working()
		p.Joined = joined.Load()
		return p
	})
	client := &http.Client{}
	defer client.CloseIdleConnections()
	f := func(path string, code int, want string) {
		t.Helper()
		resp, err := client.Get("http://" + s.listener.Addr().String() + path)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode != code || !strings.Contains(string(body), want) {
			t.Errorf("%s: %s, %v: %s; want %d, %s", path, resp.Status, err, body, code, want)
		}
	}
	f("/readyz", 503, "not a member of the group")
	f("/healthz", 200, "ok")
	joined.Store(true)
	f("/readyz", 200, "ok")
	f("/metrics", 200, "sluice_worker_rows_total 480249")
	f("/metrics", 200, `sluice_build_info{version="`+sluice.Version)
	f("/metrics", 200, "go_goroutines")
	f("/debug/pprof/", 404, "")
	joined.Store(false)
	f("/readyz", 503, "")
}
