package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/sluice-data/sluice/internal/gateway"
	"github.com/sluice-data/sluice/internal/gateway/gatewaytest"
	"github.com/sluice-data/sluice/internal/s3proxy"
)

// asProgram has this test binary be the program itself.
const asProgram = "BENTHOS_TEST_IS_THE_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
		os.Exit(0)
	}
	gatewaytest.Main(m)
}

// fields is an object of a pipeline's config, which may be JSON as well as YAML.
type fields = map[string]any

// out is the output, with more settings.
func out(g *gateway.Gateway, more fields) fields {
	all := fields{
		"bucket": g.Bucket, "path": gatewaytest.Path, "region": g.Region, "endpoint": g.Endpoint,
		"access_key_id": g.AccessKey, "secret_access_key": g.SecretKey, "table": "events",
	}
	for key, v := range more {
		all[key] = v
	}
	return fields{"sluice": all}
}

// generate is an input of n objects, in batches.
func generate(n int, mapping string) fields {
	return fields{"generate": fields{"count": n, "interval": "", "batch_size": 100, "mapping": mapping}}
}

// run starts a pipeline.
func run(t *testing.T, input, output fields) (cmd *exec.Cmd, log *bytes.Buffer) {
	t.Helper()
	raw, err := json.Marshal(fields{"http": fields{"enabled": false}, "input": input, "output": output, "shutdown_timeout": "30s"})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "pipeline.yaml")
	if err := os.WriteFile(file, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	log = &bytes.Buffer{}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	cmd = exec.CommandContext(ctx, os.Args[0], "run", file)
	cmd.Env = append(os.Environ(), asProgram+"=1")
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd, log
}

// finish runs a pipeline to its end.
func finish(t *testing.T, input, output fields) string {
	t.Helper()
	cmd, log := run(t, input, output)
	if err := cmd.Wait(); err != nil {
		t.Fatalf("%v\n%s", err, log)
	}
	return log.String()
}

// records counts the rows of a table by their record.
func records(t *testing.T, g *gateway.Gateway, table string) map[string]int {
	t.Helper()
	count := map[string]int{}
	for _, row := range gatewaytest.Rows(t, g, table) {
		count[row["_airbyte_data"]]++
	}
	return count
}

// TestTables: each message is in its table, once, also when tables come up one after the other.
func TestTables(t *testing.T) {
	g := gatewaytest.ForTest(t)
	finish(t, generate(1000, `root = {"id": counter(), "kind": "k" + (counter() / 400).floor().string(), "more": {"a": null}}`), out(g, fields{
		"table": "${! this.kind }", "compression": "gzip", "columns": []string{"id", "kind"}, "batching": fields{"count": 150}, "max_in_flight": 3,
	}))
	seen := map[string]int{}
	for _, table := range []string{"k0", "k1", "k2"} {
		for _, row := range gatewaytest.Rows(t, g, table) {
			if row["kind"] != table || row["_airbyte_additional_properties"] != `{"more":{"a":null}}` {
				t.Errorf("%s has %v", table, row)
			}
			seen[row["id"]]++
		}
	}
	for id := 1; id <= 1000; id++ {
		if seen[fmt.Sprint(id)] != 1 {
			t.Errorf("%d is there %d times", id, seen[fmt.Sprint(id)])
		}
	}
}

// TestBad messages are errors of their own, and the others of their batch are written once: in
// batches of the input, and in those that the output makes of single messages.
func TestBad(t *testing.T) {
	f := func(size int, batching fields) {
		t.Helper()
		g := gatewaytest.ForTest(t)
		file := filepath.Join(t.TempDir(), "bad.jsonl")
		input := generate(400, `
			let n = counter()
			meta kind = match { $n % 10 == 1 => "", $n % 10 == 2 => "%02000d".format($n), $n == 393 => "one too many", _ => "events" }
			root = if $n % 10 == 0 { [$n] } else { {"n": $n} }`)
		input["generate"].(fields)["batch_size"] = size
		finish(t, input, fields{"fallback": []fields{
			out(g, fields{"table": `${! @kind }`, "max_tables": 1, "batching": batching}),
			{"file": fields{"path": file, "codec": "lines"}},
		}})
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		bad := map[string]int{}
		for line := range strings.Lines(string(raw)) {
			bad[strings.TrimSpace(line)]++
		}
		good := records(t, g, "events")
		for n := 1; n <= 400; n++ {
			text, from, other := fmt.Sprintf(`{"n":%d}`, n), good, bad
			if n%10 == 0 {
				text = fmt.Sprintf("[%d]", n)
			}
			if n%10 <= 2 || n == 393 {
				from, other = bad, good
			}
			if from[text] != 1 || other[text] != 0 {
				t.Errorf("size %d: %s: %d times in the table, %d in the file of bad ones", size, text, good[text], bad[text])
			}
		}
	}
	f(100, fields{"count": 1})
	f(1, fields{"count": 100, "period": "20ms"})
}

// TestDenied: what will not pass is the error of the batch, which goes where the pipeline says.
func TestDenied(t *testing.T) {
	g := gatewaytest.ForTest(t)
	file := filepath.Join(t.TempDir(), "failed.jsonl")
	log := finish(t, generate(100, `root = {"n": counter()}`), fields{"fallback": []fields{
		out(g, fields{"secret_access_key": "wrong", "batching": fields{"count": 100}}), {"file": fields{"path": file, "codec": "lines"}},
	}})
	raw, err := os.ReadFile(file)
	if err != nil || bytes.Count(raw, []byte("\n")) != 100 {
		t.Errorf("got %s and %v", raw, err)
	}
	if !strings.Contains(log, "Nothing can be written") || !strings.Contains(log, "credentials not accepted") {
		t.Errorf("the log does not say it:\n%s", log)
	}
}

// TestOutage: a pipeline waits for a store that is away, at its start and in the middle, and has
// everything written in the end.
func TestOutage(t *testing.T) {
	g := gatewaytest.ForTest(t)
	proxy, err := s3proxy.New(g.Endpoint, &http.Transport{DisableKeepAlives: true})
	if err != nil {
		t.Fatal(err)
	}
	var requests, objects atomic.Int64
	proxy.Before = func(w http.ResponseWriter, _ *http.Request, req s3proxy.Request) bool {
		down := requests.Add(1) < 4
		if req.Op == "PutObject" && strings.Contains(req.Key, "/events/") {
			n := objects.Add(1)
			down = n == 5 || n == 6 || n == 15
		}
		if down {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		return !down
	}
	front := httptest.NewServer(proxy)
	defer front.Close()
	log := finish(t, generate(2000, `root = {"n": counter()}`), out(g, fields{
		"endpoint": front.URL, "batching": fields{"count": 50}, "settings": fields{"upload": fields{"retry_minutes": 0}},
	}))
	got := records(t, g, "events")
	for n := 1; n <= 2000; n++ {
		if r := fmt.Sprintf(`{"n":%d}`, n); got[r] < 1 {
			t.Errorf("%s is missing", r)
		}
	}
	if !strings.Contains(log, "Failed to connect to sluice") || !strings.Contains(log, "The store does not answer") {
		t.Errorf("the log does not say it, of %d objects:\n%s", objects.Load(), log)
	}
}

// TestKilled: what the input has acknowledged is in the bucket once, whether the process is killed
// or asked to end.
func TestKilled(t *testing.T) {
	g := gatewaytest.ForTest(t)
	all := map[string]bool{} // whether it was acknowledged
	for round, how := range []syscall.Signal{syscall.SIGKILL, syscall.SIGKILL, syscall.SIGTERM} {
		address := freeAddress(t)
		cmd, log := run(t,
			fields{"http_server": fields{"address": address, "path": "/post", "timeout": "60s"}},
			out(g, fields{"batching": fields{"count": 4, "period": "10ms"}, "max_in_flight": 4}))
		var mu sync.Mutex
		var clients sync.WaitGroup
		var acknowledged int
		reached := make(chan struct{})
		for i := range 8 {
			clients.Go(func() {
				for j := 0; post(t, address, "") == 0; j++ { // it has not started
					time.Sleep(10 * time.Millisecond)
				}
				for j := 0; ; j++ {
					r := fmt.Sprintf(`{"id":"%d.%d.%d"}`, round, i, j)
					status := post(t, address, r)
					mu.Lock()
					all[r] = status == 200
					if status == 200 {
						if acknowledged++; acknowledged == 100 {
							close(reached)
						}
					}
					mu.Unlock()
					if status != 200 {
						return
					}
				}
			})
		}
		<-reached
		_ = cmd.Process.Signal(how)
		clients.Wait()
		if err := cmd.Wait(); how == syscall.SIGTERM && err != nil {
			t.Errorf("%v\n%s", err, log)
		}
	}
	got, acknowledged := records(t, g, "events"), 0
	for r, yes := range all {
		if yes {
			acknowledged++
		}
		if yes && got[r] != 1 {
			t.Errorf("%s was acknowledged and is there %d times", r, got[r])
		}
	}
	for r := range got {
		if _, sent := all[r]; !sent {
			t.Errorf("%s is there, and nobody has sent it", r)
		}
	}
	t.Logf("%d sent, %d acknowledged, %d there", len(all), acknowledged, len(got))
}

// post sends a message and returns the status; 0: none. An empty one only asks whether there is a
// server: the input takes no GET.
func post(t *testing.T, address, message string) int {
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	method := http.MethodPost
	if message == "" {
		method = http.MethodGet
	}
	request, err := http.NewRequestWithContext(t.Context(), method, "http://"+address+"/post", strings.NewReader(message))
	if err != nil {
		return 0
	}
	resp, err := client.Do(request)
	if err != nil {
		return 0
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// TestExample: the pipeline of the README is one.
func TestExample(t *testing.T) {
	cmd := exec.Command(os.Args[0], "lint", "pipeline.yaml")
	cmd.Env = append(os.Environ(), asProgram+"=1")
	if said, err := cmd.CombinedOutput(); err != nil || len(said) > 0 {
		t.Errorf("got %v and %s", err, said)
	}
}
