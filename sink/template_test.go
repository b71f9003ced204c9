package sink_test

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sluice-data/sluice/internal/naming"
	"github.com/sluice-data/sluice/sink"
)

// templates are ways to name the objects of the stream users, each with names near them that are not
// its own.
var templates = []struct {
	path, file string
	near       []string
}{
	{"", "", []string{"p/public/users/x", "p/public/users_x/2026_11_20_1_0.csv"}},
	{"${NAMESPACE}/${STREAM_NAME}/", "part-{part_number}{format_extension}", []string{"p/public/users/part-0.txt", "p/public/users/x/part-0.csv", "p/public/users_x/part-0.csv", "p/public/users/0.csv"}},
	{"${STREAM_NAME}/${YEAR}/${MONTH}/${DAY}/${EPOCH}_", "", []string{"p/users/2026/11/20/x", "p/users/2026/11/1_0.csv", "p/users_x/2026/11/20/1_0.csv"}},
	{"${YEAR}/${STREAM_NAME}/", "", []string{"p/2026/orders/0.csv", "p/2026/users/x/0.csv", "p/20260/users/0.csv"}},
	{"${STREAM_NAME}_", "{sync_id}{format_extension}", []string{"p/users_7-1.csv", "p/users_x_7.csv", "p/users_7/x.csv"}},
	{"${STREAM_NAME}/", "{timestamp}{format_extension}", []string{"p/users/1.csv", "p/users/x.csv"}},
	{"${STREAM_NAME}/", "{part_number}-{sync_id}.csv", []string{"p/users/1.csv", "p/users/1-1-1.csv"}},
	{"${STREAM_NAME}/", "{part_number}/data.csv", []string{"p/users/data.csv", "p/users/1/2/data.csv", "p/users/1/data.csv.gz"}},
}

// eachTemplate runs a test with each of them, in a bubble.
func eachTemplate(t *testing.T, f func(t *testing.T, s *syncTest)) {
	for _, c := range templates {
		t.Run(c.path+c.file, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				time.Sleep(time.Until(time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)))
				s := &syncTest{T: t, mem: newMemStore(sink.Properties{}), names: namesOf(t, c.path, c.file), near: c.near}
				for _, key := range c.near {
					put(t, s.mem, key, "-")
				}
				f(t, s)
			})
		})
	}
}

// syncTest has syncs of one stream, one after the other.
type syncTest struct {
	*testing.T
	mem   *memStore
	names *naming.Names
	near  []string
	syncs int64
}

// keys are those of the next sync, which knows what is there.
func (s *syncTest) keys() (*sink.Keys, sink.Metadata) {
	s.Helper()
	time.Sleep(time.Minute)
	s.syncs++
	keys := sink.NewKeys(s.names, naming.Values{Time: time.Now(), SyncID: s.syncs, Extension: ".csv"}, time.Now)
	for _, up := range s.mem.unfinished() {
		keys.Take(up.Key)
	}
	for info, err := range keys.List(s.Context(), s.mem) {
		if err != nil {
			s.Fatal(err)
		}
		keys.Take(info.Key)
	}
	meta := sink.Metadata{}
	if !s.names.Dated() {
		meta[sink.MetaStarted] = strconv.FormatInt(time.Now().UnixMilli(), 10)
	}
	return keys, meta
}

// appended are the keys of a sync that appends objects.
func (s *syncTest) appended(n int, generation string) (all []string) {
	s.Helper()
	keys, meta := s.keys()
	meta[sink.MetaGeneration] = generation
	for range n {
		key := keys.Next("")
		if err := s.mem.Put(s.Context(), key, sink.NewBody([]byte(key)), meta); err != nil {
			s.Fatal(err)
		}
		all = append(all, key)
	}
	return all
}

// refreshed are the keys of a full refresh of generation 7 with five objects, whose process is killed when it
// has shown some of them; it replaces what is older, in the words of rule.
func (s *syncTest) refreshed(shown int, rule string) (all []string) {
	s.Helper()
	keys, meta := s.keys()
	meta[sink.MetaGeneration], meta[sink.MetaReplaces] = "7", rule
	pause := 2 * time.Second // so the objects of a table are not made together
	killed(s.T, s.mem, s.names, shown, pause, meta, func(int) string {
		all = append(all, keys.Next(""))
		return all[len(all)-1]
	})
	return all
}

// recover does what the next sync does, a time later.
func (s *syncTest) recover(later time.Duration) int {
	s.Helper()
	time.Sleep(later)
	uploads, err := sink.Unfinished(s.Context(), s.mem, s.names.Prefix())
	if err != nil {
		s.Fatal(err)
	}
	now := time.Now()
	r := sink.Recovery{Names: s.names, Since: now.Add(-sink.RecoverSince), Before: now.Add(-sink.DeadAfter), Unfinished: uploads}
	if err := r.List(s.Context(), s.mem, func(sink.Info) {}); err != nil {
		s.Fatal(err)
	}
	n, err := r.Run(s.Context(), s.mem)
	if err != nil {
		s.Fatal(err)
	}
	return n
}

// want compares what is visible beside what is near.
func (s *syncTest) want(what string, keys ...[]string) {
	s.Helper()
	want := slices.Sorted(slices.Values(slices.Concat(append(keys, s.near)...)))
	if got := s.mem.keys(); !slices.Equal(got, want) {
		s.Errorf("%s: got %q, want %q", what, got, want)
	}
}

// TestTemplateRecovers: whatever the names, what a dead run had shown of its table goes, or what the
// table had replaced, if it was shown whole; and nothing else.
func TestTemplateRecovers(t *testing.T) {
	seven := int64(7)
	for _, rule := range []string{sink.Replaces(nil), sink.Replaces(&seven)} {
		for shown := range 6 {
			eachTemplate(t, func(t *testing.T, s *syncTest) {
				old := slices.Concat(s.appended(1, "5"), s.appended(2, "6"))
				table := s.refreshed(shown, rule)
				if n := s.recover(time.Minute); shown < 5 && n > 0 {
					t.Errorf("%d shown: %d were deleted while their run may be alive", shown, n)
				}
				late := s.appended(2, "8")
				s.recover(2 * time.Hour)
				switch {
				case shown < 5:
					s.want("half shown", old, late)
				default: // the sync after it has finished it already
					s.want("shown", table, late)
				}
				if n := s.recover(0); n > 0 {
					t.Errorf("%d shown: %d more were deleted the second time", shown, n)
				}
			})
		}
	}
}

// TestTemplateSeveral: jobs that die are tried again, and may die again.
func TestTemplateSeveral(t *testing.T) {
	eachTemplate(t, func(_ *testing.T, s *syncTest) {
		old := s.appended(1, "6")
		s.refreshed(2, "all")
		s.refreshed(3, "all")
		between := s.appended(1, "7")
		s.refreshed(0, "all")
		s.recover(2 * time.Hour)
		s.want("two half shown", old, between)
		whole := s.refreshed(5, "all")
		s.refreshed(3, "all")
		s.recover(2 * time.Hour)
		s.want("one whole, one half", whole)
	})
}

// TestTemplatePurge: a full refresh deletes what this stream has of other times, and half a table of an earlier
// try; and nothing of a neighbour.
func TestTemplatePurge(t *testing.T) {
	seven := int64(7)
	for shown := range 6 {
		eachTemplate(t, func(t *testing.T, s *syncTest) {
			s.appended(3, "6")
			time.Sleep(40 * 24 * time.Hour) // another month, and another year
			s.appended(2, "6")
			tried := s.refreshed(shown, sink.Replaces(&seven))
			mine := s.appended(2, "7")
			p := sink.Purge{Names: s.names, MinGeneration: &seven, Keep: maps.Collect(func(yield func(string, bool) bool) {
				for _, key := range mine {
					yield(key, true)
				}
			})}
			if _, err := p.Run(t.Context(), s.mem); err != nil {
				t.Fatal(err)
			}
			if shown < 5 {
				tried = nil
			}
			s.want(fmt.Sprint(shown, " shown"), tried, mine)
		})
	}
}

// TestTemplateProof: of what a dead run leaves, the upload of the first object is what the next
// sync needs.
func TestTemplateProof(t *testing.T) {
	eachTemplate(t, func(t *testing.T, s *syncTest) {
		s.appended(3, "6")
		table := s.refreshed(2, "all")
		s.appended(3, "7")
		for _, up := range s.mem.unfinished() {
			got, err := sink.StandingOf(t.Context(), s.mem, s.names, up)
			if want := up.Key == table[0]; err != nil || got.Proof != want || got.Newest.IsZero() {
				t.Errorf("the upload %s: got %+v, %v; want a proof: %v", up.Key, got, err, want)
			}
		}
	})
}

// TestTemplateStrangers: what a set names as its first object, and replaces, counts only if that object is of
// the same sync; and of a sync that can be told from others theirs are no signs of life.
func TestTemplateStrangers(t *testing.T) {
	eachTemplate(t, func(t *testing.T, s *syncTest) {
		old := s.appended(1, "6")
		table := s.refreshed(5, "all")
		if s.names.Dated() {
			return // it says so itself
		}
		stranger := s.mem.objects[table[0]]
		stranger.meta = maps.Clone(stranger.meta)
		stranger.meta[sink.MetaStarted], stranger.modified = "1", stranger.modified.Add(-time.Minute)
		s.mem.objects[table[0]] = stranger
		s.recover(2 * time.Hour)
		s.want("the first one is somebody else's", old, table)
	})
	mem, names := newMemStore(sink.Properties{}), namesOf(t, "${STREAM_NAME}/", "{part_number}-{sync_id}.csv")
	put(t, mem, "p/users/3-8.csv", "1")
	got, err := sink.StandingOf(t.Context(), mem, names, mem.begin("p/users/2-7.csv", time.Now(), nil).info)
	if err != nil || !got.Newest.IsZero() {
		t.Errorf("another sync's object is a sign of life: %+v, %v", got, err)
	}
}

// TestTemplateNames: no key is ever given twice, whatever was deleted or left unfinished.
func TestTemplateNames(t *testing.T) {
	eachTemplate(t, func(t *testing.T, s *syncTest) {
		given := map[string]bool{}
		add := func(keys []string) {
			t.Helper()
			for _, key := range keys {
				if given[key] {
					t.Errorf("%s is given twice", key)
				}
				given[key] = true
				if _, own := s.names.Match(key); !own || !strings.HasPrefix(key, s.names.Prefix()) {
					t.Errorf("%s is not known again", key)
				}
			}
		}
		add(s.appended(3, "6"))
		add(s.refreshed(2, "all"))
		s.recover(2 * time.Hour)
		add(s.appended(1, "7"))
		add(s.refreshed(5, "all"))
		s.recover(time.Minute)
		add(s.appended(2, "7"))
	})
}
