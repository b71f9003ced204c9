package sink_test

import (
	"context"
	"testing"

	"github.com/sluice-data/sluice/sink"
)

// TestTrailer has an object end with what Trailer says, whatever its size, and Trailer asked
// once, also where the object was closed because the memory budget was spent.
func TestTrailer(t *testing.T) {
	const part = 2 * chunk
	f := func(size int, held, early bool) {
		t.Helper()
		store := newMemStore(sink.Properties{MinPartSize: part})
		u := sink.NewUploader(store, sink.UploadOptions{PartSize: part, Memory: 8 * part})
		set := u.NewSet(held)
		asked := 0
		err := upload(t.Context(), u, func(ctx context.Context) error {
			o := set.Open("a/b", noMeta, nothing)
			o.Trailer = func() []byte { asked++; return []byte("END") }
			if err := o.Append(ctx, content(size, 1), 1); err != nil {
				return err
			}
			for i := 0; early && !o.Closed(); i++ { // fills the budget
				other := u.NewSet(false).Open(string(rune('c'+i)), noMeta, nothing)
				if err := other.Append(ctx, content(100, 2), 1); err != nil {
					return err
				}
			}
			return set.Commit(ctx, nil)
		})
		if err != nil {
			t.Errorf("%d bytes: %v", size, err)
			return
		}
		want := string(content(size, 1)) + "END"
		if got := string(store.object("a/b").data); got != want || asked != 1 {
			t.Errorf("%d bytes, held %v, early %v: got %d bytes, asked %d times", size, held, early, len(got), asked)
		}
	}
	for _, held := range []bool{false, true} {
		for _, k := range []int{1, 2, 3} {
			for d := -3; d <= 1; d++ { // also with room for none, or some, of it
				f(k*part+d, held, false)
			}
		}
		f(0, held, false)
		f(1, held, false)
	}
	f(chunk, false, true)
	f(chunk+5, false, true)
}
