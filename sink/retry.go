package sink

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"
)

// RetryPolicy says how long an outage is sat out. The policy is ours and not the SDK's:
// its retry quota drains in an outage, and then every call fails at once.
type RetryPolicy struct {
	Limit time.Duration // from the first failure of a call to giving up; default 5 min
	First time.Duration // upper bound of the first pause; default 100 ms
	Max   time.Duration // upper bound of every pause; default 10 s
	// Notify, if set, hears of each try that failed and will be repeated.
	Notify func(err error, pause time.Duration)
}

// Retrying is a Store that repeats what can be repeated. Where a reply was lost after a
// request that must not happen twice (Put, Complete), it looks at the object first.
type Retrying struct {
	Store
	policy  RetryPolicy
	Retries atomic.Int64
}

var _ Inspector = (*Retrying)(nil)

// Retry wraps a store.
func Retry(store Store, policy RetryPolicy) *Retrying {
	if policy.Limit == 0 {
		policy.Limit = 5 * time.Minute
	}
	if policy.First == 0 {
		policy.First = 100 * time.Millisecond
	}
	if policy.Max == 0 {
		policy.Max = 10 * time.Second
	}
	return &Retrying{Store: store, policy: policy}
}

// patience counts the tries of one call that failed since it last got anywhere.
type patience struct {
	failed int
	since  time.Time // of the first of them
}

// spent says what the tries took, for people.
func (p *patience) spent(lasted time.Duration) string {
	if p.failed == 1 {
		return "one try"
	}
	unit := time.Second
	if lasted < 10*time.Second {
		unit = 100 * time.Millisecond
	}
	return fmt.Sprintf("%d tries in %s", p.failed, lasted.Round(unit))
}

// do calls f until it succeeds, fails for good, or the policy's limit has passed.
func (r *Retrying) do(ctx context.Context, f func() error) error {
	return r.insist(ctx, &patience{}, f)
}

func (r *Retrying) insist(ctx context.Context, p *patience, f func() error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	for {
		err := f()
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if ClassOf(err) == Permanent {
			return err
		}
		if p.failed == 0 {
			p.since = time.Now()
		}
		p.failed++
		pause, lasted := r.pause(p.failed), time.Since(p.since)
		if lasted+pause > r.policy.Limit {
			return fmt.Errorf("given up after %s: %w", p.spent(lasted), err)
		}
		r.Retries.Add(1)
		if r.policy.Notify != nil {
			r.policy.Notify(err, pause)
		}
		if err := wait(ctx, pause); err != nil {
			return err
		}
	}
}

// wait waits, or returns the reason why ctx has ended.
func wait(ctx context.Context, pause time.Duration) error {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// pause doubles with each try; the jitter keeps many workers from coming back at once.
func (r *Retrying) pause(try int) time.Duration {
	bound := r.policy.First << min(try-1, 20)
	if bound <= 0 || bound > r.policy.Max {
		bound = r.policy.Max
	}
	return bound/2 + rand.N(bound/2+1)
}

// Create tries again after a lost reply, but first looks for the upload that the lost try
// may have made: it would be invisible, and cost storage until a later sync sweeps it. Whoever
// loses replies loses that one too, so it is repeated, with pauses of its own.
func (r *Retrying) Create(ctx context.Context, key string, meta Metadata) (Upload, error) {
	var up Upload
	unsure := false
	err := r.do(ctx, func() (err error) {
		if unsure {
			_, err := abortKey(ctx, r, suspect{key: key})
			if err != nil && ClassOf(err) != Permanent {
				return err
			}
			// A store that has no list of uploads, or does not show it: Sweep is there for the rest.
		}
		up, err = r.Store.Create(ctx, key, meta)
		unsure = unsure || ClassOf(err) == Unknown
		return err
	})
	if err != nil {
		return nil, err
	}
	return &retryingUpload{Upload: up, r: r, meta: meta, sizes: map[int]int64{}}, nil
}

// Put implements Store.
func (r *Retrying) Put(ctx context.Context, key string, body Body, meta Metadata) error {
	return r.once(ctx, key, body.Len(), meta, func() error { return r.Store.Put(ctx, key, body, meta) })
}

// once repeats a call that must not happen twice. After a try whose outcome is unknown, an
// object under key that has our size and our metadata is what that try made.
func (r *Retrying) once(ctx context.Context, key string, size int64, meta Metadata, call func() error) error {
	unsure := false
	return r.do(ctx, func() error {
		err := call()
		if err == nil {
			return nil
		}
		unsure = unsure || ClassOf(err) == Unknown
		if !unsure {
			return err
		}
		made, looking := r.made(ctx, key, size, meta)
		switch {
		case made:
			return nil
		case looking != nil && ClassOf(err) == Permanent:
			// "Taken" and "no such upload" are what a try that succeeded leads to.
			return fmt.Errorf("looking whether an earlier try made it (%v): %w", err, looking)
		}
		return err
	})
}

// made reports whether key holds the object that we meant to make. It looks once: an error
// leads to the next try, and to the next look after it.
func (r *Retrying) made(ctx context.Context, key string, size int64, meta Metadata) (bool, error) {
	info, err := r.Store.Stat(ctx, key)
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	if err != nil || info.Size != size {
		return false, err
	}
	for k, v := range meta {
		if info.Metadata[k] != v {
			return false, nil
		}
	}
	return true, nil
}

// Stat implements Store.
func (r *Retrying) Stat(ctx context.Context, key string) (Info, error) {
	var info Info
	err := r.do(ctx, func() (err error) {
		info, err = r.Store.Stat(ctx, key)
		return err
	})
	return info, err
}

// Delete implements Store.
func (r *Retrying) Delete(ctx context.Context, keys ...string) error {
	return r.do(ctx, func() error { return r.Store.Delete(ctx, keys...) })
}

// AbortUpload implements Store.
func (r *Retrying) AbortUpload(ctx context.Context, up UploadInfo) error {
	return r.do(ctx, func() error { return r.Store.AbortUpload(ctx, up) })
}

// List implements Store. After a failure it goes on behind what it has yielded already.
func (r *Retrying) List(ctx context.Context, prefix, after string) iter.Seq2[Info, error] {
	return r.list(ctx, after, func(after string) iter.Seq2[Info, error] { return r.Store.List(ctx, prefix, after) })
}

// Walk implements Store, as List does.
func (r *Retrying) Walk(ctx context.Context, prefix, after string) iter.Seq2[Info, error] {
	return r.list(ctx, after, func(after string) iter.Seq2[Info, error] { return r.Store.Walk(ctx, prefix, after) })
}

func (r *Retrying) list(ctx context.Context, after string, from func(after string) iter.Seq2[Info, error]) iter.Seq2[Info, error] {
	return func(yield func(Info, error) bool) {
		last := after
		rest := func(yield func(Info, error) bool) { from(last)(yield) }
		repeat(ctx, r, rest, yield, func(info Info) bool {
			if info.Key <= last {
				return false // of a store that knows no "after"
			}
			last = info.Key
			return true
		})
	}
}

// Uploads implements Store.
func (r *Retrying) Uploads(ctx context.Context, prefix string) iter.Seq2[UploadInfo, error] {
	return func(yield func(UploadInfo, error) bool) {
		seen := map[string]bool{}
		repeat(ctx, r, r.Store.Uploads(ctx, prefix), yield, func(up UploadInfo) bool {
			if seen[up.ID] {
				return false
			}
			seen[up.ID] = true
			return true
		})
	}
}

// repeat yields the elements of a sequence, starting it again after a failure; fresh says
// which elements were not yielded before. A list may take longer than the policy's limit:
// that counts from the last element.
func repeat[T any](ctx context.Context, r *Retrying, all iter.Seq2[T, error], yield func(T, error) bool, fresh func(T) bool) {
	var p patience
	err := r.insist(ctx, &p, func() error {
		for v, err := range all {
			if err != nil {
				return err
			}
			if !fresh(v) {
				continue
			}
			p = patience{}
			if !yield(v, nil) {
				return nil
			}
		}
		return nil
	})
	if err != nil {
		var none T
		yield(none, err)
	}
}

type retryingUpload struct {
	Upload
	r    *Retrying
	meta Metadata

	mu    sync.Mutex
	sizes map[int]int64 // of the parts that were sent
}

func (u *retryingUpload) Part(ctx context.Context, part Part) error {
	err := u.r.do(ctx, func() error { return u.Upload.Part(ctx, part) })
	if err == nil {
		u.mu.Lock()
		u.sizes[part.Number] = part.Body.Len()
		u.mu.Unlock()
	}
	return err
}

func (u *retryingUpload) Complete(ctx context.Context) error {
	var size int64
	u.mu.Lock()
	for _, n := range u.sizes {
		size += n
	}
	u.mu.Unlock()
	return u.r.once(ctx, u.Info().Key, size, u.meta, func() error { return u.Upload.Complete(ctx) })
}

func (u *retryingUpload) Abort(ctx context.Context) error {
	err := u.r.do(ctx, func() error { return u.Upload.Abort(ctx) })
	if errors.Is(err, ErrNoUpload) {
		return nil
	}
	return err
}
