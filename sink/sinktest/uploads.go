package sinktest

import (
	"fmt"
	"slices"
	"time"

	"github.com/sluice-data/sluice/sink"
)

// partSize is the size of a part in these tests.
func (e *env) partSize() int64 { return max(e.store.Properties().MinPartSize, 4096) }

// upload writes an object in parts of partSize, the last part first.
func (e *env) upload(name string, data []byte, meta sink.Metadata) sink.Upload {
	e.Helper()
	up := e.create(name, meta)
	parts := slices.Collect(slices.Chunk(data, int(e.partSize())))
	e.parallel(len(parts), func(i int) error {
		i = len(parts) - 1 - i
		return up.Part(e.ctx, sink.Part{Number: i + 1, Offset: int64(i) * e.partSize(), Body: body(parts[i])})
	})
	return up
}

// testUploadSizes has no empty object: that has no part to send, so it is a Put.
func testUploadSizes(e *env) {
	for _, size := range []int64{1, e.partSize() - 1, e.partSize(), e.partSize() + 1} {
		name := fmt.Sprintf("of-%d", size)
		data := content(size, name)
		e.complete(e.upload(name, data, nil))
		e.wantObject(name, data, nil)
	}
}

func testUploadOutOfOrder(e *env) {
	data := content(3*e.partSize()+7, "order")
	e.complete(e.upload("order", data, nil))
	e.wantObject("order", data, nil)
}

func testUploadInvisible(e *env) {
	data := content(e.partSize()+10, "data")
	up := e.upload("x/hidden", data, nil)
	e.wantNone("x/hidden")
	e.wantList("x/")
	e.wantList("")
	e.complete(up)
	e.wantObject("x/hidden", data, nil)
	e.wantList("x/", "x/hidden")
	if found := e.uploads(""); len(found) != 0 {
		e.Errorf("Uploads after Complete: got %+v, want none", found)
	}
}

func testUploadMetadata(e *env) {
	meta := sink.Metadata{"ab-generation-id": "7", "ab-sync-id": "8", "sluice-version": "v1.2.3-rc.1+build"}
	up := e.upload("meta", []byte("data"), meta)
	if up.Info().Key != e.key("meta") || up.Info().ID == "" {
		e.Errorf("got %+v, want an upload of %s", up.Info(), e.key("meta"))
	}
	e.complete(up)
	e.wantObject("meta", []byte("data"), meta)
}

func testPartTwice(e *env) {
	size := e.partSize()
	first, last, end := content(size, "first"), content(size, "last"), content(100, "end")
	up := e.create("twice", nil)
	e.part(up, 1, 0, first)
	e.part(up, 2, size, first) // longer than what replaces it
	e.part(up, 1, 0, last)
	e.part(up, 2, size, end)
	e.complete(up)
	e.wantObject("twice", slices.Concat(last, end), nil)
}

func testPartMissing(e *env) {
	size := e.partSize()
	gap := e.create("gap", nil)
	e.part(gap, 1, 0, content(size, "1"))
	e.part(gap, 3, 2*size, content(size, "3"))
	e.wantError("Complete without part 2", gap.Complete(e.ctx))
	e.wantNone("gap")

	e.part(gap, 2, size, content(size, "2"))
	e.complete(gap)
	e.wantObject("gap", slices.Concat(content(size, "1"), content(size, "2"), content(size, "3")), nil)

	none := e.create("none", nil)
	e.wantError("Complete without any part", none.Complete(e.ctx))
	e.wantNone("none")
	e.wantError("part 0", none.Part(e.ctx, sink.Part{Number: 0, Body: body([]byte("x"))}))
	last := e.store.Properties().MaxParts
	e.wantError("too high a part", none.Part(e.ctx, sink.Part{Number: last + 1, Body: body([]byte("x"))}))
}

func testCompleteTaken(e *env) {
	if e.opts.CompleteReplaces {
		e.Skip("this store replaces objects")
	}
	up := e.upload("taken", content(e.partSize()+1, "new"), sink.Metadata{"rows": "2"})
	old, meta := []byte("was quicker"), sink.Metadata{"rows": "1"}
	e.put("taken", old, meta)
	for range 2 {
		e.wantError("Complete on a taken key", up.Complete(e.ctx), sink.ErrTaken)
		e.wantObject("taken", old, meta)
	}
	if err := up.Abort(e.ctx); err != nil {
		e.Errorf("Abort: %v", err)
	}
	e.wantObject("taken", old, meta)
	if found := e.uploads(""); len(found) != 0 {
		e.Errorf("Uploads: got %+v, want none", found)
	}
}

func testCompleteTwice(e *env) {
	data := content(e.partSize()+1, "data")
	up := e.upload("once", data, nil)
	e.complete(up)
	// S3 remembers its uploads for a while, and says yes again.
	if err := up.Complete(e.ctx); err != nil {
		e.wantError("Complete again", err, sink.ErrNoUpload, sink.ErrTaken)
	}
	e.wantObject("once", data, nil)
	// Whoever does not know that it has succeeded may abort; the object stays.
	if err := e.store.AbortUpload(e.ctx, up.Info()); err != nil {
		e.Errorf("AbortUpload after Complete: %v", err)
	}
	e.wantObject("once", data, nil)
}

func testAbort(e *env) {
	up := e.upload("dropped", content(e.partSize()+1, "data"), nil)
	if err := up.Abort(e.ctx); err != nil {
		e.Fatalf("Abort: %v", err)
	}
	e.wantNone("dropped")
	e.wantList("")
	if found := e.uploads(""); len(found) != 0 {
		e.Errorf("Uploads: got %+v, want none", found)
	}
	if err := up.Abort(e.ctx); err != nil {
		e.Errorf("Abort again: %v", err)
	}
	e.wantError("Part after Abort", up.Part(e.ctx, sink.Part{Number: 1, Body: body([]byte("x"))}), sink.ErrNoUpload)
	e.wantError("Complete after Abort", up.Complete(e.ctx), sink.ErrNoUpload)
	e.wantNone("dropped")
}

func testUploads(e *env) {
	begin := time.Now()
	names := []string{"users/1", "users/2", "users/deep/below/3", "users_archive/4"}
	ids := map[string]string{}
	for _, name := range names {
		ids[e.key(name)] = e.create(name, nil).Info().ID
	}
	// Two of the same key are two uploads.
	second := e.create("users_archive/4", nil)

	want := func(prefix string, names ...string) {
		e.Helper()
		var got []string
		for _, up := range e.uploads(prefix) {
			got = append(got, up.Key[len(e.prefix):])
			if id := ids[up.Key]; up.ID != id && up.ID != second.Info().ID {
				e.Errorf("%s has the identity %s, want %s", up.Key, up.ID, id)
			}
			// The store's clock is not ours.
			if d := up.Started.Sub(begin); d < -time.Hour || d > time.Hour {
				e.Errorf("%s: started at %v, want about %v", up.Key, up.Started, begin)
			}
		}
		slices.Sort(got)
		if !slices.Equal(got, names) {
			e.Errorf("Uploads of %q: got %q, want %q", prefix, got, names)
		}
	}
	want("", "users/1", "users/2", "users/deep/below/3", "users_archive/4", "users_archive/4")
	want("users/", "users/1", "users/2", "users/deep/below/3")
	want("users/2", "users/2")
	want("nobody/")

	for range 2 {
		for _, up := range e.uploads("users/") {
			for range 2 {
				if err := e.store.AbortUpload(e.ctx, up); err != nil {
					e.Errorf("AbortUpload: %v", err)
				}
			}
		}
	}
	want("", "users_archive/4", "users_archive/4")
	if err := e.store.AbortUpload(e.ctx, second.Info()); err != nil {
		e.Errorf("AbortUpload: %v", err)
	}
	want("", "users_archive/4")
	for range e.store.Uploads(e.ctx, e.prefix) {
		break // a caller may stop early
	}
}
