package airbyte

import (
	"bytes"
	"encoding/json"
	"io"
	"slices"
	"strings"
	"sync"
	"time"
)

// Emitter is the only writer of stdout: each call writes one whole line. It is safe for
// concurrent use.
//
// What it composes itself (LOG, TRACE, CONNECTION_STATUS) passes through a redactor that
// knows the secrets of the config: the last line of defence behind the types that hide
// them. STATE messages are the source's own and leave as they are.
type Emitter struct {
	mu     sync.Mutex
	w      io.Writer
	line   []byte
	redact *strings.Replacer
}

// NewEmitter writes messages to w.
func NewEmitter(w io.Writer) *Emitter { return &Emitter{w: w} }

// Redact makes the emitter replace the given values in every message from now on. Values
// under four bytes are left alone: they would hide ordinary text.
func (e *Emitter) Redact(secrets ...string) {
	// Longest first: where one secret begins another, the first of the list is replaced.
	secrets = slices.SortedFunc(slices.Values(secrets), func(a, b string) int { return len(b) - len(a) })
	var pairs []string
	for _, s := range secrets {
		if len(s) >= 4 {
			pairs = append(pairs, s, "***")
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.redact = strings.NewReplacer(pairs...)
}

// Through makes the emitter write through what wrap makes of its writer, from now on.
func (e *Emitter) Through(wrap func(io.Writer) io.Writer) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.w = wrap(e.w)
}

// State writes a STATE message, given as its line without the line end.
func (e *Emitter) State(message []byte) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.write(message)
}

// Log writes a LOG message. level is one of FATAL, ERROR, WARN, INFO, DEBUG, TRACE.
func (e *Emitter) Log(level, message string) error {
	type log struct {
		Level   string `json:"level"`
		Message string `json:"message"`
	}
	return e.message(struct {
		Type string `json:"type"`
		Log  log    `json:"log"`
	}{"LOG", log{level, e.Clean(message)}})
}

// FailureType tells the platform who can do something about a failure.
type FailureType string

const (
	SystemError    FailureType = "system_error"    // a fault of the connector or of its input
	ConfigError    FailureType = "config_error"    // the user's to mend
	TransientError FailureType = "transient_error" // may go away by itself
)

// TraceError writes a TRACE message of type ERROR. message is for the user; internal adds
// what a developer wants to know.
func (e *Emitter) TraceError(kind FailureType, message, internal string, at time.Time) error {
	type failure struct {
		Message         string      `json:"message"`
		InternalMessage string      `json:"internal_message,omitempty"`
		FailureType     FailureType `json:"failure_type"`
	}
	type trace struct {
		Type      string  `json:"type"`
		EmittedAt int64   `json:"emitted_at"`
		Error     failure `json:"error"`
	}
	return e.message(struct {
		Type  string `json:"type"`
		Trace trace  `json:"trace"`
	}{"TRACE", trace{"ERROR", at.UnixMilli(), failure{e.Clean(message), e.Clean(internal), kind}}})
}

// Spec writes a SPEC message around a ConnectorSpecification.
func (e *Emitter) Spec(spec []byte) error {
	return e.message(struct {
		Type string          `json:"type"`
		Spec json.RawMessage `json:"spec"`
	}{"SPEC", spec})
}

// ConnectionStatus writes the answer to check.
func (e *Emitter) ConnectionStatus(succeeded bool, message string) error {
	type status struct {
		Status  string `json:"status"`
		Message string `json:"message,omitempty"`
	}
	s := status{"FAILED", e.Clean(message)}
	if succeeded {
		s.Status = "SUCCEEDED"
	}
	return e.message(struct {
		Type   string `json:"type"`
		Status status `json:"connectionStatus"`
	}{"CONNECTION_STATUS", s})
}

// Clean replaces secrets in a text that does not go through the emitter.
func (e *Emitter) Clean(s string) string {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.redact == nil {
		return s
	}
	return e.redact.Replace(s)
}

func (e *Emitter) message(m any) error {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(m); err != nil {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.write(bytes.TrimSuffix(buf.Bytes(), []byte("\n")))
}

// write puts one line out in one call, so that no reader sees half of it.
func (e *Emitter) write(message []byte) error {
	e.line = append(append(e.line[:0], message...), '\n')
	_, err := e.w.Write(e.line)
	if cap(e.line) > 1<<20 {
		e.line = nil // one giant state should not stay for the rest of the sync
	}
	return err
}
