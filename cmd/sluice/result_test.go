package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// result is what the platform sees of a run.
type result struct {
	t        testing.TB
	code     int
	messages []message
	stdout   string
	stderr   string
}

// message is an Airbyte message as a destination may send it.
type message struct {
	line string

	Type  string `json:"type"`
	Trace *struct {
		Type      string `json:"type"`
		EmittedAt int64  `json:"emitted_at"`
		Error     *trace `json:"error"`
	} `json:"trace"`
	Log              *logLine        `json:"log"`
	State            json.RawMessage `json:"state"`
	Spec             json.RawMessage `json:"spec"`
	ConnectionStatus *connection     `json:"connectionStatus"`
}

type trace struct {
	Message     string `json:"message"`
	Internal    string `json:"internal_message"`
	FailureType string `json:"failure_type"`
}

type logLine struct {
	Level   string `json:"level"`
	Message string `json:"message"`
}

type connection struct {
	Status  string `json:"status"`
	Message string `json:"message"`
}

// parseMessage is the protocol: every line of stdout must pass.
func parseMessage(line string) (message, error) {
	m := message{line: line}
	dec := json.NewDecoder(strings.NewReader(line))
	if !strings.Contains(line, `"STATE"`) { // a STATE carries whatever the source put into it
		dec.DisallowUnknownFields()
	}
	if err := dec.Decode(&m); err != nil {
		return m, err
	}
	if dec.More() {
		return m, errors.New("more than one JSON value")
	}
	switch m.Type {
	case "LOG":
		if m.Log == nil || m.Log.Message == "" || !slices.Contains([]string{"ERROR", "WARN", "INFO", "DEBUG"}, m.Log.Level) {
			return m, errors.New("a bad LOG")
		}
	case "TRACE":
		return m, m.checkTrace()
	case "STATE":
		if !bytes.HasPrefix(m.State, []byte("{")) {
			return m, errors.New("a STATE without state")
		}
	case "SPEC":
		if m.Spec == nil {
			return m, errors.New("a SPEC without spec")
		}
	case "CONNECTION_STATUS":
		if c := m.ConnectionStatus; c == nil || c.Status != "SUCCEEDED" && (c.Status != "FAILED" || c.Message == "") {
			return m, errors.New("a bad CONNECTION_STATUS")
		}
	default:
		return m, fmt.Errorf("a destination sends no %q", m.Type)
	}
	return m, nil
}

func (m *message) checkTrace() error {
	kinds := []string{"config_error", "transient_error", "system_error"}
	switch t := m.Trace; {
	case t == nil || t.Type != "ERROR" || t.Error == nil:
		return errors.New("a TRACE that is no error")
	case t.EmittedAt < 1_600_000_000_000:
		return errors.New("a TRACE without its time in milliseconds")
	case t.Error.Message == "" || !slices.Contains(kinds, t.Error.FailureType):
		return errors.New("a TRACE that does not say what failed")
	case strings.Contains(m.line, "goroutine ") || strings.Contains(m.line, ".go:"):
		return errors.New("a TRACE with a Go stack trace")
	}
	return nil
}

// statesOf returns the lines that are STATEs.
func statesOf(messages []message) []string {
	var lines []string
	for _, m := range messages {
		if m.Type == "STATE" {
			lines = append(lines, m.line)
		}
	}
	return lines
}

func (r *result) states() []string { return statesOf(r.messages) }

// logs returns the texts of a level's LOG messages.
func (r *result) logs(level string) []string {
	var texts []string
	for _, m := range r.messages {
		if m.Type == "LOG" && m.Log.Level == level {
			texts = append(texts, m.Log.Message)
		}
	}
	return texts
}

// trace returns the error, or an empty one.
func (r *result) trace() trace {
	for _, m := range r.messages {
		if m.Type == "TRACE" {
			return *m.Trace.Error
		}
	}
	return trace{}
}

// status returns the one CONNECTION_STATUS.
func (r *result) status() connection {
	r.t.Helper()
	var all []connection
	for _, m := range r.messages {
		if m.Type == "CONNECTION_STATUS" {
			all = append(all, *m.ConnectionStatus)
		}
	}
	if len(all) != 1 {
		r.t.Fatalf("%d CONNECTION_STATUS messages, want one:\n%s", len(all), r.stdout)
	}
	return all[0]
}

// ok demands success.
func (r *result) ok() *result {
	r.t.Helper()
	if r.code != 0 {
		r.t.Fatalf("exit code %d: %+v", r.code, r.trace())
	}
	return r
}

// failed demands an exit code, and a TRACE of a kind with all of these texts in it.
func (r *result) failed(code int, kind string, texts ...string) *result {
	r.t.Helper()
	tr := r.trace()
	if r.code != code || tr.FailureType != kind {
		r.t.Errorf("exit code %d and %q, want %d and %q: %s", r.code, tr.FailureType, code, kind, tr.Message)
	}
	contains(r.t, "the TRACE", tr.Message, texts...)
	return r
}

// counts returns destinationStats.recordCount of each STATE.
func (r *result) counts() []float64 {
	r.t.Helper()
	var counts []float64
	for _, line := range r.states() {
		var s struct {
			State struct {
				Stats struct {
					Count *float64 `json:"recordCount"`
				} `json:"destinationStats"`
			} `json:"state"`
		}
		if err := json.Unmarshal([]byte(line), &s); err != nil || s.State.Stats.Count == nil {
			r.t.Fatalf("a STATE without destinationStats.recordCount: %s", line)
		}
		counts = append(counts, *s.State.Stats.Count)
	}
	return counts
}

// contains demands that text has all of these parts.
func contains(t testing.TB, what, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("%s has no %q: %s", what, part, text)
		}
	}
}
