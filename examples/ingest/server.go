package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/sluice-data/sluice"
)

// limits bound the memory that requests take: body times requests.
type limits struct {
	body     int64
	requests int
}

// server answers the requests.
type server struct {
	lake   *lake
	limits limits
	wait   time.Duration
	room   chan struct{} // one for each request that may be under way
}

func newServer(l *lake, limits limits, wait time.Duration) http.Handler {
	s := &server{lake: l, limits: limits, wait: wait, room: make(chan struct{}, limits.requests)}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/{table}", s.records)
	mux.HandleFunc("GET /healthz", s.health)
	mux.HandleFunc("GET /metrics", s.metrics)
	return mux
}

// answer is the body of an answer.
type answer struct {
	Records int    `json:"records,omitempty"` // that are in the bucket now
	Error   string `json:"error,omitempty"`
	Line    int    `json:"line,omitempty"` // that is wrong; none of the request was written
}

func (s *server) records(w http.ResponseWriter, r *http.Request) {
	select {
	case s.room <- struct{}{}:
		defer func() { <-s.room }()
	default:
		reply(w, http.StatusServiceUnavailable, answer{Error: "too many requests are under way"})
		return
	}
	status, a := s.take(w, r)
	reply(w, status, a)
}

// take writes the records of a request, and returns when they are in the bucket.
func (s *server) take(w http.ResponseWriter, r *http.Request) (int, answer) {
	lake := s.lake.current.Load() // all of a request goes to one writer, which may fail meanwhile
	table := lake.tables[r.PathValue("table")]
	if table == nil {
		return http.StatusNotFound, answer{Error: fmt.Sprintf("there is no table %q", r.PathValue("table"))}
	}
	if err := lake.health(s.patience()); err != nil {
		return http.StatusServiceUnavailable, answer{Error: errDown.Error()}
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, s.limits.body))
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		return http.StatusRequestEntityTooLarge, answer{Error: fmt.Sprintf("a request may have %d bytes: send the records in several", large.Limit)}
	}
	if err != nil {
		return http.StatusBadRequest, answer{Error: "reading the request: " + err.Error()}
	}
	records, bad := split(table, r.Header.Get("Content-Type"), body)
	if bad.Error != "" {
		return http.StatusBadRequest, bad
	}
	ctx, cancel := context.WithTimeout(r.Context(), s.wait)
	defer cancel()
	for _, record := range records {
		if err := table.WriteJSON(ctx, record); err != nil {
			return s.unknown(err)
		}
	}
	if err := lake.wait(ctx, int64(len(body))); err != nil {
		return s.unknown(err)
	}
	return http.StatusOK, answer{Records: len(records)}
}

// patience is how long a checkpoint may take before new requests are refused at once.
func (s *server) patience() time.Duration { return s.wait / 4 }

// unknown is the answer when records were written and no checkpoint has covered them: they may
// get into the bucket yet, or not. The client has to send them again.
func (s *server) unknown(err error) (int, answer) {
	s.lake.log.Warn("a request was not acknowledged", "error", err)
	return http.StatusServiceUnavailable, answer{Error: errDown.Error() + ": send the records again; some may be in the bucket twice then"}
}

// split cuts a body into its records, which are all fit to be written, or says which is not.
func split(table *sluice.TableWriter, kind string, body []byte) (records [][]byte, bad answer) {
	if kind, _, _ = strings.Cut(kind, ";"); strings.TrimSpace(kind) == "application/json" {
		if err := table.Check(body); err != nil {
			return nil, answer{Error: err.Error(), Line: 1}
		}
		return [][]byte{body}, bad
	}
	number := 0
	for line := range bytes.Lines(body) {
		number++
		if line = bytes.TrimSpace(line); len(line) == 0 {
			continue
		}
		if err := table.Check(line); err != nil {
			return nil, answer{Error: err.Error(), Line: number}
		}
		records = append(records, line)
	}
	if len(records) == 0 {
		return nil, answer{Error: "the request has no records"}
	}
	return records, bad
}

func reply(w http.ResponseWriter, status int, a answer) {
	w.Header().Set("Content-Type", "application/json")
	if status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "2")
	}
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(a) // a client that is gone is not told
}

func (s *server) health(w http.ResponseWriter, _ *http.Request) {
	if err := s.lake.current.Load().health(s.patience()); err != nil {
		reply(w, http.StatusServiceUnavailable, answer{Error: err.Error()})
		return
	}
	_, _ = io.WriteString(w, "ok\n")
}

// metrics are those of the present writer, in the text format of Prometheus. A new writer begins
// with 0, which rate() knows of.
func (s *server) metrics(w http.ResponseWriter, _ *http.Request) {
	p := s.lake.current.Load().Progress()
	w.Header().Set("Content-Type", "text/plain; version=0.0.4")
	for _, m := range []struct {
		name, kind string
		value      int64
	}{
		{"ingest_input_bytes_total", "counter", p.Input},
		{"ingest_rows_total", "counter", p.Rows},
		{"ingest_uploaded_bytes_total", "counter", p.Bytes},
		{"ingest_objects_total", "counter", p.Objects},
		{"ingest_checkpoints_total", "counter", p.States},
		{"ingest_retries_total", "counter", p.Retries},
		{"ingest_checkpoints_waiting", "gauge", int64(p.Held)},
		{"ingest_buffer_bytes", "gauge", p.Memory},
	} {
		fmt.Fprintf(w, "# TYPE %s %s\n%s %d\n", m.name, m.kind, m.name, m.value)
	}
}
