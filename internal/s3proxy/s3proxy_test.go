package s3proxy

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestParse(t *testing.T) {
	f := func(method, target, op, key string) {
		t.Helper()
		if got := Parse(httptest.NewRequest(method, target, nil)); got != (Request{op, key}) {
			t.Errorf("%s %s is %v, want %s of %q", method, target, got, op, key)
		}
	}
	f("PUT", "/bucket/a/b.csv?x-id=PutObject", "PutObject", "a/b.csv")
	f("GET", "/bucket/a/b.csv", "GetObject", "a/b.csv")
	f("HEAD", "/bucket/a/b.csv", "HeadObject", "a/b.csv")
	f("DELETE", "/bucket/a/b.csv", "DeleteObject", "a/b.csv")
	f("POST", "/bucket/a/b.csv?uploads", "CreateMultipartUpload", "a/b.csv")
	f("PUT", "/bucket/a/b.csv?partNumber=2&uploadId=x", "UploadPart", "a/b.csv")
	f("POST", "/bucket/a/b.csv?uploadId=x", "CompleteMultipartUpload", "a/b.csv")
	f("DELETE", "/bucket/a/b.csv?uploadId=x", "AbortMultipartUpload", "a/b.csv")
	f("GET", "/bucket?uploads&prefix=a%2F", "ListMultipartUploads", "a/")
	f("GET", "/bucket?list-type=2&prefix=a%2F", "ListObjectsV2", "a/")
	f("POST", "/bucket?delete", "DeleteObjects", "")
}

// through starts a server and a proxy in front of it.
func through(t *testing.T, server http.HandlerFunc, set func(*Proxy)) string {
	t.Helper()
	behind := httptest.NewServer(server)
	t.Cleanup(behind.Close)
	p, err := New(behind.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	set(p)
	front := httptest.NewServer(p)
	t.Cleanup(front.Close)
	return front.URL
}

// TestHooks sees each request before the server does, and each answer before the client.
func TestHooks(t *testing.T) {
	var order []string
	url := through(t, func(w http.ResponseWriter, _ *http.Request) {
		order = append(order, "server")
		w.WriteHeader(http.StatusTeapot)
	}, func(p *Proxy) {
		p.Before = func(w http.ResponseWriter, _ *http.Request, req Request) bool {
			order = append(order, "before "+req.Op)
			if req.Key == "refused" {
				w.WriteHeader(http.StatusConflict)
				return false
			}
			return true
		}
		p.Answered = func(req Request, status int) {
			order = append(order, "answered "+req.Op+" "+http.StatusText(status))
		}
	})
	get := func(key string, want int) {
		t.Helper()
		resp, err := http.Get(url + "/bucket/" + key)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("%s: status %d, want %d", key, resp.StatusCode, want)
		}
	}
	get("refused", http.StatusConflict)
	get("a", http.StatusTeapot)
	want := []string{"before GetObject", "before GetObject", "server", "answered GetObject I'm a teapot"}
	if len(order) != len(want) {
		t.Fatalf("got %q, want %q", order, want)
	}
	for i := range want {
		if order[i] != want[i] {
			t.Errorf("got %q, want %q", order, want)
		}
	}
}

// TestDetached has the client go away while the server is at work.
func TestDetached(t *testing.T) {
	arrived, gone, answered := make(chan struct{}), make(chan struct{}), make(chan int, 1)
	url := through(t, func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			t.Error(err)
		}
		close(arrived)
		<-gone
		if r.Context().Err() != nil {
			t.Error("the request was cancelled")
		}
	}, func(p *Proxy) {
		p.Detached = true
		p.Answered = func(_ Request, status int) { answered <- status }
	})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-arrived
		cancel()
	}()
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, url+"/bucket/a", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err == nil {
		_ = resp.Body.Close()
	}
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got the error %v, want that the client has gone", err)
	}
	close(gone)
	if status := <-answered; status != http.StatusOK {
		t.Errorf("the server's answer is %d", status)
	}
}
