package sink

import (
	"cmp"
	"context"
	"maps"
	"math"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/sluice-data/sluice/internal/naming"
)

// written is what one sync has left visible.
type written struct {
	at      int64 // when it began
	objects []Info
}

// syncs finds in a long list of a stream's objects what a Recovery has to look at: the objects of
// those syncs that left an unfinished upload, and of the last one that did not. A job that dies is
// tried again, so there may be several of the first kind, and syncs that ended well may stand behind
// them.
//
// Where a key does not tell which sync wrote the object, its metadata does, at the price of a
// request. So of these only those are asked that were made since the first unfinished upload was
// begun, or last of all.
type syncs struct {
	names *naming.Names
	since time.Time

	dead map[string]bool     // stamps of syncs that left an unfinished upload
	by   map[string]*written // of those, and of last, by stamp
	last string              // the stamp of the last one that left none

	begun   time.Time // when the first unfinished upload was; zero: there is none
	suspect []Info    // made since then
	newest  []Info    // made last
}

// madeTogether is by how much the store's time of an object may be off against the order in which
// things happened: of an upload in parts it is when its first request came, which may have been
// repeated for a while.
const madeTogether = time.Hour

// mostNewest bounds the objects that are asked because they were made last.
const mostNewest = 256

func newSyncs(names *naming.Names, since time.Time) syncs {
	return syncs{names: names, since: since, dead: map[string]bool{}, by: map[string]*written{}}
}

// sameTime reports whether the run that began an upload may have made an object.
func sameTime(up UploadInfo, info Info) bool {
	return up.Started.IsZero() || info.Modified.IsZero() || !info.Modified.Before(up.Started.Add(-madeTogether))
}

// expect tells of an unfinished upload; all of them before the first object.
func (s *syncs) expect(m naming.Match, up UploadInfo) {
	s.dead[m.Stamp] = true
	if s.begun.IsZero() || up.Started.Before(s.begun) {
		s.begun = up.Started
	}
}

// add tells of an object.
func (s *syncs) add(info Info) {
	m, _ := s.names.Match(info.Key)
	if !s.names.Dated() {
		s.addUndated(info)
		return
	}
	w := s.by[m.Stamp]
	if w == nil {
		if !s.dead[m.Stamp] {
			if last := s.by[s.last]; last != nil && (m.Epoch < last.at || m.Epoch == last.at && m.Stamp < s.last) {
				return
			}
			delete(s.by, s.last)
			s.last = m.Stamp
		}
		w = &written{at: m.Epoch}
		s.by[m.Stamp] = w
	}
	w.objects = append(w.objects, info)
}

func (s *syncs) addUndated(info Info) {
	if info.Modified.IsZero() || info.Modified.Before(s.since) {
		return
	}
	if len(s.dead) > 0 && sameTime(UploadInfo{Started: s.begun}, info) && len(s.suspect) < mostFound {
		s.suspect = append(s.suspect, info)
	}
	// Times of a store may be of whole seconds.
	if n := len(s.newest); n == 0 || info.Modified.After(s.newest[n-1].Modified) {
		s.newest = slices.DeleteFunc(s.newest, func(old Info) bool { return old.Modified.Before(info.Modified.Add(-time.Second)) })
		s.newest = append(s.newest, info)
	} else if !info.Modified.Before(s.newest[n-1].Modified.Add(-time.Second)) && n < mostNewest {
		s.newest = slices.Insert(s.newest, n-1, info) // the last one is the newest
	}
}

// inOrder returns what was found, the syncs in their order.
func (s *syncs) inOrder(ctx context.Context, store Store) ([]*written, error) {
	if !s.names.Dated() {
		if err := s.ask(ctx, store); err != nil {
			return nil, err
		}
	}
	stamps := slices.SortedFunc(maps.Keys(s.by), func(a, b string) int {
		return cmp.Or(cmp.Compare(s.by[a].at, s.by[b].at), cmp.Compare(a, b))
	})
	var all []*written
	for _, stamp := range stamps {
		all = append(all, s.by[stamp])
	}
	return all, nil
}

// ask sorts the objects whose keys don't tell their sync, by what their metadata say.
func (s *syncs) ask(ctx context.Context, store Store) error {
	all := map[string]bool{}
	for _, info := range slices.Concat(s.suspect, s.newest) {
		all[info.Key] = true
	}
	var mu sync.Mutex
	return statEach(ctx, store, maps.Keys(all), func(_ context.Context, info Info) error {
		at := startedOf(info)
		if at == 0 {
			at = math.MaxInt64 // so nothing is known that came later, and nothing is finished
		}
		stamp := strconv.FormatInt(at, 10)
		mu.Lock()
		defer mu.Unlock()
		if s.by[stamp] == nil {
			s.by[stamp] = &written{at: at}
		}
		s.by[stamp].objects = append(s.by[stamp].objects, info)
		return nil
	})
}
