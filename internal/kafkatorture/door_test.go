package kafkatorture

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// Who is aimed at is hit by its next complete, and the store hears of that as the moment says.
func TestDoor(t *testing.T) {
	var heard atomic.Int32
	store := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { heard.Add(1) }))
	defer store.Close()
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	d, err := newDoor(store.URL, "127.0.0.1", transport)
	if err != nil {
		t.Fatal(err)
	}
	defer d.close()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	send := func(method, path string) {
		req, err := http.NewRequestWithContext(t.Context(), method, d.url+path, strings.NewReader("x"))
		if err != nil {
			t.Error(err)
			return
		}
		answer, err := client.Do(req)
		if err != nil {
			t.Error(err)
			return
		}
		_, _ = io.Copy(io.Discard, answer.Body) // only the store's side is looked at
		_ = answer.Body.Close()
	}
	f := func(host string, when moment, hit bool, before, after int32) {
		t.Helper()
		heard.Store(0)
		a := &aim{host: host, moment: when, hit: make(chan struct{}), dead: make(chan struct{})}
		d.take(a)
		done := make(chan struct{})
		go func() {
			defer close(done)
			send("PUT", "/bucket/key?partNumber=1") // no complete
			send("PUT", "/bucket/key")
		}()
		select {
		case <-a.hit:
			if !hit {
				t.Errorf("%s is hit, and is not who is meant", host)
			}
		case <-done:
			if hit {
				t.Errorf("%s is not hit", host)
			}
		}
		if got := heard.Load() - 1; got != before {
			t.Errorf("moment %d: the store has heard of %d completes before the death, want %d", when, got, before)
		}
		d.take(nil)
		close(a.dead)
		<-done
		d.settle()
		if got := heard.Load() - 1; got != after {
			t.Errorf("moment %d: the store has heard of %d completes in all, want %d", when, got, after)
		}
	}
	f("127.0.0.1", unheard, true, 0, 0)
	f("127.0.0.1", late, true, 0, 1)
	f("127.0.0.1", unlearned, true, 1, 1)
	f("10.0.0.1", late, false, 1, 1)
	if made, parts := d.settle(); made != 3 || parts != 0 {
		t.Errorf("the store has completed 3 objects, and the door counts %d, %d of them in parts", made, parts)
	}
	d.slowDown(40 * time.Millisecond)
	begin := time.Now()
	send("PUT", "/bucket/key")
	send("POST", "/bucket/key?uploadId=1")
	if took := time.Since(begin); took < 40*time.Millisecond {
		t.Errorf("two completes at a slow door took %v", took)
	}
}
