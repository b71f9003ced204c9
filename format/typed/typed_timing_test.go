package typed

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/sluice-data/sluice/format"
	"github.com/sluice-data/sluice/internal/scan"
)

// lineitem is a record as TPC-H has them, and a nested one: 17 fields of all sorts.
func lineitem(r *rand.Rand) string {
	const words = "furiously quick pending deposits sleep carefully above the regular foxes and final theodolites along even requests"
	text := func(n int) string { i := r.IntN(len(words) - n); return words[i : i+n] }
	date := func() string { return fmt.Sprintf("%d-%02d-%02d", 1992+r.IntN(7), 1+r.IntN(12), 1+r.IntN(28)) }
	return fmt.Sprintf(`{"l_orderkey":%d,"l_partkey":%d,"l_suppkey":%d,"l_linenumber":%d,"l_quantity":%d,"l_extendedprice":%.2f,`+
		`"l_discount":0.0%d,"l_tax":0.0%d,"l_returnflag":"%c","l_shipped":%v,"l_shipdate":"%s","l_commitdate":"%s","l_updated":"%sT%02d:%02d:%02d.%06dZ",`+
		`"l_shipinstruct":"%s","l_shipmode":"%s","l_comment":"%s","l_customer":{"id":%d,"name":"%s","tags":["%s","%s"]}}`,
		r.IntN(6000000), r.IntN(200000), r.IntN(10000), 1+r.IntN(7), 1+r.IntN(50), r.Float64()*100000,
		r.IntN(10), r.IntN(9), "ANR"[r.IntN(3)], r.IntN(2) == 0, date(), date(), date(), r.IntN(24), r.IntN(60), r.IntN(60), r.IntN(1e6),
		[]string{"DELIVER IN PERSON", "COLLECT COD", "NONE", "TAKE BACK RETURN"}[r.IntN(4)],
		[]string{"TRUCK", "MAIL", "SHIP", "AIR", "REG AIR", "FOB", "RAIL"}[r.IntN(7)], text(10+r.IntN(30)), r.IntN(1e6), text(12), text(5), text(8))
}

const lineitemSchema = `{"type":"object","properties":{"l_orderkey":{"type":"integer"},"l_partkey":{"type":"integer"},"l_suppkey":{"type":"integer"},
	"l_linenumber":{"type":"integer"},"l_quantity":{"type":"number"},"l_extendedprice":{"type":"number"},"l_discount":{"type":"number"},"l_tax":{"type":"number"},
	"l_returnflag":{"type":"string"},"l_shipped":{"type":"boolean"},"l_shipdate":{"type":"string","format":"date"},"l_commitdate":{"type":"string","format":"date"},
	"l_updated":{"type":"string","format":"date-time"},"l_shipinstruct":{"type":"string"},"l_shipmode":{"type":"string"},"l_comment":{"type":"string"},
	"l_customer":{"type":"object","properties":{"id":{"type":"integer"},"name":{"type":"string"},"tags":{"type":"array","items":{"type":"string"}}}}}}`

// batch is about 128 KiB of records, as rows of one document.
func batch(table *format.Table) (rows []*format.Row, size int) {
	random := rand.New(rand.NewPCG(1, 2))
	var doc []byte
	for len(doc) < 128<<10 {
		row := rowOf(table, lineitem(random), "")
		shift := uint32(len(doc)) - row.Data.Start
		doc = append(append(doc, row.Data.Of(row.Doc)...), "}}\n"...)
		row.Data = scan.Span{Start: row.Data.Start + shift, End: row.Data.End + shift}
		for i := range row.Values {
			row.Values[i].Start += shift
			row.Values[i].End += shift
		}
		rows = append(rows, row)
	}
	for _, row := range rows {
		row.Doc = doc
	}
	return rows, len(doc)
}

func measure(b *testing.B, metadata format.MetadataColumns, numbers string) {
	table := format.Table{Flatten: true, Columns: columnsOf(lineitemSchema), Metadata: metadata}
	n, _ := ParseNumbers(numbers)
	e, err := New(&table, []byte(lineitemSchema), n)
	if err != nil {
		b.Fatal(err)
	}
	rows, size := batch(&table)
	b.SetBytes(int64(size))
	b.ReportAllocs()
	var dst []byte
	for b.Loop() {
		dst = dst[:0]
		for _, r := range rows {
			dst, _ = e.AppendRow(dst, r)
			if len(r.Changed) > 0 {
				b.Fatal(r.Changed)
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(rows)), "ns/row")
}

func BenchmarkAppendRow(b *testing.B) {
	b.Run("v1", func(b *testing.B) { measure(b, format.MetadataV1, "") })
	b.Run("v2", func(b *testing.B) { measure(b, format.MetadataV2, "") })
	b.Run("v2/double", func(b *testing.B) { measure(b, format.MetadataV2, "double") })
}

// A row allocates nothing, with members that the schema does not have neither.
func TestAppendRowAllocatesNothing(t *testing.T) {
	for _, schema := range []string{lineitemSchema, strings.Replace(lineitemSchema, `"tags"`, `"labels"`, 1)} {
		table := format.Table{Flatten: true, Columns: columnsOf(schema), Metadata: format.MetadataV2}
		e, err := New(&table, []byte(schema), Numbers{})
		if err != nil {
			t.Fatal(err)
		}
		rows, size := batch(&table)
		dst := make([]byte, 0, 2*size)
		var last format.Row // as a stage has one for all of its rows
		if n := testing.AllocsPerRun(10, func() {
			dst = dst[:0]
			for _, r := range rows {
				r.Scratch, r.Changed, r.Dropped = last.Scratch, last.Changed[:0], last.Dropped[:0]
				dst, _ = e.AppendRow(dst, r)
				last = *r
			}
		}); n > 0 {
			t.Errorf("%v allocations for %d rows", n, len(rows))
		}
		if strings.Contains(schema, "labels") != (len(last.Dropped) == 1 && last.Dropped[0] == "l_customer.tags") {
			t.Errorf("dropped: %v", last.Dropped)
		}
	}
}
