package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"regexp"
	"slices"
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
const asProgram = "INGEST_TEST_IS_THE_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
		os.Exit(0)
	}
	gatewaytest.Main(m)
}

// program is a running server.
type program struct {
	t   *testing.T
	cmd *exec.Cmd
	url string
	log chan struct{} // closed at the end of stderr
}

var listening = regexp.MustCompile(`msg=listening address=(\S+)`)

func start(t *testing.T, args ...string) *program {
	t.Helper()
	p := &program{t: t, cmd: exec.Command(os.Args[0], append([]string{"-listen", "127.0.0.1:0"}, args...)...), log: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), asProgram+"=1")
	stderr, err := p.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.cmd.Process.Kill(); <-p.log; _ = p.cmd.Wait() })
	address := make(chan string, 1)
	go func() {
		defer close(p.log)
		lines := bufio.NewScanner(stderr)
		for lines.Scan() {
			t.Log(lines.Text())
			if found := listening.FindStringSubmatch(lines.Text()); found != nil {
				address <- found[1]
			}
		}
	}()
	select {
	case a := <-address:
		p.url = "http://" + a
	case <-p.log:
		t.Fatal("it has ended")
	}
	return p
}

// end sends a signal and waits for the end.
func (p *program) end(s os.Signal) error {
	if err := p.cmd.Process.Signal(s); err != nil {
		p.t.Error(err)
	}
	<-p.log
	return p.cmd.Wait()
}

// client keeps no connection, so that none is left when a test ends.
var client = http.Client{Transport: &http.Transport{DisableKeepAlives: true}}

func post(url, kind, body string) (status int, a answer, err error) {
	resp, err := client.Post(url, kind, strings.NewReader(body))
	if err != nil {
		return 0, a, err
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusServiceUnavailable && resp.Header.Get("Retry-After") == "" {
		return 0, a, fmt.Errorf("no Retry-After")
	}
	return resp.StatusCode, a, json.NewDecoder(resp.Body).Decode(&a)
}

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	resp, err := client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

// inBucket counts the rows of a table by the text of their record.
func inBucket(t *testing.T, g *gateway.Gateway, table string) map[string]int {
	t.Helper()
	count := map[string]int{}
	for _, row := range gatewaytest.Rows(t, g, table) {
		count[row["_airbyte_data"]]++
	}
	return count
}

// TestRequests: what is answered with 200 is in the bucket, what with 400 is not.
func TestRequests(t *testing.T) {
	g := gatewaytest.ForTest(t)
	p := start(t, "-config", gatewaytest.Config(t, g, nil, nil), "-table", "events", "-table", "users", "-max-bytes", "1000", "-commit-every", "10ms")
	f := func(table, kind, body string, status int, want answer) {
		t.Helper()
		got, a, err := post(p.url+"/v1/"+table, kind, body)
		told := strings.Contains(a.Error, want.Error) && (a.Error == "") == (want.Error == "")
		if err != nil || got != status || !told || a.Records != want.Records || a.Line != want.Line {
			t.Errorf("%s %q: got %d %+v and %v, want %d %+v", table, body, got, a, err, status, want)
		}
	}
	const lines, object = "application/x-ndjson", "application/json; charset=utf-8"
	f("events", lines, "{\"n\":1}\n\n{\"n\":2.50}", 200, answer{Records: 2})
	f("events", object, "{\n\"n\": 3}\n", 200, answer{Records: 1})
	f("users", "", `{"name":null}`, 200, answer{Records: 1})
	f("events", lines, "{\"n\":4}\n\n{\"n\":4\n{\"n\":4}", 400, answer{Error: "not JSON", Line: 3})
	f("events", lines, "{\"n\":4}\r\n[4]", 400, answer{Error: "no JSON object", Line: 2})
	f("events", object, "{\"n\":4}\n{\"n\":4}", 400, answer{Error: "not JSON", Line: 1})
	f("events", lines, " \n", 400, answer{Error: "no records"})
	f("events", lines, `{"n":"`+strings.Repeat("x", 1000)+`"}`, 413, answer{Error: "1000 bytes"})
	f("other", lines, `{}`, 404, answer{Error: `no table "other"`})
	if status, _ := get(t, p.url+"/v1/events"); status != http.StatusMethodNotAllowed {
		t.Errorf("GET: %d", status)
	}
	if status, body := get(t, p.url+"/healthz"); status != 200 || body != "ok\n" {
		t.Errorf("healthz: %d %s", status, body)
	}
	if status, body := get(t, p.url+"/metrics"); status != 200 || !regexp.MustCompile(`(?m)^ingest_checkpoints_total [23]$`).MatchString(body) {
		t.Errorf("metrics: %d %s", status, body)
	}
	same(t, inBucket(t, g, "events"), `{"n":1}`, `{"n":2.50}`, `{ "n": 3}`)
	same(t, inBucket(t, g, "users"), `{"name":null}`)
	if err := p.end(syscall.SIGTERM); err != nil {
		t.Error(err)
	}
}

// same demands that these are there, once each, and nothing else.
func same(t *testing.T, got map[string]int, want ...string) {
	t.Helper()
	for _, r := range want {
		if got[r] != 1 {
			t.Errorf("%s is there %d times", r, got[r])
		}
	}
	if len(got) != len(want) {
		t.Errorf("got %v, want %q", got, want)
	}
}

// load posts batches of three records from many goroutines, until one is not acknowledged, and
// tells which were.
func load(url, name string, after int64, reached chan<- struct{}) (sent, acknowledged []string) {
	var mu sync.Mutex
	var all sync.WaitGroup
	var n atomic.Int64
	for i := range 6 {
		all.Go(func() {
			for j := 0; ; j++ {
				var batch []string
				for k := range 3 {
					batch = append(batch, fmt.Sprintf(`{"id":"%s.%d.%d.%d"}`, name, i, j, k))
				}
				status, _, err := post(url, "", strings.Join(batch, "\n"))
				mu.Lock()
				sent = append(sent, batch...)
				if err == nil && status == 200 {
					acknowledged = append(acknowledged, batch...)
				}
				mu.Unlock()
				if err != nil || status != 200 {
					return
				}
				if n.Add(1) == after {
					close(reached)
				}
			}
		})
	}
	all.Wait()
	if n.Load() < after {
		close(reached)
	}
	return sent, acknowledged
}

// TestKilled: whether it is killed or asked to end, under load, all that it has acknowledged is in
// the bucket once.
func TestKilled(t *testing.T) {
	g := gatewaytest.ForTest(t)
	file := gatewaytest.Config(t, g, nil, nil)
	var sent, acknowledged []string
	for round, how := range []syscall.Signal{syscall.SIGKILL, syscall.SIGKILL, syscall.SIGTERM} {
		p := start(t, "-config", file, "-table", "events", "-commit-every", "20ms")
		reached := make(chan struct{})
		var err error
		var all sync.WaitGroup
		all.Go(func() { <-reached; err = p.end(how) })
		s, a := load(p.url+"/v1/events", fmt.Sprint(round), 40, reached)
		all.Wait()
		if len(a) == 0 {
			t.Errorf("round %d: nothing was acknowledged", round)
		}
		sent, acknowledged = append(sent, s...), append(acknowledged, a...)
		if how == syscall.SIGTERM && err != nil {
			t.Error(err)
		}
	}
	got := inBucket(t, g, "events")
	for _, r := range acknowledged {
		if got[r] != 1 {
			t.Errorf("%s was acknowledged and is there %d times", r, got[r])
		}
	}
	for r := range got {
		if !slices.Contains(sent, r) {
			t.Errorf("%s is there, and nobody has sent it", r)
		}
	}
	objects := len(gatewaytest.Keys(t, g, "events"))
	t.Logf("%d records sent, %d acknowledged, %d in %d objects", len(sent), len(acknowledged), len(got), objects)
	if requests := len(acknowledged) / 3; objects >= requests {
		t.Errorf("%d requests were acknowledged by %d checkpoints: they share none", requests, objects)
	}
}

// TestOutage: while the store is down, requests are told to come again, and when it is back they
// are taken, also by a new writer.
func TestOutage(t *testing.T) {
	g := gatewaytest.ForTest(t)
	proxy, err := s3proxy.New(g.Endpoint, &http.Transport{DisableKeepAlives: true})
	if err != nil {
		t.Fatal(err)
	}
	var down atomic.Bool
	proxy.Before = func(w http.ResponseWriter, _ *http.Request, _ s3proxy.Request) bool {
		if down.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		return !down.Load()
	}
	front := httptest.NewServer(proxy)
	defer front.Close()
	// A writer that fails in a moment; the one of a long outage is only late.
	for _, minutes := range []float64{0.005, 5} {
		table := fmt.Sprintf("t%v", minutes > 1)
		file := gatewaytest.Config(t, g, nil, map[string]any{"s3_endpoint": front.URL, "upload": map[string]any{"retry_minutes": minutes}})
		p := start(t, "-config", file, "-table", table, "-commit-every", "10ms", "-wait", "2s")
		url := p.url + "/v1/" + table
		down.Store(true)
		if status, a, err := post(url, "", `{"n":1}`); err != nil || status != 503 || !strings.Contains(a.Error, "send the records again") {
			t.Errorf("got %d %+v and %v", status, a, err)
		}
		// The failed one is followed by another after a second, on which a busy machine may come to write.
		late := minutes > 1
		if status, a, err := post(url, "", `{"n":2}`); err != nil || status != 503 || late && a.Error != errDown.Error() {
			t.Errorf("at once: got %d %+v and %v", status, a, err)
		}
		if status, _ := get(t, p.url+"/healthz"); late && status != 503 {
			t.Errorf("healthz: %d", status)
		}
		down.Store(false)
		deadline := time.Now().Add(time.Minute)
		for status := 0; status != 200; {
			if status, _, err = post(url, "", `{"n":3}`); err != nil || time.Now().After(deadline) {
				t.Fatalf("it does not come back: %d and %v", status, err)
			}
			time.Sleep(10 * time.Millisecond)
		}
		if got := inBucket(t, g, table); got[`{"n":3}`] < 1 || late && got[`{"n":2}`] > 0 {
			t.Errorf("got %v", got)
		}
		if err := p.end(syscall.SIGTERM); err != nil {
			t.Error(err)
		}
	}
}

// TestStart: what can't work is said at the start.
func TestStart(t *testing.T) {
	g := gatewaytest.ForTest(t)
	f := func(want string, args ...string) {
		t.Helper()
		cmd := exec.Command(os.Args[0], args...)
		cmd.Env = append(os.Environ(), asProgram+"=1")
		if out, err := cmd.CombinedOutput(); err == nil || !strings.Contains(string(out), want) {
			t.Errorf("%q: got %v and %s, want %q", args, err, out, want)
		}
	}
	f("no tables", "-config", gatewaytest.Config(t, g, nil, nil))
	f("no such file", "-table", "a", "-config", "/none")
	f("no such bucket", "-table", "a", "-config", gatewaytest.Config(t, g, nil, map[string]any{"s3_bucket_name": "none"}))
	f("would be dropped", "-table", "a", "-config", gatewaytest.Config(t, g, map[string]any{"flattening": "Root level flattening"}, nil))
}
