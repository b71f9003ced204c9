package format

import (
	"bytes"
	"slices"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"
)

// bounded is an encoder that works out the room for a row beforehand.
type bounded interface {
	Encoder
	bound(*Row) int
	counting() bounded // its twin that counts the bytes of all rows, as of long ones
}

func (c *CSV) counting() bounded {
	twin := *c
	twin.long = 0
	return &twin
}

func (j *JSONL) counting() bounded {
	twin := *j
	twin.long = 0
	return &twin
}

// checkAppends appends a row behind other bytes, with all sorts of room behind them: the
// row is the same, and neither what stands before it nor what lies past the slice's
// capacity is touched. Where there is room for the bound, the memory stays the same.
func checkAppends(t *testing.T, c bounded, r *Row, one []byte) {
	t.Helper()
	const guard = 0xA5
	before := []byte("before\"\\\xff,")
	bound := c.bound(r)
	if len(one) > bound-slack {
		t.Fatalf("%d bytes, more than %d, the bound without slack: %q", len(one), bound-slack, one)
	}
	for _, room := range []int{0, 1, 7, len(one) / 2, len(one) - 1, len(one), len(one) + 1, bound - 1, bound, 3*len(one) + 64} {
		memory := bytes.Repeat([]byte{guard}, len(before)+room+64)
		end := len(before) + room
		got, _ := c.AppendRow(append(memory[:0:end], before...), r)
		if !bytes.HasPrefix(got, before) || !bytes.Equal(got[len(before):], one) {
			t.Fatalf("with room for %d bytes: got %q, want %q behind %q", room, got, one, before)
		}
		if !bytes.HasPrefix(memory, before) || bytes.Count(memory[end:], []byte{guard}) != 64 {
			t.Fatalf("with room for %d bytes: memory is %q", room, memory)
		}
		if room >= bound && &got[0] != &memory[0] {
			t.Fatalf("room for %d bytes is not enough, in spite of the bound %d", room, bound)
		}
	}
}

// checkSame encodes the row where less and more stands behind it in the document, where it
// is known to be clean (if it is), and with its bytes counted as those of long rows are.
func checkSame(t *testing.T, c bounded, r *Row, one []byte) {
	t.Helper()
	end := max(r.Data.End, r.Changes.End)
	for _, behind := range []string{"", "x", strings.Repeat("\"\\\xff,", 50)} {
		same := *r
		same.Doc = append(slices.Clip(r.Doc[:end]), behind...)
		for range 2 {
			checkAppends(t, c, &same, one)
			checkAppends(t, c.counting(), &same, one)
			same.Clean = utf8.Valid(r.Data.Of(r.Doc)) && utf8.Valid(r.Changes.Of(r.Doc))
		}
	}
}

// manyKinds has every path that a cell can take.
const manyKinds = "{\"n\":1.50,\"s\":\"plain\",\"e\":\"a\\\"b\\n\\u00e9\",\"bad\":\"\xff,\",\"worse\":\"\xff\\ud800\",\"o\":{\"k\":\"v\xff\"},\"a\":[1, 2],\"t\":true,\"z\":null,\"x\":{\"y\":\"\xfe\"},\"w\":\"\\\"\",\"_airbyte_meta\":[\"\\ud800\"]}"

var manyColumns = []string{"n", "s", "absent", "e", "bad", "worse", "o", "a", "t", "z", "later"}

func manyTables() []Table {
	n := int64(5)
	return []Table{
		{},
		{Metadata: MetadataV2, SyncID: &n, GenerationID: &n},
		{Flatten: true, Columns: manyColumns},
		{Flatten: true, Columns: manyColumns, KeepUndeclared: true, Metadata: MetadataV2, SyncID: &n},
		{Flatten: true},
	}
}

// each calls f with every dialect and table, as JSONL too, and the row of manyKinds.
func each(f func(c bounded, r *Row)) {
	for _, table := range manyTables() {
		f(NewJSONL(table), row(&table, manyKinds, "[\"\xff\"]"))
	}
	for _, d := range []Dialect{standard, quoteAll, minimal, {Delimiter: '\t', Quoting: QuoteMinimal, LineEnd: "\n", Null: "plain"}} {
		for _, table := range manyTables() {
			f(NewCSV(d, table), row(&table, manyKinds, "[\"\xff\"]"))
		}
	}
}

func TestRowAppends(t *testing.T) {
	each(func(c bounded, r *Row) {
		one, _ := c.AppendRow(nil, r)
		checkAppends(t, c, r, one)
		checkSame(t, c, r, one)
	})
}

func TestRowIsLeftAlone(t *testing.T) {
	each(func(c bounded, r *Row) {
		doc, rows := bytes.Clone(r.Doc), [2][]byte{}
		for i := range rows {
			rows[i], _ = c.AppendRow(nil, r)
		}
		if !bytes.Equal(doc, r.Doc) || !bytes.Equal(rows[0], rows[1]) {
			t.Errorf("%q became %q; first %q, then %q", doc, r.Doc, rows[0], rows[1])
		}
	})
}

func TestRowAllocatesNothing(t *testing.T) {
	each(func(c bounded, r *Row) {
		var dst []byte
		allocs := testing.AllocsPerRun(100, func() {
			dst = c.AppendHeader(dst[:0])
			dst, _ = c.AppendRow(dst, r)
		})
		if allocs != 0 {
			t.Errorf("%v allocations a row, want 0: %q", allocs, dst)
		}
	})
}

// An encoder is read only: workers share it. (The race detector is the judge here.)
func TestEncoderIsShared(t *testing.T) {
	each(func(c bounded, r *Row) {
		want, replaced := c.AppendRow(c.AppendHeader(nil), r)
		var group sync.WaitGroup
		for range 4 {
			group.Go(func() {
				var dst []byte
				for range 20 {
					var n int
					if dst, n = c.AppendRow(c.AppendHeader(dst[:0]), r); !bytes.Equal(dst, want) || n != replaced {
						t.Errorf("got %q, %d, want %q, %d", dst, n, want, replaced)
					}
				}
			})
		}
		group.Wait()
	})
}
