package sink_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sluice-data/sluice/sink"
	"github.com/sluice-data/sluice/sink/faultstore"
)

// events is what happened, in order.
type events struct {
	mu  sync.Mutex
	all []string
}

func (e *events) add(format string, args ...any) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.all = append(e.all, fmt.Sprintf(format, args...))
}

func (e *events) get() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.all)
}

// setTest writes one set into a store with an older object.
type setTest struct {
	*testing.T
	mem  *memStore
	u    *sink.Uploader
	set  *sink.Set
	log  events
	want map[string]int // sizes
	held bool
}

const older = "t/older"

func newSetTest(t *testing.T, held bool, opts sink.UploadOptions, rules ...*faultstore.Rule) *setTest {
	t.Helper()
	mem := newMemStore(sink.Properties{})
	if err := mem.Put(t.Context(), older, sink.NewBody([]byte("old")), nil); err != nil {
		t.Fatal(err)
	}
	mem.shown = nil
	u := sink.NewUploader(faultstore.New(mem, rules...), opts)
	return &setTest{T: t, mem: mem, u: u, set: u.NewSet(held), want: map[string]int{}, held: held}
}

// object opens an object and appends to it.
func (s *setTest) object(ctx context.Context, key string, size int) (*sink.Object, error) {
	o := s.set.Open(key, noMeta, func() {
		if _, err := s.mem.Stat(context.Background(), key); err != nil {
			s.Errorf("%s is called durable: %v", key, err)
		}
		s.log.add("durable %s", key)
	})
	s.want[key] = size
	return o, o.Append(ctx, content(size, 1), 1)
}

// closed makes an object and closes it.
func (s *setTest) closed(ctx context.Context, key string, size int) error {
	o, err := s.object(ctx, key, size)
	if err != nil {
		return err
	}
	return o.Close(ctx)
}

// after is what Commit is given. It checks what is visible, and Delete fails with err.
func (s *setTest) after(err error) sink.Replacement { return &replacement{s, err} }

type replacement struct {
	*setTest
	err error
}

func (r *replacement) Find(_ context.Context, own map[string]bool) error {
	r.log.add("find")
	for key := range own {
		if shown := len(r.mem.object(key).data) == r.want[key]; shown == r.held {
			r.Errorf("%s is visible: %v, when older objects are looked for", key, shown)
		}
	}
	return nil
}

func (r *replacement) Delete(_ context.Context, own map[string]bool) error {
	r.log.add("delete")
	if got, want := slices.Sorted(maps.Keys(own)), slices.Sorted(maps.Keys(r.want)); !slices.Equal(got, want) {
		r.Errorf("own are the keys %q, want %q", got, want)
	}
	r.visible(true)
	return r.err
}

// visible checks that all objects are there, or none, and the older one in any case.
func (s *setTest) visible(yes bool) {
	s.Helper()
	want := []string{older}
	if yes {
		want = append(want, slices.Collect(maps.Keys(s.want))...)
		slices.Sort(want)
	}
	if got := s.mem.keys(); !slices.Equal(got, want) {
		s.Errorf("got the objects %q, want %q", got, want)
	}
	for key, size := range s.want {
		if got := len(s.mem.object(key).data); yes && got != size {
			s.Errorf("%s has %d bytes, want %d", key, got, size)
		}
	}
}

// wantDurable checks that each object was durable exactly once: those of a held set behind
// what they replace, the others in front of it.
func (s *setTest) wantDurable() {
	s.Helper()
	var want []string
	for _, key := range slices.Sorted(maps.Keys(s.want)) {
		want = append(want, "durable "+key)
	}
	got := s.log.get()
	at := slices.Index(got, "delete")
	if at < 1 || got[at-1] != "find" || s.held && at != 1 || !s.held && at != len(got)-1 {
		s.Errorf("find and delete are at the wrong place: %q", got)
	} else {
		got = slices.Delete(got, at-1, at+1)
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		s.Errorf("got %q, want %q", got, want)
	}
}

// wantTidy aborts all, after which nothing may be left but the older object.
func (s *setTest) wantTidy(more ...string) {
	s.Helper()
	if err := s.u.AbortAll(s.Context()); err != nil {
		s.Errorf("AbortAll: %v", err)
	}
	if left := s.mem.unfinished(); len(left) > 0 {
		s.Errorf("unfinished uploads: %v", left)
	}
	want := append(more, older)
	slices.Sort(want)
	if got := s.mem.keys(); !slices.Equal(got, want) {
		s.Errorf("got the objects %q, want %q", got, want)
	}
	for _, event := range s.log.get() {
		if event == "find" {
			continue // which changes nothing
		}
		s.Errorf("unexpected: %s", event)
	}
}

var inParts = sink.UploadOptions{PartSize: chunk}

func TestPlainSet(t *testing.T) {
	for _, size := range []int{10, 3*chunk + 1, 3 * chunk} {
		s := newSetTest(t, false, inParts)
		err := upload(t.Context(), s.u, func(ctx context.Context) error {
			for i := range 20 {
				if err := s.closed(ctx, fmt.Sprintf("t/%02d", i), size); err != nil {
					return err
				}
			}
			if _, err := s.object(ctx, "t/last", size); err != nil {
				return err
			}
			return s.set.Commit(ctx, s.after(nil))
		})
		if err != nil {
			t.Errorf("%d bytes: %v", size, err)
		}
		s.visible(true)
		s.wantDurable()
	}
}

// TestPlainSetAtOnce: its objects do not wait for Commit.
func TestPlainSetAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSetTest(t, false, inParts)
		err := upload(t.Context(), s.u, func(ctx context.Context) error {
			for _, size := range []int{10, 3 * chunk} {
				if err := s.closed(ctx, fmt.Sprint("t/", size), size); err != nil {
					return err
				}
				synctest.Wait()
				s.visible(true)
				if got := s.log.get(); len(got) != len(s.want) {
					t.Errorf("got %q", got)
				}
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	})
}

func TestHeldSet(t *testing.T) {
	f := func(last int, sizes ...int) {
		t.Helper()
		synctest.Test(t, func(t *testing.T) {
			s := newSetTest(t, true, inParts)
			err := upload(t.Context(), s.u, func(ctx context.Context) error {
				for i, size := range sizes {
					if err := s.closed(ctx, fmt.Sprintf("t/%02d", i), size); err != nil {
						return err
					}
				}
				if last > 0 {
					if _, err := s.object(ctx, "t/last", last); err != nil {
						return err
					}
				}
				synctest.Wait()
				s.visible(false)
				return s.set.Commit(ctx, s.after(nil))
			})
			if err != nil {
				t.Errorf("%v and %d: %v", sizes, last, err)
			}
			s.visible(true)
			s.wantDurable()
			if n := len(s.mem.shown); n > 1 && s.mem.shown[n-1] != "t/00" {
				t.Errorf("%v and %d: shown in the order %q, want t/00 last", sizes, last, s.mem.shown)
			}
			if got := int(s.u.Stats.Objects.Load()); got != len(s.want) {
				t.Errorf("%v and %d: Stats.Objects is %d", sizes, last, got)
			}
			wantChunks(t, s.u, 256<<20)
		})
	}
	f(0) // nothing to show: after runs all the same
	f(10)
	f(3 * chunk)
	f(0, 10)
	f(0, 3*chunk)
	f(10, 10, 10)
	f(3*chunk, 10, 3*chunk, chunk, chunk+1)
	f(10, slices.Repeat([]int{2 * chunk}, 30)...)
}

// TestCommitEarly commits while parts are on their way, in any order.
func TestCommitEarly(t *testing.T) {
	for _, held := range []bool{false, true} {
		for nth := 1; nth <= 6; nth++ {
			synctest.Test(t, func(t *testing.T) {
				s := newSetTest(t, held, inParts, faultstore.On(faultstore.Part).Nth(nth).Delay(time.Minute),
					faultstore.On(faultstore.Part).Every(2).Delay(time.Second))
				err := upload(t.Context(), s.u, func(ctx context.Context) error {
					if err := s.closed(ctx, "t/a", 3*chunk); err != nil {
						return err
					}
					if _, err := s.object(ctx, "t/b", 3*chunk-1); err != nil {
						return err
					}
					return s.set.Commit(ctx, s.after(nil))
				})
				if err != nil {
					t.Errorf("held %v, part %d is late: %v", held, nth, err)
				}
				s.visible(true)
				s.wantDurable()
			})
		}
	}
}
