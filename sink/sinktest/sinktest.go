// Package sinktest is the suite that every sink.Store passes.
package sinktest

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"maps"
	mrand "math/rand/v2"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/sluice-data/sluice/sink"
)

// Reader is what a Store has beside sink.Store, so that the suite can see what is in an
// object. Sluice itself never reads one.
type Reader interface {
	Get(ctx context.Context, key string) (io.ReadCloser, error)
}

// Options name what a store cannot do. The zero value is a store that can do everything.
type Options struct {
	// PutReplaces: Put on a taken key writes over the object.
	PutReplaces bool
	// CompleteReplaces: so does Complete.
	CompleteReplaces bool
}

// Run tests the stores that open returns. It is called for every test; the stores may be the
// same, or share their objects, because each test keeps to a prefix of its own.
func Run(t *testing.T, open func(t *testing.T) sink.Store) { RunWith(t, open, Options{}) }

// RunWith leaves out what the store cannot do.
func RunWith(t *testing.T, open func(t *testing.T) sink.Store, opts Options) {
	tests := []struct {
		name string
		run  func(*env)
	}{
		{"Put", testPut},
		{"PutTaken", testPutTaken},
		{"PutAtOnce", testPutAtOnce},
		{"StatMissing", testStatMissing},
		{"KeyCharacters", testKeyCharacters},
		{"KeyTooLong", testKeyTooLong},
		{"Cancelled", testCancelled},
		{"UploadSizes", testUploadSizes},
		{"UploadOutOfOrder", testUploadOutOfOrder},
		{"UploadInvisible", testUploadInvisible},
		{"UploadMetadata", testUploadMetadata},
		{"PartTwice", testPartTwice},
		{"PartMissing", testPartMissing},
		{"CompleteTaken", testCompleteTaken},
		{"CompleteTwice", testCompleteTwice},
		{"Abort", testAbort},
		{"Uploads", testUploads},
		{"List", testList},
		{"ListEarlyEnd", testListEarlyEnd},
		{"ManyObjects", testManyObjects},
		{"Delete", testDelete},
		{"Walk", testWalk},
		{"Parts", testParts},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			prefix := "sinktest/" + strings.ToLower(rand.Text()[:10]) + "/" + test.name + "/"
			test.run(&env{T: t, ctx: t.Context(), store: open(t), prefix: prefix, opts: opts})
		})
	}
}

// env is one test with its store. The keys that its methods take are below its own prefix.
type env struct {
	*testing.T
	ctx    context.Context
	store  sink.Store
	prefix string
	opts   Options
}

func (e *env) key(name string) string { return e.prefix + name }

// content returns n bytes that differ from those of any other seed.
func content(n int64, seed string) []byte {
	var key [32]byte
	copy(key[:], seed)
	data := make([]byte, n)
	_, _ = mrand.NewChaCha8(key).Read(data) // it never fails
	return data
}

// body cuts data into uneven chunks, as they come from the engine.
func body(data []byte) sink.Body {
	return sink.NewBody(data[:len(data)/3], nil, data[len(data)/3:len(data)/2], data[len(data)/2:])
}

func (e *env) put(name string, data []byte, meta sink.Metadata) {
	e.Helper()
	if err := e.store.Put(e.ctx, e.key(name), body(data), meta); err != nil {
		e.Fatalf("Put: %v", err)
	}
}

// create starts an upload that is given up at the end of the test, so that none stays in a
// store that lives longer.
func (e *env) create(name string, meta sink.Metadata) sink.Upload {
	e.Helper()
	up, err := e.store.Create(e.ctx, e.key(name), meta)
	if err != nil {
		e.Fatalf("Create: %v", err)
	}
	e.Cleanup(func() { _ = e.store.AbortUpload(context.WithoutCancel(e.ctx), up.Info()) })
	return up
}

func (e *env) part(up sink.Upload, n int, offset int64, data []byte) {
	e.Helper()
	if err := up.Part(e.ctx, sink.Part{Number: n, Offset: offset, Body: body(data)}); err != nil {
		e.Fatalf("Part %d: %v", n, err)
	}
}

func (e *env) complete(up sink.Upload) {
	e.Helper()
	if err := up.Complete(e.ctx); err != nil {
		e.Fatalf("Complete: %v", err)
	}
}

// wantError wants an error of a kind, which has to be a *sink.Error.
func (e *env) wantError(what string, err error, kinds ...error) {
	e.Helper()
	var known *sink.Error
	if !errors.As(err, &known) {
		e.Errorf("%s: got %v, want a *sink.Error", what, err)
		return
	}
	is := func(kind error) bool { return errors.Is(err, kind) }
	if len(kinds) > 0 && !slices.ContainsFunc(kinds, is) {
		e.Errorf("%s: got %v, want one of %v", what, err, kinds)
	}
	if known.Class != sink.Permanent {
		e.Errorf("%s: got class %v, want permanent: %v", what, known.Class, err)
	}
}

// wantObject wants this object with these bytes and metadata.
func (e *env) wantObject(name string, want []byte, meta sink.Metadata) {
	e.Helper()
	info, err := e.store.Stat(e.ctx, e.key(name))
	if err != nil {
		e.Errorf("Stat: %v", err)
		return
	}
	if info.Key != e.key(name) || info.Size != int64(len(want)) || info.Modified.IsZero() {
		e.Errorf("Stat: got %+v, want key %s and %d bytes", info, e.key(name), len(want))
	}
	if !maps.Equal(info.Metadata, meta) {
		e.Errorf("Stat of %s: got metadata %v, want %v", name, info.Metadata, meta)
	}
	if got := e.read(name); !bytes.Equal(got, want) {
		e.Errorf("%s: got %d bytes that are not the %d that were written", name, len(got), len(want))
	}
}

func (e *env) read(name string) []byte {
	e.Helper()
	r, err := e.store.(Reader).Get(e.ctx, e.key(name))
	if err != nil {
		e.Errorf("Get: %v", err)
		return nil
	}
	data, err := io.ReadAll(r)
	if err = errors.Join(err, r.Close()); err != nil {
		e.Errorf("reading %s: %v", name, err)
	}
	return data
}

func (e *env) wantNone(name string) {
	e.Helper()
	_, err := e.store.Stat(e.ctx, e.key(name))
	e.wantError("Stat of "+name, err, sink.ErrNotFound)
}

// list returns the names below the prefix, each checked to be in order.
func (e *env) list(prefix string) []string { return e.listAfter(prefix, "") }

// listAfter returns those behind a name.
func (e *env) listAfter(prefix, after string) []string {
	e.Helper()
	if after != "" {
		after = e.key(after)
	}
	names := []string{}
	last := ""
	for info, err := range e.store.List(e.ctx, e.key(prefix), after) {
		if err != nil {
			e.Fatalf("List: %v", err)
		}
		if info.Key <= last {
			e.Errorf("List: %q came after %q", info.Key, last)
		}
		last = info.Key
		names = append(names, strings.TrimPrefix(info.Key, e.prefix))
	}
	return names
}

func (e *env) wantList(prefix string, want ...string) {
	e.Helper()
	if got := e.list(prefix); !slices.Equal(got, want) {
		e.Errorf("List %q: got %q, want %q", prefix, got, want)
	}
}

func (e *env) wantListAfter(prefix, after string, want ...string) {
	e.Helper()
	if got := e.listAfter(prefix, after); !slices.Equal(got, want) && len(got)+len(want) > 0 {
		e.Errorf("List %q after %q: got %q, want %q", prefix, after, got, want)
	}
}

// uploads returns the unfinished uploads below the prefix.
func (e *env) uploads(prefix string) []sink.UploadInfo {
	e.Helper()
	var all []sink.UploadInfo
	for info, err := range e.store.Uploads(e.ctx, e.key(prefix)) {
		if err != nil {
			e.Fatalf("Uploads: %v", err)
		}
		all = append(all, info)
	}
	return all
}

// parallel calls f with 0 to n-1, some at a time.
func (e *env) parallel(n int, f func(i int) error) {
	e.Helper()
	var group errgroup.Group
	group.SetLimit(16)
	for i := range n {
		group.Go(func() error { return f(i) })
	}
	if err := group.Wait(); err != nil {
		e.Fatal(err)
	}
}
