package avro

import (
	"bytes"
	stdbzip2 "compress/bzip2"
	"io"
	"slices"
	"testing"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/twmb/avro/ocf"
	"github.com/ulikunitz/xz"

	"github.com/sluice-data/sluice/airbyte"
	"github.com/sluice-data/sluice/format"
	"github.com/sluice-data/sluice/format/typed"
	"github.com/sluice-data/sluice/internal/scan"
)

var seedID = uuid.MustParse("26d73cde-7eb1-4e1e-b7db-a4c03b4cf206")

const seedTime = 1622135805000

// rowOf makes the row of a record: what the stages before the encoder do, the plain way.
func rowOf(table *format.Table, data []byte) *format.Row {
	doc := append(slices.Clone(data), "}\n"...)
	r := &format.Row{ID: seedID, EmittedAt: seedTime, Doc: doc, Data: scan.Span{End: uint32(len(data))}, Clean: utf8.Valid(data)}
	index := map[string]int32{} // in Values, by key: of duplicates the last counts
	for o := scan.Object(doc, 0); o.Next(); {
		key, _ := scan.AppendUnescaped(nil, o.Key.Of(doc))
		if slices.Contains(table.Columns, string(key)) {
			index[string(key)] = int32(len(r.Values))
			_, kind, _ := scan.Check(append(slices.Clone(o.Value.Of(doc)), '\n'), 0)
			r.Values = append(r.Values, scan.Value{Span: o.Value, Kind: kind})
		} else if table.KeepUndeclared {
			r.Extra = append(r.Extra, scan.Span{Start: o.Key.Start - 1, End: o.Value.End})
		}
	}
	for _, name := range table.Columns {
		i, ok := index[name]
		if !ok {
			i = -1
		}
		r.Columns = append(r.Columns, i)
	}
	return r
}

// columnsOf are the columns of a schema.
func columnsOf(t testing.TB, schema string) []string {
	t.Helper()
	columns, err := (&airbyte.Stream{Schema: []byte(schema)}).Columns()
	if err != nil {
		t.Fatal(err)
	}
	return columns
}

// newEncoder makes the encoder of a stream "users" in "public".
func newEncoder(t testing.TB, table *format.Table, schema string, codec Codec) *Encoder {
	t.Helper()
	table.Flatten = true
	rows, err := typed.New(table, []byte(schema), typed.Numbers{})
	if err != nil {
		t.Fatal(err)
	}
	e, err := New(rows, "public", "users", codec)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func mustCodec(t testing.TB, name string, level *int, checksum bool) Codec {
	t.Helper()
	c, err := NewCodec(name, level, checksum)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// object makes an object of groups of records.
func object(t testing.TB, e *Encoder, table *format.Table, groups ...[]string) []byte {
	t.Helper()
	out := e.AppendHeader(nil)
	b := e.NewBuilder()
	for _, records := range groups {
		var chunks [][]byte
		for _, data := range records {
			row, _ := e.AppendRow(nil, rowOf(table, []byte(data)))
			chunks = append(chunks, row)
		}
		var err error
		if out, _, err = b.AppendGroup(out, e, chunks, int64(len(records))); err != nil {
			t.Fatal(err)
		}
	}
	return e.AppendTrailer(out, nil)
}

// readOnly are the codecs that the library does not bring along.
type readOnly struct {
	name string
	open func(io.Reader) (io.Reader, error)
}

func (c readOnly) Name() string                  { return c.name }
func (readOnly) Compress([]byte) ([]byte, error) { panic("not used") }
func (readOnly) Close() error                    { return nil }
func (c readOnly) Decompress(b []byte) ([]byte, error) {
	r, err := c.open(bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}

var (
	readBzip2 = readOnly{"bzip2", func(r io.Reader) (io.Reader, error) { return stdbzip2.NewReader(r), nil }}
	readXZ    = readOnly{"xz", func(r io.Reader) (io.Reader, error) { return xz.NewReader(r) }}
)

// read returns the rows of an object.
func read(t testing.TB, object []byte) (rows []map[string]any) {
	t.Helper()
	r, err := ocf.NewReader(bytes.NewReader(object), ocf.WithCodec(readBzip2), ocf.WithCodec(readXZ))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for {
		var row any
		if err := r.Decode(&row); err == io.EOF {
			return rows
		} else if err != nil {
			t.Fatal(err)
		}
		rows = append(rows, row.(map[string]any))
	}
}
