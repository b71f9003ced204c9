package parquet

import (
	"bytes"
	"encoding/hex"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/sluice-data/sluice/format/typed"
)

var update = flag.Bool("update", false, "write the golden files again")

// everything is a table with a column of each kind, and of what can be nested.
func everything() *typed.Type {
	of := func(k typed.Kind) *typed.Type { return &typed.Type{Kind: k, Nullable: true} }
	money := func(precision, scale int) *typed.Type {
		return &typed.Type{Kind: typed.Decimal, Nullable: true, Precision: precision, Scale: scale}
	}
	point := &typed.Type{Kind: typed.Record, Nullable: true, Fields: []typed.Field{{Name: "x", Type: of(typed.Double)}, {Name: "tags", Type: &typed.Type{Kind: typed.Array, Nullable: true, Items: of(typed.String)}}}}
	branch := func(t *typed.Type) *typed.Type {
		c := *t
		c.Nullable = false
		return &c
	}
	return &typed.Type{Kind: typed.Record, Fields: []typed.Field{
		{Name: "_airbyte_raw_id", Type: &typed.Type{Kind: typed.UUID}},
		{Name: "_airbyte_extracted_at", Type: &typed.Type{Kind: typed.TimestampMillis}},
		{Name: "json", Type: of(typed.JSON)},
		{Name: "boolean", Type: of(typed.Boolean)},
		{Name: "long", Type: of(typed.Long)},
		{Name: "double", Type: of(typed.Double)},
		{Name: "price", Type: money(18, 2)},
		{Name: "number", Type: money(38, 18)},
		{Name: "string", Type: of(typed.String)},
		{Name: "bytes", Type: of(typed.Bytes)},
		{Name: "date", Type: of(typed.Date)},
		{Name: "time", Type: of(typed.Time)},
		{Name: "time_utc", Type: &typed.Type{Kind: typed.Time, Nullable: true, Zoned: true}},
		{Name: "timestamp", Type: of(typed.Timestamp)},
		{Name: "local", Type: of(typed.LocalTimestamp)},
		{Name: "empty", Type: of(typed.Record)},
		{Name: "point", Type: point},
		{Name: "points", Type: &typed.Type{Kind: typed.Array, Nullable: true, Items: point}},
		{Name: "grid", Type: &typed.Type{Kind: typed.Array, Nullable: true, Items: &typed.Type{Kind: typed.Array, Nullable: true, Items: of(typed.Long)}}},
		{Name: "either", Type: &typed.Type{Kind: typed.Union, Nullable: true, Branches: []*typed.Type{
			branch(of(typed.Long)), branch(of(typed.String)), branch(point), branch(money(38, 18)), branch(money(18, 2)),
		}}},
	}}
}

// everyRow are rows of it.
func everyRow() []any {
	zeros := strings.Repeat("\x00", 15)
	some := fields{
		"26d73cde-7eb1-4e1e-b7db-a4c03b4cf206", int64(1622135805000), `{"a":1}`, true, int64(-7), floatBits(0x3ff8000000000000), "\xff\xff\xff\xff\xff\xff\xff\xfe", zeros + "\x2a",
		"Zürich", "\x00\xff", int64(20000), int64(86399999999), int64(1), int64(1700000000000000), int64(-1), fields{},
		fields{floatBits(0x8000000000000000), items{"a", nil, ""}},
		items{fields{floatBits(0x7ff8000000000000), nil}, nil, fields{nil, items{}}},
		items{items{int64(1), nil}, nil, items{}},
		choice{"object", 2, fields{floatBits(0), items{"b"}}},
	}
	nulls := fields{"00000000-0000-4000-8000-000000000000", int64(0)}
	for len(nulls) < len(some) {
		nulls = append(nulls, nil)
	}
	other := append(fields{}, some...)
	other[7] = strings.Repeat("\xff", 16)
	other[8] = strings.Repeat("long", 100)
	other[16] = fields{floatBits(0), items{}}
	other[17], other[18] = items{}, items{}
	other[19] = choice{"number_2", 4, zeros[:7] + "\x05"}
	return []any{some, nulls, other}
}

// TestSchema holds what readers are told of each kind, and what the footer says of the columns.
func TestSchema(t *testing.T) {
	root, rows := everything(), everyRow()
	p := mustNew(t, root, Options{Codec: "SNAPPY", CreatedBy: "sluice version 1.2.3"})
	object := file(t, p, root, p.NewBuilder, rows[:2], nil, rows[2:])
	if got := read(t, root, object); fmt.Sprint(got) != fmt.Sprint(rows) {
		t.Errorf("got  %v\nwant %v", got, rows)
	}
	f := open(t, object)
	var out bytes.Buffer
	fmt.Fprintf(&out, "%s\nversion %d by %s\n", f.Schema(), f.Metadata().Version, f.Metadata().CreatedBy)
	for i, e := range f.Metadata().Schema {
		old := "-"
		if c, ok := e.ConvertedType.Get(); ok {
			old = fmt.Sprint(int(c))
		}
		fmt.Fprintf(&out, "element %d %s: %s\n", i, e.Name, old)
	}
	for _, g := range f.Metadata().RowGroups {
		fmt.Fprintf(&out, "group %d: %d rows\n", g.Ordinal, g.NumRows)
		for _, c := range g.Columns {
			m := &c.MetaData
			bound := func(v []byte) string {
				if v == nil {
					return "-"
				}
				return "0x" + hex.EncodeToString(v)
			}
			fmt.Fprintf(&out, "%s: %s %s %v, %d values, %d null, %s to %s\n", strings.Join(m.PathInSchema, "."), m.Type, m.Codec, m.Encoding,
				m.NumValues, m.Statistics.NullCount, bound(m.Statistics.MinValue), bound(m.Statistics.MaxValue))
		}
	}
	const name = "testdata/everything.golden"
	if *update {
		if err := os.WriteFile(name, out.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(out.Bytes(), want) {
		t.Errorf("got\n%s\nwant\n%s", out.Bytes(), want)
	}
}

// The places in the footer are those of the pages.
func TestPlaces(t *testing.T) {
	root, rows := everything(), everyRow()
	p := mustNew(t, root, Options{Codec: "SNAPPY"})
	object := file(t, p, root, p.NewBuilder, rows, rows[:1], append(rows, rows...))
	at := int64(len(magic))
	for _, g := range open(t, object).Metadata().RowGroups {
		if g.FileOffset != at {
			t.Errorf("a group at %d, want %d", g.FileOffset, at)
		}
		raw := int64(0)
		for _, c := range g.Columns {
			m := &c.MetaData
			first := m.DataPageOffset
			if m.DictionaryPageOffset > 0 {
				first = m.DictionaryPageOffset
			}
			if first != at || m.DataPageOffset < first {
				t.Errorf("%v at %d and %d, want %d", m.PathInSchema, first, m.DataPageOffset, at)
			}
			at += m.TotalCompressedSize
			raw += m.TotalUncompressedSize
		}
		if raw != g.TotalByteSize || at != g.FileOffset+g.TotalCompressedSize {
			t.Errorf("%d bytes to %d, want %d to %d", g.TotalByteSize, g.FileOffset+g.TotalCompressedSize, raw, at)
		}
	}
	// A file without rows has a schema all the same.
	if f := open(t, file(t, p, root, p.NewBuilder)); f.NumRows() != 0 || len(f.Schema().Fields()) != len(root.Fields) {
		t.Errorf("an empty file has %d rows and %d columns", f.NumRows(), len(f.Schema().Fields()))
	}
}
