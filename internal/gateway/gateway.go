// Package gateway runs a real S3 server, Versity's gateway over a plain
// directory, as a child process. Tests and make demo use it: what they write
// goes through the wire protocol, and lands in files that can be looked at.
package gateway

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

const (
	// startTries is how many ports are tried: between picking a free port and
	// the gateway's listening on it, another process can take it.
	startTries = 3
	// startWait is how long one try may take until the gateway answers.
	startWait = 15 * time.Second
	// stopWait is how long the gateway may take to end by itself.
	stopWait = 5 * time.Second

	accessKey = "gateway-user" // no word that a message could have: it is masked in all of them
	region    = "us-east-1"
)

// Options says how a gateway is started.
type Options struct {
	// Dir is where the directories for the data and for the gateway's own
	// user records are made. The file system must have extended attributes,
	// where the gateway keeps an object's ETag and other metadata.
	Dir string
	// Buckets are made before the gateway starts.
	Buckets []string
	// IAM starts the gateway's IAM server beside it, which speaks the IAM API of
	// Amazon: users have policies of their own, and refusals say why. It listens
	// on a socket in Dir, whose path must not be long.
	IAM bool
	// Log gets the gateway's own output, and what is being built. It is
	// written to until Stop returns. Nil discards all that.
	Log io.Writer
}

// Gateway is a running S3 server. Copies of it stand for the same server.
type Gateway struct {
	Endpoint  string // such as http://127.0.0.1:41234
	AccessKey string
	SecretKey string
	Region    string
	// DataDir holds one directory for each bucket, and in it one file for
	// each object.
	DataDir string
	// Bucket is the bucket to use: the first of Options.Buckets, or the one
	// that gatewaytest.ForTest made. It may be empty.
	Bucket string
	// IAMEndpoint is that of the IAM server, if Options.IAM asked for one. Its
	// root user is the gateway's.
	IAMEndpoint string

	proc *process
	iam  *process // nil without Options.IAM
}

// Start builds the gateway where that is needed, starts it on a free port of
// the loopback interface, and returns when it answers. ctx ends the start, but
// not the gateway once it runs: Stop does that.
func Start(ctx context.Context, opts Options) (*Gateway, error) {
	if opts.Log == nil {
		opts.Log = io.Discard
	}
	opts.Log = &shared{to: opts.Log}
	if opts.Dir == "" {
		return nil, errors.New("gateway: Options.Dir is empty")
	}
	binary, err := Binary(ctx, opts.Log)
	if err != nil {
		return nil, err
	}
	g := &Gateway{
		AccessKey: accessKey,
		// A fresh secret, so that no other user of this machine can write
		// into the data directory through the port.
		SecretKey: rand.Text(),
		Region:    region,
		DataDir:   filepath.Join(opts.Dir, "data"),
	}
	iamDir := filepath.Join(opts.Dir, "iam")
	for _, dir := range []string{g.DataDir, iamDir} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return nil, fmt.Errorf("gateway: %w", err)
		}
	}
	for _, bucket := range opts.Buckets {
		if err := g.MakeBucket(bucket); err != nil {
			return nil, err
		}
	}
	if len(opts.Buckets) > 0 {
		g.Bucket = opts.Buckets[0]
	}

	iam := []string{"--iam-dir", iamDir}
	if opts.IAM {
		if iam, err = g.startIAM(ctx, binary, opts.Dir, opts.Log); err != nil {
			return nil, err
		}
	}
	args := slices.Concat(iam, []string{"posix", g.DataDir})
	if g.proc, g.Endpoint, err = g.serve(ctx, binary, args, opts.Log); err != nil {
		if g.iam != nil {
			err = errors.Join(err, g.iam.stop(stopWait))
		}
		return nil, err
	}
	return g, nil
}

// startIAM starts the IAM server, and returns the arguments that lead the gateway to it.
func (g *Gateway) startIAM(ctx context.Context, binary, dir string, log io.Writer) (args []string, err error) {
	socket, err := filepath.Abs(filepath.Join(dir, "iam.sock"))
	if err != nil {
		return nil, fmt.Errorf("gateway: %w", err)
	}
	args = []string{"iam", "--dir", filepath.Join(dir, "iam"), "--private-ports", socket}
	g.iam, g.IAMEndpoint, err = g.serve(ctx, binary, args, log)
	return []string{"--iam-standalone-endpoint", socket}, err
}

// MakeBucket makes a bucket, which is a directory. One that exists is kept.
func (g *Gateway) MakeBucket(name string) error {
	if name == "" || name != filepath.Base(name) || strings.HasPrefix(name, ".") {
		return fmt.Errorf("gateway: %q is no name for a bucket", name)
	}
	if err := os.MkdirAll(filepath.Join(g.DataDir, name), 0o755); err != nil {
		return fmt.Errorf("gateway: %w", err)
	}
	return nil
}

// Stop ends the gateway and waits for that. It is an error if the gateway had
// ended before; a second Stop does nothing.
func (g *Gateway) Stop() error {
	err := g.proc.stop(stopWait)
	if g.iam != nil {
		err = errors.Join(err, g.iam.stop(stopWait))
	}
	if err != nil {
		return fmt.Errorf("gateway: %w", err)
	}
	return nil
}

// serve starts a server on a free port, and returns it when it answers.
func (g *Gateway) serve(ctx context.Context, binary string, args []string, log io.Writer) (proc *process, endpoint string, err error) {
	for try := 1; ; try++ {
		proc, endpoint, err := g.serveOnce(ctx, binary, args, log)
		if err == nil {
			return proc, endpoint, nil
		}
		if try == startTries || ctx.Err() != nil {
			return nil, "", fmt.Errorf("gateway: did not start after %d of %d tries: %w", try, startTries, err)
		}
	}
}

// serveOnce tries one port.
func (g *Gateway) serveOnce(ctx context.Context, binary string, args []string, log io.Writer) (proc *process, endpoint string, err error) {
	addr, err := freeAddr()
	if err != nil {
		return nil, "", err
	}
	// A health path that nobody else serves: an answer on it comes from this
	// gateway, and not from another server that was quicker to take the port.
	health := "/ready-" + strings.ToLower(rand.Text())
	args = append([]string{
		"--port", addr,
		"--region", g.Region,
		"--health", health,
		// Without it the gateway closes the connection after each answer,
		// which S3 itself does not do.
		"--keep-alive",
		"--quiet",
	}, args...)
	// Nothing of our own environment but what a process needs: the gateway
	// reads many variables, some of them with names as common as LOGFILE.
	env := []string{
		"ROOT_ACCESS_KEY=" + g.AccessKey,
		"ROOT_SECRET_KEY=" + g.SecretKey,
		"PATH=" + os.Getenv("PATH"),
		"HOME=" + os.Getenv("HOME"),
	}
	if proc, err = startProcess(binary, args, env, log); err != nil {
		return nil, "", err
	}
	endpoint = "http://" + addr
	if err := proc.waitReady(ctx, endpoint+health); err != nil {
		// That it ended is known already, or of no more interest.
		_ = proc.stop(stopWait)
		return nil, "", fmt.Errorf("%w; its last output:\n%s", err, proc.output.String())
	}
	return proc, endpoint, nil
}

// waitReady asks url until the answer is 200 OK.
func (p *process) waitReady(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeoutCause(ctx, startWait,
		fmt.Errorf("the gateway did not answer within %v", startWait))
	defer cancel()
	// A transport of its own without keep-alive leaves no goroutine behind,
	// which a test that looks for leaks would see.
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if answersOK(ctx, &client, url) {
			return nil
		}
		select {
		case <-tick.C:
		case <-p.done:
			return fmt.Errorf("the gateway ended early: %s", p.ending())
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

func answersOK(ctx context.Context, client *http.Client, url string) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return false
	}
	resp, err := client.Do(req)
	if err != nil {
		return false
	}
	// Only the status counts; the body is not read.
	_ = resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

// freeAddr finds a port that is free at this moment.
func freeAddr() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	addr := l.Addr().String()
	return addr, l.Close()
}
