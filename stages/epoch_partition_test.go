package stages

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/sluice-data/sluice/sink"
)

// TestEpochPartitions: each partition has one object, and all are shown together.
func TestEpochPartitions(t *testing.T) {
	for _, users := range []*Table{table("users", "id"), groupedTable("users", 2*firstChunk)} {
		partitioned(t, users, "p")
		r := newEpochRig(t, sink.UploadOptions{}, nil, users, table("orders", "id"))
		r.opts.Gather = NewGather(r.catalog, gatherStage, 10<<20)
		r.group.Go(func() error { return r.opts.Gather.Run(t.Context()) })
		var lines []string
		for i := range 900 {
			lines = append(lines, record("users", fmt.Sprintf(`{"a":%d,"p":"%c"}`, i, 'x'+i%3)))
		}
		r.send(lines...)
		if err := r.Finish(t.Context()); err != nil || r.Rows() != 900 {
			t.Fatalf("%d rows, %v", r.Rows(), err)
		}
		if len(r.visible()) != 0 {
			t.Errorf("visible too early: %q", r.visible())
		}
		if err := r.Complete(t.Context()); err != nil {
			t.Fatal(err)
		}
		r.opts.Gather.Close()
		r.up.Close()
		if err := r.group.Wait(); err != nil {
			t.Fatal(err)
		}
		ext := users.Extension()
		want := []string{"data/users/p=x/0." + ext, "data/users/p=y/0." + ext, "data/users/p=z/0." + ext}
		if got := r.visible(); !slices.Equal(got, want) || !slices.Equal(got, r.Keys()) {
			t.Fatalf("objects %q", got)
		}
		for _, key := range want {
			if n := strings.Count(r.read(key), "\n"); n < 300 || n > 301 { // a header
				t.Errorf("%s has %d lines", key, n)
			}
		}
		if s := r.Summary()[0]; s.Objects != 3 || s.Rows != 900 || len(r.Objects()) != 3 {
			t.Errorf("%+v", s)
		}
	}
}
