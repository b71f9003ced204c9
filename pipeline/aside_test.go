package pipeline

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/sluice-data/sluice/internal/guard"
)

// aside runs an Aside whose work is a function of a number; back has what was taken back.
func aside(t *testing.T, workers int, do func(context.Context, int) error) (a *Aside[int], back *[]int, end func() error) {
	back = new([]int)
	a = NewAside(AsideOptions[int]{
		Name: "toy", Workers: workers, New: func() func(context.Context, int) error { return do },
		Done: func(_ context.Context, i int) error { *back = append(*back, i); return nil },
	})
	var group errgroup.Group
	group.Go(func() error { return a.Run(t.Context()) })
	return a, back, func() error { a.Close(); return group.Wait() }
}

func upTo(n int) (all []int) {
	for i := range n {
		all = append(all, i)
	}
	return all
}

func TestAsideKeepsTheOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// The first ones take longest.
		a, back, end := aside(t, 4, func(_ context.Context, i int) error { time.Sleep(time.Duration(100-i) * time.Second); return nil })
		for i := range 20 {
			if err := a.Do(t.Context(), i); err != nil {
				t.Fatal(err)
			}
			if most := i + 1 - len(*back); a.Under() != most || most > 5 {
				t.Fatalf("%d under way, %d taken back of %d", a.Under(), len(*back), i+1)
			}
		}
		if err := a.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(*back, upTo(20)) || a.Under() != 0 {
			t.Errorf("taken back: %v", *back)
		}
		if err := end(); err != nil {
			t.Error(err)
		}
	})
}

func TestAsideLooksWithoutWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, back, end := aside(t, 2, func(_ context.Context, i int) error { time.Sleep(time.Duration(i) * time.Minute); return nil })
		for _, i := range []int{2, 1, 3} {
			if err := a.Do(t.Context(), i); err != nil {
				t.Fatal(err)
			}
		}
		f := func(after time.Duration, want ...int) {
			t.Helper()
			time.Sleep(after)
			synctest.Wait()
			if err := a.Look(t.Context()); err != nil || !slices.Equal(*back, want) {
				t.Errorf("%v, %v", *back, err)
			}
		}
		f(90 * time.Second) // the second one is done, and the first is not
		f(time.Minute, 2, 1)
		f(2*time.Minute, 2, 1, 3)
		if err := end(); err != nil {
			t.Error(err)
		}
	})
}

// TestAsideErrors: they come back in the order of the work, whoever met which.
func TestAsideErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bad := errors.New("bad")
		a, back, end := aside(t, 2, func(_ context.Context, i int) error {
			switch i {
			case 0:
				time.Sleep(time.Hour)
			case 1:
				panic("ouch")
			case 2:
				return bad
			}
			return nil
		})
		for i := range 3 {
			if err := a.Do(t.Context(), i); err != nil {
				t.Fatal(err)
			}
		}
		err := a.Wait(t.Context())
		if panicked := new(guard.BugError); !errors.As(err, &panicked) || len(*back) != 1 {
			t.Errorf("%v, with %v in front of it", err, *back)
		}
		if err := a.Wait(t.Context()); !errors.Is(err, bad) {
			t.Errorf("then %v", err)
		}
		if err := end(); err != nil {
			t.Error(err)
		}
	})
}

func TestAsideCancel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		enough := errors.New("enough")
		ctx, cancel := context.WithCancelCause(t.Context())
		a := NewAside(AsideOptions[int]{
			Name: "toy", Workers: 1, Done: func(context.Context, int) error { return nil },
			New: func() func(context.Context, int) error {
				return func(ctx context.Context, _ int) error { <-ctx.Done(); return fmt.Errorf("stopped") }
			},
		})
		var group errgroup.Group
		group.Go(func() error { return a.Run(ctx) })
		group.Go(func() error {
			for i := 0; ; i++ {
				if err := a.Do(ctx, i); err != nil {
					return err
				}
			}
		})
		synctest.Wait()
		cancel(enough)
		if err := group.Wait(); !errors.Is(err, enough) {
			t.Error(err)
		}
	})
}
