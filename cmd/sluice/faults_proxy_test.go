package main

import (
	"bytes"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"
)

// weather is a proxy between sluice and the gateway in which requests come to harm: it takes
// each request whole, so it can do with request and answer whatever a network, or a store that
// breaks down, can do.
type weather struct {
	gateway *url.URL
	client  http.Transport
	gone    chan struct{} // closed at the end of the test

	mu     sync.Mutex
	faults []*fault
	seen   map[string]int // requests by operation, and by operation and key
	hits   int
}

// fault is for the requests of one operation, or of all ("").
type fault struct {
	op   string
	when when
	do   misfortune
}

// when picks requests: the n-th that fits, which is the nth of its key.
type when func(n, ofKey int) bool

func once(_, ofKey int) bool { return ofKey == 1 }
func always(_, _ int) bool   { return true }

// from is a fault that stays.
func from(first int) when { return func(n, _ int) bool { return n >= first } }

// sometimes is the same for the same seed, as far as requests come in the same order.
func sometimes(seed uint64, chance float64) when {
	dice := rand.New(rand.NewPCG(seed, 0))
	return func(int, int) bool { return dice.Float64() < chance } // under the proxy's lock
}

// inWeather is a fresh bucket behind such a proxy.
func inWeather(t testing.TB, faults ...*fault) (*target, *weather) {
	t.Helper()
	at := inBucket(t)
	gateway, err := url.Parse(at.config["s3_endpoint"].(string))
	if err != nil {
		t.Fatal(err)
	}
	p := &weather{gateway: gateway, gone: make(chan struct{}), faults: faults, seen: map[string]int{}}
	p.client.MaxIdleConnsPerHost = 64
	server := httptest.NewUnstartedServer(p)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.Start()
	t.Cleanup(func() {
		close(p.gone)
		server.Close()
		p.client.CloseIdleConnections()
	})
	at.config["s3_endpoint"] = server.URL
	return at, p
}

// kinds are all calls that sluice makes, by S3's names for them.
var kinds = []string{"ListObjectsV2", "CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload", "PutObject", "HeadObject",
	"DeleteObjects", "DeleteObject", "ListMultipartUploads", "AbortMultipartUpload"}

// kindOf is the name of a request's call.
func kindOf(r *http.Request) string {
	q := r.URL.Query()
	parameter := ""
	for _, name := range []string{"uploads", "partNumber", "uploadId", "delete", "list-type"} {
		if parameter == "" && q.Has(name) {
			parameter = " " + name
		}
	}
	return map[string]string{
		"GET list-type": "ListObjectsV2", "POST uploads": "CreateMultipartUpload", "PUT partNumber": "UploadPart",
		"POST uploadId": "CompleteMultipartUpload", "PUT": "PutObject", "HEAD": "HeadObject", "POST delete": "DeleteObjects",
		"DELETE": "DeleteObject", "GET uploads": "ListMultipartUploads", "DELETE uploadId": "AbortMultipartUpload",
	}[r.Method+parameter]
}

func (p *weather) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := &exchange{p: p, w: w, r: r}
	if f := p.harm(r); f != nil {
		f.do(x)
		return
	}
	x.forward()
	x.answer()
}

// harm counts a request, and finds what happens to it.
func (p *weather) harm(r *http.Request) *fault {
	op, q := kindOf(r), r.URL.Query()
	key := op + r.URL.Path + q.Get("prefix") + " " + q.Get("partNumber")
	p.mu.Lock()
	defer p.mu.Unlock()
	p.seen[op]++
	p.seen[""]++
	p.seen[key]++
	for _, f := range p.faults {
		if (f.op == "" || f.op == op) && f.when(p.seen[f.op], p.seen[key]) {
			p.hits++
			return f
		}
	}
	return nil
}

// begin makes faults from now on.
func (p *weather) begin(faults ...*fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.faults = faults
	clear(p.seen)
}

// count is how many requests came: of one kind, or all ("").
func (p *weather) count(op string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.seen[op]
}

// injected is how many requests came to harm.
func (p *weather) injected() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.hits
}

// exchange is one request and its answer.
type exchange struct {
	p    *weather
	w    http.ResponseWriter
	r    *http.Request
	body []byte
	read bool
	resp *http.Response
	out  []byte // the body of resp
}

// take reads the request's body.
func (x *exchange) take() bool {
	if !x.read {
		var err error
		x.body, err = io.ReadAll(x.r.Body)
		x.read = err == nil
	}
	return x.read
}

// forward has the gateway do the request. A client that left in the middle of it has done
// nothing.
func (x *exchange) forward() {
	if !x.take() {
		panic(http.ErrAbortHandler)
	}
	out := x.r.Clone(x.r.Context())
	out.RequestURI, out.URL.Scheme, out.URL.Host = "", x.p.gateway.Scheme, x.p.gateway.Host
	out.Body, out.ContentLength = io.NopCloser(bytes.NewReader(x.body)), int64(len(x.body))
	out.Header.Del("Expect")
	out.Header.Del("Connection")
	var err error
	if x.resp, err = x.p.client.RoundTrip(out); err != nil {
		panic(http.ErrAbortHandler)
	}
	x.out, err = io.ReadAll(x.resp.Body)
	_ = x.resp.Body.Close()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
}

// answer passes the gateway's answer on.
func (x *exchange) answer() {
	for k, v := range x.resp.Header {
		x.w.Header()[k] = v
	}
	x.w.WriteHeader(x.resp.StatusCode)
	_, _ = x.w.Write(x.out)
}

// half sends half of the answer, down to the byte, and returns the open connection.
func (x *exchange) half() io.ReadWriteCloser {
	x.resp.Body = io.NopCloser(bytes.NewReader(x.out))
	raw, err := httputil.DumpResponse(x.resp, x.r.Method != http.MethodHead)
	if err != nil {
		panic(err)
	}
	conn, _, err := x.w.(http.Hijacker).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	_, _ = conn.Write(raw[:len(raw)/2])
	return conn
}

// wait waits until the client gives up.
func (x *exchange) wait() {
	select {
	case <-x.r.Context().Done():
	case <-x.p.gone:
	case <-time.After(deadline):
	}
	panic(http.ErrAbortHandler)
}

// misfortune is what happens to a request.
type misfortune func(x *exchange)

// refuse has the store do nothing, and say why.
func refuse(status int, code string) misfortune {
	return func(x *exchange) { x.take(); x.say(status, errorXML(code)) }
}

func errorXML(code string) string {
	return "<Error><Code>" + code + "</Code><Message>said the test</Message></Error>"
}

func (x *exchange) say(status int, text string) {
	x.w.Header().Set("Content-Type", "application/xml")
	x.w.WriteHeader(status)
	if x.r.Method != http.MethodHead {
		fmt.Fprint(x.w, text)
	}
}

// broken is a store that says 500 for a reason that it did not see coming, having done the work.
func broken(x *exchange) {
	x.forward()
	x.say(http.StatusInternalServerError, errorXML("InternalError"))
}

// cutRequest ends the connection in the middle of the request's body.
func cutRequest(x *exchange) {
	_, _ = io.CopyN(io.Discard, x.r.Body, x.r.ContentLength/2)
	panic(http.ErrAbortHandler)
}

// cutAnswer ends it in the middle of the answer, and lost before the answer's first byte.
func cutAnswer(x *exchange) { x.forward(); _ = x.half().Close() }
func lost(x *exchange)      { x.forward(); panic(http.ErrAbortHandler) }

// silent never answers a request that nobody gets to see, mute one that was done. stalled stops
// in the middle of the answer.
func silent(x *exchange) { x.take(); x.wait() }
func mute(x *exchange)   { x.forward(); x.wait() }
func stalled(x *exchange) {
	x.forward()
	conn := x.half()
	defer conn.Close()
	go func() { <-x.p.gone; _ = conn.Close() }()
	_, _ = io.Copy(io.Discard, conn)
}

// twoHundred says 200, as S3 does before it knows, and then that it failed: whether the work was
// done or not.
func twoHundred(done bool) misfortune {
	return func(x *exchange) {
		x.take()
		if done {
			x.forward()
		}
		x.say(http.StatusOK, errorXML("InternalError"))
	}
}

// oneLeft is a DeleteObjects that says 200, and that it could not delete one of the objects.
func oneLeft(x *exchange) {
	x.take()
	_, rest, _ := strings.Cut(string(x.body), "<Key>")
	key, _, _ := strings.Cut(rest, "</Key>")
	x.say(http.StatusOK, "<DeleteResult><Error><Key>"+key+"</Key><Code>InternalError</Code><Message>said the test</Message></Error></DeleteResult>")
}
