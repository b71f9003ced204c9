package sink

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/sluice-data/sluice/internal/guard"
)

// abortTimeout is what a failed sync spends on aborting, and again on taking back: the
// platform kills what does not end soon after its error.
const abortTimeout = 10 * time.Second

// AbortAll tidies up when Run has returned: it ends every unfinished upload and takes back
// the objects of a full refresh that was only half shown. The context of the sync may have
// ended by then, so it makes its own. An upload that can't be aborted stays invisible and
// is found by a later sync (Sweep).
func (u *Uploader) AbortAll(ctx context.Context) error {
	ctx = context.WithoutCancel(ctx)
	u.mu.Lock()
	defer u.mu.Unlock()
	aborting, cancel := context.WithTimeout(ctx, abortTimeout)
	defer cancel()
	// The unfinished first object tells a later run what a half shown set is, should this one
	// be killed here. It goes last, unless it was asked for already: it must not appear.
	proof := map[*Object]struct{}{}
	for s := range u.half {
		if first := s.objects[0]; first.upload != nil && !s.keys[first.Key] {
			proof[first] = struct{}{}
			delete(u.live, first)
		}
	}
	errs := []error{u.abortUploads(aborting)}
	// What can be seen matters more than what costs storage: this has time of its own.
	hiding, cancel := context.WithTimeout(ctx, abortTimeout)
	defer cancel()
	for s := range u.half {
		if err := s.hide(hiding); err != nil {
			errs = append(errs, err)
			delete(proof, s.objects[0]) // stays
		}
	}
	clear(u.half)
	u.live = proof
	return errors.Join(append(errs, u.abortUploads(hiding))...)
}

// abortUploads aborts the uploads that are known, and looks for those that may be there. A shared
// set's are not looked for: see lose.
func (u *Uploader) abortUploads(ctx context.Context) error {
	var uploads []Upload
	unsure := u.lost
	for o := range u.live {
		uploads = append(uploads, o.upload)
		if o.pending > 0 && o.set.taken == nil {
			unsure = append(unsure, o.Key)
		}
	}
	clear(u.live)
	u.lost = nil
	err := each(u.opts.Concurrency, uploads, func(up Upload) error { return up.Abort(ctx) })
	return errors.Join(err, u.settle(ctx, unsure))
}

// settle makes sure that nothing is left under the given keys. A request that was cancelled
// may still be at work in the store: a Create brings an upload that nobody knows, a part
// that arrives while its upload is aborted can bring that one back. So it looks, waits
// longer each time, and looks again until there was nothing twice.
func (u *Uploader) settle(ctx context.Context, keys []string) error {
	quiet := 0
	for pause := 100 * time.Millisecond; len(keys) > 0 && quiet < 2; pause *= 3 {
		if err := wait(ctx, pause); err != nil {
			return err
		}
		var found atomic.Int64
		err := each(u.opts.Concurrency, keys, func(key string) error {
			n, err := abortKey(ctx, u.store, key)
			found.Add(int64(n))
			return err
		})
		if err != nil {
			return err
		}
		if quiet++; found.Load() > 0 {
			quiet = 0
		}
	}
	return nil
}

// each calls f for all elements, n at a time, also when some fail, and joins the errors.
func each[T any](n int, all []T, f func(T) error) error {
	errs := make([]error, len(all))
	var group errgroup.Group
	group.SetLimit(n)
	for i, v := range all {
		group.Go(func() error {
			errs[i] = guard.Run(func() error { return f(v) })
			return nil
		})
	}
	_ = group.Wait() // the functions return nil: one that fails stops no other
	return errors.Join(errs...)
}

// abortKey aborts every upload under one key and returns their number.
func abortKey(ctx context.Context, store Store, key string) (n int, err error) {
	for up, err := range store.Uploads(ctx, key) {
		if err != nil {
			return n, err
		}
		if up.Key != key {
			continue // another key that begins like it
		}
		if err := store.AbortUpload(ctx, up); err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

// lose remembers an object for which Create has failed: there may be an upload all the same. Under
// the key of a shared set there may also be one of another process, which is not ours to end.
func (u *Uploader) lose(o *Object) {
	if o.set.taken != nil {
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.lost = append(u.lost, o.Key)
}
