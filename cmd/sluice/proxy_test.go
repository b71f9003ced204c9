package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/sluice-data/sluice/internal/s3proxy"
)

// proxy stands between sluice and the gateway: it writes down what passes, and a test can
// have it refuse requests or hold them.
type proxy struct {
	mu    sync.Mutex
	rules []*rule
	log   []request
}

// request is one that came by.
type request struct{ op, key string }

// rule is for the requests of one operation whose key contains a text.
type rule struct {
	op, key string
	times   int // it still applies; below 0: always
	refuse  func(http.ResponseWriter)
	arrived chan struct{} // closed with the first request that is held
	release chan struct{} // close it to let them go
}

// throughProxy is a fresh bucket behind a proxy.
func throughProxy(t testing.TB) (*target, *proxy) {
	t.Helper()
	at := inBucket(t)
	forward, err := s3proxy.New(at.config["s3_endpoint"].(string), nil)
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{}
	forward.Before = p.pass
	server := httptest.NewServer(forward)
	t.Cleanup(func() {
		p.mu.Lock()
		for _, rule := range p.rules {
			rule.letGo()
		}
		p.mu.Unlock()
		server.Close()
	})
	at.config["s3_endpoint"], at.proxy = server.URL, p
	return at, p
}

// pass applies the first rule that fits, and says whether the request goes on.
func (p *proxy) pass(w http.ResponseWriter, r *http.Request, parsed s3proxy.Request) bool {
	req := request{op: parsed.Op, key: parsed.Key}
	p.mu.Lock()
	p.log = append(p.log, req)
	i := slices.IndexFunc(p.rules, func(rule *rule) bool {
		return rule.op == req.op && strings.Contains(req.key, rule.key) && rule.times != 0
	})
	if i < 0 {
		p.mu.Unlock()
		return true
	}
	rule := p.rules[i]
	rule.times--
	if rule.refuse != nil {
		p.mu.Unlock()
		rule.refuse(w)
		return false
	}
	select {
	case <-rule.arrived:
	default:
		close(rule.arrived)
	}
	p.mu.Unlock()
	select {
	case <-rule.release:
		return true
	case <-r.Context().Done():
		return false
	}
}

// refuse answers requests with an error, the given number of times.
func (p *proxy) refuse(op, key string, times, status int, code string) {
	p.add(&rule{op: op, key: key, times: times, refuse: func(w http.ResponseWriter) {
		w.Header().Set("Content-Type", "application/xml")
		w.WriteHeader(status)
		fmt.Fprintf(w, "<Error><Code>%s</Code><Message>said the test</Message></Error>", code)
	}})
}

// deny refuses the right to an operation.
func (p *proxy) deny(op string) { p.refuse(op, "", -1, http.StatusForbidden, "AccessDenied") }

// hold keeps requests waiting.
func (p *proxy) hold(op, key string) *rule {
	return p.add(&rule{op: op, key: key, times: -1, arrived: make(chan struct{}), release: make(chan struct{})})
}

func (p *proxy) add(r *rule) *rule {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rules = append(p.rules, r)
	return r
}

// letGo ends a hold.
func (r *rule) letGo() {
	if r.release == nil {
		return
	}
	select {
	case <-r.release:
	default:
		close(r.release)
	}
}

// requests returns what came by so far.
func (p *proxy) requests() []request {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.log)
}
