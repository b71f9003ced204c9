package sink_test

import (
	"context"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/sluice-data/sluice/sink"
)

// TestRandomRows appends rows of random size to many streams in random order. The store
// refuses a part that is too small, except for the last.
func TestRandomRows(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limits := sink.Properties{
			MinPartSize: rapid.SampledFrom([]int64{1, 1000, chunk, chunk + 1, 3 * chunk}).Draw(t, "min part"),
			MaxParts:    rapid.SampledFrom([]int{3, 20, 10_000}).Draw(t, "max parts"),
		}
		opts := sink.UploadOptions{
			PartSize:    rapid.SampledFrom([]int64{1, chunk, 2*chunk - 1, 4 * chunk}).Draw(t, "part"),
			Memory:      rapid.Int64Range(1, 40).Draw(t, "chunks") * chunk,
			MaxObject:   rapid.SampledFrom([]int64{0, 1, 3 * chunk, 10*chunk + 1}).Draw(t, "max object"),
			Concurrency: rapid.IntRange(1, 4).Draw(t, "workers"),
		}
		store := newMemStore(limits)
		u := sink.NewUploader(store, opts)
		w := newWriter(u, rapid.SliceOfN(rapid.Bool(), 1, 8).Draw(t, "held")...)
		// A row may not need more parts than an object has left when it is not full yet.
		longest := 2 * chunk
		if limits.MaxParts == 3 {
			longest = chunk / 2
		}
		sizes := rapid.SliceOfN(rapid.IntRange(1, longest), 10, 80).Draw(t, "rows")
		streams := rapid.SliceOfN(rapid.IntRange(0, len(w.sets)-1), len(sizes), len(sizes)).Draw(t, "streams")
		// A deadlock becomes an error.
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		err := upload(ctx, u, func(ctx context.Context) error {
			for i, size := range sizes {
				if err := w.row(ctx, streams[i], content(size, uint64(i))); err != nil {
					return err
				}
			}
			return w.end(ctx)
		})
		if err != nil {
			t.Fatalf("got error %v", err)
		}
		w.check(t, store)
		part := min(max(opts.PartSize, limits.MinPartSize), max(opts.Memory/4, limits.MinPartSize))
		if need := opts.MaxObject/2 + 1; limits.MaxParts == 3 {
			part = max(part, need)
		}
		wantChunks(t, u, max(opts.Memory, 3*part))
	})
}

// TestSmallBudget has parts of the least size that the store takes, although the budget has
// no room for four of them.
func TestSmallBudget(t *testing.T) {
	f := func(held ...bool) {
		t.Helper()
		store := newMemStore(sink.Properties{MinPartSize: 5 * chunk})
		u := sink.NewUploader(store, sink.UploadOptions{Memory: 1})
		w := newWriter(u, held...)
		err := upload(t.Context(), u, func(ctx context.Context) error {
			for i := range 100 {
				if err := w.row(ctx, i%len(held), content(chunk/2, uint64(i))); err != nil {
					return err
				}
			}
			return w.end(ctx)
		})
		if err != nil {
			t.Errorf("%v: %v", held, err)
			return
		}
		w.check(t, store)
		wantChunks(t, u, 15*chunk)
		if early := u.Stats.Early.Load(); (early > 0) != (len(held) > 1) {
			t.Errorf("%v: %d objects were closed early", held, early)
		}
	}
	f(false)
	f(true)
	f(false, true, false)
}

// TestFullestFirst: when the memory is spent, the object that holds most of it goes.
func TestFullestFirst(t *testing.T) {
	u := sink.NewUploader(newMemStore(sink.Properties{MinPartSize: 4 * chunk}), sink.UploadOptions{PartSize: 4 * chunk, Memory: 16 * chunk})
	w := newWriter(u, make([]bool, 7)...)
	err := upload(t.Context(), u, func(ctx context.Context) error {
		for i, size := range []int{chunk / 2, 5 * chunk / 2, chunk / 2, chunk / 2, chunk / 2, chunk / 2, chunk / 2} {
			if err := w.row(ctx, i, content(size, uint64(i))); err != nil {
				return err
			}
		}
		for i, o := range w.open {
			if want := i == 1; o.Closed() != want {
				t.Errorf("object %d is closed: %v", i, o.Closed())
			}
		}
		return w.end(ctx)
	})
	if err != nil {
		t.Error(err)
	}
}

// TestManyStreams opens more objects than there are chunks.
func TestManyStreams(t *testing.T) {
	store := newMemStore(sink.Properties{MinPartSize: 2 * chunk})
	u := sink.NewUploader(store, sink.UploadOptions{Memory: 8 * chunk, PartSize: 2 * chunk})
	w := newWriter(u, make([]bool, 100)...)
	err := upload(t.Context(), u, func(ctx context.Context) error {
		for i := range 1000 {
			if err := w.row(ctx, i%100, content(10, uint64(i))); err != nil {
				return err
			}
		}
		return w.end(ctx)
	})
	if err != nil {
		t.Fatal(err)
	}
	w.check(t, store)
	wantChunks(t, u, 8*chunk)
}

// TestEqualParts: where all parts must have one size, an object whose buffer is needed ends.
func TestEqualParts(t *testing.T) {
	limits := sink.Properties{MinPartSize: 2 * chunk, EqualParts: true}
	store := newMemStore(limits)
	u := sink.NewUploader(store, sink.UploadOptions{Memory: 16 * chunk, PartSize: 4 * chunk})
	w := newWriter(u, make([]bool, 5)...)
	err := upload(t.Context(), u, func(ctx context.Context) error {
		for i := range 600 {
			if err := w.row(ctx, i*i%5, content(chunk/3+i, uint64(i))); err != nil {
				return err
			}
		}
		return w.end(ctx)
	})
	if err != nil {
		t.Fatal(err)
	}
	w.check(t, store)
	if u.Stats.Early.Load() == 0 || u.Stats.Parts.Load() < 10 {
		t.Errorf("%d objects were closed early, %d parts were sent", u.Stats.Early.Load(), u.Stats.Parts.Load())
	}
}
