package airbyte

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"
)

// calls is a writer that keeps each call apart. It has no lock: the emitter must have one.
type calls struct {
	lines []string
	err   error
}

func (c *calls) Write(p []byte) (int, error) {
	c.lines = append(c.lines, string(p))
	return len(p), c.err
}

func TestEmitter(t *testing.T) {
	var out calls
	e := NewEmitter(&out)
	f := func(err error, want string) {
		t.Helper()
		if err != nil || len(out.lines) != 1 || out.lines[0] != want+"\n" {
			t.Errorf("\n got %q, %v\nwant %s", out.lines, err, want)
		}
		out.lines = nil
	}
	at := time.UnixMilli(1622135805123).Add(999 * time.Microsecond)
	f(e.State([]byte(`{ "type":"STATE","state":{"a":1.0,"b":"<&>"}}`)), `{ "type":"STATE","state":{"a":1.0,"b":"<&>"}}`)
	f(e.Log("INFO", "hello"), `{"type":"LOG","log":{"level":"INFO","message":"hello"}}`)
	f(e.Log("WARN", "<a href=\"x\">&amp;\n\té\xff"), `{"type":"LOG","log":{"level":"WARN","message":"<a href=\"x\">&amp;\n\té\ufffd"}}`)
	f(e.TraceError(ConfigError, "it's <wrong>", "deep & down", at), `{"type":"TRACE","trace":{"type":"ERROR","emitted_at":1622135805123,"error":{"message":"it's <wrong>","internal_message":"deep & down","failure_type":"config_error"}}}`)
	f(e.TraceError(TransientError, "", "", time.UnixMilli(0)), `{"type":"TRACE","trace":{"type":"ERROR","emitted_at":0,"error":{"message":"","failure_type":"transient_error"}}}`)
	f(e.TraceError(SystemError, "x", "", at), `{"type":"TRACE","trace":{"type":"ERROR","emitted_at":1622135805123,"error":{"message":"x","failure_type":"system_error"}}}`)
	f(e.Spec([]byte("{\n  \"a\": \"<b>&c\",\n  \"z\": [1.0, 2],\r\n  \"b\": null\n}\n")), `{"type":"SPEC","spec":{"a":"<b>&c","z":[1.0,2],"b":null}}`)
	f(e.ConnectionStatus(true, ""), `{"type":"CONNECTION_STATUS","connectionStatus":{"status":"SUCCEEDED"}}`)
	f(e.ConnectionStatus(true, "a note"), `{"type":"CONNECTION_STATUS","connectionStatus":{"status":"SUCCEEDED","message":"a note"}}`)
	f(e.ConnectionStatus(false, "no <b> & c"), `{"type":"CONNECTION_STATUS","connectionStatus":{"status":"FAILED","message":"no <b> & c"}}`)
	big := `{"type":"STATE","state":{"a":"` + strings.Repeat("x", 3<<20) + `"}}`
	f(e.State([]byte(big)), big)
	f(e.State([]byte(`{}`)), `{}`) // nothing is left of the line before
	if err := e.Spec([]byte(`{"a":`)); err == nil || len(out.lines) != 0 {
		t.Errorf("a bad spec left: %q, %v", out.lines, err)
	}
}

func TestEmitterRedacts(t *testing.T) {
	const secret = `wJalr/K7"MDENG+<x>`
	var out calls
	e := NewEmitter(&out)
	f := func(err error, want string) {
		t.Helper()
		if err != nil || len(out.lines) != 1 || out.lines[0] != want+"\n" {
			t.Errorf("\n got %q, %v\nwant %s", out.lines, err, want)
		}
		out.lines = nil
	}
	f(e.Log("INFO", "AKID"), `{"type":"LOG","log":{"level":"INFO","message":"AKID"}}`) // not yet
	e.Redact("AKID", "AKID5678", secret, "", "abc")
	f(e.Log("INFO", "a "+secret+" b "+secret), `{"type":"LOG","log":{"level":"INFO","message":"a *** b ***"}}`)
	f(e.Log("INFO", "abc abcd"), `{"type":"LOG","log":{"level":"INFO","message":"abc abcd"}}`) // too short to hide
	f(e.Log("INFO", "key AKID5678, AKID, AKID56"), `{"type":"LOG","log":{"level":"INFO","message":"key ***, ***, ***56"}}`)
	f(e.TraceError(ConfigError, secret+".", "in "+secret, time.UnixMilli(5)), `{"type":"TRACE","trace":{"type":"ERROR","emitted_at":5,"error":{"message":"***.","internal_message":"in ***","failure_type":"config_error"}}}`)
	f(e.ConnectionStatus(false, "no "+secret), `{"type":"CONNECTION_STATUS","connectionStatus":{"status":"FAILED","message":"no ***"}}`)
	f(e.ConnectionStatus(true, "yes "+secret), `{"type":"CONNECTION_STATUS","connectionStatus":{"status":"SUCCEEDED","message":"yes ***"}}`)
	f(e.State([]byte(`{"state":"AKID5678"}`)), `{"state":"AKID5678"}`) // the source's own
	NewLogger(e, slog.LevelInfo).Warn("m "+secret, "k", secret, "g", fmt.Errorf("e %s", secret))
	f(nil, `{"type":"LOG","log":{"level":"WARN","message":"m *** k=*** g=e ***"}}`)
	e.Redact("other")
	f(e.Log("INFO", "AKID other"), `{"type":"LOG","log":{"level":"INFO","message":"AKID ***"}}`)
	e.Redact()
	f(e.Log("INFO", "other"), `{"type":"LOG","log":{"level":"INFO","message":"other"}}`)
}

func TestEmitterReturnsWriteErrors(t *testing.T) {
	broken := errors.New("broken pipe")
	e := NewEmitter(&calls{err: broken})
	f := func(what string, err error) {
		t.Helper()
		if !errors.Is(err, broken) {
			t.Errorf("%s: got %v", what, err)
		}
	}
	f("State", e.State([]byte(`{}`)))
	f("Log", e.Log("INFO", "x"))
	f("TraceError", e.TraceError(SystemError, "x", "", time.Time{}))
	f("Spec", e.Spec([]byte(`{}`)))
	f("ConnectionStatus", e.ConnectionStatus(true, ""))
}

// Writers of all kinds at once: each line is whole, and each is there once.
func TestEmitterIsSafe(t *testing.T) {
	var out calls
	e := NewEmitter(&out)
	log := NewLogger(e, slog.LevelInfo)
	const each = 200
	var group sync.WaitGroup
	for _, write := range []func(text string) error{
		func(text string) error { return e.State([]byte(`{"state":"` + text + `"}`)) },
		func(text string) error { return e.Log("INFO", text) },
		func(text string) error { return e.TraceError(SystemError, text, "", time.Time{}) },
		func(text string) error { return e.Spec([]byte(`"` + text + `"`)) },
		func(text string) error { return e.ConnectionStatus(true, text) },
		func(text string) error { log.Info(text); return nil },
		func(text string) error { e.Redact(text, "secret"); return nil },
	} {
		group.Go(func() {
			for i := range each {
				if err := write(strings.Repeat("x", i*7%100)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	if len(out.lines) != 6*each {
		t.Errorf("%d lines, want %d", len(out.lines), 6*each)
	}
	for _, line := range out.lines {
		if !strings.HasSuffix(line, "}\n") || !json.Valid([]byte(line)) || bytes.Count([]byte(line), []byte("\n")) != 1 {
			t.Fatalf("a mixed line: %q", line)
		}
	}
}
