package naming_test

import (
	"strings"
	"testing"

	"github.com/sluice-data/sluice/internal/naming"
)

// FuzzParse: whatever stands in a config, what is accepted gives keys that a store can take, and that are
// known again; and what is refused names a field.
func FuzzParse(f *testing.F) {
	for _, s := range [][4]string{
		{"", "", "", "users"}, {"data", naming.DefaultPath, naming.DefaultFile, "a/b"}, {"a{b}/${YEAR}", "${STREAM_NAME}/", "data.csv.gz", "ü"},
		{"/", "//", "/", "x"}, {"", "$", "{date:yyyy/MM}.{timestamp}", ".."}, {"${UUID}", "(${STREAM_NAME}[", "~{sync_id}~", "a~1"}, {"\xff", "${", "}", ""},
	} {
		f.Add(s[0], s[1], s[2], s[3])
	}
	f.Fuzz(func(t *testing.T, bucket, path, file, stream string) {
		tpl, err := naming.Parse(bucket, path, file)
		if err != nil {
			if all, ok := err.(naming.Errors); !ok || len(all) == 0 || all[0].Field == "" || all[0].Reason == "" {
				t.Fatalf("got %#v", err)
			}
			return
		}
		n, err := tpl.Stream("n", stream)
		if err != nil {
			return
		}
		v := naming.Values{Time: syncTime, UUID: syncUUID, SyncID: 7, Timestamp: wallClock, Extension: ".csv"}
		for v.Part = range int64(3) {
			key := n.Key(v)
			if m, ok := n.Match(key); !ok || n.Numbered() && m.Number != v.Part {
				t.Fatalf("%q, %q, %q give %q, which is read as %+v, %v", bucket, path, file, key, m, ok)
			}
			if key == "" || key[0] == '/' || strings.HasSuffix(key, "/") || strings.Contains(key, "//") || strings.Contains("/"+key+"/", "/../") {
				t.Fatalf("%q, %q, %q give %q", bucket, path, file, key)
			}
			if got, _, ok := n.Told(n.Tell(key)); !ok || got != key {
				t.Fatalf("%q is told as %q, and read as %q", key, n.Tell(key), got)
			}
		}
	})
}
