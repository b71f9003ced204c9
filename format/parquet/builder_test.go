package parquet

import (
	"bytes"
	"math"
	"strings"
	"testing"

	"github.com/sluice-data/sluice/format"
	"github.com/sluice-data/sluice/format/typed"
)

// Bytes that are no rows of the table are an error, and nothing worse.
func TestBadRows(t *testing.T) {
	f := func(root *typed.Type, rows string, n int64, want string) {
		t.Helper()
		p := mustNew(t, root, Options{})
		out, _, err := p.NewBuilder().AppendGroup([]byte("x"), p, [][]byte{[]byte(rows)}, n)
		if err == nil || !strings.Contains(err.Error(), want) || string(out) != "x" {
			t.Errorf("%q: got  %v and %q\nwant %s", rows, err, out, want)
		}
	}
	const no = "is not of the table's type; this is a bug"
	f(table(typed.Long), "\x02", 1, "row 1 of a group "+no)
	f(table(typed.Long), "\x00\x03", 1, "row 2 of a group "+no)
	f(table(typed.Long), "\x02\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 1, no)
	f(table(typed.Double), "\x02\x00", 1, no)
	f(table(typed.Decimal), "\x02\x00", 1, no)
	f(table(typed.String), "\x02\x04a", 1, no)
	f(table(typed.String), "\x02\x03a", 1, no)
	f(table(typed.Boolean), "\x02", 1, no)
	f(everything(), "\x00", 1, no)
	list := table(typed.Array)
	list.Fields[0].Type.Items = &typed.Type{Kind: typed.Long}
	f(list, "\x02\x03", 1, no)
	f(list, "\x02\x02\x02\x02", 1, no)
	f(list, "\x02\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01", 1, no)
	either := table(typed.Union)
	either.Fields[0].Type.Branches = []*typed.Type{{Kind: typed.Long}}
	f(either, "\x04\x00", 1, no)
	f(either, "\x01", 1, no)
	f(table(typed.Long), "\x00\x00", 3, "a group of 3 rows has 2; this is a bug")
}

func FuzzBadRows(f *testing.F) {
	root := everything()
	f.Add(appendRows(nil, root, everyRow()))
	p := mustNew(f, root, Options{})
	b := p.NewBuilder()
	f.Fuzz(func(t *testing.T, rows []byte) {
		if _, _, err := b.AppendGroup(nil, p, [][]byte{rows}, 1); err == nil {
			return
		}
		// It works as before.
		file(t, p, root, func() format.Builder { return b }, everyRow())
	})
}

// A builder that was used before needs hardly any more memory: some for each page, and none for a row.
func TestAllocations(t *testing.T) {
	if raceDetector {
		t.Skip("it is counted without the race detector")
	}
	root := everything()
	var rows []any
	for range 1000 {
		rows = append(rows, everyRow()...)
	}
	chunk := [][]byte{appendRows(nil, root, rows)}
	for _, codec := range []string{"UNCOMPRESSED", "SNAPPY", "ZSTD"} {
		p := mustNew(t, root, Options{Codec: codec})
		b := p.NewBuilder()
		var out []byte
		got := testing.AllocsPerRun(5, func() {
			var err error
			if out, _, err = b.AppendGroup(out[:0], p, chunk, int64(len(rows))); err != nil {
				t.Fatal(err)
			}
		})
		if most := float64(10 * len(p.schema.leaves)); got > most {
			t.Errorf("%s: %.0f allocations for %d columns", codec, got, len(p.schema.leaves))
		}
	}
}

func TestBounds(t *testing.T) {
	f := func(kind typed.Kind, smallest, largest string, values ...any) {
		t.Helper()
		root := table(kind)
		var rows []any
		for _, v := range values {
			rows = append(rows, fields{v})
		}
		for _, noDictionary := range []bool{false, true} {
			p := mustNew(t, root, Options{NoDictionary: noDictionary})
			s := open(t, file(t, p, root, p.NewBuilder, rows)).Metadata().RowGroups[0].Columns[0].MetaData.Statistics
			if string(s.MinValue) != smallest || string(s.MaxValue) != largest {
				t.Errorf("%v: got  %q to %q\nwant %q to %q", values, s.MinValue, s.MaxValue, smallest, largest)
			}
		}
	}
	float := func(v float64) any { return floatBits(math.Float64bits(v)) }
	const minusZero = "\x00\x00\x00\x00\x00\x00\x00\x80"
	zero := strings.Repeat("\x00", 8)
	f(typed.Long, "\xff\xff\xff\xff\xff\xff\xff\xff", "\x01\x00\x00\x00\x00\x00\x00\x00", int64(1), nil, int64(-1), int64(0))
	f(typed.Date, "\xff\xff\xff\xff", "\x01\x00\x00\x00", int64(1), int64(-1), nil)
	f(typed.Boolean, "\x00", "\x01", true, false)
	f(typed.Boolean, "\x01", "\x01", true, nil)
	f(typed.Long, "", "", nil, nil)
	f(typed.Double, minusZero, zero, float(0))
	f(typed.Double, minusZero, zero, float(math.Copysign(0, -1)))
	f(typed.Double, "\x00\x00\x00\x00\x00\x00\xf0\xbf", "\x00\x00\x00\x00\x00\x00\xf0\x7f", float(-1), float(math.Inf(1)), float(2))
	f(typed.Double, "", "", float(1), float(math.NaN()), float(2))
	f(typed.String, "", "b", "b", "", "a")
	f(typed.String, "a", "\xc3\xa9", "\xc3\xa9", "a", "z")
	f(typed.String, "a", strings.Repeat("b", longest), "a", strings.Repeat("b", longest))
	f(typed.String, "", "", "a", strings.Repeat("b", longest+1))
	f(typed.Decimal, strings.Repeat("\xff", 16), zero+zero, strings.Repeat("\xff", 16), zero+zero)
	f(typed.Decimal, strings.Repeat("\xfe", 16), strings.Repeat("\xff", 16), strings.Repeat("\xff", 16), strings.Repeat("\xfe", 16))
}

// Nothing of a group is left in the builder's hands, and nothing in front of it is touched.
func TestKeepsNothing(t *testing.T) {
	root := table(typed.String)
	p := mustNew(t, root, Options{})
	b := p.NewBuilder()
	rows := appendRows(nil, root, []any{fields{"abc"}})
	dst := append(make([]byte, 0, 1000), "front"...)
	out, _, err := b.AppendGroup(dst, p, [][]byte{rows}, 1)
	if err != nil {
		t.Fatal(err)
	}
	before := bytes.Clone(out)
	clear(rows)
	if _, _, err = b.AppendGroup(nil, p, [][]byte{appendRows(nil, root, []any{fields{"xyz"}})}, 1); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(out, before) || !bytes.HasPrefix(out, []byte("front")) || &out[0] != &dst[0] {
		t.Errorf("got  %q\nwant %q", out, before)
	}
}

// TestOneBuilder: a builder works for all tables, and what one has left does not show in the next.
func TestOneBuilder(t *testing.T) {
	small := table(typed.String)
	large := everything()
	b := mustNew(t, large, Options{}).NewBuilder()
	for range 3 {
		for _, root := range []*typed.Type{large, small} {
			rows := everyRow()
			if root == small {
				rows = []any{fields{"abc"}, fields{nil}}
			}
			p := mustNew(t, root, Options{})
			if got, want := file(t, p, root, func() format.Builder { return b }, rows), file(t, p, root, p.NewBuilder, rows); !bytes.Equal(got, want) {
				t.Fatalf("%d bytes, and %d of a new builder", len(got), len(want))
			}
		}
	}
}
