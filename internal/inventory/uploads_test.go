package inventory

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sluice-data/sluice/sink"
)

// states is a list of uploads as text: directory, partition id and state of each.
func states(all *Uploads) string {
	var b strings.Builder
	for _, up := range all.Ours {
		fmt.Fprintf(&b, "%s %s: %s, ", up.Dir, up.Key[len(up.Key)-5:len(up.Key)-4], up.State)
	}
	return fmt.Sprintf("%sothers: %d", b.String(), all.Foreign)
}

// looks returns a function for one-line cases: the uploads of a bucket that fill fills.
func looks(t *testing.T, age time.Duration) func(want string, fill func(*bucket)) {
	return func(want string, fill func(*bucket)) {
		t.Helper()
		b := newBucket()
		fill(b)
		all, err := Unfinished(t.Context(), b, Options{Template: below("data")}, now, age)
		if err != nil {
			t.Fatal(err)
		}
		if got := states(all); got != want {
			t.Errorf("\n got %s\nwant %s", got, want)
		}
	}
}

func TestUnfinished(t *testing.T) {
	f := looks(t, 24*time.Hour)
	f("others: 0", func(b *bucket) {})
	f("users 0: stale, others: 0", func(b *bucket) { b.begin(key("data/users", 1, 0), 25) })
	f("users 0: in use, others: 0", func(b *bucket) { b.begin(key("data/users", 1, 0), 24) })
	f("users 0: in use, others: 0", func(b *bucket) { b.begin(key("data/users", 1, 0), -1) }) // of unknown age
	f("a/b/c 0: stale, others: 4", func(b *bucket) {
		b.begin(key("data/a/b/c", 1, 0), 25)
		b.begin(key("data", 1, 0), 25)
		b.begin("data/users/README.txt", 25)
		b.begin(key("data/users", 1, 0)+".bak", 25)
		b.begin("data/_sluice_connection_test_1", 25)
		b.begin(key("data_2/users", 1, 0), 25)
		b.begin(key("users", 1, 0), 25)
	})
}

// TestSignsOfLife: a refresh that takes days has an old first upload, and is alive.
func TestSignsOfLife(t *testing.T) {
	f := looks(t, 24*time.Hour)
	first := func(b *bucket) { b.begin(key("data/users", 1, 0), 30) }
	f("users 0: in use, users 1: in use, others: 0", func(b *bucket) {
		first(b)
		b.begin(key("data/users", 1, 1), 2)
	})
	f("users 0: in use, events 3: in use, others: 0", func(b *bucket) { // the same sync, another stream
		first(b)
		b.begin(key("data/events", 1, 3), 2)
	})
	f("users 0: stale, users 1: in use, others: 0", func(b *bucket) { // another sync
		first(b)
		b.begin(key("data/users", 2, 1), 2)
	})
	f("users 0: in use, users 1: in use, others: 0", func(b *bucket) { // a part of the other upload
		first(b)
		b.begin(key("data/users", 1, 1), 29)
		b.parts[key("data/users", 1, 1)] = sink.Parts{Size: 5, Last: now.Add(-time.Hour)}
	})
	f("users 3: in use, others: 0", func(b *bucket) {
		b.begin(key("data/users", 1, 3), 30)
		b.put(key("data/users", 1, 2), 1, 3, nil)
	})
	f("users 3: stale, others: 0", func(b *bucket) {
		b.begin(key("data/users", 1, 3), 30)
		b.put(key("data/users", 1, 2), 1, 25, nil)
		b.put(key("data/users", 2, 2), 1, 1, nil)
	})
	f = looks(t, 0)
	f("users 0: stale, users 1: stale, others: 0", func(b *bucket) {
		first(b)
		b.begin(key("data/users", 1, 1), 0)
	})
}

// TestProof leaves what the next sync needs.
func TestProof(t *testing.T) {
	set := sink.Metadata{sink.MetaSet: key("", 1, 0)[1:]}
	half := func(b *bucket) {
		b.begin(key("data/users", 1, 0), 30)
		b.begin(key("data/users", 1, 2), 30)
		b.put(key("data/users", 1, 1), 1, 29, set)
	}
	looks(t, 24*time.Hour)("users 0: proof, users 2: stale, others: 0", half)
	looks(t, 0)("users 0: proof, users 2: stale, others: 0", half)
	looks(t, 48*time.Hour)("users 0: in use, users 2: in use, others: 0", half)
	looks(t, 24*time.Hour)("users 0: unclear, users 2: stale, others: 0", func(b *bucket) {
		half(b)
		b.fail["Stat"] = denied()
	})
	looks(t, 24*time.Hour)("users 0: unclear, users 2: unclear, others: 0", func(b *bucket) {
		half(b)
		b.fail["List"] = denied()
	})
}

func TestSizes(t *testing.T) {
	b := newBucket()
	for i, hours := range []int{30, 30, 1} {
		b.begin(key("data/users", i+1, 0), hours)
		b.parts[key("data/users", i+1, 0)] = sink.Parts{Size: 5, Last: now.Add(-27 * time.Hour)}
	}
	b.fail["Parts "+key("data/users", 2, 0)] = denied()
	all, err := Unfinished(t.Context(), b, Options{Template: below("data")}, now, 24*time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	var sizes []int64
	var hours []float64
	for _, up := range all.Ours {
		sizes, hours = append(sizes, up.Size), append(hours, now.Sub(up.Alive).Hours())
	}
	if !slices.Equal(sizes, []int64{5, -1, -1}) || !slices.Equal(hours, []float64{27, 27, 1}) {
		t.Errorf("got %v bytes, alive %v hours ago: %s", sizes, hours, states(all))
	}
}

// TestUnfinishedFails names the right, and tells what came before.
func TestUnfinishedFails(t *testing.T) {
	b := newBucket()
	b.begin(key("data/users", 1, 0), 30)
	b.fail["Uploads"] = denied()
	all, err := Unfinished(t.Context(), b, Options{Template: below("data")}, now, 24*time.Hour)
	if !errors.Is(err, sink.ErrDenied) || !strings.Contains(err.Error(), "may not list unfinished uploads") || states(all) != "users 0: stale, others: 0" {
		t.Errorf("got %v and %+v", err, all)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cause := errors.New("asked to stop")
	cancel(cause)
	if _, err := Unfinished(ctx, b, Options{Template: below("data")}, now, 24*time.Hour); !errors.Is(err, cause) {
		t.Errorf("got %v, want %v", err, cause)
	}
}

func TestAbort(t *testing.T) {
	b := newBucket()
	for i := range 40 {
		b.begin(key("data/users", 1, i), 30)
	}
	b.fail["AbortUpload "+key("data/users", 1, 3)] = denied()
	b.fail["AbortUpload "+key("data/users", 1, 20)] = errors.New("lost")
	all, err := Unfinished(t.Context(), b, Options{Template: below("data")}, now, 24*time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	var order, failed []string
	err = Abort(t.Context(), b, all.Ours, func(up Upload, err error) {
		order = append(order, up.ID)
		if err != nil {
			failed = append(failed, err.Error())
		}
	})
	if err != nil || len(b.aborted) != 38 || !slices.Equal(order[:2], []string{key("data/users", 1, 0), key("data/users", 1, 1)}) || len(order) != 40 {
		t.Errorf("%v; aborted %d, told of %q", err, len(b.aborted), order)
	}
	if len(failed) != 2 || !strings.Contains(failed[0], "may not abort an upload") || failed[1] != "lost" {
		t.Errorf("failed %q", failed)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	b.aborted, order = nil, nil
	stop := errors.New("asked to stop")
	err = Abort(ctx, b, all.Ours, func(up Upload, _ error) {
		order = append(order, up.ID)
		cancel(stop)
	})
	if !errors.Is(err, stop) || len(b.aborted) > requests || len(order) > requests {
		t.Errorf("%v; aborted %d after the end", err, len(b.aborted))
	}
}
