// Package s3proxy stands between an S3 client and its server. It tells each request by its
// operation and its key, so that a test can write down what passes, refuse it, hold it, or
// act when the server has done it and the client does not know yet.
package s3proxy

import (
	"context"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
)

// Request is what a request asks for.
type Request struct {
	Op  string // S3's name for the operation
	Key string // of a list: its prefix
}

// Proxy is the handler that passes requests on. Its fields are set before it serves.
type Proxy struct {
	// Before is called with each request; where it returns false the request goes no further,
	// and the answer is Before's. Nil lets everything pass.
	Before func(w http.ResponseWriter, r *http.Request, req Request) bool
	// Answered, if set, is called when the server has answered, before the client sees it.
	Answered func(req Request, status int)
	// Detached requests are carried out although the client dies, if they have come whole:
	// what is on its way in a network does not die with its sender either. And the handler
	// returns when the server has answered, so one can tell when nothing is under way.
	Detached bool

	forward *httputil.ReverseProxy
}

// New makes a proxy in front of the server at endpoint, to which it goes by the transport;
// nil is the default one.
func New(endpoint string, transport http.RoundTripper) (*Proxy, error) {
	server, err := url.Parse(endpoint)
	if err != nil {
		return nil, err
	}
	p := &Proxy{}
	p.forward = &httputil.ReverseProxy{
		Transport: transport,
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(server)
			r.Out.Host = r.In.Host // it is in the signature
		},
		ModifyResponse: func(answer *http.Response) error {
			if p.Answered != nil {
				p.Answered(Parse(answer.Request), answer.StatusCode)
			}
			return nil
		},
		// A client that has gone away is what some tests are about.
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) },
	}
	return p, nil
}

// ServeHTTP passes one request on.
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if p.Before != nil && !p.Before(w, r, Parse(r)) {
		return
	}
	if p.Detached {
		// One that can be cancelled, but by nobody: without that ReverseProxy asks the
		// connection itself whether the client is gone.
		ctx, cancel := context.WithCancel(context.WithoutCancel(r.Context()))
		defer cancel()
		r = r.WithContext(ctx)
	}
	p.forward.ServeHTTP(w, r)
}

// Parse reads a request that has the bucket in its path.
func Parse(r *http.Request) Request {
	_, key, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	q := r.URL.Query()
	return Request{Op: operation(r.Method, q), Key: key + q.Get("prefix")}
}

func operation(method string, q url.Values) string {
	switch {
	case q.Has("uploads") && method == http.MethodPost:
		return "CreateMultipartUpload"
	case q.Has("uploads"):
		return "ListMultipartUploads"
	case q.Has("partNumber"):
		return "UploadPart"
	case q.Has("uploadId") && method == http.MethodPost:
		return "CompleteMultipartUpload"
	case q.Has("uploadId") && method == http.MethodGet:
		return "ListParts"
	case q.Has("uploadId"):
		return "AbortMultipartUpload"
	case q.Has("delete"):
		return "DeleteObjects"
	case q.Has("list-type"):
		return "ListObjectsV2"
	}
	return map[string]string{"PUT": "PutObject", "GET": "GetObject", "HEAD": "HeadObject", "DELETE": "DeleteObject"}[method]
}
