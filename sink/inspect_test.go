package sink_test

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sluice-data/sluice/internal/naming"
	"github.com/sluice-data/sluice/sink"
	"github.com/sluice-data/sluice/sink/faultstore"
)

// TestProof looks at what a run leaves that died while it showed a table: only the upload of
// the first object is what the next sync needs.
func TestProof(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := func(shown int, want ...bool) { // of the objects 0 to 4
			t.Helper()
			mem := newMemStore(sink.Properties{})
			diedShowing(t, mem, shown)
			for _, up := range mem.unfinished() {
				var id int
				if _, err := fmt.Sscanf(up.Key[len(syncKey(20, 0))-5:], "%d.csv", &id); err != nil {
					t.Fatal(err)
				}
				if got, err := sink.StandingOf(t.Context(), mem, naming.In("t"), up); err != nil || got.Proof != want[id] || got.Newest.IsZero() != (shown == 0) {
					t.Errorf("%d shown: the upload %s: got %v, %v; want a proof: %v", shown, up.Key, got, err, want[id])
				}
			}
		}
		f(0, false, false, false, false, false)
		f(1, true, false, false, false, false)
		f(4, true, false, false, false, false)
	})
}

// TestNoProof has uploads beside objects that say nothing of them.
func TestNoProof(t *testing.T) {
	mem := newMemStore(sink.Properties{})
	put := func(key string, meta sink.Metadata) {
		t.Helper()
		if err := mem.Put(t.Context(), key, sink.NewBody([]byte("x")), meta); err != nil {
			t.Fatal(err)
		}
	}
	first := syncKey(20, 3)
	of := func(name string) sink.Metadata { return sink.Metadata{sink.MetaSet: name} }
	f := func(want bool) {
		t.Helper()
		got, err := sink.StandingOf(t.Context(), mem, naming.In("t"), mem.begin(first, time.Now(), nil).info)
		if err != nil || got.Proof != want {
			t.Errorf("got %+v and %v, want a proof: %v", got, err, want)
		}
	}
	f(false)
	put(syncKey(20, 2), of(first[2:])) // in front of the first: somebody else's
	put(syncKey(20, 4), nil)           // of an append
	put(syncKey(20, 5), of(syncKey(20, 1)[2:]))
	put(syncKey(21, 5), of(first[2:])) // of another sync
	put(syncKey(20, 6)+".bak", of(first[2:]))
	f(false)
	put(syncKey(20, 10), of(first[2:]))
	f(true)
	put(first, of(first[2:]))
	f(false)
	if got, err := sink.StandingOf(t.Context(), mem, naming.In("t"), sink.UploadInfo{Key: "t/README"}); got.Proof || err != nil {
		t.Errorf("a name that is not ours: %v, %v", got, err)
	}
}

// TestStandingUnknown: what can't be looked at is an error, and no "no".
func TestStandingUnknown(t *testing.T) {
	for _, op := range []faultstore.Op{faultstore.List, faultstore.Stat} {
		mem := newMemStore(sink.Properties{})
		if err := mem.Put(t.Context(), syncKey(20, 1), sink.NewBody(), nil); err != nil {
			t.Fatal(err)
		}
		store := faultstore.New(mem, faultstore.On(op).Fail(&sink.Error{Kind: sink.ErrDenied}))
		if _, err := sink.StandingOf(t.Context(), store, naming.In("t"), mem.begin(syncKey(20, 0), time.Now(), nil).info); !errors.Is(err, sink.ErrDenied) {
			t.Errorf("%s: got %v", op, err)
		}
	}
}

// TestRetryingInspects repeats what fails, and goes on where it was.
func TestRetryingInspects(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mem := newMemStore(sink.Properties{})
		for i := range 5 {
			if err := mem.Put(t.Context(), fmt.Sprintf("a/%d/x", i), sink.NewBody(), nil); err != nil {
				t.Fatal(err)
			}
		}
		up := mem.begin("a/b", time.Now(), nil)
		if err := up.Part(t.Context(), sink.Part{Number: 1, Body: sink.NewBody([]byte("12345"))}); err != nil {
			t.Fatal(err)
		}
		store := sink.Retry(faultstore.New(mem, faultstore.On(faultstore.Walk).First(2).LoseReply(),
			faultstore.On(faultstore.Parts).First(2).Fail(&sink.Error{Class: sink.Retryable})), sink.RetryPolicy{})
		var got []string
		for info, err := range store.Walk(t.Context(), "a/", "a/1/x") {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, info.Key)
		}
		if fmt.Sprint(got) != "[a/2/x a/3/x a/4/x]" {
			t.Errorf("Walk: got %q", got)
		}
		if parts, err := store.Parts(t.Context(), up.info); parts.Size != 5 || err != nil {
			t.Errorf("Parts: got %+v and %v", parts, err)
		}
		if n := store.Retries.Load(); n != 4 {
			t.Errorf("%d requests were repeated, want 4", n)
		}
	})
}

// TestNoInspector is a store that can only sync.
func TestNoInspector(t *testing.T) {
	store := sink.Retry(struct{ sink.Store }{newMemStore(sink.Properties{})}, sink.RetryPolicy{})
	if _, err := store.Parts(t.Context(), sink.UploadInfo{}); !errors.Is(err, sink.ErrUnsupported) {
		t.Errorf("Parts: got %v", err)
	}
}
