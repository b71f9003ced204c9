package torture

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	counter "sync/atomic"
	"testing"
)

// TestTrigger counts requests, and kills at the one that is meant: before the store has seen
// it, or when the store has done it and the client has no answer yet.
func TestTrigger(t *testing.T) {
	f := func(kind ShotKind, stored int) {
		t.Helper()
		var seen counter.Int64
		store := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { seen.Add(1) }))
		defer store.Close()
		killed := make(chan struct{})
		tr, err := newTrigger(store.URL, nil, &Shot{Kind: kind, Op: "PutObject", N: 2}, func() { close(killed) })
		if err != nil {
			t.Fatal(err)
		}
		send := func(method, key string) error {
			req, err := http.NewRequestWithContext(t.Context(), method, tr.url+"/bucket/"+key, http.NoBody)
			if err != nil {
				t.Fatal(err)
			}
			resp, err := http.DefaultClient.Do(req)
			if err == nil {
				_ = resp.Body.Close()
			}
			return err
		}
		for _, key := range []string{"data/users/a", "data/users/b"} {
			if err := send(http.MethodHead, key); err != nil {
				t.Fatal(err)
			}
		}
		if err := send(http.MethodPut, "data/users/a"); err != nil {
			t.Fatal(err)
		}
		answer := make(chan error, 1)
		go func() { answer <- send(http.MethodPut, "data/users/b") }()
		<-killed
		select {
		case <-answer:
			t.Errorf("%v: there is an answer before the process is gone", kind)
		default:
		}
		if err := tr.close(t.Context()); err != nil {
			t.Error(err)
		}
		<-answer
		if got := int(seen.Load()); got != stored {
			t.Errorf("%v: the store has seen %d requests, want %d", kind, got, stored)
		}
	}
	f(BeforeRequest, 3)
	f(AfterRequest, 4)
}

// TestShowings knows the first object of a set by the metadata that was sent with it.
func TestShowings(t *testing.T) {
	store := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/refused") {
			w.WriteHeader(http.StatusConflict)
		}
	}))
	defer store.Close()
	tr, err := newTrigger(store.URL, nil, nil, func() { t.Error("nothing is to be killed") })
	if err != nil {
		t.Fatal(err)
	}
	streams := []Stream{{Name: "users"}, {Name: "users_archive"}, {Name: "events"}, {Name: "orders"}}
	send := func(method, key, first string) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), method, tr.url+"/bucket/data/"+key, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		if first != "" {
			req.Header.Set(setHeader, first)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
	}
	send(http.MethodPost, "users/part-0.csv?uploads", "part-0.csv")
	send(http.MethodPost, "users/part-1.csv?uploads", "part-0.csv")
	send(http.MethodPost, "users/part-1.csv?uploadId=x", "")
	send(http.MethodPost, "users_archive/part-0.csv?uploads", "part-0.csv")
	send(http.MethodPost, "users_archive/part-0.csv?uploadId=x", "")
	send(http.MethodPut, "events/part-0.csv", "")
	send(http.MethodPut, "orders/refused", "refused")
	touched, shown := tr.showings(&layouts[1], streams)
	if want := []bool{true, true, true, false}; !slices.Equal(touched, want) {
		t.Errorf("touched %v, want %v", touched, want)
	}
	if want := []bool{false, true, false, false}; !slices.Equal(shown, want) {
		t.Errorf("shown whole %v, want %v", shown, want)
	}
	if got, want := tr.created(), []string{"data/users/part-0.csv", "data/users/part-1.csv", "data/users_archive/part-0.csv"}; !slices.Equal(got, want) {
		t.Errorf("created %q, want %q", got, want)
	}
	if err := tr.close(t.Context()); err != nil {
		t.Error(err)
	}
}
