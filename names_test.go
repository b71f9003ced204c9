package sluice_test

import (
	"testing"
	"time"

	"github.com/sluice-data/sluice/airbyte"
	"github.com/sluice-data/sluice/config"
	"github.com/sluice-data/sluice/sink"
)

// TestNumbersGoOn: in a path that all syncs share, a number that is there is not given again: not that of
// an unfinished upload, which may be the first object of a half shown table, and not that of an object
// which the sync removes itself.
func TestNumbersGoOn(t *testing.T) {
	inStores(t, func(t *testing.T, st store) {
		cfg := settings()
		cfg.PathFormat, cfg.FileNamePattern = "${STREAM_NAME}/", "part-{part_number}{format_extension}"
		f := func(mode airbyte.DestinationSyncMode, refresh config.FullRefresh, want ...string) {
			t.Helper()
			cfg.FullRefresh = refresh
			if out := sync(t, cfg, users(mode), st, time.Now(), records(1)); out.err != nil {
				t.Fatal(out.err)
			}
			same(t, "objects", keys(t, st, "data/users/"), want)
		}
		put(t, st, "data/users/part-3.csv.gz", "data/users/part-7.txt")
		f(airbyte.Append, config.RefreshAtomic, "data/users/part-3.csv.gz", "data/users/part-4.csv", "data/users/part-7.txt")
		up, err := st.Create(t.Context(), "data/users/part-5.csv", nil)
		if err == nil {
			err = up.Part(t.Context(), sink.Part{Number: 1, Body: sink.NewBody([]byte("half"))})
		}
		if err != nil {
			t.Fatal(err)
		}
		f(airbyte.Append, config.RefreshAtomic, "data/users/part-3.csv.gz", "data/users/part-4.csv", "data/users/part-6.csv", "data/users/part-7.txt")
		f(airbyte.Overwrite, config.RefreshAtomic, "data/users/part-7.csv", "data/users/part-7.txt")
		f(airbyte.Overwrite, config.RefreshPurgeFirst, "data/users/part-7.txt", "data/users/part-8.csv")
		f(airbyte.Overwrite, config.RefreshIncremental, "data/users/part-7.txt", "data/users/part-9.csv")
	})
}
