package sink

import (
	"context"
	"errors"
	"iter"
	"time"
)

// Inspector is a Store that can be looked at as a whole. A sync knows its directories and
// never needs that; whoever wants to see what is in a bucket does.
type Inspector interface {
	Store

	// Walk yields the objects whose key begins with prefix and comes behind after, at any
	// depth, in the order of their keys, page by page. Metadata is not filled in. Iteration
	// ends after the first error.
	Walk(ctx context.Context, prefix, after string) iter.Seq2[Info, error]

	// Parts tells what an unfinished upload has got. One that no longer exists is ErrNoUpload.
	Parts(ctx context.Context, up UploadInfo) (Parts, error)
}

// Parts are what an unfinished upload has got.
type Parts struct {
	Size int64     // bytes
	Last time.Time // when the last part came; the zero time if none has, or if it is not known
}

// Standing is what the visible objects of a sync say of one of its unfinished uploads.
type Standing struct {
	// Proof: the upload tells the next sync that a full refresh was shown only in part. It is
	// the first object of a set of which others are visible. Whoever aborts it leaves half a
	// table that nobody can tell from rows which belong there. See neverShown.
	Proof bool
	// Newest is when the last of the objects appeared: a sign of life. Zero: none is visible.
	Newest time.Time
}

// StandingOf looks at the visible objects of the sync that began an upload, in its directory.
func StandingOf(ctx context.Context, store Store, up UploadInfo) (Standing, error) {
	var s Standing
	dir := dirOf(up.Key)
	if !Own(dir, up.Key) {
		return s, nil
	}
	stamp, first := splitKey(up.Key)
	var later []string
	shown := false
	for info, err := range store.List(ctx, dir+"/"+stamp, "") {
		if err != nil {
			return s, err
		}
		if !Own(dir, info.Key) {
			continue
		}
		if info.Modified.After(s.Newest) {
			s.Newest = info.Modified
		}
		shown = shown || info.Key == up.Key
		// Keys are given in the order of their ids, the first one first.
		if _, id := splitKey(info.Key); id > first {
			later = append(later, info.Key)
		}
	}
	if shown {
		return s, nil // it is no first object that is missing
	}
	for _, key := range later {
		info, err := store.Stat(ctx, key)
		if errors.Is(err, ErrNotFound) {
			continue // deleted meanwhile
		}
		if err != nil {
			return s, err
		}
		if firstOf(dir, info) == up.Key {
			s.Proof = true
			return s, nil
		}
	}
	return s, nil
}

// Walk implements Inspector, where the store does.
func (r *Retrying) Walk(ctx context.Context, prefix, after string) iter.Seq2[Info, error] {
	inner, ok := r.Store.(Inspector)
	if !ok {
		return func(yield func(Info, error) bool) {
			yield(Info{}, &Error{Op: "Walk", Key: prefix, Kind: ErrUnsupported})
		}
	}
	return r.list(ctx, after, func(after string) iter.Seq2[Info, error] { return inner.Walk(ctx, prefix, after) })
}

// Parts implements Inspector, where the store does.
func (r *Retrying) Parts(ctx context.Context, up UploadInfo) (Parts, error) {
	inner, ok := r.Store.(Inspector)
	if !ok {
		return Parts{}, &Error{Op: "Parts", Key: up.Key, Kind: ErrUnsupported}
	}
	var parts Parts
	err := r.do(ctx, func() (err error) {
		parts, err = inner.Parts(ctx, up)
		return err
	})
	return parts, err
}
