// Package metrics serves what Engine.Progress tells to Prometheus. It counts nothing by itself: a
// scrape is a look at the engine, so what the log says and what is scraped are the same numbers.
package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/sluice-data/sluice"
	"github.com/sluice-data/sluice/stages"
)

// metric is one name that is served.
type metric struct {
	name   string
	kind   prometheus.ValueType
	labels []string
	help   string
	// read gives put each value that there is, with those of the labels.
	read func(l *look, put put)
}

type put func(value float64, labels ...string)

// look is what one scrape sees.
type look struct {
	*sluice.Progress
	named int // streams that have a name of their own
}

const (
	counter = prometheus.CounterValue
	gauge   = prometheus.GaugeValue
)

var ofStream = []string{"namespace", "stream"}

// all are the metrics, in the order of the documentation.
var all = []metric{
	{"sluice_build_info", gauge, []string{"version"}, "1, with the version of Sluice.", func(_ *look, put put) { put(1, sluice.Version) }},

	{"sluice_input_bytes_total", counter, nil, "Bytes read from the source.", func(l *look, put put) { put(float64(l.Input)) }},
	{"sluice_input_ended", gauge, nil, "1 when the source has said all, else 0.", func(l *look, put put) { put(truth(l.Ended)) }},
	{"sluice_rows_total", counter, ofStream, "Rows given to objects.", eachStream(func(s *stages.StreamProgress) int64 { return s.Rows })},
	{"sluice_object_bytes_total", counter, ofStream, "Bytes of objects, header lines included, as they are uploaded.", eachStream(func(s *stages.StreamProgress) int64 { return s.Bytes })},
	{"sluice_estimated_rows", gauge, ofStream, "Rows that the source expects to send, where it says so.", estimates},
	{"sluice_streams", gauge, []string{"state"}, "Streams by state: waiting (no row yet), running, done, failed.", states},

	{"sluice_uploaded_bytes_total", counter, nil, "Bytes sent to the store.", func(l *look, put put) { put(float64(l.Bytes)) }},
	{"sluice_objects_total", counter, nil, "Objects completed.", func(l *look, put put) { put(float64(l.Objects)) }},
	{"sluice_parts_total", counter, nil, "Parts of objects sent.", func(l *look, put put) { put(float64(l.Parts)) }},
	{"sluice_requests_in_flight", gauge, nil, "Uploads that are under way; upload.concurrency is the most there can be.", func(l *look, put put) { put(float64(l.Flying)) }},
	{"sluice_request_retries_total", counter, nil, "Requests to the store that were repeated.", func(l *look, put put) { put(float64(l.Retries)) }},
	{"sluice_request_busy_seconds_total", counter, nil, "Time spent in uploads, all together.", func(l *look, put put) { put(l.Requests.Seconds()) }},

	{"sluice_states_total", counter, nil, "STATE messages sent to the platform.", func(l *look, put put) { put(float64(l.States)) }},
	{"sluice_states_held", gauge, nil, "STATE messages that wait for rows in front of them to be in completed objects.", func(l *look, put put) { put(float64(l.Held)) }},

	{"sluice_buffer_bytes", gauge, nil, "Memory of upload buffers in use.", func(l *look, put put) { put(float64(l.Memory)) }},
	{"sluice_buffer_limit_bytes", gauge, nil, "Memory of upload buffers that may be used: upload.memory_mb.", func(l *look, put put) { put(float64(l.MemoryLimit)) }},

	{"sluice_stage_busy_seconds_total", counter, []string{"stage"}, "Time that a stage worked, all its workers together.", func(l *look, put put) {
		for _, s := range l.Stages {
			put(s.Took.Seconds(), s.Name)
		}
	}},
	{"sluice_stage_workers", gauge, []string{"stage"}, "Workers of a stage.", func(l *look, put put) {
		for _, s := range l.Stages {
			put(float64(s.Workers), s.Name)
		}
	}},
	{"sluice_wait_seconds_total", counter, []string{"for"}, "What reading waited for: the source, Sluice's own work (cpu), or the store. The largest rate is the bottleneck.", waits},
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// other is what the streams behind the first ones are called together.
const other = "other"

// eachStream tells a number of each stream. Those without a name of their own are added up, with
// a stream that is really called "other" too, so that the sum over all is right in any case.
func eachStream(number func(*stages.StreamProgress) int64) func(*look, put) {
	return func(l *look, put put) {
		var rest int64
		for i := range l.Streams {
			s := &l.Streams[i]
			if i >= l.named || s.Stream.Namespace == "" && s.Stream.Name == other {
				rest += number(s)
				continue
			}
			put(float64(number(s)), s.Stream.Namespace, s.Stream.Name)
		}
		if len(l.Streams) > l.named || rest > 0 {
			put(float64(rest), "", other)
		}
	}
}

// estimates has nothing for "other": a sum in which some are missing would say little.
func estimates(l *look, put put) {
	for i := range l.Streams {
		s := &l.Streams[i]
		if i < l.named && s.Estimate > 0 {
			put(float64(s.Estimate), s.Stream.Namespace, s.Stream.Name)
		}
	}
}

func states(l *look, put put) {
	var waiting, running, done, failed float64
	for i := range l.Streams {
		switch s := &l.Streams[i]; {
		case s.Failed:
			failed++
		case s.Ended:
			done++
		case s.Rows > 0:
			running++
		default:
			waiting++
		}
	}
	put(waiting, "waiting")
	put(running, "running")
	put(done, "done")
	put(failed, "failed")
}

func waits(l *look, put put) {
	put(l.Source.Seconds(), "source")
	put(max(l.Room-l.Store, time.Duration(0)).Seconds(), "cpu")
	put(l.Store.Seconds(), "store")
}
