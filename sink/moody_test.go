package sink_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"

	"pgregory.net/rapid"

	"github.com/sluice-data/sluice/sink"
)

// outcome is what becomes of one call to a store.
type outcome string

const (
	ok        outcome = "ok"
	retryable outcome = "retryable"
	permanent outcome = "permanent"
	unknown   outcome = "unknown, and it did not happen"
	happened  outcome = "unknown, and it happened"
)

// moody is a store whose calls go as a script says; then all goes well.
type moody struct {
	*memStore
	script []outcome
	failed map[outcome]int // what calls have met, by outcome
	looks  map[outcome]int // what Stat has met
}

// meet makes a call, or not, as the script says next.
func (m *moody) meet(count map[outcome]int, call func() error) error {
	next := ok
	if len(m.script) > 0 {
		next, m.script = m.script[0], m.script[1:]
	}
	count[next]++
	switch next {
	case retryable:
		return &sink.Error{Op: "moody", Class: sink.Retryable}
	case permanent:
		return &sink.Error{Op: "moody", Class: sink.Permanent}
	case unknown:
		return &sink.Error{Op: "moody", Class: sink.Unknown}
	case happened:
		_ = call()
		return &sink.Error{Op: "moody", Class: sink.Unknown}
	case ok:
	}
	return call()
}

func (m *moody) Put(ctx context.Context, key string, body sink.Body, meta sink.Metadata) error {
	return m.meet(m.failed, func() error { return m.memStore.Put(ctx, key, body, meta) })
}

func (m *moody) Stat(ctx context.Context, key string) (info sink.Info, err error) {
	err = m.meet(m.looks, func() error {
		info, err = m.memStore.Stat(ctx, key)
		return err
	})
	return info, err
}

func (m *moody) Create(ctx context.Context, key string, meta sink.Metadata) (up sink.Upload, err error) {
	err = m.meet(m.failed, func() error {
		up, err = m.memStore.Create(ctx, key, meta)
		return err
	})
	return &moodyUpload{up, m}, err
}

type moodyUpload struct {
	sink.Upload
	m *moody
}

func (u *moodyUpload) Part(ctx context.Context, p sink.Part) error {
	return u.m.meet(u.m.failed, func() error { return u.Upload.Part(ctx, p) })
}

func (u *moodyUpload) Complete(ctx context.Context) error {
	return u.m.meet(u.m.failed, func() error { return u.Upload.Complete(ctx) })
}

// TestRetryWhatever: in whatever order calls succeed, fail and get lost, a success means that
// the object is there, once and ours; an error has a reason in what the store said; and
// nobody else's object is ever taken for ours, or written over.
func TestRetryWhatever(t *testing.T) {
	outcomes := []outcome{ok, retryable, retryable, permanent, unknown, unknown, happened, happened}
	rapid.Check(t, func(rt *rapid.T) {
		script := rapid.SliceOfN(rapid.SampledFrom(outcomes), 0, 8).Draw(rt, "script")
		inParts := rapid.Bool().Draw(rt, "in parts")
		foreign := rapid.SampledFrom([]string{"", "", "", "other", "theirs, and longer"}).Draw(rt, "somebody else's")
		var err error
		synctest.Test(t, func(t *testing.T) { err = retryWhatever(t.Context(), script, inParts, foreign) })
		if err != nil {
			rt.Fatal(err)
		}
	})
}

func retryWhatever(ctx context.Context, script []outcome, inParts bool, foreign string) error {
	const key, ours = "t/new", "ours!"
	meta := sink.Metadata{"of": "us"}
	mem := newMemStore(sink.Properties{})
	if foreign != "" {
		theirs := meta // of another size, or with other metadata
		if len(foreign) == len(ours) {
			theirs = sink.Metadata{"of": "them"}
		}
		if err := mem.Put(ctx, key, sink.NewBody([]byte(foreign)), theirs); err != nil {
			return err
		}
	}
	m := &moody{memStore: mem, script: script, failed: map[outcome]int{}, looks: map[outcome]int{}}
	s := sink.Retry(m, sink.RetryPolicy{})
	err := func() error {
		if !inParts {
			return s.Put(ctx, key, sink.NewBody([]byte(ours)), meta)
		}
		up, err := s.Create(ctx, key, meta)
		if err != nil {
			return err
		}
		for i, half := range []string{ours[:2], ours[2:]} {
			if err := up.Part(ctx, sink.Part{Number: i + 1, Offset: int64(2 * i), Body: sink.NewBody([]byte(half))}); err != nil {
				return err
			}
		}
		return up.Complete(ctx)
	}()
	got := string(mem.object(key).data)
	switch {
	case foreign != "" && got != foreign:
		return fmt.Errorf("somebody else's object was written over, with %q", got)
	case foreign != "" && err == nil:
		return fmt.Errorf("somebody else's object is taken for ours")
	case foreign != "":
		return nil
	case len(mem.shown) > 1:
		return fmt.Errorf("shown %d times", len(mem.shown))
	case err == nil && got != ours:
		return fmt.Errorf("a success, and there is %q", got)
	case err == nil && inParts && len(mem.unfinished()) > 0:
		return fmt.Errorf("a success, and the uploads %v are left", mem.unfinished())
	case err != nil && m.failed[permanent] == 0 && m.looks[permanent] == 0:
		return fmt.Errorf("an error without a reason: %w", err)
	case err != nil && got == ours && m.looks[retryable]+m.looks[unknown]+m.looks[happened]+m.looks[permanent] == 0:
		return fmt.Errorf("the object is there, and nobody looked: %w", err)
	}
	return nil
}
