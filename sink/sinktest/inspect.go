package sinktest

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/sluice-data/sluice/sink"
)

// inspector is the store, if it can be looked at as a whole.
func (e *env) inspector() sink.Inspector {
	e.Helper()
	s, ok := e.store.(sink.Inspector)
	if !ok {
		e.Skip("this store is no sink.Inspector")
	}
	return s
}

func testWalk(e *env) {
	s := e.store
	names := []string{ // in the order of their bytes: ! . / 0 _
		"users!/x",
		"users.csv",
		"users/2024_01_01_1_0.csv",
		"users/a/deep/er/x",
		"users/a_/x",
		"users/b",
		"users0/x",
		"users_archive/x",
		"usual",
	}
	for i := range names {
		e.put(names[len(names)-1-i], content(int64(i), "x"), sink.Metadata{"a": "b"})
	}
	f := func(prefix, after string, want ...string) {
		e.Helper()
		if after != "" {
			after = e.key(after)
		}
		var got []string
		for info, err := range s.Walk(e.ctx, e.key(prefix), after) {
			if err != nil {
				e.Fatalf("Walk %q: %v", prefix, err)
			}
			name := strings.TrimPrefix(info.Key, e.prefix)
			if i := slices.Index(names, name); info.Size != int64(len(names)-1-i) || info.Modified.IsZero() || info.Metadata != nil {
				e.Errorf("Walk %q: got %+v", prefix, info)
			}
			got = append(got, name)
		}
		if !slices.Equal(got, want) {
			e.Errorf("Walk %q after %q: got %q, want %q", prefix, after, got, want)
		}
	}
	f("", "", names...)
	f("users/", "", names[2:6]...)
	f("users/a", "", names[3:5]...)
	f("users/a/", "", names[3])
	f("users/b", "", names[5])
	f("users/b/", "")
	f("nothing/", "")
	f("us", "users/a/deep", names[3:]...)
	f("", "users/a/deep/er/x", names[4:]...)
	f("users/", "users/b")
	for range s.Walk(e.ctx, e.prefix, "") {
		break // a caller may stop early
	}
	ctx, cancel := context.WithCancel(e.ctx)
	cancel()
	for _, err := range s.Walk(ctx, e.prefix, "") {
		if !errors.Is(err, context.Canceled) {
			e.Errorf("Walk: got %v, want %v", err, context.Canceled)
		}
	}
}

func testParts(e *env) {
	s := e.inspector()
	begin := time.Now()
	f := func(up sink.Upload, want int64) {
		e.Helper()
		got, err := s.Parts(e.ctx, up.Info())
		if err != nil || got.Size != want || want == 0 && !got.Last.IsZero() {
			e.Errorf("Parts: got %+v and %v, want %d bytes", got, err, want)
		}
		// The store's clock is not ours.
		if d := got.Last.Sub(begin); want > 0 && (d < -time.Hour || d > time.Hour) {
			e.Errorf("Parts: the last came at %v, want about %v", got.Last, begin)
		}
	}
	size := e.partSize()
	up := e.create("parts", nil)
	f(up, 0)
	e.part(up, 1, 0, content(size, "1"))
	e.part(up, 2, size, content(7, "2"))
	f(up, size+7)
	if err := up.Abort(e.ctx); err != nil {
		e.Fatal(err)
	}
	_, err := s.Parts(e.ctx, up.Info())
	e.wantError("Parts of what was aborted", err, sink.ErrNoUpload)
}
