package format

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/sluice-data/sluice/internal/scan"
)

// lineItem is a record like those of TPC-H: 17 fields, one of them nested, about 500 bytes.
const lineItem = `{"l_orderkey":4803299,"l_partkey":155190,"l_suppkey":7706,"l_linenumber":1,"l_quantity":17,"l_extendedprice":21168.23,` +
	`"l_discount":0.04,"l_tax":0.02,"l_returnflag":"N","l_linestatus":"O","l_shipdate":"1996-03-13","l_commitdate":"1996-02-12",` +
	`"l_receiptdate":"1996-03-22","l_shipinstruct":"DELIVER IN PERSON","l_shipmode":"TRUCK",` +
	`"l_comment":"egular courts above the regular, \"ironic\" foxes sleep",` +
	`"l_supplier":{"name":"Supplier#000007706","nation":"SWITZERLAND","phone":"33-918-737-2560","balance":-283.84}}`

func lineItemTable(flatten bool) Table {
	table := Table{Flatten: flatten}
	for o := scan.Object([]byte(lineItem), 0); flatten && o.Next(); {
		table.Columns = append(table.Columns, string(o.Key.Of([]byte(lineItem))))
	}
	return table
}

func TestLineItem(t *testing.T) {
	if n := len(lineItem); n < 450 || n > 650 || len(lineItemTable(true).Columns) != 17 || !json.Valid([]byte(lineItem)) {
		t.Errorf("the record of the benchmarks has %d bytes and %d fields", n, len(lineItemTable(true).Columns))
	}
}

func benchmarkCSV(b *testing.B, d Dialect, flatten, known bool) {
	table := lineItemTable(flatten)
	c := NewCSV(d, table)
	r := row(&table, lineItem, "")
	r.Clean = known
	want, _ := c.AppendRow(nil, r)
	b.SetBytes(int64(len(lineItem)))
	b.ReportAllocs()
	var dst []byte
	for b.Loop() {
		dst, _ = c.AppendRow(dst[:0], r)
	}
	if !bytes.Equal(dst, want) {
		b.Fatalf("got %q, want %q", dst, want)
	}
}

func BenchmarkCSVFlattened(b *testing.B)          { benchmarkCSV(b, standard, true, true) }
func BenchmarkCSVFlattenedUnchecked(b *testing.B) { benchmarkCSV(b, standard, true, false) }
func BenchmarkCSVFlattenedAll(b *testing.B)       { benchmarkCSV(b, quoteAll, true, true) }
func BenchmarkCSVFlattenedMinimal(b *testing.B)   { benchmarkCSV(b, minimal, true, true) }
func BenchmarkCSVUnflattened(b *testing.B)        { benchmarkCSV(b, standard, false, true) }
func BenchmarkCSVUnflattenedMinimal(b *testing.B) { benchmarkCSV(b, minimal, false, true) }
