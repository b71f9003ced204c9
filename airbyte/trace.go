package airbyte

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/sluice-data/sluice/internal/scan"
)

func (d *Decoder) trace(doc []byte, trace scan.Span, m *Message) error {
	if !isObject(doc, trace) {
		return errors.New(`TRACE without a "trace" object`)
	}
	var kind, status, estimate scan.Span
	for o := scan.Object(doc, int(trace.Start)); o.Next(); {
		switch string(d.unescapeKey(doc, o.Key)) {
		case "type":
			kind = o.Value
		case "stream_status":
			status = o.Value
		case "estimate":
			estimate = o.Value
		}
	}
	if kind.None() {
		return nil
	}
	switch string(d.unquote(doc, kind)) {
	case "ERROR":
		m.Kind = Failure
		return nil
	case "STREAM_STATUS":
		return d.status(doc, status, m)
	case "ESTIMATE":
		if !d.estimate(doc, estimate, m) {
			*m = Message{Values: m.Values}
		}
	}
	return nil // ANALYTICS is not for a destination
}

func (d *Decoder) status(doc []byte, status scan.Span, m *Message) error {
	if !isObject(doc, status) {
		return errors.New(`STREAM_STATUS without a "stream_status" object`)
	}
	m.Kind = Status
	for o := scan.Object(doc, int(status.Start)); o.Next(); {
		if string(d.unescapeKey(doc, o.Key)) != "status" {
			continue
		}
		switch string(d.unquote(doc, o.Value)) {
		case "COMPLETE":
			m.Status = Complete
		case "INCOMPLETE":
			m.Status = Incomplete
		default:
			m.Status = OtherStatus
		}
	}
	if err := d.descriptor(doc, status, m); err != nil {
		return fmt.Errorf("STREAM_STATUS: %w", err)
	}
	return nil
}

// estimate reads how many rows a source expects of a stream. It reports false for all that it
// can't make sense of, and for estimates of bytes or of a whole sync: nothing depends on them.
func (d *Decoder) estimate(doc []byte, estimate scan.Span, m *Message) bool {
	if !isObject(doc, estimate) {
		return false
	}
	var kind, name, namespace, rows scan.Span
	for o := scan.Object(doc, int(estimate.Start)); o.Next(); {
		switch string(d.unescapeKey(doc, o.Key)) {
		case "type":
			kind = o.Value
		case "name":
			name = o.Value
		case "namespace":
			namespace = o.Value
		case "row_estimate":
			rows = o.Value
		}
	}
	if kind.None() || rows.None() || string(d.unquote(doc, kind)) != "STREAM" || d.stream(doc, name, namespace, m) != nil {
		return false
	}
	var ok bool
	m.Kind = Estimate
	m.Rows, ok = millis(rows.Of(doc))
	return ok && m.Rows > 0
}

// ErrorText is what a Failure says, for people; the message is its line.
func ErrorText(message []byte) string {
	var m struct {
		Trace struct {
			Error struct {
				Message string `json:"message"`
			} `json:"error"`
		} `json:"trace"`
	}
	if err := json.Unmarshal(message, &m); err != nil || m.Trace.Error.Message == "" {
		return "it does not say which"
	}
	return m.Trace.Error.Message
}
