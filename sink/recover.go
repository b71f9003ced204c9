package sink

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sluice-data/sluice/internal/naming"
)

// MetaSet ties the objects of a held set together: it is the name of the set's first object, as
// naming.Names.Tell says it, which is shown last. See neverShown.
const MetaSet = "sluice-set"

// MetaReplaces says what a held set replaces, in the words of Replaces. So a later run can
// finish what one that died had only begun to delete.
const MetaReplaces = "sluice-replaces"

// RecoverSince is how far back a Recovery looks, and DeadAfter the age at which half a full
// refresh is taken for the remains of a run that died: longer than showing one takes.
const (
	RecoverSince = 32 * 24 * time.Hour
	DeadAfter    = time.Hour
)

const (
	replacesAll   = "all"
	replacesBelow = "generations below "
)

// Replaces puts the rule of Purge.MinGeneration into words.
func Replaces(minGeneration *int64) string {
	if minGeneration == nil {
		return replacesAll
	}
	return replacesBelow + strconv.FormatInt(*minGeneration, 10)
}

// replaces reads what Replaces wrote, and nothing that only looks like it: it tells what to
// delete.
func replaces(rule string) (minGeneration *int64, ok bool) {
	if rule == replacesAll {
		return nil, true
	}
	n, err := strconv.ParseInt(strings.TrimPrefix(rule, replacesBelow), 10, 64)
	return &n, err == nil && Replaces(&n) == rule
}

// Recovery looks for full refreshes that dead runs left half done among the objects of a
// stream, and finishes them: what a run had shown of a table that it had not shown whole is
// deleted; and what the last one replaced, if it had shown the whole. It is for streams that
// are appended to: a full refresh sees to both at its own end (Purge).
type Recovery struct {
	Names *naming.Names
	// Since bounds the search: only what syncs of this time and later wrote is looked at.
	Since time.Time
	// Before protects a run that is alive: what was made later than this is not deleted as the
	// remains of a dead one.
	Before time.Time
	// Unfinished are the unfinished uploads, of this stream and of others.
	Unfinished []UploadInfo

	unfinished map[string]bool // those of this stream, by key
	syncs      syncs
}

// Unfinished lists the unfinished uploads below a prefix: with an error those in front of it.
func Unfinished(ctx context.Context, store Store, prefix string) (uploads []UploadInfo, err error) {
	for up, err := range store.Uploads(ctx, prefix) {
		if err != nil {
			return uploads, err
		}
		uploads = append(uploads, up)
	}
	return uploads, nil
}

// List looks at the objects of the stream, and tells each of them.
func (r *Recovery) List(ctx context.Context, store Store, each func(Info)) error {
	r.unfinished, r.syncs = map[string]bool{}, newSyncs(r.Names, r.Since)
	for _, up := range r.Unfinished {
		if m, own := r.Names.Match(up.Key); own {
			r.unfinished[up.Key] = true
			r.syncs.expect(m, up)
		}
	}
	for info, err := range objects(ctx, store, r.Names, r.Names.Prefix(), r.Names.From(r.Since)) {
		if err != nil {
			return err
		}
		each(info)
		r.syncs.add(info)
	}
	return nil
}

// Run recovers, after List. It returns the number of objects deleted.
func (r *Recovery) Run(ctx context.Context, store Store) (deleted int, err error) {
	all, err := r.syncs.inOrder(ctx, store)
	if err != nil {
		return 0, err
	}
	newest := true // of those that were not shown in part only
	for _, w := range slices.Backward(all) {
		n, half, err := r.recover(ctx, store, w, newest)
		deleted += n
		newest = newest && half
		if errors.Is(err, ErrNotFound) {
			return deleted, nil // somebody else deletes here
		}
		if err != nil {
			return deleted, err
		}
	}
	return deleted, nil
}

// firstOf is the key of the first object of the set that an object says it is of, or "". All
// objects of a sync have keys with the same stamp; a text that is no such name is not ours.
func firstOf(names *naming.Names, info Info) string {
	first, m, own := names.Told(info.Metadata[MetaSet])
	if !own {
		return ""
	}
	if ours, _ := names.Match(info.Key); ours.Stamp != m.Stamp {
		return ""
	}
	return first
}

// neverShown reports whether a held set with this first object was shown in part only, by a
// run that died meanwhile: then the first object, which would have been the last one, is still
// an unfinished upload. That it is missing is no proof: a person may have deleted it.
func neverShown(ctx context.Context, store Store, first string) (bool, error) {
	if _, err := store.Stat(ctx, first); !errors.Is(err, ErrNotFound) {
		return false, err
	}
	for up, err := range store.Uploads(ctx, first) {
		if errors.Is(err, ErrDenied) || errors.Is(err, ErrUnsupported) {
			return false, nil // it can't be known, so nothing is touched
		}
		if err != nil {
			return false, err
		}
		if up.Key == first {
			return true, nil
		}
	}
	return false, nil
}

// recover looks at what one sync wrote, and reports whether that is a half shown table. The
// newest that is none is finished.
func (r *Recovery) recover(ctx context.Context, store Store, w *written, newest bool) (deleted int, half bool, err error) {
	lowest := w.objects[0]
	for _, info := range w.objects {
		if r.number(info) < r.number(lowest) {
			lowest = info
		}
	}
	info, err := store.Stat(ctx, lowest.Key)
	if err != nil {
		return 0, false, err
	}
	first := firstOf(r.Names, info)
	if first == "" {
		return 0, false, nil
	}
	if r.unfinished[first] { // or it was, when they were listed
		if half, err = neverShown(ctx, store, first); err != nil {
			return 0, false, err
		}
	}
	switch {
	case half:
		deleted, err = r.takeBack(ctx, store, w.objects, first)
	case newest:
		deleted, err = r.finish(ctx, store, w, first)
	}
	return deleted, half, err
}

func (r *Recovery) number(info Info) int64 {
	m, _ := r.Names.Match(info.Key)
	return m.Number
}

// finish deletes what a set has replaced that was shown whole.
func (r *Recovery) finish(ctx context.Context, store Store, w *written, first string) (deleted int, err error) {
	shown, err := store.Stat(ctx, first)
	if err != nil {
		return 0, err
	}
	rule, ok := replaces(shown.Metadata[MetaReplaces])
	if !ok || shown.Modified.IsZero() { // it would not be known what is older
		return 0, nil
	}
	p := Purge{Names: r.Names, Keep: map[string]bool{}, MinGeneration: rule, Until: shown.Modified}
	if !r.Names.Dated() {
		if p.Started = w.at; startedOf(shown) != w.at {
			return 0, nil // an object of another sync has that name
		}
	}
	for _, info := range w.objects {
		p.Keep[info.Key] = true
	}
	return p.Run(ctx, store)
}

// takeBack deletes the objects of a set whose first object was never shown. If it can't be
// told how old one is, the run may be alive.
func (r *Recovery) takeBack(ctx context.Context, store Store, objects []Info, first string) (deleted int, err error) {
	var keys []string
	for _, listed := range objects {
		info, err := store.Stat(ctx, listed.Key)
		if err != nil {
			return 0, err
		}
		if firstOf(r.Names, info) != first {
			continue
		}
		if info.Modified.IsZero() || !info.Modified.Before(r.Before) {
			return 0, nil
		}
		keys = append(keys, info.Key)
	}
	if err := store.Delete(ctx, keys...); err != nil {
		return 0, fmt.Errorf("deleting %d objects of a full refresh that was never shown whole (%s, ...): %w", len(keys), keys[0], err)
	}
	return len(keys), nil
}
