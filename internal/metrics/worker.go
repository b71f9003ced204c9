package metrics

import (
	"fmt"
	"io"
	"net/http"
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/sluice-data/sluice"
	"github.com/sluice-data/sluice/kafka"
)

// workerMetric is one name that a worker serves.
type workerMetric struct {
	name   string
	kind   prometheus.ValueType
	labels []string
	help   string
	read   func(p *kafka.WorkerProgress, put put)
}

var ofPartition = []string{"topic", "partition"}

// ofWorkers are the metrics of a worker, in the order of the documentation.
var ofWorkers = []workerMetric{
	{"sluice_build_info", gauge, []string{"version"}, "1, with the version of Sluice.", func(_ *kafka.WorkerProgress, put put) { put(1, sluice.Version) }},
	{"sluice_worker_joined", gauge, nil, "1 while the worker is a member of its group, else 0.", func(p *kafka.WorkerProgress, put put) { put(truth(p.Joined)) }},
	{"sluice_worker_rebalances_total", counter, nil, "Assignments that the worker got from its group.", func(p *kafka.WorkerProgress, put put) { put(float64(p.Rebalances)) }},
	{"sluice_worker_rows_total", counter, nil, "Rows in completed objects.", func(p *kafka.WorkerProgress, put put) { put(float64(p.Rows)) }},
	{"sluice_worker_uploaded_bytes_total", counter, nil, "Bytes of completed objects.", func(p *kafka.WorkerProgress, put put) { put(float64(p.Bytes)) }},
	{"sluice_worker_objects_total", counter, nil, "Objects completed.", func(p *kafka.WorkerProgress, put put) { put(float64(p.Objects)) }},
	{"sluice_worker_epochs_total", counter, nil, "Runs of offsets committed.", func(p *kafka.WorkerProgress, put put) { put(float64(p.Epochs)) }},
	{"sluice_worker_replays_total", counter, nil, "Of those, the ones that another worker had prepared.", func(p *kafka.WorkerProgress, put put) { put(float64(p.Replays)) }},
	{"sluice_worker_dead_letters_total", counter, nil, "Records that could not be written, and went into dead letter objects.", func(p *kafka.WorkerProgress, put put) { put(float64(p.DeadLetters)) }},
	{"sluice_worker_committed_offset", gauge, ofPartition, "Committed offset of a partition of the worker.", eachPartition(func(p kafka.PartitionProgress) int64 { return p.Committed })},
	{"sluice_worker_lag", gauge, ofPartition, "Offsets of such a partition that are not committed.", eachPartition(kafka.PartitionProgress.Lag)},
}

func eachPartition(value func(kafka.PartitionProgress) int64) func(*kafka.WorkerProgress, put) {
	return func(p *kafka.WorkerProgress, put put) {
		for _, part := range p.Partitions {
			put(float64(value(part)), part.Topic, strconv.Itoa(int(part.Partition)))
		}
	}
}

// workerCollector is a prometheus.Collector over Worker.Progress.
type workerCollector struct {
	progress func() kafka.WorkerProgress
	descs    []*prometheus.Desc
}

func newWorkerCollector(progress func() kafka.WorkerProgress) *workerCollector {
	c := &workerCollector{progress: progress}
	for _, m := range ofWorkers {
		c.descs = append(c.descs, prometheus.NewDesc(m.name, m.help, m.labels, nil))
	}
	return c
}

// Describe implements prometheus.Collector.
func (c *workerCollector) Describe(to chan<- *prometheus.Desc) {
	for _, d := range c.descs {
		to <- d
	}
}

// Collect implements prometheus.Collector.
func (c *workerCollector) Collect(to chan<- prometheus.Metric) {
	p := c.progress()
	for i, m := range ofWorkers {
		m.read(&p, func(value float64, labels ...string) {
			to <- prometheus.MustNewConstMetric(c.descs[i], m.kind, value, labels...)
		})
	}
}

// ServeWorker answers with what a worker tells, until Close. A worker that is no member of its group
// is not ready.
func (s *Server) ServeWorker(progress func() kafka.WorkerProgress) {
	registry := prometheus.NewRegistry()
	registry.MustRegister(newWorkerCollector(progress), collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	mux := handlers(registry)
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if !progress().Joined {
			http.Error(w, "not a member of the group", http.StatusServiceUnavailable)
			return
		}
		_, _ = io.WriteString(w, "ok\n")
	})
	s.serve(mux)
	s.log.Info(fmt.Sprintf("metrics are at http://%s/metrics, /healthz and /readyz beside them", s.listener.Addr()))
}
