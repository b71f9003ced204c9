package sink

import (
	"context"
	"errors"
	"iter"
	"slices"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/sluice-data/sluice/internal/guard"
	"github.com/sluice-data/sluice/internal/naming"
)

// Metadata keys. The first two are those of Airbyte's own connector since 0.6.5.
const (
	MetaGeneration = "ab-generation-id" // the generation that an object belongs to
	MetaSyncID     = "ab-sync-id"
	MetaRows       = "rows" // only of what was made by one request
)

// MetaStarted tells which sync wrote an object whose name does not (naming.Names.Dated): when it
// began, in milliseconds since 1970.
const MetaStarted = "sluice-started"

// Purge deletes the older objects of one stream: those whose keys its template gives, in all of their
// length, and nothing else, ever.
type Purge struct {
	Names *naming.Names
	Keep  map[string]bool // keys that this sync has written
	// MinGeneration: only objects of an older generation go. One without a generation is of
	// generation 0. nil: the platform knows no generations, all go.
	MinGeneration *int64
	// Until: nothing that was made later than this goes, nor what does not say when it was made.
	// The zero time: no matter when.
	Until time.Time
	// Started, if it is not 0, is that of the sync whose objects stay (MetaStarted): nothing goes that it
	// or a later one wrote. Until is then for those objects that say nothing of it.
	Started int64

	found []string // and not deleted yet
	more  bool     // there may be more than these
}

// purgeBatch is the most keys that S3 deletes in one request.
const purgeBatch = 1000

// mostFound bounds the keys that are remembered.
const mostFound = 100_000

// Run finds and deletes. It returns the number of objects deleted; after an error some may be
// left, and running again goes on.
func (p *Purge) Run(ctx context.Context, store Store) (deleted int, err error) {
	if err := p.Find(ctx, store); err != nil {
		return 0, err
	}
	return p.Delete(ctx, store)
}

// Find lists the objects page by page, and remembers what has to go.
func (p *Purge) Find(ctx context.Context, store Store) error {
	p.found, p.more = nil, false
	var batch []string
	look := func() error {
		old, err := p.old(ctx, store, batch)
		p.found, batch = append(p.found, old...), batch[:0]
		return err
	}
	for info, err := range objects(ctx, store, p.Names, p.Names.Prefix(), "") {
		if err != nil {
			return err
		}
		if p.Keep[info.Key] || p.Started == 0 && p.late(info) {
			continue
		}
		if batch = append(batch, info.Key); len(batch) == purgeBatch {
			if err := look(); err != nil {
				return err
			}
		}
		if len(p.found) >= mostFound {
			p.more = true
			return nil
		}
	}
	return look()
}

// late reports whether an object was made behind Until, or may have been.
func (p *Purge) late(info Info) bool {
	return !p.Until.IsZero() && (info.Modified.IsZero() || info.Modified.After(p.Until))
}

// Delete deletes what Find has found, unless Keep has it by now, and finds the rest.
func (p *Purge) Delete(ctx context.Context, store Store) (deleted int, err error) {
	for {
		p.found = slices.DeleteFunc(p.found, func(key string) bool { return p.Keep[key] })
		for batch := range slices.Chunk(p.found, purgeBatch) {
			if err := store.Delete(ctx, batch...); err != nil {
				return deleted, err
			}
			deleted += len(batch)
		}
		if !p.more {
			return deleted, nil
		}
		if err := p.Find(ctx, store); err != nil {
			return deleted, err
		}
	}
}

// old returns the keys whose generation is below the minimum, and those of an earlier try
// of this refresh that died while it showed its objects: their rows come again.
func (p *Purge) old(ctx context.Context, store Store, keys []string) ([]string, error) {
	if p.MinGeneration == nil && p.Started == 0 {
		return keys, nil
	}
	var mu sync.Mutex
	var old []string
	err := statEach(ctx, store, slices.Values(keys), func(ctx context.Context, info Info) error {
		gone, err := p.replaced(ctx, store, info)
		if err == nil && gone {
			mu.Lock()
			defer mu.Unlock()
			old = append(old, info.Key)
		}
		return err
	})
	return old, err
}

// statEach asks for objects, some at a time, and hands each to do, several at a time too. Those that
// somebody else has deleted are passed over.
func statEach(ctx context.Context, store Store, keys iter.Seq[string], do func(context.Context, Info) error) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(16) // HEAD requests
	for key := range keys {
		group.Go(func() error {
			return guard.Run(func() error {
				info, err := store.Stat(ctx, key)
				if err == nil {
					err = do(ctx, info)
				}
				if errors.Is(err, ErrNotFound) {
					return nil
				}
				return err
			})
		})
	}
	return group.Wait()
}

// replaced looks at one object.
func (p *Purge) replaced(ctx context.Context, store Store, info Info) (bool, error) {
	if p.Started != 0 {
		if at := startedOf(info); at >= p.Started || at == 0 && p.late(info) {
			return false, nil
		}
	}
	if p.MinGeneration == nil {
		return true, nil
	}
	generation, _ := strconv.ParseInt(info.Metadata[MetaGeneration], 10, 64) // 0 where there is none
	if generation < *p.MinGeneration {
		return true, nil
	}
	if first := firstOf(p.Names, info); first != "" && first != info.Key {
		return neverShown(ctx, store, first)
	}
	return false, nil
}

// StaleAfter is the age at which an unfinished upload counts as left behind by a run that
// died: longer than any sync that still writes to its first object.
const StaleAfter = 24 * time.Hour

// Sweep aborts those uploads that have a name of one of the given streams and began before the
// given time.
func Sweep(ctx context.Context, store Store, uploads []UploadInfo, streams []*naming.Names, before time.Time) (aborted int, err error) {
	for _, up := range uploads {
		if up.Started.IsZero() || !up.Started.Before(before) || !slices.ContainsFunc(streams, func(n *naming.Names) bool { _, own := n.Match(up.Key); return own }) {
			continue
		}
		if err := store.AbortUpload(ctx, up); err != nil {
			return aborted, err
		}
		aborted++
	}
	return aborted, nil
}

// startedOf is the MetaStarted of an object; 0: it has none.
func startedOf(info Info) int64 {
	at, _ := strconv.ParseInt(info.Metadata[MetaStarted], 10, 64)
	return max(at, 0)
}
