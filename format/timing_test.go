package format

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/sluice-data/sluice/internal/scan"
)

// workload is what a benchmark encodes: a batch of records that differ, as a source's do. (A
// single record again and again would flatter whatever branches on its bytes.)
type workload struct {
	name    string
	records func(r *rand.Rand) string
}

var workloads = []workload{
	{"lineitem", lineItem},
	{"wide", wide},
	{"quotes", quoteHeavy},
	{"longtext", longText},
	{"nested", nested},
	{"escapes", escapes},
}

// words makes text like that of TPC-H, of at least n bytes.
func words(r *rand.Rand, n int) string {
	all := strings.Fields("furiously quick pending deposits sleep carefully above the regular final foxes against blithely even ironic accounts")
	var b strings.Builder
	for b.Len() < n {
		b.WriteString(all[r.IntN(len(all))])
		b.WriteByte(' ')
	}
	return b.String()
}

// lineItem is a record like those of TPC-H: 16 fields.
func lineItem(r *rand.Rand) string {
	date := func() string { return fmt.Sprintf("%d-%02d-%02d", 1992+r.IntN(7), 1+r.IntN(12), 1+r.IntN(28)) }
	return fmt.Sprintf(`{"l_orderkey":%d,"l_partkey":%d,"l_suppkey":%d,"l_linenumber":%d,"l_quantity":%d,"l_extendedprice":%.2f,`+
		`"l_discount":0.0%d,"l_tax":0.0%d,"l_returnflag":"%c","l_linestatus":"%c","l_shipdate":"%s","l_commitdate":"%s","l_receiptdate":"%s",`+
		`"l_shipinstruct":"%s","l_shipmode":"%s","l_comment":"%s"}`,
		r.IntN(6000000), r.IntN(200000), r.IntN(10000), 1+r.IntN(7), 1+r.IntN(50), r.Float64()*100000,
		r.IntN(10), r.IntN(9), "ANR"[r.IntN(3)], "OF"[r.IntN(2)], date(), date(), date(),
		[]string{"DELIVER IN PERSON", "COLLECT COD", "NONE", "TAKE BACK RETURN"}[r.IntN(4)],
		[]string{"TRUCK", "MAIL", "SHIP", "AIR", "REG AIR", "FOB", "RAIL"}[r.IntN(7)], words(r, 10+r.IntN(30)))
}

// wide has 200 fields, a quarter of them null.
func wide(r *rand.Rand) string {
	var b strings.Builder
	for i := range 200 {
		value := []string{`null`, fmt.Sprint(r.IntN(100000)), fmt.Sprint(r.IntN(2) == 0), `"` + words(r, 5+r.IntN(15)) + `"`}[(i+r.IntN(2))%4]
		fmt.Fprintf(&b, `,"column_%d":%s`, i, value)
	}
	return "{" + b.String()[1:] + "}"
}

// quoteHeavy has texts with quotes and other escapes inside.
func quoteHeavy(r *rand.Rand) string {
	text := func() string {
		return words(r, r.IntN(20)) + `\"` + words(r, 5) + `\" ` + words(r, r.IntN(10)) + []string{`\n`, `\\`, `\u00e9`, ``, ``}[r.IntN(5)] + words(r, r.IntN(20))
	}
	return fmt.Sprintf(`{"id":%d,"said":"he said \"hi\"","one":"%s","two":"%s","three":"%s"}`, r.IntN(100000), text(), text(), text())
}

// escapes has texts in which every few bytes have to be written as others, or are not ASCII.
func escapes(r *rand.Rand) string {
	all := strings.Fields(`\"hi\" \n \\ \t \/ \u00e9 \u2013 é ü 😀 C:\\dir\\file he said quick pending deposits sleep carefully above the final`)
	text := func() string {
		var b strings.Builder
		for n := 20 + r.IntN(160); b.Len() < n; {
			b.WriteString(all[r.IntN(len(all))])
			b.WriteByte(' ')
		}
		return b.String()
	}
	return fmt.Sprintf(`{"id":%d,"one":"%s","two":"%s","three":"%s","four":"%s"}`, r.IntN(100000), text(), text(), text(), text())
}

// longText has a text of a few thousand bytes.
func longText(r *rand.Rand) string {
	return fmt.Sprintf(`{"id":%d,"title":"%s","body":"%s"}`, r.IntN(100000), words(r, 40), words(r, 1000+r.IntN(3000)))
}

// nested has objects and arrays inside.
func nested(r *rand.Rand) string {
	person := func() string {
		return fmt.Sprintf(`{"name":"%s","age":%d,"tags":["%s","%s"],"address":{"street":"%s","zip":[%d],"geo":{"lat":%.4f,"lon":%.4f}}}`,
			words(r, 8), r.IntN(90), words(r, 1), words(r, 1), words(r, 12), r.IntN(10000), r.Float64()*90, r.Float64()*90)
	}
	return fmt.Sprintf(`{"id":%d,"owner":%s,"members":[%s,%s],"settings":{"a":true,"b":null,"c":"%s"},"created":"2024-01-02T03:04:05Z"}`,
		r.IntN(100000), person(), person(), person(), words(r, 20))
}

// batch is about 128 KiB of a workload's records, as rows of one document.
func (w workload) batch(flatten bool) (*Table, []*Row, int) {
	random := rand.New(rand.NewPCG(1, 2))
	var doc []byte
	var spans []scan.Span
	for len(doc) < 128<<10 {
		data := w.records(random)
		spans = append(spans, scan.Span{Start: uint32(len(doc)), End: uint32(len(doc) + len(data))})
		doc = append(append(doc, data...), "}}\n"...)
	}
	table := &Table{Flatten: flatten}
	for o := scan.Object(doc, 0); flatten && o.Next(); {
		table.Columns = append(table.Columns, string(o.Key.Of(doc)))
	}
	rows := make([]*Row, len(spans))
	for i, span := range spans {
		rows[i] = rowOf(table, doc, span)
		rows[i].ID[0], rows[i].Clean = byte(i), true
	}
	return table, rows, len(doc)
}

func TestWorkloads(t *testing.T) {
	for _, w := range workloads {
		table, rows, _ := w.batch(true)
		for _, r := range rows {
			if !json.Valid(r.Data.Of(r.Doc)) || len(table.Columns) < 3 {
				t.Fatalf("%s: %s", w.name, r.Data.Of(r.Doc))
			}
		}
	}
}

func (w workload) measure(b *testing.B, encoder func(Table) Encoder, flatten, clean bool) {
	table, rows, size := w.batch(flatten)
	for _, r := range rows {
		r.Clean = clean
	}
	c := encoder(*table)
	b.SetBytes(int64(size))
	b.ReportAllocs()
	var dst []byte
	for b.Loop() {
		dst = dst[:0]
		for _, r := range rows {
			dst, _ = c.AppendRow(dst, r)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(rows)), "ns/row")
}

func BenchmarkAppendRow(b *testing.B) {
	dialect := func(d Dialect) func(Table) Encoder { return func(t Table) Encoder { return NewCSV(d, t) } }
	jsonl := func(t Table) Encoder { return NewJSONL(t) }
	for _, w := range workloads {
		b.Run("csv/"+w.name+"/flat", func(b *testing.B) { w.measure(b, dialect(standard), true, true) })
		b.Run("jsonl/"+w.name+"/flat", func(b *testing.B) { w.measure(b, jsonl, true, true) })
		b.Run("csv/"+w.name+"/whole", func(b *testing.B) { w.measure(b, dialect(standard), false, true) })
		b.Run("jsonl/"+w.name+"/whole", func(b *testing.B) { w.measure(b, jsonl, false, true) })
	}
	w := workloads[0]
	b.Run("csv/lineitem/flat/unchecked", func(b *testing.B) { w.measure(b, dialect(standard), true, false) })
	b.Run("jsonl/lineitem/flat/unchecked", func(b *testing.B) { w.measure(b, jsonl, true, false) })
	b.Run("csv/lineitem/flat/all", func(b *testing.B) { w.measure(b, dialect(quoteAll), true, true) })
	b.Run("csv/lineitem/flat/minimal", func(b *testing.B) { w.measure(b, dialect(minimal), true, true) })
	b.Run("csv/lineitem/whole/minimal", func(b *testing.B) { w.measure(b, dialect(minimal), false, true) })
}
