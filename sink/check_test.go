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
		if err := sink.Check(t.Context(), log, dir); err != nil {
			t.Errorf("%q: %v", dir, err)
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
			faultstore.Create, faultstore.Part, faultstore.Complete, faultstore.Abort,
			faultstore.Stat, faultstore.List, faultstore.Delete,
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
	f := func(rule *faultstore.Rule, right string, objects, uploads int) {
		t.Helper()
		mem := newMemStore(sink.Properties{})
		err := sink.Check(t.Context(), faultstore.New(mem, rule.Fail(&sink.Error{Kind: sink.ErrDenied})), "p")
		if !errors.Is(err, sink.ErrDenied) || !strings.Contains(err.Error(), "the right "+right+" is missing") {
			t.Errorf("%v: got %v, want the right %s", rule, err, right)
		}
		if gotObjects, gotUploads := len(mem.keys()), len(mem.unfinished()); gotObjects != objects || gotUploads != uploads {
			t.Errorf("%v: left %d objects and %d uploads, want %d and %d", rule, gotObjects, gotUploads, objects, uploads)
		}
	}
	f(faultstore.On(faultstore.Create), "s3:PutObject", 0, 0)
	f(faultstore.On(faultstore.Create).Nth(2), "s3:PutObject", 0, 0)
	f(faultstore.On(faultstore.Part), "s3:PutObject", 0, 0)
	f(faultstore.On(faultstore.Complete), "s3:PutObject", 0, 0)
	f(faultstore.On(faultstore.Stat), "s3:GetObject", 0, 0)
	f(faultstore.On(faultstore.List), "s3:ListBucket", 0, 0)
	// What may not be removed stays.
	f(faultstore.On(faultstore.Delete), "s3:DeleteObject", 1, 0)
	f(faultstore.On(faultstore.Abort), "s3:AbortMultipartUpload", 0, 1)
}

// TestCheckNamesRest: the object that can't be deleted is named, so that somebody can.
func TestCheckNamesRest(t *testing.T) {
	mem := newMemStore(sink.Properties{})
	err := sink.Check(t.Context(), faultstore.New(mem, faultstore.On(faultstore.Delete).Fail(&sink.Error{Kind: sink.ErrDenied})), "p")
	if keys := mem.keys(); len(keys) != 1 || !strings.Contains(err.Error(), keys[0]) {
		t.Errorf("%q is left, but the error is %v", keys, err)
	}
}

// TestCheckFails for a reason that is no right.
func TestCheckFails(t *testing.T) {
	f := func(op faultstore.Op, want string) {
		t.Helper()
		fail := &sink.Error{Kind: sink.ErrNoBucket}
		err := sink.Check(t.Context(), faultstore.New(newMemStore(sink.Properties{}), faultstore.On(op).Fail(fail)), "p")
		if !errors.Is(err, sink.ErrNoBucket) || !strings.HasPrefix(err.Error(), want) || strings.Contains(err.Error(), "right") {
			t.Errorf("%s: got %v", op, err)
		}
	}
	f(faultstore.Create, "could not create an upload: ")
	f(faultstore.Part, "could not upload a part: ")
	f(faultstore.Complete, "could not complete an upload: ")
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
		if err := sink.Check(t.Context(), store, "p"); err == nil || !strings.Contains(err.Error(), "p/_sluice_connection_test_") {
			t.Errorf("hides %v, adds %d: got %v", store.hides, store.adds, err)
		}
		wantNothing(t, store.memStore)
	}
}

// TestCheckCancel: a check that is stopped leaves nothing behind either, unless the store
// does not answer at all.
func TestCheckCancel(t *testing.T) {
	for _, op := range []faultstore.Op{faultstore.Part, faultstore.Complete, faultstore.Stat, faultstore.List} {
		synctest.Test(t, func(t *testing.T) {
			mem := newMemStore(sink.Properties{})
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			err := sink.Check(ctx, faultstore.New(mem, faultstore.On(op).Delay(time.Hour)), "p")
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
		if err := sink.Check(ctx, faultstore.New(newMemStore(sink.Properties{}), slow), "p"); err == nil {
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
	f(said, "HTTP 403", sink.Permanent, said)

	for class, want := range map[sink.Class]string{
		sink.Permanent: "permanent", sink.Retryable: "retryable", sink.Unknown: "unknown whether it happened",
	} {
		if got := class.String(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
