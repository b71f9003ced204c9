package sinktest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"

	"github.com/sluice-data/sluice/sink"
)

func testPut(e *env) {
	for _, size := range []int64{0, 1, 2, 1000, 100_000} {
		name := fmt.Sprintf("of-%d", size)
		meta := sink.Metadata{"ab-generation-id": "42", "rows": fmt.Sprint(size), "of": "a b=c; \"d\""}
		data := content(size, name)
		e.put(name, data, meta)
		e.wantObject(name, data, meta)
	}
	e.put("plain", []byte("x"), nil)
	e.wantObject("plain", []byte("x"), nil)
}

func testPutTaken(e *env) {
	if e.opts.PutReplaces {
		e.Skip("this store replaces objects")
	}
	old, meta := content(1000, "old"), sink.Metadata{"rows": "1"}
	e.put("taken", old, meta)
	for range 2 {
		err := e.store.Put(e.ctx, e.key("taken"), body([]byte("new")), sink.Metadata{"rows": "2"})
		e.wantError("Put on a taken key", err, sink.ErrTaken)
		e.wantObject("taken", old, meta)
	}
	// Once it has gone, nothing of it is left.
	if err := e.store.Delete(e.ctx, e.key("taken")); err != nil {
		e.Fatal(err)
	}
	e.put("taken", []byte("new"), nil)
	e.wantObject("taken", []byte("new"), nil)
}

// testPutAtOnce lets many write the same key: one wins, with its metadata.
func testPutAtOnce(e *env) {
	if e.opts.PutReplaces {
		e.Skip("this store replaces objects")
	}
	var winners atomic.Int32
	var winner atomic.Int64
	e.parallel(12, func(i int) error {
		data := content(10_000, fmt.Sprint(i))
		for {
			err := e.store.Put(e.ctx, e.key("one"), body(data), sink.Metadata{"writer": fmt.Sprint(i)})
			switch {
			case err == nil:
				winners.Add(1)
				winner.Store(int64(i))
				return nil
			case errors.Is(err, sink.ErrTaken):
				return nil
			// A store may ask to come again while another is at it.
			case sink.ClassOf(err) != sink.Retryable:
				return err
			}
		}
	})
	if winners.Load() != 1 {
		e.Errorf("%d of the writers won, want 1", winners.Load())
	}
	i := fmt.Sprint(winner.Load())
	e.wantObject("one", content(10_000, i), sink.Metadata{"writer": i})
}

func testStatMissing(e *env) {
	e.wantNone("nothing")
	e.wantNone("no/such/directory")
	e.put("a/b", []byte("x"), nil)
	e.wantNone("a")
	e.wantNone("a/b.csv")
	e.wantNone("a/b/c")
}

func testKeyCharacters(e *env) {
	const upper, lower = "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz"
	names := []string{
		upper + lower + "0123456789",
		"!_.*')(&$@=;:+,?-",
		"sp ace/and+plus/per%20cent",
		"-/!/_/x..y/'/(/)/&/$/@/=/;/:/+/,/?/-",
		"tilde~/{braces}/[brackets]/hash#tag/2024_01_02_1700000000000_0.csv.gz",
		"schön/日本語/x",
	}
	for _, name := range names {
		data := content(100, name)
		e.put(name, data, nil)
		e.wantObject(name, data, nil)
		e.wantList(name, name)
		up := e.create(name+".parts", nil)
		if found := e.uploads(name + ".parts"); len(found) != 1 || found[0].Key != e.key(name+".parts") {
			e.Errorf("Uploads: got %+v, want one of %s", found, name)
		}
		e.part(up, 1, 0, data)
		e.complete(up)
		e.wantObject(name+".parts", data, nil)
		if err := e.store.Delete(e.ctx, e.key(name), e.key(name+".parts")); err != nil {
			e.Errorf("Delete: %v", err)
		}
		e.wantNone(name)
		e.wantNone(name + ".parts")
	}
}

func testKeyTooLong(e *env) {
	limit := e.store.Properties().MaxKey
	long := e.prefix
	for len(long) <= limit {
		long += strings.Repeat("x", 100) + "/"
	}
	long += "y"
	e.wantError("Put", e.store.Put(e.ctx, long, body([]byte("x")), nil))
	_, err := e.store.Create(e.ctx, long, nil)
	e.wantError("Create", err)
	fits := long[:limit-1] + "z"
	if err := e.store.Put(e.ctx, fits, body([]byte("x")), nil); err != nil {
		e.Errorf("Put with a key of %d bytes: %v", limit, err)
	}
	if err := e.store.Delete(e.ctx, fits); err != nil {
		e.Errorf("Delete: %v", err)
	}
}

// testCancelled makes every call with a context that has ended.
func testCancelled(e *env) {
	e.put("old", []byte("old"), nil)
	up := e.create("upload", nil)
	e.part(up, 1, 0, []byte("x"))

	ctx, cancel := context.WithCancel(e.ctx)
	cancel()
	_, createErr := e.store.Create(ctx, e.key("created"), nil)
	_, statErr := e.store.Stat(ctx, e.key("old"))
	var listErr, uploadsErr error
	for _, err := range e.store.List(ctx, e.prefix, "") {
		listErr = err
	}
	for _, err := range e.store.Uploads(ctx, e.prefix) {
		uploadsErr = err
	}
	for what, err := range map[string]error{
		"Create":      createErr,
		"Put":         e.store.Put(ctx, e.key("new"), body([]byte("new")), nil),
		"Stat":        statErr,
		"List":        listErr,
		"Delete":      e.store.Delete(ctx, e.key("old")),
		"Uploads":     uploadsErr,
		"AbortUpload": e.store.AbortUpload(ctx, up.Info()),
		"Part":        up.Part(ctx, sink.Part{Number: 1, Body: body([]byte("y"))}),
		"Complete":    up.Complete(ctx),
		"Abort":       up.Abort(ctx),
	} {
		if !errors.Is(err, context.Canceled) {
			e.Errorf("%s: got %v, want %v", what, err, context.Canceled)
		}
	}

	e.wantList("", "old")
	if found := e.uploads(""); len(found) != 1 || found[0].ID != up.Info().ID {
		e.Errorf("Uploads: got %+v, want only %s", found, up.Info().ID)
	}
	e.complete(up)
	if got := e.read("upload"); !bytes.Equal(got, []byte("x")) {
		e.Errorf("got %q, want %q", got, "x")
	}
}
