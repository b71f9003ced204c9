package inventory

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sluice-data/sluice/internal/naming"
	"github.com/sluice-data/sluice/sink"
)

// below is the default template below a path.
func below(path string) *naming.Template {
	t, err := naming.Parse(path, "", "")
	if err != nil {
		panic(err)
	}
	return t
}

// key is an object of ours: the name of the day-th sync, and a partition id.
func key(dir string, day, id int) string {
	return fmt.Sprintf("%s/2026_11_%02d_17%011d_%d.csv", dir, day, day, id)
}

// told is a listing as text: directories with objects and bytes, and what is not ours.
func told(all *Objects) string {
	var b strings.Builder
	for _, s := range all.Streams {
		fmt.Fprintf(&b, "%s:%d/%d ", s.Dir, s.Objects, s.Bytes)
	}
	return fmt.Sprintf("%sothers:%d/%d", b.String(), all.Foreign.Objects, all.Foreign.Bytes)
}

// TestList has neighbours of every kind.
func TestList(t *testing.T) {
	b := newBucket()
	for i, name := range []string{
		key("data/users", 1, 0), key("data/users", 1, 1) + ".gz", key("data/users_archive", 1, 0),
		key("data/public/users", 1, 0), key("data/a/b/c", 1, 0), // of another path, below this one
		key("data", 1, 0),   // no stream
		key("data_2", 1, 0), // another path
		key("users", 1, 0), key("other/users", 1, 0),
		"data/users/README.txt", "data/users/", key("data/users", 1, 0) + ".bak", "data/empty/x", "data/x",
	} {
		b.put(name, int64(i+1), 1, nil)
	}
	f := func(path, stream, want string) {
		t.Helper()
		all, err := List(t.Context(), b, Options{Template: below(path), Stream: stream})
		if err != nil || told(all) != want {
			t.Errorf("%q, stream %q:\n got %s, %v\nwant %s", path, stream, told(all), err, want)
		}
	}
	f("data", "", "a/b/c:1/5 public/users:1/4 users:2/3 users_archive:1/3 others:6/66")
	f("//data/", "", "a/b/c:1/5 public/users:1/4 users:2/3 users_archive:1/3 others:6/66")
	f("data/a", "", "b/c:1/5 others:0/0")
	f("data/users", "", "others:5/36")
	f("nothing", "", "others:0/0")
	f("", "", "data:1/6 data/a/b/c:1/5 data/public/users:1/4 data/users:2/3 data/users_archive:1/3 data_2:1/7 other/users:1/9 users:1/8 others:5/60")
	f("data", "users", "public/users:1/4 users:2/3 others:3/33")
	f("data", "/public/users/", "public/users:1/4 others:0/0")
	f("data", "a/b/c", "a/b/c:1/5 others:0/0")
	f("data", "archive", "others:0/0")
	f("data", "public", "others:0/0")
	f("data", "users archive", "users_archive:1/3 others:0/0") // as the catalog has it
}

// TestListReadsOneDirectory: a stream that is named with its namespace needs no look at the rest.
func TestListReadsOneDirectory(t *testing.T) {
	b := newBucket()
	b.put(key("data/public/users", 1, 0), 1, 1, nil)
	b.fail["Walk data/"] = denied()
	if _, err := List(t.Context(), b, Options{Template: below("data"), Stream: "public/users"}); err != nil {
		t.Error(err)
	}
	if _, err := List(t.Context(), b, Options{Template: below("data"), Stream: "users"}); !errors.Is(err, sink.ErrDenied) || !strings.Contains(err.Error(), "may not list objects") {
		t.Errorf("got %v, want what it may not do", err)
	}
}

func TestTimes(t *testing.T) {
	b := newBucket()
	for i, hours := range []int{5, 9, 2} {
		b.put(key("data/users", 1, i), 1, hours, nil)
	}
	all, err := List(t.Context(), b, Options{Template: below("data")})
	if err != nil || !all.Streams[0].Oldest.Equal(now.Add(-9*time.Hour)) || !all.Streams[0].Newest.Equal(now.Add(-2*time.Hour)) {
		t.Errorf("got %+v, %v", all, err)
	}
	if b.stats > 0 {
		t.Errorf("%d objects were asked for their metadata, want none", b.stats)
	}
}

func TestMetadata(t *testing.T) {
	b := newBucket()
	f := func(want string, all ...sink.Metadata) {
		t.Helper()
		clear(b.objects)
		for i, meta := range all {
			b.put(key("data/users", 1, i), 1, 1, meta)
		}
		got, err := List(t.Context(), b, Options{Template: below("data"), Metadata: true})
		if err != nil {
			t.Fatal(err)
		}
		s := got.Streams[0]
		if text := fmt.Sprint(s.Objects, s.Rows, s.Generations, s.SyncIDs); text != want {
			t.Errorf("%v:\n got %s\nwant %s", all, text, want)
		}
	}
	rows := func(n string) sink.Metadata { return sink.Metadata{"rows": n} }
	generation := func(n, sync string) sink.Metadata {
		return sink.Metadata{"ab-generation-id": n, "ab-sync-id": sync, "rows": "1"}
	}
	f("1 {0 0} {[] false 1} {[] false 1}", nil)
	f("2 {7 2} {[] false 2} {[] false 2}", rows("7"), rows("0"))
	f("3 {7 1} {[] false 3} {[] false 3}", rows("7"), nil, nil)
	f("4 {0 0} {[] false 4} {[] false 4}", rows("many"), rows("-1"), rows(""), rows("99999999999999999999"))
	f("4 {4 4} {[7 8] false 0} {[41 42 43] false 0}", generation("8", "43"), generation("7", "41"), generation("8", "42"), generation("8", "43"))
	f("2 {1 1} {[0] false 1} {[42] false 1}", generation("0", "42"), nil)
	b.deletedMeantime = key("data/users", 1, 1)
	f("1 {1 1} {[] false 1} {[] false 1}", rows("1"), rows("2"))
	b.deletedMeantime = ""
	b.fail["Stat"] = denied()
	if _, err := List(t.Context(), b, Options{Template: below("data"), Metadata: true}); !errors.Is(err, sink.ErrDenied) || !strings.Contains(err.Error(), "may not read an object's metadata") {
		t.Errorf("got %v, want what it may not do", err)
	}
}

// TestNumbersAreBounded: a stream of years has a sync id for each run.
func TestNumbersAreBounded(t *testing.T) {
	var n Numbers
	for i := range int64(3 * mostNumbers) {
		v := i % (mostNumbers + 1)
		n.add(&v)
	}
	if len(n.Values) != mostNumbers || !n.More || n.Values[0] != 0 || n.Values[mostNumbers-1] != mostNumbers-1 {
		t.Errorf("%d numbers, more: %v", len(n.Values), n.More)
	}
}

// TestEach gives the objects in their order, with and without metadata, a few requests at a time.
func TestEach(t *testing.T) { synctest.Test(t, testEach) }

func testEach(t *testing.T) {
	const n = 2100
	b := newBucket()
	b.takes = time.Second
	for i := range n {
		b.put(key("data/users", 1, 10_000+i), 1, 1, sink.Metadata{"rows": fmt.Sprint(i)})
	}
	for _, metadata := range []bool{false, true} {
		next := 0
		_, err := List(t.Context(), b, Options{Template: below("data"), Metadata: metadata, Each: func(o Object) error {
			if o.Key != key("data/users", 1, 10_000+next) || metadata && *o.Rows != int64(next) || !metadata && o.Rows != nil {
				t.Fatalf("object %d is %+v", next, o)
			}
			next++
			return nil
		}})
		if err != nil || next != n {
			t.Errorf("%d objects and %v, want %d", next, err, n)
		}
	}
	if b.stats != n || b.atMost != requests {
		t.Errorf("%d requests, up to %d at a time; want %d, %d", b.stats, b.atMost, n, requests)
	}
	enough := errors.New("enough")
	if _, err := List(t.Context(), b, Options{Template: below("data"), Each: func(Object) error { return enough }}); !errors.Is(err, enough) {
		t.Errorf("got %v, want %v", err, enough)
	}
}

// endless has as many objects as it is told.
type endless struct {
	*bucket
	objects int
	look    func()
}

func (e endless) Walk(context.Context, string, string) iter.Seq2[sink.Info, error] {
	return func(yield func(sink.Info, error) bool) {
		for i := range e.objects {
			yield(sink.Info{Key: key(fmt.Sprintf("data/s%d", i%7), 1, i), Size: 1, Modified: now}, nil)
		}
		e.look()
	}
}

// TestListIsFlat: many objects need no more memory than a page.
func TestListIsFlat(t *testing.T) {
	live := func() int64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	before := live()
	var at int64
	all, err := List(t.Context(), endless{newBucket(), 70_000, func() { at = live() }}, Options{Template: below("data")})
	if err != nil || len(all.Streams) != 7 || all.Streams[0].Objects != 10_000 {
		t.Fatalf("got %s, %v", told(all), err)
	}
	if grown := at - before; grown > 2<<20 {
		t.Errorf("the heap has grown by %d bytes", grown)
	}
}
