package parquet

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/sluice-data/sluice/format"
	"github.com/sluice-data/sluice/format/typed"
)

var codecs = []string{"UNCOMPRESSED", "SNAPPY", "GZIP", "BROTLI", "LZ4", "ZSTD"}

// roundTrip: whatever the table, its rows come back, from groups that were built apart.
func roundTrip(t *rapid.T) {
	root := &typed.Type{Kind: typed.Record, Fields: drawFields(t, 1, 3)}
	o := Options{
		Codec:        rapid.SampledFrom(codecs).Draw(t, "codec"),
		NoDictionary: rapid.Bool().Draw(t, "no dictionary"),
		PageSize:     rapid.SampledFrom([]int{0, 1, 50}).Draw(t, "page"),
		DictSize:     rapid.SampledFrom([]int{0, 1, 20}).Draw(t, "dictionary"),
	}
	p := mustNew(t, root, o)
	used := p.NewBuilder()
	var groups [][]any
	var want []any
	for range rapid.IntRange(0, 3).Draw(t, "groups") {
		var rows []any
		for range rapid.IntRange(0, 12).Draw(t, "rows") {
			rows = append(rows, drawValue(t, root))
		}
		groups = append(groups, rows)
		want = append(want, rows...)
	}
	// A row of no bytes can't be told from none.
	if len(appendRows(nil, root, want)) == 0 {
		return
	}
	object := file(t, p, root, func() format.Builder { return used }, groups...)
	if got := read(t, root, object); !reflect.DeepEqual(got, want) {
		t.Fatalf("%+v\ngot  %v\nwant %v", o, got, want)
	}
	fresh := file(t, p, root, p.NewBuilder, groups...)
	if !bytes.Equal(object, fresh) {
		t.Fatal("a builder that was used before makes other bytes")
	}
}

func TestRoundTrip(t *testing.T) { rapid.Check(t, roundTrip) }

func FuzzRoundTrip(f *testing.F) { f.Fuzz(rapid.MakeFuzz(roundTrip)) }

// table has a column a kind, nullable.
func table(kinds ...typed.Kind) *typed.Type {
	root := &typed.Type{Kind: typed.Record}
	for _, k := range kinds {
		of := &typed.Type{Kind: k, Nullable: true}
		if k == typed.Decimal {
			of.Precision, of.Scale = 38, 18
		}
		root.Fields = append(root.Fields, typed.Field{Name: string(rune('a' + len(root.Fields))), Type: of})
	}
	return root
}

// Groups that are long enough to settle for a dictionary or against it, to close one, and to have
// several pages.
func TestLongColumns(t *testing.T) {
	f := func(name string, kind typed.Kind, n int, value func(i int, r *rand.Rand) any, want string) {
		t.Helper()
		root := table(kind)
		r := rand.New(rand.NewPCG(1, 2))
		var rows []any
		for i := range n {
			rows = append(rows, fields{value(i, r)})
		}
		p := mustNew(t, root, Options{Codec: "ZSTD"})
		object := file(t, p, root, p.NewBuilder, rows)
		var got []string
		for _, s := range open(t, object).Metadata().RowGroups[0].Columns[0].MetaData.EncodingStats {
			got = append(got, s.PageType.String()+" "+s.Encoding.String())
		}
		if got := strings.Join(got, ", "); got != want {
			t.Errorf("%s: got  %s\nwant %s", name, got, want)
		}
		if !reflect.DeepEqual(read(t, root, object), rows) {
			t.Errorf("%s: other rows came back", name)
		}
	}
	const (
		dictionary = "DICTIONARY_PAGE PLAIN, DATA_PAGE RLE_DICTIONARY"
		plain      = "DATA_PAGE PLAIN"
		deltas     = "DATA_PAGE DELTA_BINARY_PACKED"
	)
	text := func(n int) func(int, *rand.Rand) any {
		return func(_ int, r *rand.Rand) any { return strings.Repeat("x", 20) + string(rune('A'+r.IntN(n))) }
	}
	long := func(n int64) func(int, *rand.Rand) any {
		return func(_ int, r *rand.Rand) any { return (r.Int64N(n) * 0x9e3779b97f4a7) ^ 0x5555 }
	}
	f("few texts", typed.String, 100_000, text(50), dictionary)
	f("a few rows of few texts", typed.String, 10, text(2), dictionary)
	f("a few rows of different texts", typed.String, 10, text(1e5), plain)
	f("different texts", typed.String, 40_000, func(_ int, r *rand.Rand) any { return string(rune(r.IntN(1e5))) + "abcdefgh" }, plain)
	f("a growing dictionary of texts", typed.String, 200_000, func(i int, r *rand.Rand) any {
		return strings.Repeat("y", 40) + string(rune(r.IntN(max(100, i))))
	}, dictionary+", "+plain)
	f("few integers", typed.Long, 100_000, long(50), dictionary)
	f("different integers", typed.Long, 40_000, long(1<<40), plain)
	f("a sequence", typed.Long, 100_000, func(i int, _ *rand.Rand) any { return int64(i) }, deltas)
	f("dates", typed.Date, 100_000, func(_ int, r *rand.Rand) any { return r.Int64N(30) }, dictionary)
	f("a sequence of dates", typed.Date, 40_000, func(i int, _ *rand.Rand) any { return int64(i) }, deltas)
	f("few decimals", typed.Decimal, 20_000, func(_ int, r *rand.Rand) any { return strings.Repeat("\xff", 15) + string([]byte{byte(r.IntN(90))}) }, dictionary)
	f("booleans", typed.Boolean, 100_000, func(_ int, r *rand.Rand) any { return r.IntN(2) > 0 }, plain)
	f("nulls", typed.String, 100_000, func(int, *rand.Rand) any { return nil }, plain)
	f("nulls, then texts", typed.String, 200_000, func(i int, _ *rand.Rand) any {
		if i < 100_000 {
			return nil
		}
		return "a"
	}, dictionary+", "+plain)
	f("hardly any texts", typed.String, 200_000, func(i int, r *rand.Rand) any {
		if r.IntN(100) > 0 {
			return nil
		}
		return string(rune(i))
	}, dictionary)
}

func TestRefused(t *testing.T) {
	f := func(root *typed.Type, o Options, want string) {
		t.Helper()
		_, err := New(root, nil, o)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	}
	one := table(typed.Long)
	f(one, Options{Codec: "LZO"}, "LZO can't be written, and hardly any reader takes it; choose ZSTD")
	f(one, Options{Codec: "snappy"}, `unknown codec "snappy"; choose UNCOMPRESSED, SNAPPY`)
	f(one, Options{Codec: "ZSTD", Level: 23}, "ZSTD has levels from 1 to 22, not 23")
	f(one, Options{Codec: "GZIP", Level: -1}, "GZIP has levels from 1 to 9, not -1")
	f(one, Options{Codec: "SNAPPY", Level: 3}, "SNAPPY has no levels; leave the level out")
	f(one, Options{Codec: "ZIP", Level: 3}, `unknown codec "ZIP"`)
	f(one, Options{Codec: "SNAPPY", PageSize: -1}, "can't be negative")
	f(&typed.Type{Kind: typed.Record}, Options{Codec: "SNAPPY"}, "a table must have columns")
	f(&typed.Type{Kind: typed.Long}, Options{Codec: "SNAPPY"}, "a table must have columns")
	deep := &typed.Type{Kind: typed.Long}
	for range 200 {
		deep = &typed.Type{Kind: typed.Array, Items: deep}
	}
	f(&typed.Type{Kind: typed.Record, Fields: []typed.Field{{Name: "x", Type: deep}}}, Options{Codec: "SNAPPY"}, `column "x": its type is nested`)
}

// Ids in hex repeat nothing, and take half a byte a digit all the same, at each level.
func TestZstdPacksLiterals(t *testing.T) {
	const n = 1000
	random := rand.New(rand.NewPCG(1, 2))
	root := table(typed.String)
	var rows []any
	for range n {
		id := fmt.Sprintf("%016x%016x", random.Uint64(), random.Uint64())
		rows = append(rows, fields{id})
	}
	for _, level := range []int{0, 1, 3, 9, 22} {
		p := mustNew(t, root, Options{Codec: "ZSTD", Level: level})
		object := file(t, p, root, p.NewBuilder, rows)
		if most := 20 * n; len(object) > most {
			t.Errorf("level %d: %d bytes for %d ids, more than %d", level, len(object), n, most)
		}
		if got := read(t, root, object); len(got) != n || !reflect.DeepEqual(got[n-1], rows[n-1]) {
			t.Errorf("level %d: %d rows, the last is %v", level, len(got), got[len(got)-1])
		}
	}
}
