package sink

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// MetaSet ties the objects of a held set together: it is the name of the set's first object,
// which is shown last. See neverShown.
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

// Recovery looks for a full refresh that a dead run left half done in the directory of a
// stream, and finishes it: what the run had shown of a table that it had not shown whole is
// deleted; and what it replaced, if it had shown the whole. It is for streams that are
// appended to: a full refresh sees to both at its own end (Purge).
type Recovery struct {
	Dir string
	// Since bounds the search: only what syncs of this time and later wrote is looked at.
	Since time.Time
	// Before protects a run that is alive: what was made later than this is not deleted as the
	// remains of a dead one.
	Before time.Time

	newest []Info // what the last sync wrote
}

// List looks at the directory, and tells each of the objects that have a name of ours.
func (r *Recovery) List(ctx context.Context, store Store, each func(Info)) error {
	last := ""
	for info, err := range store.List(ctx, r.Dir+"/", r.Dir+"/"+r.Since.UTC().Format(dateLayout)) {
		if err != nil {
			return err
		}
		if !Own(r.Dir, info.Key) {
			continue
		}
		each(info)
		if stamp, _ := splitKey(info.Key); stamp != last {
			r.newest, last = r.newest[:0], stamp
		}
		r.newest = append(r.newest, info)
	}
	return nil
}

// Run recovers, after List. It returns the number of objects deleted.
func (r *Recovery) Run(ctx context.Context, store Store) (deleted int, err error) {
	if len(r.newest) == 0 {
		return 0, nil
	}
	lowest := r.newest[0]
	for _, info := range r.newest {
		_, id := splitKey(info.Key)
		if _, least := splitKey(lowest.Key); id < least {
			lowest = info
		}
	}
	deleted, err = r.finish(ctx, store, lowest.Key)
	if errors.Is(err, ErrNotFound) {
		return deleted, nil // somebody else deletes here
	}
	return deleted, err
}

// firstOf is the key of the first object of the set that an object says it is of, or "". All
// objects of a sync have names that begin alike; a text that is no such name is not ours.
func firstOf(dir string, info Info) string {
	first := dir + "/" + info.Metadata[MetaSet]
	if !Own(dir, first) {
		return ""
	}
	stamp, _ := splitKey(first)
	if ours, _ := splitKey(info.Key); ours != stamp {
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

// finish looks at what the last sync wrote; lowest is the key with the lowest partition id.
func (r *Recovery) finish(ctx context.Context, store Store, lowest string) (deleted int, err error) {
	info, err := store.Stat(ctx, lowest)
	if err != nil {
		return 0, err
	}
	first := firstOf(r.Dir, info)
	if first == "" {
		return 0, nil
	}
	dead, err := neverShown(ctx, store, first)
	if err != nil {
		return 0, err
	}
	if dead {
		return r.takeBack(ctx, store, first)
	}
	shown, err := store.Stat(ctx, first)
	if err != nil {
		return 0, err
	}
	rule, ok := replaces(shown.Metadata[MetaReplaces])
	if !ok || shown.Modified.IsZero() { // it would not be known what is older
		return 0, nil
	}
	p := Purge{Dir: r.Dir, Keep: map[string]bool{}, MinGeneration: rule, Until: shown.Modified}
	for _, info := range r.newest {
		p.Keep[info.Key] = true
	}
	return p.Run(ctx, store)
}

// takeBack deletes the objects of a set whose first object was never shown. If it can't be
// told how old one is, the run may be alive.
func (r *Recovery) takeBack(ctx context.Context, store Store, first string) (deleted int, err error) {
	var keys []string
	for _, listed := range r.newest {
		info, err := store.Stat(ctx, listed.Key)
		if err != nil {
			return 0, err
		}
		if firstOf(r.Dir, info) != first {
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
