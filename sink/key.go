package sink

import (
	"context"
	"fmt"
	"iter"
	"strings"
	"sync"
	"time"

	"github.com/sluice-data/sluice/internal/naming"
)

// Keys names the objects of one stream in one sync. Its time, its UUID and its sync id are the same
// for every object. Numbers leave out those of objects of the same path that are there already: where
// the path is that of many syncs they count on from the highest, so that no name is ever given twice.
type Keys struct {
	names  *naming.Names
	values naming.Values
	path   string
	now    func() time.Time

	mu    sync.Mutex
	next  int64
	tick  int64          // of the last key, where they are told apart by the time; else 0
	taken map[int64]bool // numbers, or ticks of later than the beginning of the sync
}

// NewKeys makes keys of what a sync has in common; now tells when an object is begun.
func NewKeys(names *naming.Names, of naming.Values, now func() time.Time) *Keys {
	return &Keys{names: names, values: of, now: now, path: names.Path(of), taken: map[int64]bool{}}
}

// Next returns the key of the next object, which is in a partition with this path; "": there are none. Numbers
// are the stream's, in whatever partition.
func (k *Keys) Next(partition string) string {
	k.mu.Lock()
	defer k.mu.Unlock()
	for k.names.Numbered() && k.taken[k.next] {
		k.next++
	}
	v := k.values
	v.Timestamp, v.Part, v.Partition = k.now(), k.next, partition
	k.next++
	if !k.names.Numbered() {
		unit := int64(k.names.Tick())
		tick := max(v.Timestamp.UnixNano()/unit, k.tick+1)
		for k.taken[tick] {
			tick++
		}
		k.tick, v.Timestamp = tick, time.Unix(0, tick*unit)
	}
	return k.names.Key(v)
}

// Instead returns another key for an object whose own is taken, in the same partition.
func (k *Keys) Instead(key string) string {
	m, _ := k.names.Match(key)
	return k.Next(m.Partition)
}

// Take leaves out the name of an object, or an unfinished upload, that is there.
func (k *Keys) Take(key string) {
	m, ok := k.names.Match(key)
	if !ok || !strings.HasPrefix(m.Plain, k.path) {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	switch {
	case !k.names.Numbered():
		if m.Number >= k.values.Time.UnixNano()/int64(k.names.Tick()) {
			k.taken[m.Number] = true
		}
	case k.names.Dated(): // of this sync, or of one that began in the same millisecond
		k.taken[m.Number] = true
	default:
		k.next = max(k.next, m.Number+1)
	}
}

// List yields the objects of a path that this sync shares with others: those whose names Take has to
// know.
func (k *Keys) List(ctx context.Context, store Store) iter.Seq2[Info, error] {
	return objects(ctx, store, k.names, k.names.Within(k.values), "")
}

// objects yields the objects of a stream whose keys begin with prefix and come behind after, at
// whatever depth they are: all else, a neighbour's directory with the same beginning or a file that
// a person put there, is not ours to touch.
func objects(ctx context.Context, store Store, names *naming.Names, prefix, after string) iter.Seq2[Info, error] {
	list := store.List
	if names.Nested() {
		list = store.Walk
	}
	return func(yield func(Info, error) bool) {
		for info, err := range list(ctx, prefix, after) {
			if err == nil {
				if _, own := names.Match(info.Key); !own {
					continue
				}
			}
			if !yield(info, err) {
				return
			}
		}
	}
}

// CheckKeys says why a store can't take keys of these names and this extension, or nil.
func CheckKeys(names *naming.Names, extension string, limits Properties) error {
	key := names.Longest(extension)
	if limits.MaxKey > 0 && len(key) > limits.MaxKey {
		return fmt.Errorf("its objects would have keys of up to %d bytes, such as %s: that is over the store's limit of %d", len(key), key, limits.MaxKey)
	}
	for name := range strings.SplitSeq(key, "/") {
		if limits.MaxName > 0 && len(name) > limits.MaxName {
			return fmt.Errorf("its keys would have a part of up to %d bytes (%.32s...), which is over the store's limit of %d", len(name), name, limits.MaxName)
		}
	}
	return nil
}
