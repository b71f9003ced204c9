package main

import (
	"io"
	"net"
	"net/http"
	"regexp"
	"strings"
	"testing"
)

// served waits until sluice says where its metrics are, and returns what reads a path there.
func served(t *testing.T, p *process) func(path string) string {
	t.Helper()
	at := regexp.MustCompile(`http://\S+/metrics`)
	url := ""
	waitFor(t, "sluice says where its metrics are", func() bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		url = at.FindString(string(p.out))
		return url != ""
	})
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	return func(path string) string {
		resp, err := client.Get(strings.TrimSuffix(url, "/metrics") + path)
		if err != nil {
			return err.Error()
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			return err.Error()
		}
		return string(body)
	}
}

// TestMetrics scrapes a sync whose source has more to say.
func TestMetrics(t *testing.T) {
	t.Parallel()
	inBoth(t, func(t *testing.T, at *target) {
		p := at.start(onUsers("--metrics-addr", "127.0.0.1:0", "--metrics-streams", "1"))
		get := served(t, p)
		same(t, "/healthz", get("/healthz"), "ok\n")
		same(t, "/debug/pprof/", get("/debug/pprof/"), "404 page not found\n")
		p.send(estimated).send(numbered("users", 0, 50)...).send(numbered("orders", 0, 7)...).send(streamState("users", `{"n":1}`))
		p.waitState(1)
		text := ""
		waitFor(t, "the STATE is counted", func() bool {
			text = get("/metrics")
			return strings.Contains(text, "\nsluice_states_total 1\n")
		})
		contains(t, "/metrics", text, "\nsluice_rows_total{namespace=\"\",stream=\"users\"} 50\n", "\nsluice_rows_total{namespace=\"\",stream=\"other\"} 7\n",
			"\nsluice_estimated_rows{namespace=\"\",stream=\"users\"} 100\n", "\nsluice_objects_total 2\n", "\nsluice_states_held 0\n", "\nsluice_input_ended 0\n",
			"\nsluice_stage_busy_seconds_total{stage=\"encode\"} ", "\nprocess_resident_memory_bytes ", "\ngo_goroutines ")
		p.finish().ok()
		contains(t, "when all has ended, /healthz", get("/healthz"), "refused")
	})
}

// TestMetricsAddress: one that can't be had is known before anything is done.
func TestMetricsAddress(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	at := inDirectory(t)
	f := func(text string, args ...string) {
		t.Helper()
		at.start(onUsers(args...)).finish().failed(2, "config_error", text)
		same(t, "objects", at.keys(), []string{})
	}
	f("address already in use", "--metrics-addr", l.Addr().String())
	f("missing port in address: choose another HOST:PORT", "--metrics-addr", "here")
	f("must not be negative", "--metrics-streams", "-1")
}
