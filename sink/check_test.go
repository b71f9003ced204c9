package sink_test

import (
	"context"
	"errors"
	"iter"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sluice-data/sluice/sink"
	"github.com/sluice-data/sluice/sink/faultstore"
)

func TestCheck(t *testing.T) {
	for _, dir := range []string{"", "p/q"} {
		mem := newMemStore(sink.Properties{})
		log := faultstore.New(mem)
		if lacking, err := sink.Check(t.Context(), log, dir); err != nil || lacking != nil {
			t.Errorf("%q: %v, %v", dir, err, lacking)
		}
		wantNothing(t, mem)
		want := "_sluice_connection_test_"
		if dir != "" {
			want = dir + "/" + want
		}
		for _, call := range log.Calls() {
			if _, key, _ := strings.Cut(call, " "); !strings.HasPrefix(key, want) || strings.HasSuffix(key, want) {
				t.Errorf("%q: %s", dir, call)
			}
		}
		// A sync needs no other right.
		for _, op := range []faultstore.Op{
			faultstore.Create, faultstore.Part, faultstore.Complete, faultstore.Abort, faultstore.Put,
			faultstore.Stat, faultstore.List, faultstore.Delete, faultstore.Uploads,
		} {
			if count(log, op) == 0 {
				t.Errorf("%q: %s is not tried", dir, op)
			}
		}
	}
}

func wantNothing(t *testing.T, mem *memStore) {
	t.Helper()
	if left := mem.unfinished(); len(left) > 0 || len(mem.keys()) > 0 {
		t.Errorf("the check has left the uploads %v and the objects %q", left, mem.keys())
	}
}

// TestCheckDenied denies one call after the other.
func TestCheckDenied(t *testing.T) {
	f := func(rule *faultstore.Rule, what string, objects, uploads int) {
		t.Helper()
		mem := newMemStore(sink.Properties{})
		denied := &sink.Error{Op: "Call", Kind: sink.ErrDenied, Right: "s3:Right on it"}
		lacking, err := sink.Check(t.Context(), faultstore.New(mem, rule.Fail(denied)), "p")
		want := "the credentials may not " + what + ": Call p/_sluice_connection_test_"
		if !errors.Is(err, sink.ErrDenied) || !strings.HasPrefix(err.Error(), want) || !strings.Contains(err.Error(), denied.Right) || lacking != nil {
			t.Errorf("%v: got %v and %v, want %s", rule, err, lacking, want)
		}
		if gotObjects, gotUploads := len(mem.keys()), len(mem.unfinished()); gotObjects != objects || gotUploads != uploads {
			t.Errorf("%v: left %d objects and %d uploads, want %d and %d", rule, gotObjects, gotUploads, objects, uploads)
		}
	}
	f(faultstore.On(faultstore.Create), "create an upload", 0, 0)
	f(faultstore.On(faultstore.Create).Nth(2), "create an upload", 0, 0)
	f(faultstore.On(faultstore.Part), "upload a part", 0, 0)
	f(faultstore.On(faultstore.Complete), "complete an upload", 0, 0)
	f(faultstore.On(faultstore.Put), "write an object", 0, 0)
	f(faultstore.On(faultstore.Stat), "read an object's metadata", 0, 0)
	f(faultstore.On(faultstore.List), "list objects", 0, 0)
	// What may not be removed stays.
	f(faultstore.On(faultstore.Delete), "delete an object", 2, 0)
	f(faultstore.On(faultstore.Abort), "abort an upload", 0, 1)
}

// TestCheckLacking: a sync gets along without the list of uploads, if it is for good that it
// can't be had.
func TestCheckLacking(t *testing.T) {
	f := func(fail *sink.Error, lacking, err string) {
		t.Helper()
		mem := newMemStore(sink.Properties{})
		gotLacking, gotErr := sink.Check(t.Context(), faultstore.New(mem, faultstore.On(faultstore.Uploads).Fail(fail)), "p")
		for _, c := range []struct {
			got  error
			want string
		}{{gotLacking, lacking}, {gotErr, err}} {
			if (c.got != nil) != (c.want != "") || c.got != nil && !strings.HasPrefix(c.got.Error(), c.want) {
				t.Errorf("%v: got %v, want %q", fail, c.got, c.want)
			}
		}
		wantNothing(t, mem)
	}
	f(&sink.Error{Kind: sink.ErrDenied}, "the credentials may not list unfinished uploads: ", "")
	f(&sink.Error{Kind: sink.ErrUnsupported}, "", "")
	f(&sink.Error{Err: errors.New("400")}, "could not list unfinished uploads: ", "")
	f(&sink.Error{Class: sink.Retryable, Err: errors.New("503")}, "", "could not list unfinished uploads: ")
}

// TestCheckNamesRest: the objects that can't be deleted are named, so that somebody can.
func TestCheckNamesRest(t *testing.T) {
	mem := newMemStore(sink.Properties{})
	_, err := sink.Check(t.Context(), faultstore.New(mem, faultstore.On(faultstore.Delete).Fail(&sink.Error{Kind: sink.ErrDenied})), "p")
	keys := mem.keys()
	for _, key := range keys {
		if !strings.Contains(err.Error(), key) {
			t.Errorf("%q is left, but the error is %v", key, err)
		}
	}
	if len(keys) != 2 {
		t.Errorf("%q are left", keys)
	}
}

// TestCheckFails for a reason that is no right.
func TestCheckFails(t *testing.T) {
	f := func(op faultstore.Op, want string) {
		t.Helper()
		fail := &sink.Error{Kind: sink.ErrNoBucket}
		_, err := sink.Check(t.Context(), faultstore.New(newMemStore(sink.Properties{}), faultstore.On(op).Fail(fail)), "p")
		if !errors.Is(err, sink.ErrNoBucket) || !strings.HasPrefix(err.Error(), want) || strings.Contains(err.Error(), "right") {
			t.Errorf("%s: got %v", op, err)
		}
	}
	f(faultstore.Create, "could not create an upload: ")
	f(faultstore.Part, "could not upload a part: ")
	f(faultstore.Complete, "could not complete an upload: ")
	f(faultstore.Put, "could not write an object: ")
	f(faultstore.Stat, "could not read an object's metadata: ")
	f(faultstore.List, "could not list objects: ")
	f(faultstore.Delete, "could not delete an object: ")
	f(faultstore.Abort, "could not abort an upload: ")
}

// forgetful is a store that says yes and does something else.
type forgetful struct {
	*memStore
	hides bool  // lists nothing
	adds  int64 // to each size
}

func (s forgetful) Stat(ctx context.Context, key string) (sink.Info, error) {
	info, err := s.memStore.Stat(ctx, key)
	info.Size += s.adds
	return info, err
}

func (s forgetful) List(ctx context.Context, prefix, after string) iter.Seq2[sink.Info, error] {
	if s.hides {
		return func(func(sink.Info, error) bool) {}
	}
	return s.memStore.List(ctx, prefix, after)
}

func TestCheckForgetful(t *testing.T) {
	for _, store := range []forgetful{{hides: true}, {adds: 1}} {
		store.memStore = newMemStore(sink.Properties{})
		if _, err := sink.Check(t.Context(), store, "p"); err == nil || !strings.Contains(err.Error(), "p/_sluice_connection_test_") {
			t.Errorf("hides %v, adds %d: got %v", store.hides, store.adds, err)
		}
		wantNothing(t, store.memStore)
	}
}

// TestCheckCancel: a check that is stopped leaves nothing behind either, unless the store
// does not answer at all.
func TestCheckCancel(t *testing.T) {
	for _, op := range []faultstore.Op{faultstore.Part, faultstore.Complete, faultstore.Put, faultstore.Stat, faultstore.List, faultstore.Uploads} {
		synctest.Test(t, func(t *testing.T) {
			mem := newMemStore(sink.Properties{})
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			_, err := sink.Check(ctx, faultstore.New(mem, faultstore.On(op).Delay(time.Hour)), "p")
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s: got %v", op, err)
			}
			wantNothing(t, mem)
		})
	}
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		start := time.Now()
		slow := faultstore.On(faultstore.Any).Delay(time.Hour)
		if _, err := sink.Check(ctx, faultstore.New(newMemStore(sink.Properties{}), slow), "p"); err == nil {
			t.Error("got no error")
		}
		if took := time.Since(start); took > 2*time.Minute {
			t.Errorf("it took %v", took)
		}
	})
}

// TestErrors holds the message, the kinds and the class of an Error together.
func TestErrors(t *testing.T) {
	said := errors.New("HTTP 403")
	f := func(err error, text string, class sink.Class, kinds ...error) {
		t.Helper()
		if err.Error() != text || sink.ClassOf(err) != class {
			t.Errorf("got %q of class %v, want %q of class %v", err, sink.ClassOf(err), text, class)
		}
		for _, kind := range []error{said, sink.ErrDenied, context.Canceled} {
			if got, want := errors.Is(err, kind), slices.Contains(kinds, kind); got != want {
				t.Errorf("%q is %q: got %v", err, kind, got)
			}
		}
	}
	f(&sink.Error{Op: "Put", Key: "a/b", Err: said}, "Put a/b: HTTP 403", sink.Permanent, said)
	f(&sink.Error{Op: "Open", Class: sink.Retryable, Kind: sink.ErrDenied}, "Open: access denied", sink.Retryable, sink.ErrDenied)
	f(&sink.Error{Op: "Put", Key: "a", Class: sink.Unknown, Kind: sink.ErrDenied, Err: said},
		"Put a: access denied (HTTP 403)", sink.Unknown, sink.ErrDenied, said)
	f(&sink.Error{Op: "Put", Key: "a", Class: sink.Retryable, Err: context.Canceled}, "Put a: context canceled", sink.Permanent, context.Canceled)
	f(&sink.Error{Op: "Put", Key: "a", Kind: sink.ErrDenied, Right: "s3:PutObject on the object", Err: said},
		"Put a: access denied, it takes the right s3:PutObject on the object (HTTP 403)", sink.Permanent, sink.ErrDenied, said)
	f(&sink.Error{Op: "Put", Kind: sink.ErrDenied, Right: "s3:PutObject on the object"},
		"Put: access denied, it takes the right s3:PutObject on the object", sink.Permanent, sink.ErrDenied)
	f(said, "HTTP 403", sink.Permanent, said)

	for class, want := range map[sink.Class]string{
		sink.Permanent: "permanent", sink.Retryable: "retryable", sink.Unknown: "unknown whether it happened",
	} {
		if got := class.String(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
