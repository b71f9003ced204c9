package bench

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"time"
)

// background is a process that serves until it is stopped.
type background struct {
	cmd *exec.Cmd
	end func() error // tells it to
}

func (b *background) stop() error {
	_ = b.end() // it has ended already: Wait says how
	ended := make(chan error, 1)
	go func() { ended <- b.cmd.Wait() }()
	select {
	case err := <-ended:
		return err
	case <-time.After(5 * time.Second):
		_ = b.cmd.Process.Kill()
		return fmt.Errorf("%s did not end by itself: %w", b.cmd.Path, <-ended)
	}
}

// startStub starts the S3 stub as a process of its own, so that what it allocates is not
// collected by those who upload.
func startStub(ctx context.Context, command func(context.Context) *exec.Cmd) (*background, string, error) {
	job, err := json.Marshal(&Job{Way: stubWay})
	if err != nil {
		return nil, "", err
	}
	cmd := command(ctx)
	cmd.Env = append(os.Environ(), jobVariable+"="+string(job))
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, "", err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, "", err
	}
	if err := cmd.Start(); err != nil {
		return nil, "", err
	}
	b := &background{cmd, in.Close}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		return nil, "", errors.Join(fmt.Errorf("the stub did not tell its address: %w", err), b.stop())
	}
	return b, strings.TrimSpace(line), nil
}

// Network is what lies between us and the servers of a sweep.
type Network struct {
	Latency   time.Duration // until the first byte of each answer
	Jitter    time.Duration // the latency varies by so much, to both sides
	Bandwidth int64         // bytes a second that each connection sends at most
}

func (n Network) String() string {
	return fmt.Sprintf("%d to %d ms to the first byte of an answer, %d MB/s a connection",
		(n.Latency - n.Jitter).Milliseconds(), (n.Latency + n.Jitter).Milliseconds(), n.Bandwidth/1e6)
}

// proxy is a running Toxiproxy. Its toxics work on each connection by itself, which is what
// S3 is like: one connection is slow, and many are as fast as the line.
//
// It runs as a process, steered by its HTTP API, and is pinned in tools/go.mod like the S3
// server. As a library it would bring its modules (Prometheus, zerolog, a command line)
// into a module of ours, and its copying would share a garbage collector and the scheduler
// with the uploader that is measured.
type proxy struct {
	process *background
	api     string
}

// startProxy starts the program on a free port.
func startProxy(ctx context.Context, program string) (*proxy, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	host, port, _ := net.SplitHostPort(l.Addr().String()) // it comes from a listener
	if err := l.Close(); err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, program, "-host", host, "-port", port)
	cmd.Env = append(os.Environ(), "LOG_LEVEL=error")
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("%w (make bench-sweep builds it)", err)
	}
	p := &proxy{&background{cmd, func() error { return cmd.Process.Signal(os.Interrupt) }}, "http://" + net.JoinHostPort(host, port)}
	if err := p.ready(ctx); err != nil {
		return nil, errors.Join(err, p.process.stop())
	}
	return p, nil
}

// ready waits until the API answers.
func (p *proxy) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		err := p.call(ctx, http.MethodGet, "/version", nil, nil)
		if err == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("toxiproxy does not answer: %w", err)
		}
	}
}

// to opens a port that leads to the endpoint through the network, and returns its URL. With
// the zero Network it only copies.
func (p *proxy) to(ctx context.Context, name, endpoint string, n Network) (string, error) {
	var opened struct{ Listen string }
	err := p.call(ctx, http.MethodPost, "/proxies", map[string]any{
		"name": name, "listen": "127.0.0.1:0", "upstream": strings.TrimPrefix(endpoint, "http://"), "enabled": true,
	}, &opened)
	if err != nil {
		return "", err
	}
	toxic := func(kind, stream string, attributes map[string]int64) {
		err = errors.Join(err, p.call(ctx, http.MethodPost, "/proxies/"+name+"/toxics",
			map[string]any{"name": kind, "type": kind, "stream": stream, "attributes": attributes}, nil))
	}
	if n.Latency > 0 {
		toxic("latency", "downstream", map[string]int64{"latency": n.Latency.Milliseconds(), "jitter": n.Jitter.Milliseconds()})
	}
	if n.Bandwidth > 0 {
		toxic("bandwidth", "upstream", map[string]int64{"rate": n.Bandwidth / 1000}) // KB/s
	}
	return "http://" + opened.Listen, err
}

func (p *proxy) call(ctx context.Context, method, path string, body, reply any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, method, p.api+path, bytes.NewReader(text))
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	got, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close() // everything is read
	if err != nil {
		return err
	}
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("toxiproxy: %s %s: %s: %s", method, path, resp.Status, got)
	}
	if reply == nil {
		return nil
	}
	return json.Unmarshal(got, reply)
}
