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

// abortUploads aborts the uploads that are known, and looks for those that may be there.
func (u *Uploader) abortUploads(ctx context.Context) error {
	var uploads []Upload
	unsure := u.lost
	for o := range u.live {
		uploads = append(uploads, o.upload)
		if o.pending > 0 {
			unsure = append(unsure, o.suspect())
		}
	}
	clear(u.live)
	u.lost = nil
	err := each(u.opts.Concurrency, uploads, func(up Upload) error { return up.Abort(ctx) })
	return errors.Join(err, u.settle(ctx, unsure))
}

// suspect is where an upload may be left.
type suspect struct {
	key string
	id  string // of the upload; "": whatever is there is ours
}

// suspect is what may be left of an object's upload. Under the key of a shared set others of
// other processes may be, which are none of our business.
func (o *Object) suspect() suspect {
	if o.set.taken != nil {
		return suspect{o.Key, o.upload.Info().ID}
	}
	return suspect{key: o.Key}
}

// settle makes sure that nothing is left of the given uploads. A request that was cancelled
// may still be at work in the store: a Create brings an upload that nobody knows, a part
// that arrives while its upload is aborted can bring that one back. So it looks, waits
// longer each time, and looks again until there was nothing twice.
func (u *Uploader) settle(ctx context.Context, unsure []suspect) error {
	quiet := 0
	for pause := 100 * time.Millisecond; len(unsure) > 0 && quiet < 2; pause *= 3 {
		if err := wait(ctx, pause); err != nil {
			return err
		}
		var found atomic.Int64
		err := each(u.opts.Concurrency, unsure, func(s suspect) error {
			n, err := abortKey(ctx, u.store, s)
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

// abortKey aborts the uploads under one key that are ours, and returns their number.
func abortKey(ctx context.Context, store Store, s suspect) (n int, err error) {
	for up, err := range store.Uploads(ctx, s.key) {
		if err != nil {
			return n, err
		}
		if up.Key != s.key { // another key that begins like it
			continue
		}
		if s.id != "" && up.ID != s.id {
			continue
		}
		if err := store.AbortUpload(ctx, up); err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

// lose remembers an object for which Create has failed: there may be an upload all the same. Under
// the key of a shared set nobody could tell it from another process's, so there it is left: it
// is invisible.
func (u *Uploader) lose(o *Object) {
	if o.set.taken != nil {
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.lost = append(u.lost, suspect{key: o.Key})
}
