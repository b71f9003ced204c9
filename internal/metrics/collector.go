package metrics

import (
	"strings"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/sluice-data/sluice"
)

// collector is a prometheus.Collector over Engine.Progress.
type collector struct {
	progress func() *sluice.Progress
	named    int
	descs    []*prometheus.Desc // of all

	mu   sync.Mutex
	most map[string]float64 // what each counter had at most
}

// newCollector makes a collector that gives so many streams a name of their own.
func newCollector(progress func() *sluice.Progress, named int) *collector {
	c := &collector{progress: progress, named: named, most: map[string]float64{}}
	for _, m := range all {
		c.descs = append(c.descs, prometheus.NewDesc(m.name, m.help, m.labels, nil))
	}
	return c
}

// Describe implements prometheus.Collector.
func (c *collector) Describe(to chan<- *prometheus.Desc) {
	for _, d := range c.descs {
		to <- d
	}
}

// Collect implements prometheus.Collector.
func (c *collector) Collect(to chan<- prometheus.Metric) {
	c.mu.Lock()
	defer c.mu.Unlock()
	l := &look{Progress: c.progress(), named: c.named}
	for i, m := range all {
		m.read(l, func(value float64, labels ...string) {
			if m.kind == counter {
				value = c.rising(m.name, labels, value)
			}
			to <- prometheus.MustNewConstMetric(c.descs[i], m.kind, value, labels...)
		})
	}
}

// rising keeps a counter from going back. Some are differences of times that are read one after
// the other, and may be less by what the second reading was late; to Prometheus that is a
// restart, which counts everything again.
func (c *collector) rising(name string, labels []string, value float64) float64 {
	key := strings.Join(append([]string{name}, labels...), "\x00")
	value = max(value, c.most[key])
	c.most[key] = value
	return value
}
