package torture

import (
	"context"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"

	"github.com/sluice-data/sluice/internal/s3proxy"
)

// trigger stands between an attempt and the store: it writes down what passes, and kills the
// attempt when its shot says so. Each attempt has its own.
type trigger struct {
	shot *Shot
	kill func()        // ends the process
	gone chan struct{} // closed when it has ended

	server *http.Server
	url    string
	proxy  *s3proxy.Proxy

	mu     sync.Mutex
	quiet  *sync.Cond // tells of each request that ends
	active int        // requests under way
	fired  bool
	count  int               // requests of the shot's kind
	done   []s3proxy.Request // that the store has carried out
	first  map[string]bool   // keys of objects that are the first of their set
}

// setHeader has the metadata in which an object names the first one of its set.
const setHeader = "X-Amz-Meta-Sluice-Set"

func newTrigger(endpoint string, transport http.RoundTripper, shot *Shot, kill func()) (*trigger, error) {
	p, err := s3proxy.New(endpoint, transport)
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	t := &trigger{
		shot: shot, kill: kill, gone: make(chan struct{}), first: map[string]bool{},
		proxy: p, url: "http://" + listener.Addr().String(),
	}
	t.quiet = sync.NewCond(&t.mu)
	p.Detached = true
	p.Before, p.Answered = t.before, t.answered
	t.server = &http.Server{Handler: t}
	go func() { _ = t.server.Serve(listener) }() // until close
	return t, nil
}

// ServeHTTP counts what is under way.
func (t *trigger) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	t.mu.Lock()
	t.active++
	t.mu.Unlock()
	defer func() {
		t.mu.Lock()
		t.active--
		t.quiet.Broadcast()
		t.mu.Unlock()
	}()
	t.proxy.ServeHTTP(w, r)
}

// before sees each request. None goes on once the process is being killed: they would be of
// a dead sender.
func (t *trigger) before(_ http.ResponseWriter, r *http.Request, req s3proxy.Request) bool {
	if t.arrived(req, isFirst(r.Header.Get(setHeader), req.Key)) {
		<-t.gone // or the client would get an answer, of whatever kind
		return false
	}
	return true
}

// isFirst reports whether the object with this key is the first one of the set that it names.
func isFirst(set, key string) bool {
	name, err := url.PathUnescape(set)
	return err == nil && name != "" && strings.HasSuffix(key, "/"+name)
}

func (t *trigger) arrived(req s3proxy.Request, first bool) (fired bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.hits(BeforeRequest, req) {
		t.fireLocked()
	}
	if !t.fired && first {
		t.first[req.Key] = true
	}
	return t.fired
}

// answered sees each answer of the store.
func (t *trigger) answered(req s3proxy.Request, status int) {
	if t.carriedOut(req, status) {
		<-t.gone
	}
}

func (t *trigger) carriedOut(req s3proxy.Request, status int) (fired bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if status/100 == 2 {
		t.done = append(t.done, req)
	}
	if t.hits(AfterRequest, req) {
		t.fireLocked()
	}
	return t.fired
}

// hits counts the requests that the shot is for, and reports the one that is meant.
func (t *trigger) hits(kind ShotKind, req s3proxy.Request) bool {
	if t.fired || t.shot == nil || t.shot.Kind != kind || t.shot.Op != req.Op {
		return false
	}
	t.count++
	return t.count == t.shot.N
}

// fire kills the process, if nothing has yet.
func (t *trigger) fire() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.fired {
		t.fireLocked()
	}
}

func (t *trigger) fireLocked() {
	t.fired = true
	t.kill()
}

// close is called when the process is gone: it waits until the store has answered all that
// had reached it.
func (t *trigger) close(ctx context.Context) error {
	close(t.gone)
	stop := context.AfterFunc(ctx, func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.quiet.Broadcast()
	})
	defer stop()
	t.mu.Lock()
	t.fired = true // what still comes is of a dead sender
	for t.active > 0 && ctx.Err() == nil {
		t.quiet.Wait()
	}
	t.mu.Unlock()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return t.server.Close()
}

// showings tells, by stream, whether an object was shown, and whether it was the first one
// of its set.
func (t *trigger) showings(of *layout, streams []Stream) (touched, shown []bool) {
	touched, shown = make([]bool, len(streams)), make([]bool, len(streams))
	var names []*regexp.Regexp
	for _, s := range streams {
		names = append(names, of.names(s))
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, r := range t.done {
		if r.Op != "PutObject" && r.Op != "CompleteMultipartUpload" {
			continue
		}
		for i := range streams {
			if names[i].MatchString(r.Key) {
				touched[i] = true
				shown[i] = shown[i] || t.first[r.Key]
			}
		}
	}
	return touched, shown
}

// created lists the keys whose upload was begun.
func (t *trigger) created() []string {
	var keys []string
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, r := range t.done {
		if r.Op == "CreateMultipartUpload" {
			keys = append(keys, r.Key)
		}
	}
	return keys
}
