package gateway

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestStartAndStop(t *testing.T) {
	var log bytes.Buffer
	g := start(t, Options{Dir: t.TempDir(), Buckets: []string{"one", "two"}, Log: &log})
	if g.Bucket != "one" {
		t.Errorf("Bucket = %q, want the first one", g.Bucket)
	}
	for _, bucket := range []string{"one", "two"} {
		if _, err := os.Stat(filepath.Join(g.DataDir, bucket)); err != nil {
			t.Error(err)
		}
	}
	if !isS3(t, g.Endpoint) {
		t.Error("what answers is no S3 server")
	}

	// A second one at the same time has its own port and data.
	other := start(t, Options{Dir: t.TempDir()})
	if other.Endpoint == g.Endpoint || other.DataDir == g.DataDir {
		t.Errorf("two gateways share %s or %s", g.Endpoint, g.DataDir)
	}
	if !isS3(t, other.Endpoint) {
		t.Error("the second gateway does not answer")
	}

	if err := g.Stop(); err != nil {
		t.Error(err)
	}
	if !refuses(g.Endpoint) {
		t.Error("the port still answers after Stop")
	}
	if !isS3(t, other.Endpoint) {
		t.Error("stopping one gateway stopped the other one")
	}
	if err := g.Stop(); err != nil {
		t.Errorf("a second Stop: %v", err)
	}
	if log.Len() == 0 {
		t.Error("Log got nothing of the gateway's output")
	}
}

// TestIAM: the IAM server answers, in the words of IAM, and ends with the gateway.
func TestIAM(t *testing.T) {
	g := start(t, Options{Dir: t.TempDir(), IAM: true})
	if !isS3(t, g.Endpoint) {
		t.Error("what answers is no S3 server")
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.PostForm(g.IAMEndpoint, url.Values{"Action": {"ListUsers"}, "Version": {"2010-05-08"}})
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if body, err := io.ReadAll(resp.Body); err != nil || !bytes.Contains(body, []byte("MissingAuthenticationToken")) {
		t.Errorf("a request without a signature was answered with %s, %v", body, err)
	}
	if err := g.Stop(); err != nil {
		t.Error(err)
	}
	if !refuses(g.Endpoint) || !refuses(g.IAMEndpoint) {
		t.Error("a port still answers after Stop")
	}
}

func TestStopTellsOfAnEarlyEnd(t *testing.T) {
	g, err := Start(t.Context(), Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	if err := g.proc.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-g.proc.done
	if err := g.Stop(); err == nil || !strings.Contains(err.Error(), "ended before") {
		t.Errorf("Stop = %v, want an error that tells of the early end", err)
	}
}

// A gateway that cannot serve ends by itself; the error has what it said.
func TestStartFails(t *testing.T) {
	dir := t.TempDir()
	g := &Gateway{AccessKey: accessKey, SecretKey: "x", Region: region, DataDir: filepath.Join(dir, "missing")}
	binary, err := Binary(t.Context(), t.Output())
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = g.serveOnce(t.Context(), binary, []string{"posix", g.DataDir}, io.Discard)
	if err == nil {
		t.Fatal("a gateway over a missing directory started")
	}
	if !strings.Contains(err.Error(), "ended early") || !strings.Contains(err.Error(), "missing") {
		t.Errorf("error = %v, want the gateway's own words in it", err)
	}
}

func TestStartIsCancelled(t *testing.T) {
	// Built beforehand, or the build would be what is cancelled.
	if _, err := Binary(t.Context(), t.Output()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Start(ctx, Options{Dir: t.TempDir()}); !errors.Is(err, context.Canceled) {
		t.Errorf("error = %v, want context.Canceled", err)
	}
}

func TestMakeBucketRefuses(t *testing.T) {
	g := &Gateway{DataDir: t.TempDir()}
	for _, name := range []string{"", ".", "..", "a/b", "../a", ".hidden"} {
		if err := g.MakeBucket(name); err == nil {
			t.Errorf("MakeBucket(%q) made one", name)
		}
	}
}

func TestTailKeepsTheLastLines(t *testing.T) {
	out := &tail{next: io.Discard}
	for range 1000 {
		io.WriteString(out, "an early line\n")
	}
	io.WriteString(out, "the last line\n")
	got := out.String()
	if len(got) > tailSize || !strings.HasSuffix(got, "the last line") || !strings.HasPrefix(got, "an early line\n") {
		t.Errorf("kept %d bytes: %q ... %q", len(got), got[:20], got[len(got)-20:])
	}
}

// childEnv has this test binary start a gateway and wait to be killed.
const childEnv = "SLUICE_GATEWAY_TEST_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childEnv); dir != "" {
		g, err := Start(context.Background(), Options{Dir: dir})
		if err != nil {
			os.Stderr.WriteString(err.Error())
			os.Exit(1)
		}
		os.Stdout.WriteString(g.Endpoint + "\n")
		select {}
	}
	goleak.VerifyTestMain(m)
}

func TestDiesWithKilledParent(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux ends a child with its parent")
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), childEnv+"="+t.TempDir())
	cmd.Stderr = t.Output()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line := make([]byte, 100)
	n, err := out.Read(line)
	if err != nil {
		t.Fatal(err)
	}
	endpoint := strings.TrimSpace(string(line[:n]))
	if !isS3(t, endpoint) {
		t.Error("the gateway does not answer")
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	// It was killed, so the error is known.
	_ = cmd.Wait()
	for deadline := time.Now().Add(5 * time.Second); !refuses(endpoint); {
		if time.Now().After(deadline) {
			t.Fatal("the gateway outlives its killed parent")
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func start(t *testing.T, opts Options) *Gateway {
	t.Helper()
	g, err := Start(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := g.Stop(); err != nil {
			t.Error(err)
		}
	})
	return g
}

// isS3 sends a request without a signature: S3 denies that in its own words.
func isS3(t *testing.T, endpoint string) bool {
	t.Helper()
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Get(endpoint + "/")
	if err != nil {
		t.Error(err)
		return false
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Error(err)
		return false
	}
	return resp.StatusCode == http.StatusForbidden && bytes.Contains(body, []byte("<Code>AccessDenied</Code>"))
}

func refuses(endpoint string) bool {
	conn, err := net.Dial("tcp", strings.TrimPrefix(endpoint, "http://"))
	if err != nil {
		return true
	}
	conn.Close()
	return false
}
