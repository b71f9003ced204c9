package stages

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/sluice-data/sluice/pipeline"
)

// TestGroup: between two marks each stream's records are neighbours, in their order, and
// their values are still theirs.
func TestGroup(t *testing.T) {
	var tables []*Table
	for i := range manyStreams {
		tables = append(tables, table(fmt.Sprintf("s%02d", i), "id"))
	}
	c := NewCatalog(tables)
	decode := NewDecode(c) // one for all: it keeps its memory
	for seed := range uint64(100) {
		rng := rand.New(rand.NewPCG(seed, 0))
		var lines []string
		for i := range 20 + rng.IntN(200) {
			stream := fmt.Sprintf("s%02d", rng.IntN(1+rng.IntN(manyStreams)))
			if rng.IntN(20) == 0 {
				lines = append(lines, streamState(stream))
			} else {
				lines = append(lines, record(stream, fmt.Sprintf(`{"id":%d}`, i)))
			}
		}
		b := batch(lines...)
		if err := decode.Process(t.Context(), b); err != nil {
			t.Fatal(err)
		}
		checkGroups(t, b, len(lines)-len(b.Marks))
	}
}

func checkGroups(t *testing.T, b *pipeline.Batch, records int) {
	t.Helper()
	if len(b.Records) != records {
		t.Fatalf("%d records of %d", len(b.Records), records)
	}
	marks := append(b.Marks, pipeline.Mark{At: int32(len(b.Records)), Line: 1 << 30})
	first, line := 0, int32(-1)
	for _, m := range marks {
		last := map[int32]int32{} // line of the last record of a stream
		for i, r := range b.Records[first:m.At] {
			if r.Line <= line || r.Line >= m.Line {
				t.Fatalf("the record of line %d is between the marks of %d and %d", r.Line, line, m.Line)
			}
			before, seen := last[r.Stream]
			if seen && (before >= r.Line || b.Records[first+i-1].Stream != r.Stream) {
				t.Fatalf("the record of line %d is behind that of %d, or not beside it", r.Line, before)
			}
			last[r.Stream] = r.Line
			if got, want := string(b.ValuesOf(&b.Records[first+i])[0].Of(b.Input)), fmt.Sprint(r.Line); got != want {
				t.Fatalf("the record of line %s has the value %s", want, got)
			}
		}
		first, line = int(m.At), m.Line
	}
}
