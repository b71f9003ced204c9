package parquet

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/sluice-data/sluice/format/typed"
)

// lineitems is the type of a table like TPC-H's lineitem, and rows of it. nulls is how many of a hundred
// values are null.
func lineitems(n, nulls int) (*typed.Type, []any) {
	random := rand.New(rand.NewPCG(1, 2))
	words := strings.Fields("furiously quick pending deposits sleep carefully above the regular foxes and final theodolites along even requests")
	below := func(n int64) func() any { return func() any { return random.Int64N(n) } }
	price := func() any { return floatBits(math.Float64bits(float64(random.IntN(1e7)) / 100)) }
	one := func(of ...string) func() any { return func() any { return of[random.IntN(len(of))] } }
	comment := func() any {
		text := words[random.IntN(len(words))]
		for range 3 + random.IntN(8) {
			text += " " + words[random.IntN(len(words))]
		}
		return text
	}
	order := int64(0)
	columns := []struct {
		kind typed.Kind
		next func() any
	}{
		{typed.Long, func() any { order += random.Int64N(2); return order }},
		{typed.Long, below(200_000)}, {typed.Long, below(10_000)}, {typed.Long, below(7)},
		{typed.Double, price}, {typed.Double, price}, {typed.Date, below(2500)}, {typed.Date, below(2500)},
		{typed.Timestamp, below(1 << 50)}, {typed.String, one("A", "N", "R")},
		{typed.String, one("TRUCK", "MAIL", "SHIP", "AIR", "REG AIR", "FOB", "RAIL")}, {typed.String, comment},
	}
	root := &typed.Type{Kind: typed.Record}
	for i, c := range columns {
		root.Fields = append(root.Fields, typed.Field{Name: string(rune('a' + i)), Type: &typed.Type{Kind: c.kind, Nullable: true}})
	}
	rows := make([]any, n)
	for i := range rows {
		row := make(fields, len(columns))
		for j, c := range columns {
			if row[j] = c.next(); random.IntN(100) < nulls {
				row[j] = nil
			}
		}
		rows[i] = row
	}
	return root, rows
}

func BenchmarkAppendGroup(b *testing.B) {
	measure := func(name, codec string, nulls int) {
		const n = 40_000
		root, rows := lineitems(n, nulls)
		chunk := [][]byte{appendRows(nil, root, rows)}
		b.Run(name, func(b *testing.B) {
			p := mustNew(b, root, Options{Codec: codec})
			builder := p.NewBuilder()
			b.SetBytes(int64(len(chunk[0])))
			b.ReportAllocs()
			var out []byte
			for b.Loop() {
				var err error
				if out, _, err = builder.AppendGroup(out[:0], p, chunk, n); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/row")
			b.ReportMetric(float64(len(out))/n, "bytes/row")
		})
	}
	measure("uncompressed", "UNCOMPRESSED", 0)
	measure("uncompressed/nulls", "UNCOMPRESSED", 5)
	measure("snappy", "SNAPPY", 0)
	measure("zstd", "ZSTD", 0)
}
