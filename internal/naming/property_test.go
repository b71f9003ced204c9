package naming_test

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/sluice-data/sluice/internal/naming"
)

// TestKnownAgain: whatever the template and whatever the stream, a key that is made is known
// again, with its number; no two numbers have one key; and where a key of one stream is known by
// another, the two are said to overlap.
func TestKnownAgain(t *testing.T) {
	pieces := []string{
		"${NAMESPACE}", "${STREAM_NAME}", "${STREAM_NAME}", "${YEAR}", "${MONTH}", "${DAY}", "${HOUR}", "${MINUTE}", "${SECOND}", "${MILLISECOND}",
		"${EPOCH}", "${UUID}", "/", "/", "_", "-", "a", "7", ".", "x/", "~", "+",
	}
	ends := []string{"{date}", "{date:yyyy}", "{timestamp}", "{timestamp:micros}", "{part_number}", "{sync_id}", "{format_extension}", "_", "-", "7", ".csv", "a", "~"}
	streams := []string{"a", "b", "a7", "7a", "2024", "a_2024", "a_", "_a", "a-1", "a.csv", "aa"}
	rapid.Check(t, func(t *rapid.T) {
		path := strings.Join(rapid.SliceOfN(rapid.SampledFrom(pieces), 1, 7).Draw(t, "path"), "")
		file := strings.Join(rapid.SliceOfN(rapid.SampledFrom(ends), 1, 5).Draw(t, "file"), "")
		tpl, err := naming.Parse("", path, file)
		if err != nil {
			t.Skip(err)
		}
		bind := func(what string) *naming.Names {
			n, err := tpl.Stream(rapid.SampledFrom(append(streams, "")).Draw(t, "namespace of "+what), rapid.SampledFrom(streams).Draw(t, what))
			if err != nil {
				t.Skip(err)
			}
			return n
		}
		n, other := bind("one"), bind("other")
		values := func(what string) naming.Values {
			at := time.UnixMilli(rapid.Int64Range(0, 9_999_999_999_999).Draw(t, what+" time"))
			return naming.Values{
				Time: at, UUID: syncUUID, SyncID: rapid.Int64Range(0, 300).Draw(t, what+" sync"), Timestamp: at.Add(time.Duration(rapid.Int64Range(0, 5000).Draw(t, what+" later"))),
				Part: rapid.Int64Range(0, 300).Draw(t, what+" part"), Extension: rapid.SampledFrom([]string{".csv", ".csv.gz", ".parquet"}).Draw(t, what+" extension"),
			}
		}
		v := values("a")
		key := n.Key(v)
		m, ok := n.Match(key)
		if !ok || n.Numbered() && m.Number != v.Part || n.Dated() && m.Epoch != v.Time.UnixMilli() {
			t.Fatalf("%s gives %q, which is read as %+v, %v", n, key, m, ok)
		}
		if !strings.HasPrefix(key, m.Begin) || n.From(v.Time) > key || len(key) > len(n.Longest(".parquet")) {
			t.Fatalf("%s gives %q: %+v", n, key, m)
		}
		w := v
		if w.Part++; n.Numbered() && n.Key(w) == key {
			t.Fatalf("%s gives %q twice", n, key)
		}
		if w.Timestamp = v.Timestamp.Add(n.Tick()); n.Key(w) == key {
			t.Fatalf("%s gives %q twice", n, key)
		}
		if _, ok := other.Match(key); ok && (!n.Overlaps(other) || !other.Overlaps(n)) {
			t.Fatalf("%q is of %s and of %s, which are said to be apart", key, n, other)
		}
	})
}
