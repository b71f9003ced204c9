package sink_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sluice-data/sluice/internal/naming"
	"github.com/sluice-data/sluice/sink"
	"github.com/sluice-data/sluice/sink/faultstore"
)

// Objects of three syncs in the directory "t".
func syncKey(day, id int) string { return fmt.Sprintf("t/2026_11_%02d_17%011d_%d.csv", day, day, id) }

// diedShowing makes what a run leaves that died after it had shown some of the objects of a
// set: the objects 0 to 4 of day 20, of generation 7.
func diedShowing(t *testing.T, mem *memStore, shown int) {
	t.Helper()
	diedOn(t, mem, 20, shown)
}

// diedOn is diedShowing on another day.
func diedOn(t *testing.T, mem *memStore, day, shown int) {
	t.Helper()
	seven := int64(7)
	meta := sink.Metadata{sink.MetaGeneration: "7", sink.MetaReplaces: sink.Replaces(&seven)}
	killed(t, mem, naming.In("t"), shown, 0, meta, func(id int) string { return syncKey(day, id) })
}

// killed makes what a full refresh of five objects leaves whose process is killed when it has shown some of
// them, each a while behind the one before.
func killed(t *testing.T, mem *memStore, names *naming.Names, shown int, pause time.Duration, meta sink.Metadata, key func(id int) string) {
	t.Helper()
	died, completes := errors.New("killed"), 0
	kill := faultstore.On(faultstore.Complete).Call(func(context.Context, faultstore.Op, string) error {
		if completes++; completes > shown {
			return died
		}
		time.Sleep(pause)
		return nil
	})
	opts := inParts
	opts.Concurrency = 1
	u := sink.NewUploader(faultstore.New(mem, kill), opts)
	set := u.NewSet(true)
	set.Names = names
	err := upload(t.Context(), u, func(ctx context.Context) error {
		for id := range 5 {
			o := set.Open(key(id), func(int64) sink.Metadata { return maps.Clone(meta) }, nothing)
			if err := o.Append(ctx, content(2*chunk, uint64(id)), 1); err != nil {
				return err
			}
			if err := o.Close(ctx); err != nil {
				return err
			}
		}
		return set.Commit(ctx, nil)
	})
	if shown < 5 && !errors.Is(err, died) || shown == 5 && err != nil {
		t.Fatal(err)
	}
}

func recovered(t *testing.T, mem *memStore, before time.Time) int {
	t.Helper()
	uploads, err := sink.Unfinished(t.Context(), mem, "t/")
	if err != nil {
		t.Fatal(err)
	}
	r := sink.Recovery{Names: naming.In("t"), Since: time.Date(2026, 11, 10, 0, 0, 0, 0, time.UTC), Before: before, Unfinished: uploads}
	seen := 0
	if err := r.List(t.Context(), mem, func(sink.Info) { seen++ }); err != nil {
		t.Fatal(err)
	}
	n, err := r.Run(t.Context(), mem)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestRecoverHalfShown: what a dead run had shown of its table goes, and the old table stays.
func TestRecoverHalfShown(t *testing.T) {
	for shown := range 6 {
		synctest.Test(t, func(t *testing.T) {
			mem := newMemStore(sink.Properties{})
			old := []string{syncKey(1, 0), syncKey(15, 0), syncKey(15, 1), "t/README.txt"}
			for _, key := range old {
				put(t, mem, key, "6")
			}
			time.Sleep(time.Minute)
			diedShowing(t, mem, shown)
			if n := recovered(t, mem, time.Now().Add(-time.Hour)); shown < 5 && n > 0 {
				t.Errorf("%d shown: %d were deleted while their run may be alive", shown, n)
			}
			time.Sleep(2 * time.Hour)
			recovered(t, mem, time.Now().Add(-time.Hour))
			want := slices.Clone(old)
			if shown == 5 { // the new table is whole: what it replaces goes
				want = []string{"t/README.txt"}
				for id := range 5 {
					want = append(want, syncKey(20, id))
				}
			}
			slices.Sort(want)
			if got := mem.keys(); !slices.Equal(got, want) {
				t.Errorf("%d shown: got %q, want %q", shown, got, want)
			}
			if n := recovered(t, mem, time.Now()); n > 0 {
				t.Errorf("%d shown: %d more were deleted the second time", shown, n)
			}
		})
	}
}

// TestRecoverLeaves what no crash explains.
func TestRecoverLeaves(t *testing.T) {
	f := func(what string, change func(mem *memStore)) {
		t.Helper()
		synctest.Test(t, func(t *testing.T) {
			t.Helper()
			mem := newMemStore(sink.Properties{})
			diedShowing(t, mem, 5)
			time.Sleep(2 * time.Hour)
			change(mem)
			want := mem.keys()
			if n := recovered(t, mem, time.Now()); n > 0 || !slices.Equal(mem.keys(), want) {
				t.Errorf("%s: %d were deleted; left %q of %q", what, n, mem.keys(), want)
			}
		})
	}
	f("nothing is wrong", func(*memStore) {})
	f("a person deleted the first object", func(mem *memStore) { delete(mem.objects, syncKey(20, 0)) })
	f("a person brought an older object back", func(mem *memStore) { put(t, mem, syncKey(15, 0), "6") })
	f("an older object, and a later sync that appended", func(mem *memStore) {
		put(t, mem, syncKey(15, 0), "6")
		put(t, mem, syncKey(22, 0), "7")
	})
	f("the set is not of these days", func(mem *memStore) {
		for id := range 5 {
			mem.objects[fmt.Sprintf("t/2025_01_01_1735689600000_%d.csv", id)] = mem.objects[syncKey(20, id)]
			delete(mem.objects, syncKey(20, id))
		}
	})
}

// TestRecoverSeveral: a job that dies is tried again, and may die again; and before what it left
// counts as dead, a sync may append.
func TestRecoverSeveral(t *testing.T) {
	f := func(what string, leave func(t *testing.T, mem *memStore), want ...string) {
		t.Helper()
		synctest.Test(t, func(t *testing.T) {
			t.Helper()
			mem := newMemStore(sink.Properties{})
			put(t, mem, syncKey(1, 0), "6")
			time.Sleep(time.Minute)
			leave(t, mem)
			time.Sleep(2 * time.Hour)
			recovered(t, mem, time.Now().Add(-time.Hour))
			slices.Sort(want)
			if got := mem.keys(); !slices.Equal(got, want) {
				t.Errorf("%s: got %q, want %q", what, got, want)
			}
		})
	}
	whole := func(day int) (keys []string) {
		for id := range 5 {
			keys = append(keys, syncKey(day, id))
		}
		return keys
	}
	die := func(t *testing.T, mem *memStore, day, shown int) {
		diedOn(t, mem, day, shown)
		time.Sleep(time.Minute)
	}
	f("two tables half shown", func(t *testing.T, mem *memStore) { die(t, mem, 18, 2); die(t, mem, 20, 3) }, syncKey(1, 0))
	f("half shown, then nothing", func(t *testing.T, mem *memStore) { die(t, mem, 18, 2); die(t, mem, 20, 0) }, syncKey(1, 0))
	f("half shown, then rows appended", func(t *testing.T, mem *memStore) { die(t, mem, 18, 2); put(t, mem, syncKey(20, 0), "8") },
		syncKey(1, 0), syncKey(20, 0))
	f("shown whole, then half", func(t *testing.T, mem *memStore) { die(t, mem, 18, 5); die(t, mem, 20, 3) }, whole(18)...)
	f("half shown, then whole", func(t *testing.T, mem *memStore) { die(t, mem, 18, 3); die(t, mem, 20, 5) }, whole(20)...)
}

// TestPurgeHalfShown: the next try of the same refresh removes what the dead one had shown,
// and keeps what it had shown whole: that may have been acknowledged.
func TestPurgeHalfShown(t *testing.T) {
	for shown := range 6 {
		mem := newMemStore(sink.Properties{})
		put(t, mem, syncKey(15, 0), "6")
		diedShowing(t, mem, shown)
		put(t, mem, syncKey(22, 0), "7")
		seven := int64(7)
		p := sink.Purge{Names: naming.In("t"), Keep: map[string]bool{syncKey(22, 0): true}, MinGeneration: &seven}
		if _, err := p.Run(t.Context(), mem); err != nil {
			t.Fatal(err)
		}
		want := []string{syncKey(22, 0)}
		for id := range 5 {
			if shown == 5 {
				want = append(want, syncKey(20, id))
			}
		}
		slices.Sort(want)
		if got := mem.keys(); !slices.Equal(got, want) {
			t.Errorf("%d shown: got %q, want %q", shown, got, want)
		}
	}
}
