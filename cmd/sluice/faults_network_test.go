package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// toxiproxy is the network between sluice and the gateway, down at TCP, where what goes wrong
// has nothing to do with requests. It is pinned in tools/go.mod, so that none of its modules is
// in ours, and is a process of its own.
type toxiproxy struct {
	t   testing.TB
	api string
}

// startToxiproxy builds it, which go build knows to leave out, and starts it on a free port.
func startToxiproxy(t testing.TB) *toxiproxy {
	t.Helper()
	program, err := filepath.Abs(filepath.Join("..", "..", ".bin", "toxiproxy-server"))
	if err != nil {
		t.Fatal(err)
	}
	build := exec.Command("go", "build", "-modfile="+filepath.Join("tools", "go.mod"), "-o", program, "github.com/Shopify/toxiproxy/v2/cmd/server")
	build.Dir, build.Env = filepath.Join("..", ".."), append(os.Environ(), "GOWORK=off")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building Toxiproxy: %v\n%s", err, out)
	}
	_, port, err := net.SplitHostPort(strings.TrimPrefix(closedPort(t), "http://"))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "-host", "127.0.0.1", "-port", port)
	cmd.Env = append(os.Environ(), "LOG_LEVEL=panic")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // it was killed
	})
	p := &toxiproxy{t, "http://127.0.0.1:" + port}
	waitFor(t, "Toxiproxy answers", func() bool { return p.call(http.MethodGet, "/version", nil, nil) == nil })
	return p
}

func (p *toxiproxy) call(method, path string, body, reply any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(context.Background(), method, p.api+path, bytes.NewReader(text))
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode/100 != 2 {
		return fmt.Errorf("%s %s: %s %s %v", method, path, resp.Status, got, err)
	}
	if reply == nil {
		return nil
	}
	return json.Unmarshal(got, reply)
}

// toxic is a property of the network, in Toxiproxy's words.
type toxic struct {
	kind, stream string
	toxicity     float64 // of the connections
	attributes   fields
}

// between puts a network before a target, and returns its name.
func (p *toxiproxy) between(at *target, name string, toxics ...toxic) string {
	p.t.Helper()
	name = strings.NewReplacer(" ", "-", "/", "-").Replace(name)
	var opened struct{ Listen string }
	err := p.call(http.MethodPost, "/proxies", fields{"name": name, "listen": "127.0.0.1:0", "enabled": true,
		"upstream": strings.TrimPrefix(at.config["s3_endpoint"].(string), "http://")}, &opened)
	if err != nil {
		p.t.Fatal(err)
	}
	for i, x := range toxics {
		if err := p.call(http.MethodPost, "/proxies/"+name+"/toxics", fields{"name": fmt.Sprint(i), "type": x.kind, "stream": x.stream,
			"toxicity": x.toxicity, "attributes": x.attributes}, nil); err != nil {
			p.t.Fatal(err)
		}
	}
	at.config["s3_endpoint"] = "http://" + opened.Listen
	return name
}

// TestSlowNetwork has networks that are bad, but not down.
func TestSlowNetwork(t *testing.T) {
	t.Parallel()
	p := startToxiproxy(t)
	var all inTurn
	f := func(name string, e everything, toxics ...toxic) {
		t.Helper()
		at := inBucket(t)
		p.between(at, name, toxics...)
		pr := e.begin(at)
		all.add(t, name, at, pr, func(*testing.T) { e.right(at, pr.finish()) })
	}
	small, large := everything{}, everything{large: true}
	f("latency", small, toxic{"latency", "downstream", 1, fields{"latency": 40, "jitter": 40}})
	f("latency spikes", small, toxic{"latency", "downstream", 0.3, fields{"latency": 300, "jitter": 200}})
	f("spikes beyond the timeout", everything{config: fields{"upload": fields{"timeout_seconds": 0.5}}},
		toxic{"latency", "downstream", 0.2, fields{"latency": 2000}})
	f("10 MB a second up", large, toxic{"bandwidth", "upstream", 1, fields{"rate": 10_000}})
	f("small packets, slowly", small, toxic{"slicer", "upstream", 1, fields{"average_size": 200, "size_variation": 100, "delay": 200}})
	// A router that forgets connections: each is reset after so many bytes of the answers.
	f("reset after some bytes", small, toxic{"limit_data", "downstream", 0.5, fields{"bytes": 700}})
	f("reset in a body", large, toxic{"reset_peer", "upstream", 0.2, fields{"timeout": 30}})
	all.run()
}

// TestLineDown has the line go down in the middle of a sync, and come back.
func TestLineDown(t *testing.T) {
	t.Parallel()
	p := startToxiproxy(t)
	at := inBucket(t)
	name := p.between(at, "line")
	e := everything{config: fields{"checkpoint_minutes": soon}}
	lines := e.lines()
	pr := e.start(at).send(lines[:201]...)
	pr.waitState(1)
	enable := func(up bool) {
		t.Helper()
		if err := p.call(http.MethodPost, "/proxies/"+name, fields{"enabled": up}, nil); err != nil {
			t.Fatal(err)
		}
	}
	enable(false) // connections end, and new ones are refused
	pr.send(lines[201:]...)
	waitFor(t, "requests are repeated", func() bool {
		for _, m := range pr.messages() {
			if m.Type == "LOG" && strings.Contains(m.Log.Message, "trying again") {
				return true
			}
		}
		return false
	})
	enable(true)
	e.right(at, pr.finish())
}

// TestTimeouts has requests that get no answer, or half of one: they are given up after
// upload.timeout_seconds, and made again.
func TestTimeouts(t *testing.T) {
	t.Parallel()
	var all inTurn
	f := func(name string, timeout float64, do misfortune, ops ...string) {
		t.Helper()
		at, p := inWeather(t, on(once, do, ops...)...)
		e := everything{config: fields{"upload": fields{"timeout_seconds": timeout}}}
		pr := e.begin(at)
		all.add(t, name, at, pr, func(t *testing.T) {
			e.right(at, pr.finish())
			if p.injected() == 0 {
				t.Error("nothing went wrong")
			}
		})
	}
	rest := []string{"ListObjectsV2", "CreateMultipartUpload", "UploadPart", "PutObject", "HeadObject", "DeleteObjects", "ListMultipartUploads"}
	f("no answer", 0.5, silent, rest...)
	f("done, but no answer", 0.5, mute, rest...)
	f("the answer stalls", 0.5, stalled, rest...)
	f("no answer to CompleteMultipartUpload", 0.4, silent, "CompleteMultipartUpload")
	f("done, but no answer to CompleteMultipartUpload", 0.4, mute, "CompleteMultipartUpload")
	f("the answer to CompleteMultipartUpload stalls", 0.4, stalled, "CompleteMultipartUpload")
	all.run()
}

// TestUnreachable ends a sync, within the time it has, with one error that says so.
func TestUnreachable(t *testing.T) {
	t.Parallel()
	f := func(name, endpoint string, code int, kind string, want ...string) {
		t.Helper()
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			at := inBucket(t)
			begin := time.Now()
			config := fields{"s3_endpoint": endpoint, "upload": fields{"retry_minutes": 0.01, "timeout_seconds": 0.5}}
			at.sync(job{config: config, streams: []stream{{name: "users", mode: "overwrite"}}}, record("users", `{}`), globalState(`{}`)).
				failed(code, kind, append(want, "users")...)
			inTime(t, begin, 10*time.Second)
		})
	}
	f("refused", closedPort(t), 1, "transient_error", "refused", "given up after", "sync again")
	f("no such host", "http://no..such..host:9000", 2, "config_error", "no such host", "s3_endpoint")
	f("no such host, TLS", "https://no..such..host", 2, "config_error", "no such host", "s3_endpoint")
	f("no answer", hole(t), 1, "transient_error", "no answer within 500ms", "sync again")
	f("no TLS", "https://"+strings.TrimPrefix(inBucket(t).config["s3_endpoint"].(string), "http://"), 2, "config_error", "HTTPS", "s3_endpoint")
}

// inTime demands that something has not taken too long.
func inTime(t testing.TB, begin time.Time, bound time.Duration) {
	t.Helper()
	if took := time.Since(begin); took > bound {
		t.Errorf("it took %s, more than %s", took, bound)
	}
}

// hole is an endpoint that takes connections, and says nothing.
func hole(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return "http://" + l.Addr().String()
}
