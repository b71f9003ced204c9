package sink_test

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/sluice-data/sluice/internal/naming"
	"github.com/sluice-data/sluice/sink"
)

// bucket is what a fuzzed script has put into a store: see fill.
type bucket struct {
	mem  *memStore
	sets []string // the names of first objects that objects may tell
}

// bucketKeys are those that the objects and uploads of a script have.
var bucketKeys = []string{
	syncKey(12, 0), syncKey(12, 1), syncKey(15, 0), syncKey(15, 1), syncKey(15, 2), syncKey(20, 0), syncKey(20, 1), syncKey(20, 2), syncKey(20, 10),
	syncKey(1, 0), "t/README.txt", "t/2026_11_30_1_0.csv.bak", "t/sub/2026_11_20_17_0.csv", "tt/2026_11_20_17_0.csv", "t/x",
}

var fuzzNow = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// fill makes an object, or an unfinished upload, of each four bytes of the script. The texts
// are metadata that somebody else may have written.
func fill(script []byte, set, rule, generation string) *bucket {
	b := &bucket{mem: newMemStore(sink.Properties{}), sets: []string{"", set}}
	for _, key := range bucketKeys[:9] {
		b.sets = append(b.sets, strings.TrimPrefix(key, "t/"))
	}
	rules := []string{"", rule, "all", "generations below 7", "generations below 3", "generations below -1"}
	generations := []string{"", generation, "2", "6", "7", "8"}
	for ; len(script) >= 4; script = script[4:] {
		key := bucketKeys[int(script[0]&0x7f)%len(bucketKeys)]
		at := fuzzNow.Add(-time.Duration(script[3]) * 10 * time.Minute)
		if script[0] >= 0x80 {
			b.mem.begin(key, at, nil)
			continue
		}
		meta := sink.Metadata{
			sink.MetaSet:        b.sets[int(script[1])%len(b.sets)],
			sink.MetaReplaces:   rules[int(script[2]&15)%len(rules)],
			sink.MetaGeneration: generations[int(script[2]>>4)%len(generations)],
		}
		maps.DeleteFunc(meta, func(_, v string) bool { return v == "" })
		if script[3] == 255 {
			at = time.Time{} // the store does not tell
		}
		b.mem.objects[key] = memObject{data: []byte("x"), meta: meta, modified: at}
	}
	return b
}

func seedBuckets(f *testing.F) {
	f.Add([]byte{5, 7, 3, 10, 6, 7, 3, 10, 7, 7, 3, 10, 2, 0, 0x30, 20}, "", "", "")              // shown whole; an older one is left
	f.Add([]byte{0x85, 0, 0, 10, 6, 7, 3, 10, 7, 7, 3, 10, 2, 0, 0x30, 20}, "", "", "")           // never shown
	f.Add([]byte{0x85, 0, 0, 1, 6, 7, 3, 1, 7, 7, 3, 1, 2, 0, 0x30, 20}, "", "", "")              // perhaps alive
	f.Add([]byte{0x8e, 0, 0, 10, 6, 1, 3, 10, 7, 1, 3, 255, 2, 0, 0x10, 20}, "x", "all", "nan")   // texts of somebody else
	f.Add([]byte{5, 7, 2, 10, 2, 0, 0, 20, 3, 0, 0, 5, 10, 0, 0, 30, 12, 0, 0, 30}, "/", "", "5") // replaces all
	f.Add([]byte{0x82, 0, 0, 10, 3, 4, 3, 10, 4, 4, 3, 10, 5, 0, 0x40, 5}, "../tt/x", "", "7")    // an older half
}

// What follows says what may be deleted, in another way than the code does.

// stamp is what the names of a sync have in common.
func stamp(key string) string { return key[:strings.LastIndexByte(key, '_')+1] }

// first is the first object of the set that an object is of, or "".
func (b *bucket) first(key string) string {
	first := "t/" + b.mem.objects[key].meta[sink.MetaSet]
	if slices.Contains(bucketKeys[:10], first) && stamp(first) == stamp(key) {
		return first
	}
	return ""
}

// neverShown reports whether the set of an object was not shown whole.
func (b *bucket) neverShown(key string) bool {
	first := b.first(key)
	_, shown := b.mem.objects[first]
	return first != "" && !shown && slices.ContainsFunc(b.mem.unfinished(), func(up sink.UploadInfo) bool { return up.Key == first })
}

func (b *bucket) generation(key string) int64 {
	n, _ := strconv.ParseInt(b.mem.objects[key].meta[sink.MetaGeneration], 10, 64)
	return n
}

// replacedBy reports whether a purge with this minimum may delete the object.
func (b *bucket) replacedBy(key string, least *int64) bool {
	return least == nil || b.generation(key) < *least || b.neverShown(key)
}

// FuzzPurge: nothing goes but objects with a name of ours, of an older generation or of a set
// that was never shown; and all of those go.
func FuzzPurge(f *testing.F) {
	seedBuckets(f)
	f.Fuzz(func(t *testing.T, script []byte, set, rule, generation string) {
		for _, least := range []*int64{nil, new(int64(7)), new(int64(0))} {
			b := fill(script, set, rule, generation)
			before := maps.Clone(b.mem.objects)
			keep := syncKey(20, 1)
			want := maps.Clone(before)
			maps.DeleteFunc(want, func(key string, _ memObject) bool {
				return own("t", key) && key != keep && b.replacedBy(key, least)
			})
			p := sink.Purge{Names: naming.In("t"), Keep: map[string]bool{keep: true}, MinGeneration: least}
			n, err := p.Run(t.Context(), b.mem)
			if err != nil || n != len(before)-len(want) || !slices.Equal(b.mem.keys(), slices.Sorted(maps.Keys(want))) {
				t.Fatalf("deleted %d, %v; left %q\nwant %q\nof %+v", n, err, b.mem.keys(), slices.Sorted(maps.Keys(want)), before)
			}
		}
	})
}

// FuzzRecovery: what goes is either all that was shown of a set that was never shown whole, by
// a run that is dead; or what a set says that it replaces, if it is shown whole, and what is
// older than it.
func FuzzRecovery(f *testing.F) {
	seedBuckets(f)
	f.Fuzz(func(t *testing.T, script []byte, set, rule, generation string) {
		b := fill(script, set, rule, generation)
		before := maps.Clone(b.mem.objects)
		unfinished := b.mem.unfinished()
		dead := fuzzNow.Add(-time.Hour)
		r := sink.Recovery{Names: naming.In("t"), Since: time.Date(2026, 11, 10, 0, 0, 0, 0, time.UTC), Before: dead}
		var listed []string
		if err := r.List(t.Context(), b.mem, func(i sink.Info) { listed = append(listed, i.Key) }); err != nil {
			t.Fatal(err)
		}
		n, err := r.Run(t.Context(), b.mem)
		if err != nil || n != len(before)-len(b.mem.objects) {
			t.Fatalf("deleted %d of %d, left %d, %v", n, len(before), len(b.mem.objects), err)
		}
		if len(b.mem.unfinished()) != len(unfinished) {
			t.Fatal("an upload was aborted")
		}
		after := b.mem.objects
		b.mem.objects = before
		for key, o := range before {
			if _, left := after[key]; !left && !b.mayGo(listed, key, o, dead) {
				t.Fatalf("%s was deleted: %+v\nof %+v\nuploads %+v", key, o, before, unfinished)
			}
		}
	})
}

// mayGo reports whether there is a reason to delete the object.
func (b *bucket) mayGo(listed []string, key string, o memObject, dead time.Time) bool {
	if !own("t", key) || len(listed) == 0 {
		return false
	}
	newest := stamp(slices.Max(listed))
	if stamp(key) == newest { // taken back
		return b.neverShown(key) && !o.modified.IsZero() && o.modified.Before(dead)
	}
	// Replaced by a set that is of the last sync, and shown.
	for shown, first := range b.mem.objects {
		if !slices.ContainsFunc(listed, func(k string) bool {
			return stamp(k) == newest && b.first(k) == shown
		}) {
			continue
		}
		var least *int64
		switch rule := first.meta[sink.MetaReplaces]; {
		case rule == "all":
		case strings.HasPrefix(rule, "generations below "):
			n, err := strconv.ParseInt(rule[len("generations below "):], 10, 64)
			if err != nil {
				continue
			}
			least = &n
		default:
			continue
		}
		if !o.modified.IsZero() && !o.modified.After(first.modified) && b.replacedBy(key, least) {
			return true
		}
	}
	return false
}
