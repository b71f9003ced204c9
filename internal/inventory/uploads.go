package inventory

import (
	"context"
	"errors"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/sluice-data/sluice/internal/guard"
	"github.com/sluice-data/sluice/sink"
)

// State says whether somebody may still need an unfinished upload.
type State string

const (
	// InUse: its sync was seen alive lately, or it is not known when it began.
	InUse State = "in use"
	// Stale: nobody will finish it.
	Stale State = "stale"
	// Proof: it tells the next sync of its stream that a full refresh was shown only in part.
	// That sync takes the rest back, and then aborts the upload.
	Proof State = "proof"
	// Unclear: what it takes to know could not be looked at.
	Unclear State = "unclear"
)

// Upload is one unfinished upload with a name of ours.
type Upload struct {
	sink.UploadInfo
	Dir   string // of its stream, below the path
	State State
	Alive time.Time // when its sync was last seen alive; the zero time: it is not known when
	Size  int64     // bytes; -1: not known. It is only asked for where the upload is old.
	Err   error     // why it is Unclear
}

// Uploads are all unfinished uploads below a path.
type Uploads struct {
	Ours    []Upload // in the order of their keys
	Foreign int64    // that have no name of ours
}

// Unfinished lists the unfinished uploads below the path. Those whose sync was seen alive less
// than the given age ago may be in use.
//
// The age of an upload alone is no proof that its sync is dead: a full refresh of more than a
// day finishes its first upload at its end. All that a sync began has names with one stamp, so
// each younger upload with it, each part and each visible object is a sign of life.
//
// After an error the uploads in front of it are returned too: some stores can't list more than
// a page, and who aborts that gets further.
func Unfinished(ctx context.Context, store sink.Inspector, opts Options, now time.Time, age time.Duration) (*Uploads, error) {
	a := newArea(opts)
	all := &Uploads{}
	signs := map[string]time.Time{} // by stamp
	// Of the whole path, since what another stream does is a sign of life too.
	listed, failed := sink.Unfinished(ctx, store, a.path)
	for _, info := range listed {
		dir, own := a.own(info.Key)
		if own {
			see(signs, a.stamp(info.Key), info.Started)
		}
		switch {
		case !a.wanted(dir):
		case !own:
			all.Foreign++
		default:
			all.Ours = append(all.Ours, Upload{UploadInfo: info, Dir: dir, State: InUse, Size: -1})
		}
	}
	old := func(info sink.UploadInfo) bool {
		return !info.Started.IsZero() && (age == 0 || signs[a.stamp(info.Key)].Before(now.Add(-age)))
	}
	if err := a.examine(ctx, store, all.Ours, old, signs); err != nil {
		return nil, err
	}
	for i := range all.Ours {
		up := &all.Ours[i]
		if !up.Started.IsZero() {
			up.Alive = signs[a.stamp(up.Key)]
		}
		if !old(up.UploadInfo) {
			up.State, up.Err = InUse, nil
		}
	}
	if failed != nil {
		failed = sink.Failed("list unfinished uploads", failed)
	}
	return all, failed
}

// see notes a sign of life of the sync with a stamp.
func see(signs map[string]time.Time, stamp string, at time.Time) {
	if at.After(signs[stamp]) {
		signs[stamp] = at
	}
}

// examine asks the store about those uploads that are old, as far as is known until then.
func (a area) examine(ctx context.Context, store sink.Inspector, uploads []Upload, old func(sink.UploadInfo) bool, signs map[string]time.Time) error {
	type answer struct {
		standing sink.Standing
		parts    sink.Parts
	}
	answers := make([]answer, len(uploads))
	group, gctx := errgroup.WithContext(ctx)
	group.SetLimit(requests)
	for i := range uploads {
		up, found := &uploads[i], &answers[i]
		if !old(up.UploadInfo) {
			continue
		}
		group.Go(func() error {
			return guard.Run(func() (err error) {
				up.State = Stale
				if found.standing, err = sink.StandingOf(gctx, store, a.names(up.Key), up.UploadInfo); err != nil {
					up.State, up.Err = Unclear, sink.Failed("look at the objects of the same sync", err)
				}
				if found.standing.Proof {
					up.State = Proof
				}
				// Who may not look at the parts, or can't, has the other signs.
				if found.parts, err = store.Parts(gctx, up.UploadInfo); err == nil {
					up.Size = found.parts.Size
				}
				return context.Cause(gctx) // whatever failed because of it
			})
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	for i, found := range answers {
		stamp := a.stamp(uploads[i].Key)
		see(signs, stamp, found.standing.Newest)
		see(signs, stamp, found.parts.Last)
	}
	return nil
}

// Abort aborts uploads, some at a time, and tells of each how it went. One that fails stops no
// other; the end of ctx does.
func Abort(ctx context.Context, store sink.Store, uploads []Upload, done func(Upload, error)) error {
	for len(uploads) > 0 {
		batch := uploads[:min(requests, len(uploads))]
		uploads = uploads[len(batch):]
		errs := make([]error, len(batch))
		var group errgroup.Group
		for i, up := range batch {
			group.Go(func() error {
				errs[i] = guard.Run(func() error { return store.AbortUpload(ctx, up.UploadInfo) })
				return nil
			})
		}
		_ = group.Wait() // they return nil
		for i, up := range batch {
			if ctx.Err() != nil && errs[i] != nil {
				continue // it was not asked for, or nobody waited for the answer
			}
			if err := errs[i]; err != nil && errors.Is(err, sink.ErrDenied) {
				errs[i] = sink.Failed("abort an upload", err)
			}
			done(up, errs[i])
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
	return nil
}
