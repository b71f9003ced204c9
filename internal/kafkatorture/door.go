package kafkatorture

import (
	"context"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/sluice-data/sluice/internal/s3proxy"
)

// door is the workers' way to S3. While it is slow, what makes objects visible takes seconds,
// more than a session, and happens even when its sender is dead by then: a network keeps what
// is on its way.
type door struct {
	url    string
	server *http.Server

	mu     sync.Mutex
	quiet  *sync.Cond // tells of each request that ends
	active int
	slow   time.Duration // what a complete takes
	aim    *aim          // nil: nobody is aimed at
	turn   int
	made   int // objects, among them those of the parts
	parts  int // objects that had several
}

func newDoor(endpoint, host string, transport http.RoundTripper) (*door, error) {
	p, err := s3proxy.New(endpoint, transport)
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
	if err != nil {
		return nil, err
	}
	d := &door{url: "http://" + listener.Addr().String()}
	d.quiet = sync.NewCond(&d.mu)
	p.Detached = true
	p.Before, p.Answered = d.before, d.answered
	d.server = &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		d.count(1)
		defer d.count(-1)
		p.ServeHTTP(w, r)
	})}
	go func() { _ = d.server.Serve(listener) }() // until close
	return d, nil
}

func (d *door) count(n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.active += n
	d.quiet.Broadcast()
}

// before holds each other complete back. It does not ask whether the sender still lives.
func (d *door) before(_ http.ResponseWriter, r *http.Request, req s3proxy.Request) bool {
	if !completes(req) {
		return true
	}
	if a := d.aimed(r.RemoteAddr, req); a != nil {
		close(a.hit)
		<-a.dead
		if a.moment == unheard {
			return false
		}
	}
	d.mu.Lock()
	d.turn++
	delay := d.slow
	if d.turn%2 == 0 {
		delay /= 8
	}
	d.mu.Unlock()
	if delay > 0 {
		_ = wait(context.Background(), delay)
	}
	return true
}

func (d *door) answered(req s3proxy.Request, status int) {
	d.mu.Lock()
	if a := d.aim; a != nil && a.waits && a.of == req {
		d.aim = nil
		close(a.hit)
		d.mu.Unlock()
		<-a.dead
		d.mu.Lock()
	}
	defer d.mu.Unlock()
	if status/100 == 2 && completes(req) {
		d.made++
		if req.Op == "CompleteMultipartUpload" {
			d.parts++
		}
	}
}

func completes(req s3proxy.Request) bool {
	return req.Op == "PutObject" || req.Op == "CompleteMultipartUpload"
}

// aim is at the next complete of a worker, who is to be dead before anything else happens.
type aim struct {
	host   string // the worker's
	moment moment
	hit    chan struct{} // closed when the request is there
	dead   chan struct{} // closed when the worker is

	of    s3proxy.Request
	waits bool // for the answer to of
}

// moment is when somebody dies.
type moment int

const (
	unheard   moment = iota // the store never gets the request
	late                    // it gets it from a dead worker
	unlearned               // it has carried it out, and the worker never learns
	moments
)

func (m moment) String() string {
	return [moments]string{"of which S3 never hears", "of which S3 hears from the dead", "that S3 has done"}[m]
}

// aimed tells whether a complete is the one that is aimed at, and must wait here.
func (d *door) aimed(from string, req s3proxy.Request) *aim {
	d.mu.Lock()
	defer d.mu.Unlock()
	a := d.aim
	host, _, err := net.SplitHostPort(from)
	if a == nil || a.waits || err != nil || host != a.host {
		return nil
	}
	if a.moment == unlearned {
		a.of, a.waits = req, true
		return nil
	}
	d.aim = nil
	return a
}

// take aims, or gives the aim up where it is nil. What was hit before is still to be told.
func (d *door) take(a *aim) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.aim = a
}

func (d *door) slowDown(delay time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.slow = delay
}

// settle waits until nothing is on its way to the store. The workers are gone then.
func (d *door) settle() (made, parts int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for d.active > 0 {
		d.quiet.Wait()
	}
	return d.made, d.parts
}

func (d *door) close() error { return d.server.Close() }
