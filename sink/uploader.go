package sink

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/sluice-data/sluice/internal/guard"
	"github.com/sluice-data/sluice/internal/meter"
)

// UploadOptions are the bounds of an Uploader. A zero field means its default.
type UploadOptions struct {
	PartSize    int64 // bytes; default 8 MiB, at least the store's minimum
	Concurrency int   // requests in flight; default 16: docs/PERFORMANCE.md says why
	Memory      int64 // bytes of buffers, in flight and filling; default 256 MiB
	MaxObject   int64 // bytes after which Object.Full is true, 0: only the store's limits
}

// Uploader sends the objects of a sync. All streams share its buffers (the memory budget)
// and its workers (the requests in flight).
//
// One goroutine opens objects, appends to them and closes them; it waits when the budget
// is spent. The workers do every request and never wait for that goroutine, so the two
// cannot block each other.
type Uploader struct {
	store  Store
	limits Properties // of the store; asked for once, since objects need them at each append
	opts   UploadOptions
	mem    *memory
	jobs   chan func(context.Context) error

	open   map[*Object]struct{} // that still take bytes; of the goroutine that writes
	filled int                  // chunks that they hold

	mu   sync.Mutex
	live map[*Object]struct{} // with an upload that is neither completed nor aborted
	half map[*Set]struct{}    // held sets of which a part is visible
	lost []suspect            // of which Create failed: there may be an upload all the same

	Stats UploadStats
}

// UploadStats count what an Uploader did.
type UploadStats struct {
	Objects atomic.Int64 // completed
	Parts   atomic.Int64
	Bytes   atomic.Int64 // sent
	Early   atomic.Int64 // objects that were closed early because the memory budget was spent
	Crowded atomic.Bool  // it was spent, and objects of shared sets could not be closed

	Requests meter.Meter // the workers, each in what it does for one object or part
	Wait     meter.Meter // appending waits for the uploads
}

// NewUploader makes an uploader of objects in store.
func NewUploader(store Store, opts UploadOptions) *Uploader {
	limits := store.Properties()
	if opts.Concurrency == 0 {
		opts.Concurrency = 16
	}
	if opts.Memory == 0 {
		opts.Memory = 256 << 20
	}
	if opts.PartSize == 0 {
		opts.PartSize = 8 << 20
	}
	// An object of known size gets parts of one size: some stores (Cloudflare R2) insist.
	if need := opts.MaxObject/int64(fullParts(limits)) + 1; limits.MaxParts > 0 && need > opts.PartSize {
		opts.PartSize = need
	}
	opts.PartSize = min(max(opts.PartSize, limits.MinPartSize), max(opts.Memory/4, limits.MinPartSize), limits.MaxPartSize)
	return &Uploader{
		store:  store,
		limits: limits,
		opts:   opts,
		mem:    newMemory(max(opts.Memory, 3*opts.PartSize)),
		// A short queue keeps the workers busy; a longer one would only fill the budget
		// with parts that wait.
		jobs: make(chan func(context.Context) error, 2),
		open: map[*Object]struct{}{},
		live: map[*Object]struct{}{},
		half: map[*Set]struct{}{},
	}
}

// PartSize is that of an object's first parts, in bytes: the one of the options, within what the
// store, the memory and the largest object allow.
func (u *Uploader) PartSize() int64 { return u.opts.PartSize }

// MaxObject is the size of an object at which Object.Full is true; 0: none was set.
func (u *Uploader) MaxObject() int64 { return u.opts.MaxObject }

// Run does the requests until Close, or until one of them fails.
func (u *Uploader) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	for range u.opts.Concurrency {
		group.Go(func() error {
			for {
				select {
				case job, more := <-u.jobs:
					if !more {
						return nil
					}
					if err := u.do(ctx, job); err != nil {
						if ctx.Err() != nil {
							return context.Cause(ctx) // and not where that stopped it
						}
						return err
					}
				case <-ctx.Done():
					return context.Cause(ctx)
				}
			}
		})
	}
	return group.Wait()
}

func (u *Uploader) do(ctx context.Context, job func(context.Context) error) error {
	u.Stats.Requests.Begin()
	defer u.Stats.Requests.End()
	return guard.Run(func() error { return job(ctx) })
}

// Memory returns the bytes of buffers that are in use, in flight and filling.
func (u *Uploader) Memory() int64 { return u.mem.used() }

// Close tells Run to return when all requests are done. Nothing may be sent after it.
func (u *Uploader) Close() { close(u.jobs) }

func (u *Uploader) send(ctx context.Context, job func(context.Context) error) error {
	select {
	case u.jobs <- job:
		return nil
	default:
	}
	u.Stats.Wait.Begin()
	defer u.Stats.Wait.End()
	select {
	case u.jobs <- job:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// chunk returns an empty chunk for the object o. When the budget is spent, the fullest
// open buffers are sent early; otherwise it waits for an upload to end.
func (u *Uploader) chunk(ctx context.Context, o *Object) ([]byte, error) {
	// Half of the budget is for buffers that fill. The other half is for those on their
	// way, so that many open streams do not leave the uploads without memory.
	if u.filled >= u.mem.limit/2 {
		if err := u.sendFullest(ctx, o); err != nil {
			return nil, err
		}
	}
	// If all chunks are in use, at most half of them are filling, or o alone holds them: in
	// that case its part is cut before it gets here (PartSize is at most a third of the
	// budget). So an upload is under way.
	if c := u.mem.try(); c != nil {
		return c, nil
	}
	if u.filled >= u.mem.limit { // nothing is under way: see NewSharedSet
		return u.mem.over(), nil
	}
	u.Stats.Wait.Begin()
	defer u.Stats.Wait.End()
	return u.mem.wait(ctx)
}

// sendFullest frees the memory of the open objects that hold most, until an eighth of what
// may fill is free: looking at thousands of objects for each chunk would take longer than
// filling it. What o holds in less than a part stays: o is in the middle of a row. A buffer
// that is large enough goes as a part; a smaller one ends its object, because only the last
// part may be small. (Objects of shared sets can't end now: what is written of them later would have
// no place.)
func (u *Uploader) sendFullest(ctx context.Context, o *Object) error {
	var open []*Object
	for c := range u.open {
		if c.buffered > 0 && (c != o || c.buffered >= u.minPart()) {
			open = append(open, c)
		}
	}
	slices.SortFunc(open, func(a, b *Object) int {
		return cmp.Or(cmp.Compare(b.buffered, a.buffered), cmp.Compare(a.Key, b.Key))
	})
	enough := u.mem.limit/2 - max(u.mem.limit/16, 1)
	for _, c := range open {
		if u.filled <= enough {
			break
		}
		if c.buffered >= u.minPart() {
			if err := c.cut(ctx, false); err != nil {
				return err
			}
			continue
		}
		if c.set.taken != nil {
			u.Stats.Crowded.Store(true)
			break // the others have less
		}
		u.Stats.Early.Add(1)
		if err := c.Close(ctx); err != nil {
			return err
		}
	}
	return nil
}

// minPart is what a part must have that is not the last one.
func (u *Uploader) minPart() int64 {
	if u.limits.EqualParts {
		return u.opts.PartSize
	}
	return max(u.limits.MinPartSize, 1)
}

func (u *Uploader) track(o *Object) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.live[o] = struct{}{}
}

func (u *Uploader) untrack(o *Object) {
	u.mu.Lock()
	defer u.mu.Unlock()
	delete(u.live, o)
}
