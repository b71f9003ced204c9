package sink_test

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/sluice-data/sluice/sink"
)

// TestSizes makes objects whose last part is full, almost full, and one byte over.
func TestSizes(t *testing.T) {
	// real is the size of the parts, which are whole chunks.
	f := func(part, real, size int, held bool) {
		t.Helper()
		store := newMemStore(sink.Properties{MinPartSize: int64(part)})
		u := sink.NewUploader(store, sink.UploadOptions{PartSize: int64(part), Memory: int64(8 * real)})
		set := u.NewSet(held)
		want := content(size, uint64(size))
		durable := 0
		err := upload(t.Context(), u, func(ctx context.Context) error {
			o := set.Open("a/b", noMeta, func() { durable++ })
			for rest := want; len(rest) > 0; {
				n := min(len(rest), 50_001)
				if err := o.Append(ctx, rest[:n], 1); err != nil {
					return err
				}
				rest = rest[n:]
			}
			return set.Commit(ctx, nil)
		})
		if err != nil {
			t.Errorf("%d bytes in parts of %d: %v", size, part, err)
			return
		}
		got := store.object("a/b")
		if !bytes.Equal(got.data, want) || durable != 1 {
			t.Errorf("%d bytes in parts of %d: got %d bytes, durable %d times", size, part, len(got.data), durable)
		}
		var parts []int64 // none if it went in one request
		for rest := size; rest > 0 && size > real; rest -= real {
			parts = append(parts, int64(min(rest, real)))
		}
		if !slices.Equal(got.parts, parts) {
			t.Errorf("%d bytes in parts of %d: got parts %v, want %v", size, part, got.parts, parts)
		}
		wantChunks(t, u, int64(8*real))
		if left := store.unfinished(); len(left) > 0 {
			t.Errorf("%d bytes in parts of %d: unfinished uploads %v", size, part, left)
		}
	}
	for _, p := range []struct{ part, real int }{
		{1, chunk}, {chunk, chunk}, {chunk + chunk/2, 2 * chunk}, {3 * chunk, 3 * chunk},
	} {
		for _, held := range []bool{false, true} {
			f(p.part, p.real, 1, held)
			for _, k := range []int{1, 2, 5} {
				f(p.part, p.real, k*p.real-1, held)
				f(p.part, p.real, k*p.real, held)
				f(p.part, p.real, k*p.real+1, held)
			}
		}
	}
}

// TestEmptyObject: one without a byte is an object too, also in a held set with others.
func TestEmptyObject(t *testing.T) {
	for _, held := range []bool{false, true} {
		store := newMemStore(sink.Properties{})
		u := sink.NewUploader(store, sink.UploadOptions{})
		set := u.NewSet(held)
		err := upload(t.Context(), u, func(ctx context.Context) error {
			if err := set.Open("a/empty", noMeta, nothing).Close(ctx); err != nil {
				return err
			}
			if err := set.Open("a/full", noMeta, nothing).Append(ctx, []byte("row"), 1); err != nil {
				return err
			}
			return set.Commit(ctx, nil)
		})
		if err != nil {
			t.Errorf("held %v: %v", held, err)
			continue
		}
		for key, want := range map[string]string{"a/empty": "", "a/full": "row"} {
			if got := string(store.object(key).data); got != want {
				t.Errorf("held %v: %s: got %q, want %q", held, key, got, want)
			}
		}
		if got := len(store.keys()); got != 2 {
			t.Errorf("held %v: got %d objects", held, got)
		}
		wantChunks(t, u, chunk)
	}
}

// TestCloseTwice does nothing the second time, whoever closed the object before.
func TestCloseTwice(t *testing.T) {
	store := newMemStore(sink.Properties{})
	u := sink.NewUploader(store, sink.UploadOptions{PartSize: chunk})
	w := newWriter(u, false, true)
	err := upload(t.Context(), u, func(ctx context.Context) error {
		for stream := range 2 {
			if err := w.row(ctx, stream, content(2*chunk, 1)); err != nil {
				return err
			}
			for range 2 {
				if err := w.open[stream].Close(ctx); err != nil {
					return err
				}
			}
			if !w.open[stream].Closed() {
				t.Error("the object is not closed")
			}
		}
		return w.end(ctx)
	})
	if err != nil {
		t.Fatal(err)
	}
	w.check(t, store)
}

// TestMetadata is asked for with the number of rows where that is known.
func TestMetadata(t *testing.T) {
	f := func(size int, held bool, want int64) {
		t.Helper()
		store := newMemStore(sink.Properties{})
		u := sink.NewUploader(store, sink.UploadOptions{PartSize: chunk})
		set := u.NewSet(held)
		meta := func(rows int64) sink.Metadata { return sink.Metadata{"rows": fmt.Sprint(rows)} }
		err := upload(t.Context(), u, func(ctx context.Context) error {
			o := set.Open("a/b", meta, nothing)
			for _, rows := range []int64{0, 1, 5} {
				if err := o.Append(ctx, content(size, 1), rows); err != nil {
					return err
				}
			}
			return set.Commit(ctx, nil)
		})
		if got := store.object("a/b").meta["rows"]; err != nil || got != fmt.Sprint(want) {
			t.Errorf("%d bytes, held %v: got rows %s, want %d, and error %v", size, held, got, want, err)
		}
	}
	f(10, false, 6)
	f(10, true, 6)
	f(chunk, false, -1)
	f(chunk, true, -1)
}

// sizeStore keeps the sizes of one object's parts and not their bytes.
type sizeStore struct {
	*memStore
	mu    sync.Mutex
	sizes map[int]int64
}

func (s *sizeStore) Create(context.Context, string, sink.Metadata) (sink.Upload, error) {
	return s, nil
}

func (s *sizeStore) Info() sink.UploadInfo { return sink.UploadInfo{} }

func (s *sizeStore) Part(_ context.Context, p sink.Part) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sizes[p.Number] = p.Body.Len()
	return nil
}

func (s *sizeStore) Complete(context.Context) error { return nil }
func (s *sizeStore) Abort(context.Context) error    { return nil }

// TestPartSizeGrows doubles it after a thousand parts, but not where the size of the object
// is known: some stores want parts of one size.
func TestPartSizeGrows(t *testing.T) {
	f := func(maxObject int64, chunks, total int, want ...int64) {
		t.Helper()
		store := &sizeStore{memStore: newMemStore(sink.Properties{}), sizes: map[int]int64{}}
		u := sink.NewUploader(store, sink.UploadOptions{PartSize: chunk, Memory: int64(chunks) * chunk, MaxObject: maxObject})
		set := u.NewSet(false)
		data := content(chunk, 1)
		err := upload(t.Context(), u, func(ctx context.Context) error {
			o := set.Open("a/b", noMeta, nothing)
			for range total {
				if err := o.Append(ctx, data, 1); err != nil {
					return err
				}
			}
			return o.Close(ctx)
		})
		if err != nil {
			t.Fatal(err)
		}
		var got []int64
		for i := 1; i <= len(store.sizes); i += 500 {
			got = append(got, store.sizes[i]/chunk)
		}
		if !slices.Equal(got, want) {
			t.Errorf("MaxObject %d, %d chunks: every 500th part has %v chunks, want %v", maxObject, chunks, got, want)
		}
	}
	f(0, 32, 7100, 1, 1, 2, 2, 4, 4, 8)
	f(0, 16, 7100, 1, 1, 2, 2, 4, 4, 4) // a quarter of the memory is the bound
	f(1<<29, 16, 1020, 1, 1, 1)
}

// TestFull ends objects before the store refuses them.
func TestFull(t *testing.T) {
	f := func(limits sink.Properties, opts sink.UploadOptions, row, objects int) {
		t.Helper()
		store := newMemStore(limits)
		opts.Memory = 64 * chunk
		u := sink.NewUploader(store, opts)
		w := newWriter(u, false)
		err := upload(t.Context(), u, func(ctx context.Context) error {
			for i := range 60 {
				if err := w.row(ctx, 0, content(row, uint64(i))); err != nil {
					return err
				}
			}
			return w.end(ctx)
		})
		if err != nil {
			t.Errorf("%+v, %+v: %v", limits, opts, err)
			return
		}
		w.check(t, store)
		if got := len(w.want); got != objects {
			t.Errorf("%+v, %+v: got %d objects, want %d", limits, opts, got, objects)
		}
		for key, want := range w.want {
			if n := len(store.object(key).parts); n > store.limits.MaxParts || int64(len(want)) > store.limits.MaxObject {
				t.Errorf("%+v, %+v: %s has %d parts and %d bytes", limits, opts, key, n, len(want))
			}
		}
	}
	part := sink.UploadOptions{PartSize: chunk}
	f(sink.Properties{}, part, chunk, 1)
	f(sink.Properties{MaxParts: 4}, part, chunk/2, 10) // three parts, and the header moves rows into a fourth
	f(sink.Properties{MaxObject: 10 * chunk}, part, chunk, 12)
	f(sink.Properties{}, sink.UploadOptions{PartSize: chunk, MaxObject: 10*chunk + 7}, chunk, 6)
	// Rows of many parts.
	f(sink.Properties{MaxParts: 1000}, part, 8*chunk, 1)
	f(sink.Properties{MaxParts: 300}, part, 4*chunk, 1)
	f(sink.Properties{MaxParts: 200}, part, 3*chunk+chunk/2, 2)
}

// TestPartSizeForMaxObject makes the parts so large that the store takes enough of them.
func TestPartSizeForMaxObject(t *testing.T) {
	store := newMemStore(sink.Properties{MaxParts: 5})
	u := sink.NewUploader(store, sink.UploadOptions{PartSize: 1, MaxObject: 40 * chunk, Memory: 64 * chunk})
	w := newWriter(u, false)
	err := upload(t.Context(), u, func(ctx context.Context) error {
		for !t.Failed() && (w.open[0] == nil || !w.open[0].Closed()) {
			if err := w.row(ctx, 0, content(chunk, 1)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	w.check(t, store)
	if got := len(w.want["s0/0"]); got < 40*chunk || got > 41*chunk {
		t.Errorf("the object was full at %d bytes, want %d", got, 40*chunk)
	}
}

func TestRoom(t *testing.T) {
	f := func(maxObject int64, size int, want int64, full bool) {
		t.Helper()
		u := sink.NewUploader(newMemStore(sink.Properties{}), sink.UploadOptions{MaxObject: maxObject})
		o := u.NewSet(false).Open("a/b", noMeta, nothing)
		if err := o.Append(t.Context(), make([]byte, size), 1); err != nil {
			t.Fatal(err)
		}
		if got := o.Room(); got != want || o.Full() != full {
			t.Errorf("%d bytes of %d: got room for %d and full %v, want %d and %v", size, maxObject, got, o.Full(), want, full)
		}
	}
	f(0, 10, 1<<62, false)
	f(11, 10, 1, false)
	f(10, 10, 0, true)
	f(9, 10, -1, true)
}
