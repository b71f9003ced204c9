package stages

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/sluice-data/sluice/compress"
	"github.com/sluice-data/sluice/pipeline"
)

// unpack reads pieces as one gzip member.
func unpack(t *testing.T, pieces []byte, sum compress.Sum) string {
	t.Helper()
	codec := compress.Gzip(1)
	member := codec.AppendTrailer(append(codec.AppendHeader(nil), pieces...), sum)
	r, err := gzip.NewReader(bytes.NewReader(member))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// ends reports whether a stream ends between two records of a batch.
func ends(b *pipeline.Batch, from, to int32) bool {
	for _, m := range b.Marks {
		if m.Kind == pipeline.StreamComplete && m.At > from && m.At <= to {
			return true
		}
	}
	return false
}

// TestCompressKeepsRowsInOrder packs random batches: each stream's pieces are its rows, in
// their order, and no piece goes over the end of a stream.
func TestCompressKeepsRowsInOrder(t *testing.T) {
	c := NewCatalog([]*Table{table("a", "id"), table("b", "id"), table("c", "id")})
	pack := NewPack(compressed(c, compress.Gzip(1))) // one for all: it keeps its memory
	for seed := range uint64(200) {
		rng := rand.New(rand.NewPCG(seed, 0))
		var lines []string
		for i := range rng.IntN(60) {
			switch rng.IntN(12) {
			case 0:
				lines = append(lines, streamState("abc"[rng.IntN(3):][:1]))
			case 1:
				lines = append(lines, status("abc"[rng.IntN(3):][:1], "COMPLETE"))
			default:
				lines = append(lines, record("aabc"[rng.IntN(4):][:1], fmt.Sprintf(`{"id":%d}`, i)))
			}
		}
		b := batch(lines...)
		process(t, c, b)
		want := map[int32]string{}
		for _, s := range b.Segments {
			want[s.Stream] += string(b.Output[s.Start:s.End])
		}
		if err := pack.Process(t.Context(), b); err != nil {
			t.Fatal(err)
		}
		got, packed, sums, rows := map[int32]string{}, map[int32][]byte{}, map[int32]compress.Sum{}, 0
		for i, s := range b.Segments {
			rows += int(s.Rows)
			packed[s.Stream] = append(packed[s.Stream], b.Output[s.Start:s.End]...)
			sums[s.Stream] = sums[s.Stream].Join(s.Sum)
			if i > 0 && s.First <= b.Segments[i-1].First {
				t.Errorf("seed %d: a segment of record %d behind one of %d", seed, s.First, b.Segments[i-1].First)
			}
			// The rows of this piece are the next ones of its stream, and none of another run.
			n := int32(0)
			for r := s.First; n < s.Rows; r++ {
				if b.Records[r].Stream == s.Stream {
					if n++; ends(b, s.First, r) {
						t.Errorf("seed %d: the piece of record %d goes over the end of a stream", seed, s.First)
						break
					}
				}
			}
		}
		for stream := range packed {
			got[stream] = unpack(t, packed[stream], sums[stream])
		}
		if fmt.Sprint(got) != fmt.Sprint(want) || rows != len(b.Records) {
			t.Fatalf("seed %d: %d of %d rows:\n got %v\nwant %v", seed, rows, len(b.Records), got, want)
		}
	}
}

// Rows that take turns make one piece a stream, not one a row.
func TestCompressGathersRows(t *testing.T) {
	c := NewCatalog([]*Table{table("a", "id"), table("b", "id")})
	var lines []string
	for range 100 {
		lines = append(lines, record("a", `{}`), record("b", `{}`), streamState("a"))
	}
	b := batch(lines...)
	process(t, c, b)
	if err := NewPack(compressed(c, compress.Zstd(0))).Process(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	if len(b.Segments) != 2 || b.Segments[0].Rows != 100 || b.Segments[1].Rows != 100 {
		t.Errorf("segments %+v", b.Segments)
	}
}

// compressed sets the codec of all tables.
func compressed(c *Catalog, codec compress.Codec) *Catalog {
	for _, t := range c.Tables {
		t.Codec = codec
	}
	return c
}
