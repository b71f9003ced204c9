package sink

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/sluice-data/sluice/internal/guard"
	"github.com/sluice-data/sluice/internal/naming"
)

// Set are the objects of one stream in one sync. Open, Commit and Abandon are for the one
// goroutine that writes.
//
// The objects of a plain set become visible one by one as they are closed. Those of a held
// set are uploaded and kept invisible until Commit, which makes all of them visible: that
// is how a full refresh replaces a table at its end.
type Set struct {
	// NextKey, if set, gives another key for an object that goes in one request and whose
	// key turns out to be taken. (The parts of a larger one belong to their key.)
	NextKey func(taken string) string

	// Names, if set, are those of the stream. A held set's objects tell by them which is the first one.
	Names *naming.Names

	u     *Uploader
	held  bool
	taken func(context.Context, *Object) error // of a shared set
	last  *Object                              // opened last

	mu        sync.Mutex
	objects   []*Object       // of a held set, in the order of opening
	keys      map[string]bool // visible, or perhaps: the request was sent
	waiting   int             // objects that are not up yet (held), or not visible
	replaced  Replacement
	committed bool
	durable   map[*Object]func()
}

// NewSet makes an empty set.
func (u *Uploader) NewSet(held bool) *Set {
	return &Set{u: u, held: held, keys: map[string]bool{}, durable: map[*Object]func(){}}
}

// NewSharedSet makes an empty shared set. Where a key turns out to be taken, taken is asked, with
// the object that was to be there: nil means that what is there will do. The set's objects are
// never closed early; when the memory budget is spent, UploadStats.Crowded says so, and the set
// has to be committed soon: it goes on past the budget.
func (u *Uploader) NewSharedSet(taken func(context.Context, *Object) error) *Set {
	s := u.NewSet(true)
	s.taken = taken
	return s
}

// Open begins another object. Before Commit all but the last one have to be closed. meta gives its metadata;
// it is asked with the number of rows, or with -1 when the request has to go before that is
// known. durable is called once every byte of the object is visible, by one of the
// uploader's workers.
func (s *Set) Open(key string, meta func(rows int64) Metadata, durable func()) *Object {
	o := &Object{Key: key, u: s.u, set: s, meta: meta, creating: make(chan struct{}, 1)}
	s.last = o
	s.u.open[o] = struct{}{}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waiting++
	s.durable[o] = durable
	if s.held {
		s.objects = append(s.objects, o)
	}
	return o
}

// Last is the object that was opened last, or nil.
func (s *Set) Last() *Object { return s.last }

// Replacement deletes what a set replaces. A Purge does the work.
type Replacement interface {
	// Find looks for it. It is called when all objects of the set are up, and before the first
	// one of a held set is shown. own are the keys of the set's objects, but for one that
	// may still have to go elsewhere (NextKey).
	Find(ctx context.Context, own map[string]bool) error
	// Delete is called when all objects of the set are visible, with all their keys.
	Delete(ctx context.Context, own map[string]bool) error
}

// Commit ends the set successfully. When all of its objects are up, a held set's become
// visible, and what they replace is deleted; then they are durable. Commit returns at once; a
// failure ends Uploader.Run.
//
// Between the moment when a held set is visible and the one when its STATEs leave, a crash
// makes its rows come again, perhaps beside those that are there already. So nothing that
// can be done before stands between them. Objects that are visible are durable also where
// deleting the older ones fails. What a crash leaves, a later run finds (Recovery, Purge).
func (s *Set) Commit(ctx context.Context, replaced Replacement) error {
	if err := s.closeLast(ctx); err != nil {
		return err
	}
	s.mu.Lock()
	s.committed, s.replaced = true, replaced
	ready := s.waiting == 0
	s.mu.Unlock()
	if ready {
		return s.u.send(ctx, s.finish)
	}
	return nil
}

func (s *Set) closeLast(ctx context.Context) error {
	o := s.last
	if o == nil || o.closed {
		return nil
	}
	if !s.held || o.parts > 0 {
		return o.Close(ctx)
	}
	// Everything that is left fits into one request: it goes in the commit itself.
	o.shut()
	o.whole = o.take()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waiting--
	return nil
}

// Abandon gives up a held set: nothing of it will be visible. Its uploads end in AbortAll.
func (s *Set) Abandon() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, o := range s.objects {
		if !o.closed {
			o.shut()
			s.u.mem.release(o.take())
		}
	}
}

// uploaded is called by a worker when all parts of an object are up.
func (s *Set) uploaded(ctx context.Context, o *Object) error {
	if s.held {
		return s.ready(ctx)
	}
	if err := o.complete(ctx); err != nil {
		return err
	}
	return s.visible(ctx, o)
}

// visible is called by a worker when an object of a plain set is visible.
func (s *Set) visible(ctx context.Context, o *Object) error {
	s.u.Stats.Objects.Add(1)
	s.mu.Lock()
	s.keys[o.Key] = true
	durable := s.durable[o]
	delete(s.durable, o)
	s.mu.Unlock()
	durable()
	return s.ready(ctx)
}

// ready counts down the objects that Commit waits for. The worker that brings the last one
// does the rest itself: handing it to another could block all of them.
func (s *Set) ready(ctx context.Context) error {
	s.mu.Lock()
	s.waiting--
	finish := s.committed && s.waiting == 0
	s.mu.Unlock()
	if finish {
		return s.finish(ctx)
	}
	return nil
}

func (s *Set) finish(ctx context.Context) (err error) {
	if s.replaced != nil {
		if err := s.replaced.Find(ctx, s.own()); err != nil {
			return err
		}
	}
	if s.held {
		if err := s.show(ctx); err != nil {
			return err
		}
	}
	if s.replaced != nil {
		err = s.replaced.Delete(ctx, s.own())
	}
	s.mu.Lock()
	callbacks := slices.Collect(maps.Values(s.durable))
	s.mu.Unlock()
	for _, durable := range callbacks {
		durable()
	}
	return err
}

// own are the keys that the set has, or will have: an upload in parts belongs to its key.
func (s *Set) own() map[string]bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	own := maps.Clone(s.keys)
	for _, o := range s.objects {
		if o.upload != nil {
			own[o.Key] = true
		}
	}
	return own
}

// metadata is that of an object of the set.
func (s *Set) metadata(o *Object, rows int64) Metadata {
	m := o.meta(rows)
	if !s.held || s.Names == nil {
		return m
	}
	s.mu.Lock()
	first := s.objects[0].Key
	s.mu.Unlock()
	m = maps.Clone(m)
	if m == nil {
		m = Metadata{}
	}
	m[MetaSet] = s.Names.Tell(first)
	return m
}

// show makes the objects of a held set visible. If that fails half way, or is cancelled,
// AbortAll takes back what was shown, so that the old table stays as it was. The first
// object goes last: a reader who sees it sees all of them.
func (s *Set) show(ctx context.Context) error {
	if len(s.objects) == 0 {
		return nil
	}
	s.u.showing(s, true)
	group, gctx := errgroup.WithContext(ctx)
	group.SetLimit(s.u.opts.Concurrency)
	for _, o := range s.objects[1:] {
		group.Go(func() error {
			return guard.Run(func() error { return s.showOne(gctx, o) })
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	if err := s.showOne(ctx, s.objects[0]); err != nil {
		return err
	}
	s.u.showing(s, false)
	return nil
}

func (s *Set) showOne(ctx context.Context, o *Object) error {
	if err := ctx.Err(); err != nil {
		return context.Cause(ctx)
	}
	s.mark(o.Key, true)
	var err error
	if o.upload != nil {
		err = o.complete(ctx)
	} else {
		err = o.put(ctx, o.whole)
	}
	if errors.Is(err, ErrTaken) {
		s.mark(o.Key, false)
		if s.taken != nil {
			err = s.taken(ctx, o)
		}
	}
	if err == nil {
		s.u.Stats.Objects.Add(1)
	}
	return err
}

// move gives an object another key, because its own is somebody else's.
func (s *Set) move(o *Object) {
	s.mark(o.Key, false)
	o.Key = s.NextKey(o.Key)
	s.mark(o.Key, true)
}

// mark remembers that there may be an object of ours under key, or that there is none.
func (s *Set) mark(key string, ours bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if ours {
		s.keys[key] = true
	} else {
		delete(s.keys, key)
	}
}

// showing remembers the held sets that are between their first and their last visible
// object.
func (u *Uploader) showing(s *Set, yes bool) {
	if s.taken != nil {
		return // nothing is taken back
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if yes {
		u.half[s] = struct{}{}
	} else {
		delete(u.half, s)
	}
}

// hide deletes what a half shown set has made visible.
func (s *Set) hide(ctx context.Context) error {
	if len(s.keys) == 0 {
		return nil
	}
	keys := slices.Sorted(maps.Keys(s.keys))
	if err := s.u.store.Delete(ctx, keys...); err != nil {
		return fmt.Errorf("%d objects of an unfinished full refresh could not be taken back (%s, ...): %w", len(keys), keys[0], err)
	}
	return nil
}
