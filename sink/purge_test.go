package sink_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/sluice-data/sluice/internal/naming"
	"github.com/sluice-data/sluice/sink"
	"github.com/sluice-data/sluice/sink/faultstore"
)

// put makes an object of a generation; "-" means that it has none.
func put(t *testing.T, s sink.Store, key, generation string) {
	t.Helper()
	meta := sink.Metadata{sink.MetaGeneration: generation}
	if generation == "-" {
		meta = nil
	}
	if err := s.Put(t.Context(), key, sink.NewBody([]byte(key)), meta); err != nil {
		t.Fatal(err)
	}
}

func named(dir string, id int) string {
	return fmt.Sprintf("%s/2021_01_01_1609541171643_%d.csv", dir, id)
}

// neighbours must survive any purge of p/users.
var neighbours = []string{
	"p/users_archive/2021_01_01_1609541171643_0.csv",
	"p/users/old/2021_01_01_1609541171643_0.csv",
	"p/users/README.txt",
	"p/users/2021_01_01_1609541171643_0.csv.bak",
	"p/users/a_2021_01_01_1609541171643_0.csv",
	"p/user/2021_01_01_1609541171643_0.csv",
	"p/2021_01_01_1609541171643_0.csv",
	"users/2021_01_01_1609541171643_0.csv",
	"p/users-2021_01_01_1609541171643_0.csv",
}

func addNeighbours(t *testing.T, s sink.Store) {
	t.Helper()
	for _, key := range neighbours {
		put(t, s, key, "0")
	}
}

func wantKeys(t *testing.T, s *memStore, want ...string) {
	t.Helper()
	want = slices.Sorted(slices.Values(slices.Concat(want, neighbours)))
	if got := s.keys(); !slices.Equal(got, want) {
		t.Errorf("got %d objects %.5q, want %d %.5q", len(got), got, len(want), want)
	}
}

// TestPurgeMany deletes more objects than one request takes, and none of the neighbours.
func TestPurgeMany(t *testing.T) {
	zero, one := int64(0), int64(1)
	f := func(min *int64, objects, kept, deletes int) {
		t.Helper()
		mem := newMemStore(sink.Properties{})
		addNeighbours(t, mem)
		keep := map[string]bool{}
		var want []string
		for i := range objects {
			put(t, mem, named("p/users", i), "-")
			if i >= objects-kept {
				keep[named("p/users", i)] = true
			}
		}
		if min == &zero {
			want = slices.Collect(func(yield func(string) bool) {
				for i := range objects {
					if !yield(named("p/users", i)) {
						return
					}
				}
			})
			kept = objects
		} else {
			want = slices.Collect(maps.Keys(keep))
		}
		log := faultstore.New(mem)
		p := sink.Purge{Names: naming.In("p/users"), Keep: keep, MinGeneration: min}
		n, err := p.Run(t.Context(), log)
		if err != nil || n != objects-kept {
			t.Errorf("%d objects: deleted %d, want %d, and error %v", objects, n, objects-kept, err)
		}
		wantKeys(t, mem, want...)
		if got := count(log, faultstore.Delete); got != deletes {
			t.Errorf("%d objects: got %d requests to delete, want %d", objects, got, deletes)
		}
	}
	f(nil, 0, 0, 0)
	f(nil, 1, 0, 1)
	f(nil, 1, 1, 0)
	f(nil, 999, 0, 1)
	f(nil, 1000, 0, 1)
	f(nil, 1001, 0, 2)
	f(nil, 2500, 0, 3)
	f(nil, 2500, 500, 2)
	f(&one, 2500, 500, 2)
	f(&zero, 1500, 0, 0)
}

// TestPurgeGenerations deletes by the metadata of each object.
func TestPurgeGenerations(t *testing.T) {
	f := func(min int64, generations, kept []string) {
		t.Helper()
		mem := newMemStore(sink.Properties{})
		addNeighbours(t, mem)
		var want []string
		for i, g := range generations {
			put(t, mem, named("p/users", i), g)
			if slices.Contains(kept, g) {
				want = append(want, named("p/users", i))
			}
		}
		keep := named("p/users", 99)
		put(t, mem, keep, "0")
		p := sink.Purge{Names: naming.In("p/users"), Keep: map[string]bool{keep: true}, MinGeneration: &min}
		n, err := p.Run(t.Context(), mem)
		if err != nil || n != len(generations)-len(want) {
			t.Errorf("generation %d: deleted %d, want %d, and error %v", min, n, len(generations)-len(want), err)
		}
		wantKeys(t, mem, append(want, keep)...)
	}
	all := []string{"-", "", "nonsense", "0", "1", "2", "9", "10", "9223372036854775807", "99999999999999999999"}
	f(0, all, all)
	f(1, all, all[4:])
	f(2, all, all[5:])
	f(10, all, all[7:]) // as a number and not as text
	f(11, all, all[8:])
	f(5, nil, nil)
}

// TestPurgeGone: an object that somebody deletes meanwhile is no error.
func TestPurgeGone(t *testing.T) {
	mem := newMemStore(sink.Properties{})
	put(t, mem, named("p/users", 0), "1")
	put(t, mem, named("p/users", 1), "1")
	store := faultstore.New(mem, faultstore.On(faultstore.Stat).Key("_0.csv").Call(
		func(ctx context.Context, _ faultstore.Op, key string) error { return mem.Delete(ctx, key) }))
	generation := int64(2)
	p := sink.Purge{Names: naming.In("p/users"), MinGeneration: &generation}
	if n, err := p.Run(t.Context(), store); n != 1 || err != nil || len(mem.keys()) > 0 {
		t.Errorf("deleted %d and error %v, left %q", n, err, mem.keys())
	}
}

// TestPurgeFails counts only what is deleted, and can go on.
func TestPurgeFails(t *testing.T) {
	f := func(rule *faultstore.Rule, deleted int) {
		t.Helper()
		mem := newMemStore(sink.Properties{})
		for i := range 1500 {
			put(t, mem, named("p/users", i), "1")
		}
		addNeighbours(t, mem)
		generation := int64(2)
		p := sink.Purge{Names: naming.In("p/users"), MinGeneration: &generation}
		store := faultstore.New(mem, rule.Fail(&sink.Error{Kind: sink.ErrDenied}))
		n, err := p.Run(t.Context(), store)
		if n != deleted || !errors.Is(err, sink.ErrDenied) {
			t.Errorf("%v: deleted %d, want %d, and error %v", rule, n, deleted, err)
		}
		n, err = p.Run(t.Context(), store)
		if n != 1500-deleted || err != nil {
			t.Errorf("%v: then deleted %d, want %d, and error %v", rule, n, 1500-deleted, err)
		}
		wantKeys(t, mem)
	}
	f(faultstore.On(faultstore.List).Nth(1), 0)
	f(faultstore.On(faultstore.Stat).Nth(10), 0)
	f(faultstore.On(faultstore.Stat).Nth(1010), 0)
	f(faultstore.On(faultstore.Delete).Nth(1), 0)
	f(faultstore.On(faultstore.Delete).Nth(2), 1000)
}

// TestSweep aborts the old uploads of our own names in the given directories.
func TestSweep(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	mem := newMemStore(sink.Properties{})
	begin := func(age time.Duration, keys ...string) (all []string) {
		for _, key := range keys {
			all = append(all, mem.begin(key, now.Add(-age), nil).info.ID)
		}
		return all
	}
	begin(sink.StaleAfter+time.Second, named("p/users", 0), named("p/users", 0), named("p/orders", 3))
	left := slices.Concat(
		begin(sink.StaleAfter, named("p/users", 0)), // to the second as old
		begin(time.Hour, named("p/users", 1)),
		begin(-time.Hour, named("p/users", 2)), // the clocks differ
		begin(100*sink.StaleAfter, neighbours...),
		begin(100*sink.StaleAfter, named("p/other", 0), named("", 0)[1:]),
		[]string{mem.begin(named("p/users", 3), time.Time{}, nil).info.ID}, // the store does not tell
	)
	put(t, mem, named("p/users", 7), "0")
	uploads, err := sink.Unfinished(t.Context(), mem, "p/")
	if err != nil {
		t.Fatal(err)
	}
	n, err := sink.Sweep(t.Context(), mem, uploads, []*naming.Names{naming.In("p/users"), naming.In("p/orders")}, now.Add(-sink.StaleAfter))
	if n != 3 || err != nil {
		t.Errorf("aborted %d and error %v, want 3", n, err)
	}
	var got []string
	for _, up := range mem.unfinished() {
		got = append(got, up.ID)
	}
	slices.Sort(got)
	slices.Sort(left)
	if !slices.Equal(got, left) {
		t.Errorf("got the uploads %q, want %q", got, left)
	}
	if got := mem.keys(); len(got) != 1 {
		t.Errorf("got the objects %q", got)
	}
}

// TestSweepFails says what it has done until then.
func TestSweepFails(t *testing.T) {
	now := time.Now()
	f := func(rule *faultstore.Rule, want int) {
		t.Helper()
		mem := newMemStore(sink.Properties{})
		for i := range 5 {
			mem.begin(named("p/users", i), now.Add(-time.Hour), nil)
		}
		store := faultstore.New(mem, rule.Fail(&sink.Error{Kind: sink.ErrUnsupported}))
		n, err := sink.Sweep(t.Context(), store, mem.unfinished(), []*naming.Names{naming.In("p/users")}, now)
		if n != want || !errors.Is(err, sink.ErrUnsupported) || len(mem.unfinished()) != 5-want {
			t.Errorf("%v: aborted %d, want %d, and error %v", rule, n, want, err)
		}
	}
	f(faultstore.On(faultstore.AbortUpload), 0)
	f(faultstore.On(faultstore.AbortUpload).Nth(4), 3)
}

// unpaged lists what is on the first page, and can't list the next one.
type unpaged struct{ sink.Store }

func (u unpaged) Uploads(ctx context.Context, prefix string) iter.Seq2[sink.UploadInfo, error] {
	return func(yield func(sink.UploadInfo, error) bool) {
		for up, err := range u.Store.Uploads(ctx, prefix) {
			if !yield(up, err) {
				return
			}
		}
		yield(sink.UploadInfo{}, &sink.Error{Kind: sink.ErrUnsupported})
	}
}

// TestUnfinishedFails tells what it has seen until then.
func TestUnfinishedFails(t *testing.T) {
	mem := newMemStore(sink.Properties{})
	mem.begin(named("p/users", 0), time.Now(), nil)
	mem.begin(named("q/users", 0), time.Now(), nil)
	got, err := sink.Unfinished(t.Context(), unpaged{mem}, "p/")
	if len(got) != 1 || got[0].Key != named("p/users", 0) || !errors.Is(err, sink.ErrUnsupported) {
		t.Errorf("got %v and %v", got, err)
	}
}
