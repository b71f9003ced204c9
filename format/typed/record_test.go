package typed

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"math"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/sluice-data/sluice/format"
	"github.com/sluice-data/sluice/internal/scan"
)

var seedID = uuid.MustParse("26d73cde-7eb1-4e1e-b7db-a4c03b4cf206")

const seedTime = 1622135805000

// rowOf makes the row of a record: what the stages before the encoder do, the plain way. The record
// stands in the middle of a document, as it does in a batch.
func rowOf(table *format.Table, data, changes string) *format.Row {
	const before = "\"\xff{"
	doc := []byte(before + data + changes + `,"}`)
	at := uint32(len(before))
	end := at + uint32(len(data))
	r := &format.Row{ID: seedID, EmittedAt: seedTime, Doc: doc, Data: scan.Span{Start: at, End: end}}
	r.Clean = utf8.ValidString(data + changes)
	if changes != "" {
		r.Changes = scan.Span{Start: end, End: end + uint32(len(changes))}
	}
	index := map[string]int32{} // in Values, by key: of duplicates the last counts
	for o := scan.Object(doc, int(r.Data.Start)); o.Next(); {
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

// columnsOf are the names of a schema's properties.
func columnsOf(schema string) []string {
	r := &reader{doc: []byte(schema)}
	return r.names(r.member(scan.Span{End: uint32(len(schema))}, "properties"))
}

// show tells what a value's binary says, by what stands at Type, and returns what is behind it.
func show(t *Type, b []byte) (string, []byte) {
	branches := []*Type{t}
	if t.Kind == Union {
		branches = t.Branches
	}
	if t.Nullable {
		var i int64
		if i, b = integer(b); i == 0 {
			return "null", b
		}
		t = branches[i-1]
	}
	switch t.Kind {
	case Boolean:
		return []string{"false", "true"}[b[0]], b[1:]
	case Double:
		return strconv.FormatFloat(math.Float64frombits(binary.LittleEndian.Uint64(b)), 'g', -1, 64), b[8:]
	case Decimal:
		return showDecimal(t, b[:t.Size()]), b[t.Size():]
	case String, JSON, UUID, Bytes:
		n, b := integer(b)
		text := string(b[:n])
		switch t.Kind {
		case String:
			text = strconv.Quote(text)
		case Bytes:
			text = "base64 " + base64.StdEncoding.EncodeToString([]byte(text))
		}
		return text, b[n:]
	case Record, Array:
		return showNested(t, b)
	}
	i, b := integer(b)
	switch t.Kind {
	case Date:
		return time.Unix(i*86400, 0).UTC().Format(time.DateOnly), b
	case Time:
		return time.UnixMicro(i).UTC().Format("15:04:05.999999"), b
	case TimestampMillis:
		return time.UnixMilli(i).UTC().Format(time.RFC3339Nano), b
	case Timestamp:
		return time.UnixMicro(i).UTC().Format(time.RFC3339Nano), b
	case LocalTimestamp:
		return time.UnixMicro(i).UTC().Format("2006-01-02T15:04:05.999999"), b
	}
	return strconv.FormatInt(i, 10), b
}

func integer(b []byte) (int64, []byte) {
	i, n := binary.Varint(b)
	if n <= 0 {
		panic("no integer")
	}
	return i, b[n:]
}

func showDecimal(t *Type, b []byte) string {
	x := new(big.Int).SetBytes(b)
	if b[0] >= 0x80 {
		x.Sub(x, new(big.Int).Lsh(big.NewInt(1), uint(8*len(b))))
	}
	if x.CmpAbs(new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(t.Precision)), nil)) >= 0 {
		panic("more digits than its precision")
	}
	return new(big.Rat).SetFrac(x, new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(t.Scale)), nil)).FloatString(t.Scale)
}

func showNested(t *Type, b []byte) (string, []byte) {
	var parts []string
	var part string
	if t.Kind == Record {
		for _, f := range t.Fields {
			part, b = show(f.Type, b)
			parts = append(parts, f.Name+": "+part)
		}
		return "{" + strings.Join(parts, ", ") + "}", b
	}
	n, b := integer(b)
	for range n {
		part, b = show(t.Items, b)
		parts = append(parts, part)
	}
	if n > 0 {
		if n, b = integer(b); n != 0 {
			panic("a second block")
		}
	}
	return "[" + strings.Join(parts, ", ") + "]", b
}

// told is what AppendRow says of a row.
func told(row *format.Row, replaced int) (text string) {
	for _, c := range row.Changed {
		text += " " + c.Field + ":" + map[bool]string{true: "cut", false: "null"}[c.Truncated] + map[bool]string{true: ",size"}[c.Size]
	}
	for _, name := range row.Dropped {
		text += " -" + name
	}
	if replaced > 0 {
		text += fmt.Sprintf(" replaced:%d", replaced)
	}
	return text
}

// encode writes a record, without its metadata, and shows it and what is told of it.
func encode(t *testing.T, table format.Table, schema, data string, numbers Numbers) string {
	t.Helper()
	table.Flatten, table.Columns = true, columnsOf(schema)
	e, err := New(&table, []byte(schema), numbers)
	if err != nil {
		t.Fatalf("%s: %v", schema, err)
	}
	row := rowOf(&table, data, "")
	out, replaced := e.AppendRow([]byte("before"), row)
	if len(row.Scratch) > 0 {
		t.Errorf("%s: Scratch is not empty", data)
	}
	text, rest := show(e.Root(), out[len("before"):])
	if len(rest) > 0 {
		t.Errorf("%s: bytes behind the row: %q", data, rest)
	}
	_, text, _ = strings.Cut(text, "2021-05-27T17:16:45Z, ")
	return strings.TrimSuffix(text, "}") + told(row, replaced)
}
