package sink_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/sluice-data/sluice/sink"
)

const chunk = sink.ChunkSize

// upload runs the goroutine that writes beside an uploader's workers, as the engine does.
func upload(ctx context.Context, u *sink.Uploader, write func(ctx context.Context) error) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		defer u.Close()
		return write(ctx)
	})
	group.Go(func() error { return u.Run(ctx) })
	return group.Wait()
}

// content returns n bytes that differ from those of any other seed.
func content(n int, seed uint64) []byte {
	var key [32]byte
	binary.LittleEndian.PutUint64(key[:], seed)
	data := make([]byte, n)
	_, _ = rand.NewChaCha8(key).Read(data) // it never fails
	return data
}

// reporter is a *testing.T or a *rapid.T.
type reporter interface {
	Helper()
	Errorf(format string, args ...any)
}

func noMeta(int64) sink.Metadata { return nil }

func nothing() {}

// wantChunks says that every chunk has come back once, and that there were not too many.
func wantChunks(t reporter, u *sink.Uploader, most int64) {
	t.Helper()
	made, free, limit := u.Chunks()
	if made != free || made > limit || int64(made)*chunk > max(most, chunk) {
		t.Errorf("%d chunks were made and %d are free; at most %d and %d bytes were allowed", made, free, limit, most)
	}
}

// writer appends rows to streams as the engine does, and remembers what it appended.
type writer struct {
	u       *sink.Uploader
	open    []*sink.Object
	sets    []*sink.Set
	want    map[string][]byte
	durable atomic.Int64
}

func newWriter(u *sink.Uploader, held ...bool) *writer {
	w := &writer{u: u, open: make([]*sink.Object, len(held)), want: map[string][]byte{}}
	for _, h := range held {
		w.sets = append(w.sets, u.NewSet(h))
	}
	return w
}

func (w *writer) row(ctx context.Context, stream int, row []byte) error {
	o := w.open[stream]
	if o == nil || o.Closed() {
		key := fmt.Sprintf("s%d/%d", stream, len(w.want))
		o = w.sets[stream].Open(key, noMeta, func() { w.durable.Add(1) })
		w.open[stream] = o
		if err := o.Append(ctx, []byte("header\n"), 0); err != nil {
			return err
		}
		w.want[key] = []byte("header\n")
	}
	if err := o.Append(ctx, row, 1); err != nil {
		return err
	}
	w.want[o.Key] = append(w.want[o.Key], row...)
	if o.Closed() {
		return fmt.Errorf("%s was closed in the middle of a row", o.Key)
	}
	if size := int64(len(w.want[o.Key])); o.Size() != size {
		return fmt.Errorf("%s: got size %d, want %d", o.Key, o.Size(), size)
	}
	if o.Full() {
		return o.Close(ctx)
	}
	return nil
}

// end commits every stream.
func (w *writer) end(ctx context.Context) error {
	for _, s := range w.sets {
		if err := s.Commit(ctx, nil); err != nil {
			return err
		}
	}
	return nil
}

// check compares the store with what was appended.
func (w *writer) check(t reporter, store *memStore) {
	t.Helper()
	if got := store.keys(); len(got) != len(w.want) {
		t.Errorf("got %d objects (%.10q), want %d", len(got), got, len(w.want))
	}
	for key, want := range w.want {
		if got := store.object(key).data; !bytes.Equal(got, want) {
			t.Errorf("%s: got %d bytes that are not the %d appended", key, len(got), len(want))
		}
	}
	if left := store.unfinished(); len(left) > 0 {
		t.Errorf("unfinished uploads: %v", left)
	}
	if got, want := w.durable.Load(), int64(len(w.want)); got != want {
		t.Errorf("%d objects are durable, want %d", got, want)
	}
	if got, want := w.u.Stats.Objects.Load(), int64(len(w.want)); got != want {
		t.Errorf("Stats.Objects: got %d, want %d", got, want)
	}
	var sent int64
	for _, want := range w.want {
		sent += int64(len(want))
	}
	if got := w.u.Stats.Bytes.Load(); got != sent {
		t.Errorf("Stats.Bytes: got %d, want %d", got, sent)
	}
}
