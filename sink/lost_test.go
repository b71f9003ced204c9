package sink_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sluice-data/sluice/sink"
	"github.com/sluice-data/sluice/sink/faultstore"
)

// The tests here are of calls whose reply was lost, and of lists that broke off.

var (
	lost   = &sink.Error{Class: sink.Unknown, Err: errStopped} // and the call never arrived
	broken = &sink.Error{Class: sink.Retryable, Err: errStopped}
)

// TestLostReply loses the reply to a call that must not happen twice.
func TestLostReply(t *testing.T) {
	for _, op := range []faultstore.Op{faultstore.Put, faultstore.Complete} {
		f := func(tries int, rules ...*faultstore.Rule) {
			t.Helper()
			retryTest(t, sink.RetryPolicy{}, func(t *testing.T, s *sink.Retrying, mem *memStore, log *faultstore.Store) {
				t.Helper()
				if err := calls[op](t.Context(), s); err != nil {
					t.Errorf("%v: %v", log, err)
				}
				if got := string(mem.object("t/new").data); got != "new" || !slices.Equal(mem.keys(), []string{"t/new", "t/old"}) {
					t.Errorf("%v: the object holds %q; there are %q", log, got, mem.keys())
				}
				if got := count(log, op); got != tries {
					t.Errorf("%v: got the calls %q, want %d tries", log, log.Calls(), tries)
				}
				if got := len(mem.unfinished()); got != 1 {
					t.Errorf("%v: %d unfinished uploads", log, got)
				}
			}, rules...)
		}
		on := faultstore.On
		// The object is there, so one look is enough.
		f(1, on(op).First(1).LoseReply())
		// The call never arrived: it is made again.
		f(2, on(op).First(1).Fail(lost))
		f(3, on(op).First(2).Fail(lost))
		f(3, on(op).Nth(1).Fail(lost), on(op).Nth(2).Fail(broken))
		f(2, on(op).Nth(1).Fail(lost), on(op).Nth(2).LoseReply())
		// The first look fails. The next try finds the key taken, or its upload gone.
		f(2, on(op).First(1).LoseReply(), on(faultstore.Stat).First(1).Fail(broken))
		f(4, on(op).First(1).LoseReply(), on(faultstore.Stat).First(3).Fail(broken))
		f(2, on(op).First(1).LoseReply(), on(faultstore.Stat).First(1).Fail(&sink.Error{Kind: sink.ErrDenied}))
		// A store says "taken" also when it finds the object that it has just made.
		f(1, on(op).First(1).LoseReply(), on(op).Nth(2).Fail(&sink.Error{Kind: sink.ErrTaken}))
		f(3, on(op).Nth(1).Fail(broken), on(op).Nth(2).LoseReply(),
			on(op).Nth(3).Fail(&sink.Error{Kind: sink.ErrTaken}), on(faultstore.Stat).First(1).Fail(broken))
	}
}

// TestLostAndForeign: a key that somebody else has is never taken for ours.
func TestLostAndForeign(t *testing.T) {
	for _, op := range []faultstore.Op{faultstore.Put, faultstore.Complete} {
		f := func(foreign string, meta sink.Metadata, rules ...*faultstore.Rule) {
			t.Helper()
			retryTest(t, sink.RetryPolicy{}, func(t *testing.T, s *sink.Retrying, mem *memStore, log *faultstore.Store) {
				if err := mem.Put(t.Context(), "t/new", sink.NewBody([]byte(foreign)), meta); err != nil {
					t.Fatal(err)
				}
				if err := calls[op](t.Context(), s); !errors.Is(err, sink.ErrTaken) {
					t.Errorf("%q %v, %v: got error %v", foreign, meta, log, err)
				}
				if got := string(mem.object("t/new").data); got != foreign {
					t.Errorf("%q %v, %v: the object holds %q", foreign, meta, log, got)
				}
			}, rules...)
		}
		same := sink.Metadata{"a": "1"} // as calls have it
		f("new", same)                  // no reply was lost
		f("new", same, faultstore.On(op).First(3).Fail(broken))
		f("longer", same, faultstore.On(op).First(1).LoseReply())
		f("new", sink.Metadata{"a": "2"}, faultstore.On(op).First(1).LoseReply())
		f("new", nil, faultstore.On(op).First(1).LoseReply())
		f("longer", same, faultstore.On(op).First(1).LoseReply(), faultstore.On(faultstore.Stat).First(2).Fail(broken))
	}
}

// TestLostAndBlind: who may not look can't say that the key is somebody else's.
func TestLostAndBlind(t *testing.T) {
	for _, op := range []faultstore.Op{faultstore.Put, faultstore.Complete} {
		retryTest(t, sink.RetryPolicy{}, func(t *testing.T, s *sink.Retrying, _ *memStore, _ *faultstore.Store) {
			err := calls[op](t.Context(), s)
			if !errors.Is(err, sink.ErrDenied) || errors.Is(err, sink.ErrTaken) || !strings.HasPrefix(err.Error(), "looking whether an earlier try made it") {
				t.Errorf("%s: got error %v", op, err)
			}
		}, faultstore.On(op).First(1).LoseReply(), faultstore.On(faultstore.Stat).Fail(&sink.Error{Kind: sink.ErrDenied}))
	}
}

// TestLostForEver keeps to the limit, although each try looks too.
func TestLostForEver(t *testing.T) {
	for _, op := range []faultstore.Op{faultstore.Put, faultstore.Complete} {
		retryTest(t, sink.RetryPolicy{Limit: time.Minute}, func(t *testing.T, s *sink.Retrying, _ *memStore, _ *faultstore.Store) {
			start := time.Now()
			err := calls[op](t.Context(), s)
			if sink.ClassOf(err) != sink.Unknown || !strings.HasPrefix(err.Error(), "given up after ") {
				t.Errorf("%s: got error %v", op, err)
			}
			if took := time.Since(start); took > time.Minute {
				t.Errorf("%s: it took %v", op, took)
			}
		}, faultstore.On(op).Fail(lost), faultstore.On(faultstore.Stat).Fail(broken))
	}
}

// shakyStore breaks its lists off after the given numbers of elements. It always lists from
// the start.
type shakyStore struct {
	sink.Store
	after  []int
	fail   *sink.Error
	lists  int      // begun
	behind []string // what they were asked to begin behind
}

func (s *shakyStore) List(ctx context.Context, prefix, after string) iter.Seq2[sink.Info, error] {
	s.behind = append(s.behind, after)
	return breakOff(s, s.Store.List(ctx, prefix, ""))
}

func (s *shakyStore) Uploads(ctx context.Context, prefix string) iter.Seq2[sink.UploadInfo, error] {
	return breakOff(s, s.Store.Uploads(ctx, prefix))
}

func breakOff[T any](s *shakyStore, all iter.Seq2[T, error]) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		s.lists++
		left := -1
		if len(s.after) > 0 {
			left, s.after = s.after[0], s.after[1:]
		}
		for v, err := range all {
			if left == 0 {
				var none T
				yield(none, s.fail)
				return
			}
			left--
			if !yield(v, err) {
				return
			}
		}
	}
}

// keysOf reads a list, and takes a minute for each element.
func keysOf[T any](all iter.Seq2[T, error], key func(T) string) (keys []string, err error) {
	for v, err := range all {
		if err != nil {
			return keys, err
		}
		keys = append(keys, key(v))
		<-time.After(time.Minute)
	}
	return keys, nil
}

// TestListResumes: a list that breaks off goes on behind what it has yielded.
func TestListResumes(t *testing.T) {
	fresh := func(mem *memStore) (want []string) {
		mem.objects = map[string]memObject{}
		mem.uploads = map[string]*memUpload{}
		for i := range 20 {
			key := fmt.Sprintf("t/%02d", i)
			mem.objects[key] = memObject{}
			mem.begin(key, time.Now(), nil)
			want = append(want, key)
		}
		return want
	}
	f := func(lists int, fail *sink.Error, after ...int) {
		t.Helper()
		policy := sink.RetryPolicy{Limit: 30 * time.Second, First: time.Second}
		retryTest(t, policy, func(t *testing.T, s *sink.Retrying, mem *memStore, _ *faultstore.Store) {
			t.Helper()
			want := fresh(mem)
			shaky := &shakyStore{Store: mem}
			s.Store = shaky
			check := func(what string, got []string, err error) {
				t.Helper()
				if sink.ClassOf(fail) == sink.Permanent {
					want = want[:after[0]]
				}
				if !slices.Equal(got, want) || (err != nil) != (sink.ClassOf(fail) == sink.Permanent) || shaky.lists != lists {
					t.Errorf("%s breaking off after %v: got %q, %d lists and error %v", what, after, got, shaky.lists, err)
				}
			}
			shaky.after, shaky.fail, shaky.lists = after, fail, 0
			objects := s.List(t.Context(), "t/", "")
			keys, err := keysOf(objects, func(i sink.Info) string { return i.Key })
			check("List", keys, err)
			// The same sequence once more.
			shaky.after, shaky.lists = after, 0
			keys, err = keysOf(objects, func(i sink.Info) string { return i.Key })
			check("List again", keys, err)
			shaky.after, shaky.lists = after, 0
			keys, err = keysOf(s.Uploads(t.Context(), "t/"), func(u sink.UploadInfo) string { return u.Key })
			check("Uploads", keys, err)
		})
	}
	f(1, broken)
	f(2, broken, 0)
	f(2, broken, 7)
	f(5, broken, 3, 3, 10, 19)
	f(4, broken, 10, 5, 1) // it breaks off earlier
	f(21, broken, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19)
	f(1, &sink.Error{Kind: sink.ErrDenied}, 5)
	f(1, &sink.Error{Kind: sink.ErrDenied}, 0)
}

// TestListGoesOn asks only for what is behind the last element.
func TestListGoesOn(t *testing.T) {
	retryTest(t, sink.RetryPolicy{}, func(t *testing.T, s *sink.Retrying, mem *memStore, _ *faultstore.Store) {
		mem.objects["t/older"] = memObject{}
		shaky := &shakyStore{Store: mem, after: []int{1, 0}, fail: broken}
		s.Store = shaky
		if _, err := keysOf(s.List(t.Context(), "t/", "t/first"), func(i sink.Info) string { return i.Key }); err != nil {
			t.Fatal(err)
		}
		if want := []string{"t/first", "t/old", "t/old"}; !slices.Equal(shaky.behind, want) {
			t.Errorf("lists began behind %q, want %q", shaky.behind, want)
		}
	})
}

// TestListGivesUp where it gets no further.
func TestListGivesUp(t *testing.T) {
	retryTest(t, sink.RetryPolicy{Limit: time.Minute}, func(t *testing.T, s *sink.Retrying, mem *memStore, _ *faultstore.Store) {
		mem.objects["t/older"] = memObject{}
		s.Store = &shakyStore{Store: mem, after: slices.Repeat([]int{1}, 10_000), fail: broken}
		keys, err := keysOf(s.List(t.Context(), "t/", ""), func(i sink.Info) string { return i.Key })
		if !slices.Equal(keys, []string{"t/old"}) || err == nil || !strings.HasPrefix(err.Error(), "given up after ") {
			t.Errorf("got %q and error %v", keys, err)
		}
	})
}

// TestListEnough: whoever wants no more gets neither an element nor an error.
func TestListEnough(t *testing.T) {
	retryTest(t, sink.RetryPolicy{}, func(t *testing.T, s *sink.Retrying, mem *memStore, log *faultstore.Store) {
		mem.objects["t/older"] = memObject{}
		n := 0
		for _, err := range s.List(t.Context(), "t/", "") {
			if n++; err != nil {
				t.Error(err)
			}
			break
		}
		if n != 1 || count(log, faultstore.List) != 1 {
			t.Errorf("got %d elements and the calls %q", n, log.Calls())
		}
	}, faultstore.On(faultstore.List).LoseReply())
}

// TestLostCreate loses the reply to Create, so that there is an upload that nobody knows.
func TestLostCreate(t *testing.T) {
	on := faultstore.On
	f := func(name string, rules ...*faultstore.Rule) {
		t.Helper()
		retryTest(t, sink.RetryPolicy{}, func(t *testing.T, s *sink.Retrying, mem *memStore, log *faultstore.Store) {
			mem.begin("t/new2", time.Now(), nil) // another's, whose key begins like ours
			up, err := s.Create(t.Context(), "t/new", nil)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			var keys []string
			for _, left := range mem.unfinished() {
				keys = append(keys, left.Key)
			}
			if want := []string{"t/left", "t/new", "t/new2"}; !slices.Equal(slices.Sorted(slices.Values(keys)), want) {
				t.Errorf("%s: unfinished are %q, want %q", name, keys, want)
			}
			if err := up.Part(t.Context(), sink.Part{Number: 1, Body: sink.NewBody([]byte("x"))}); err != nil {
				t.Errorf("%s: the upload that is left is not ours: %v", name, err)
			}
		}, rules...)
	}
	f("once", on(faultstore.Create).First(1).LoseReply())
	f("three times", on(faultstore.Create).First(3).LoseReply())
	f("it never arrived", on(faultstore.Create).First(1).Fail(lost))
	f("looking is lost too", on(faultstore.Create).First(1).LoseReply(), on(faultstore.Uploads).First(2).Fail(lost), on(faultstore.AbortUpload).First(2).Fail(lost))

	// Who may not look goes without: a later sweep, with other rights, finds it.
	retryTest(t, sink.RetryPolicy{}, func(t *testing.T, s *sink.Retrying, mem *memStore, _ *faultstore.Store) {
		if _, err := s.Create(t.Context(), "t/new", nil); err != nil || len(mem.unfinished()) != 3 {
			t.Errorf("without the right to look: got %v and %d uploads", err, len(mem.unfinished()))
		}
	}, on(faultstore.Create).First(1).LoseReply(), on(faultstore.Uploads).Fail(&sink.Error{Kind: sink.ErrDenied}))

	// Nobody tries again after a failure of the sync: AbortAll looks.
	synctest.Test(t, func(t *testing.T) {
		mem := newMemStore(sink.Properties{})
		u := sink.NewUploader(faultstore.New(mem, on(faultstore.Create).LoseReply()), sink.UploadOptions{PartSize: chunk})
		w := newWriter(u, true)
		err := upload(t.Context(), u, func(ctx context.Context) error { return w.row(ctx, 0, content(4*chunk, 1)) })
		if err == nil || len(mem.unfinished()) == 0 {
			t.Fatalf("got error %v and %d uploads", err, len(mem.unfinished()))
		}
		if err := u.AbortAll(t.Context()); err != nil || len(mem.unfinished()) > 0 {
			t.Errorf("got error %v and %d uploads after AbortAll", err, len(mem.unfinished()))
		}
	})
}

// TestAbortedUploadComesBack has a cancelled part arrive when its upload has been aborted.
func TestAbortedUploadComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mem := newMemStore(sink.Properties{})
		late := func(_ context.Context, _ faultstore.Op, key string) error {
			time.AfterFunc(300*time.Millisecond, func() { mem.begin(key, time.Now(), nil) })
			return nil
		}
		store := faultstore.New(mem, faultstore.On(faultstore.Part).Nth(2).Fail(broken), faultstore.On(faultstore.Abort).First(1).Call(late))
		u := sink.NewUploader(store, sink.UploadOptions{PartSize: chunk})
		w := newWriter(u, true)
		if err := upload(t.Context(), u, func(ctx context.Context) error { return w.row(ctx, 0, content(4*chunk, 1)) }); err == nil {
			t.Fatal("the part did not fail")
		}
		if err := u.AbortAll(t.Context()); err != nil || len(mem.unfinished()) > 0 {
			t.Errorf("got error %v and %d uploads after AbortAll", err, len(mem.unfinished()))
		}
	})
}
