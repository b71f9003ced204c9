package sink

import (
	"context"
	"errors"
	"time"

	"github.com/sluice-data/sluice/internal/naming"
)

// Inspector is a Store that tells more of an unfinished upload than a sync has to know; whoever
// wants to see what is in a bucket does.
type Inspector interface {
	Store

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

// StandingOf looks at the visible objects of the sync that began an upload of a stream. Where names do
// not tell one sync from another, those of others count as signs of life too.
func StandingOf(ctx context.Context, store Store, names *naming.Names, up UploadInfo) (Standing, error) {
	var s Standing
	first, own := names.Match(up.Key)
	if !own {
		return s, nil
	}
	var later []string
	shown := false
	for info, err := range objects(ctx, store, names, first.Begin, "") {
		if err != nil {
			return s, err
		}
		m, _ := names.Match(info.Key)
		if m.Stamp != first.Stamp {
			continue
		}
		if info.Modified.After(s.Newest) {
			s.Newest = info.Modified
		}
		shown = shown || info.Key == up.Key
		// Keys are given in the order of their numbers, the first one first.
		if m.Number > first.Number && (names.Dated() || sameTime(up, info)) {
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
		if firstOf(names, info) == up.Key {
			s.Proof = true
			return s, nil
		}
	}
	return s, nil
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
