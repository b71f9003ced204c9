package kafka

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

// TestShares: the shares that are out never are more than the whole; who waits is served in order,
// as long as those who are asked give back; and all comes back.
func TestShares(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		total := rapid.Int64Range(1, 100).Draw(rt, "total")
		least := rapid.Int64Range(1, 120).Draw(rt, "least")
		ops := rapid.SliceOfN(rapid.IntRange(0, 5), 1, 60).Draw(rt, "ops")
		parts := rapid.SliceOfN(rapid.IntRange(0, 8), len(ops), len(ops)).Draw(rt, "partitions")
		synctest.Test(t, func(t *testing.T) {
			s := &sharing{t: rt, shares: newShares(total, least)}
			for i, op := range ops {
				switch {
				case op <= 2:
					s.take(parts[i])
				case op == 3 && len(s.out) > 0:
					s.give(parts[i] % len(s.out))
				case op == 4 && len(s.waiting) > 0:
					s.cancel(parts[i] % len(s.waiting))
				default:
					s.giveWanted()
				}
				s.check()
			}
			for len(s.out)+len(s.waiting) > 0 { // whoever is asked gives, and nobody else
				if n := s.giveWanted(); n == 0 && len(s.waiting) > 0 {
					rt.Fatalf("%d wait, and nobody is asked", len(s.waiting))
				} else if n == 0 {
					s.give(0)
				}
				s.check()
			}
			if s.used != 0 || len(s.open) > 0 {
				rt.Errorf("%d bytes are out in the end", s.used)
			}
		})
	})
}

// sharing are the takers of shares, as they are seen from outside.
type sharing struct {
	*shares
	t       *rapid.T
	out     []*share // in the order in which they were given
	waiting []*waiter
}

type waiter struct {
	got    chan *share // closed without one: cancelled
	cancel context.CancelFunc
}

func (s *sharing) take(n int) {
	ctx, cancel := context.WithCancel(context.Background())
	w := &waiter{got: make(chan *share, 1), cancel: cancel}
	s.waiting = append(s.waiting, w)
	go func() {
		defer close(w.got)
		share, err := s.shares.take(ctx, n)
		if (err == nil) == (share == nil) || err != nil && !errors.Is(err, context.Canceled) {
			s.t.Errorf("take: got %v, %v", share, err)
		}
		if err == nil {
			w.got <- share
		}
	}()
	synctest.Wait() // so that they wait in this order
}

func (s *sharing) give(i int) {
	s.shares.give(s.out[i])
	s.out = slices.Delete(s.out, i, i+1)
}

func (s *sharing) cancel(i int) {
	s.waiting[i].cancel()
	s.waiting = slices.Delete(s.waiting, i, i+1)
}

// giveWanted gives all back that is wanted.
func (s *sharing) giveWanted() (n int) {
	for i := len(s.out) - 1; i >= 0; i-- {
		select {
		case <-s.out[i].wanted:
			s.give(i)
			n++
		default:
		}
	}
	return n
}

// check looks at who got what.
func (s *sharing) check() {
	synctest.Wait()
	for len(s.waiting) > 0 {
		select {
		case share := <-s.waiting[0].got:
			s.waiting[0].cancel()
			s.out, s.waiting = append(s.out, share), s.waiting[1:]
			continue
		default:
		}
		break
	}
	for _, w := range s.waiting {
		if len(w.got) > 0 {
			s.t.Fatal("somebody who came later was served first")
		}
	}
	sum := int64(0)
	for _, share := range s.out {
		sum += share.size
		if share.size < 1 || share.size < min(s.least, s.total) {
			s.t.Fatalf("a share has %d bytes, and %d are the least", share.size, s.least)
		}
	}
	if sum > s.total || sum != s.used {
		s.t.Fatalf("%d bytes are out, %d are counted, and there are %d", sum, s.used, s.total)
	}
}

// TestShareSizes: partitions divide the whole, as long as each has enough to work with.
func TestShareSizes(t *testing.T) {
	f := func(total, least int64, n int, want int64) {
		t.Helper()
		s, err := newShares(total, least).take(t.Context(), n)
		if err != nil || s.size != want {
			t.Errorf("%d of %d, at least %d: got %v, %v; want %d", n, total, least, s, err, want)
		}
	}
	f(100, 10, 1, 100)
	f(100, 10, 4, 25)
	f(100, 10, 10, 10)
	f(100, 10, 500, 10)
	f(100, 10, 0, 100) // the group takes the partition away just now
	f(10, 30, 1, 30)   // less would not do
	f(10, 30, 7, 30)
}

// TestShareWanted asks the oldest, and no more than it takes.
func TestShareWanted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newShares(100, 25)
		var out []*share
		for range 4 {
			s, err := b.take(t.Context(), 4)
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, s)
		}
		wanted := func() (n int) {
			synctest.Wait()
			for i, s := range out {
				select {
				case <-s.wanted:
					if n++; n != i+1 {
						t.Errorf("share %d is wanted, and an older one is not", i)
					}
				default:
				}
			}
			return n
		}
		ctx, cancel := context.WithCancelCause(t.Context())
		done := make(chan error, 1)
		take := func(n int) { _, err := b.take(ctx, n); done <- err }
		if n := wanted(); n != 0 {
			t.Errorf("%d are wanted, and nobody waits", n)
		}
		go take(2)
		if n := wanted(); n != 2 {
			t.Errorf("%d of 25 are wanted for one of 50", n)
		}
		stop := errors.New("told to stop")
		cancel(stop)
		if err := <-done; !errors.Is(err, stop) {
			t.Errorf("got %v", err)
		}
		go func() {
			for _, s := range out {
				time.Sleep(time.Second)
				b.give(s)
			}
		}()
		begun := time.Now()
		if s, err := b.take(t.Context(), 2); err != nil || s.size != 50 || time.Since(begun) != 2*time.Second {
			t.Errorf("got %v, %v after %v", s, err, time.Since(begun))
		}
		time.Sleep(time.Minute)
	})
}
