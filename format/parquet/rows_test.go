package parquet

import (
	"encoding/binary"
	"fmt"
	"math"

	"pgregory.net/rapid"

	"github.com/sluice-data/sluice/format/typed"
)

// The values of rows, as the tests have them: nil, bool, int64, float64, string (of all that is bytes),
// and these.
type (
	fields []any
	items  []any
	choice struct {
		name  string // of the branch, in the file
		index int
		value any
	}
)

// bits are those of a float64, so that NaN equals itself.
type floatBits uint64

// appendValue appends a value as a row has it.
func appendValue(dst []byte, t *typed.Type, v any) []byte {
	if t.Nullable && t.Kind != typed.Union {
		if v == nil {
			return append(dst, 0)
		}
		dst = append(dst, 2)
	}
	switch t.Kind {
	case typed.Boolean:
		if v.(bool) {
			return append(dst, 1)
		}
		return append(dst, 0)
	case typed.Double:
		return binary.LittleEndian.AppendUint64(dst, uint64(v.(floatBits)))
	case typed.Decimal:
		return append(dst, v.(string)...)
	case typed.Long, typed.Date, typed.Time, typed.TimestampMillis, typed.Timestamp, typed.LocalTimestamp:
		return binary.AppendVarint(dst, v.(int64))
	case typed.String, typed.JSON, typed.UUID, typed.Bytes:
		dst = binary.AppendVarint(dst, int64(len(v.(string))))
		return append(dst, v.(string)...)
	case typed.Record:
		for i, f := range t.Fields {
			dst = appendValue(dst, f.Type, v.(fields)[i])
		}
		return dst
	case typed.Array:
		if list := v.(items); len(list) > 0 {
			dst = binary.AppendVarint(dst, int64(len(list)))
			for _, item := range list {
				dst = appendValue(dst, t.Items, item)
			}
		}
		return append(dst, 0)
	case typed.Union:
		if v == nil {
			return append(dst, 0)
		}
		c := v.(choice)
		index := c.index
		if t.Nullable {
			index++
		}
		return appendValue(binary.AppendVarint(dst, int64(index)), t.Branches[c.index], c.value)
	}
	panic(fmt.Sprint("no such kind: ", t.Kind))
}

func appendRows(dst []byte, t *typed.Type, rows []any) []byte {
	for _, r := range rows {
		dst = appendValue(dst, t, r)
	}
	return dst
}

var leafKinds = []typed.Kind{
	typed.JSON, typed.Boolean, typed.Long, typed.Double, typed.Decimal, typed.String, typed.Bytes, typed.Date,
	typed.Time, typed.TimestampMillis, typed.Timestamp, typed.LocalTimestamp, typed.UUID,
}

// drawType draws a type. depth is how much deeper it may go.
func drawType(t *rapid.T, depth int) *typed.Type {
	kinds := leafKinds
	if depth > 0 {
		kinds = append(kinds[:len(kinds):len(kinds)], typed.Record, typed.Array, typed.Union)
	}
	out := &typed.Type{Kind: rapid.SampledFrom(kinds).Draw(t, "kind"), Nullable: rapid.Bool().Draw(t, "nullable")}
	switch out.Kind {
	case typed.Decimal:
		out.Precision = rapid.SampledFrom([]int{1, 18, 19, 38}).Draw(t, "precision")
		out.Scale = rapid.IntRange(0, out.Precision).Draw(t, "scale")
	case typed.Time:
		out.Zoned = rapid.Bool().Draw(t, "zoned")
	case typed.Record:
		out.Fields = drawFields(t, 0, depth-1)
	case typed.Array:
		out.Items = drawType(t, depth-1)
	case typed.Union:
		for range rapid.IntRange(1, 3).Draw(t, "branches") {
			branch := drawType(t, depth-1)
			branch.Nullable = false
			out.Branches = append(out.Branches, branch)
		}
	}
	return out
}

func drawFields(t *rapid.T, least, depth int) (out []typed.Field) {
	for i := range rapid.IntRange(least, 4).Draw(t, "fields") {
		out = append(out, typed.Field{Name: fmt.Sprintf("f%d", i), Type: drawType(t, depth)})
	}
	return out
}

// drawValue draws a value of a type: often one of a few, so that there is something to repeat.
func drawValue(t *rapid.T, of *typed.Type) any {
	if of.Nullable && rapid.IntRange(0, 3).Draw(t, "null") == 0 {
		return nil
	}
	few := rapid.IntRange(0, 3).Draw(t, "few") > 0
	switch of.Kind {
	case typed.Boolean:
		return rapid.Bool().Draw(t, "boolean")
	case typed.Double:
		if few {
			return floatBits(math.Float64bits(rapid.SampledFrom([]float64{0, math.Copysign(0, -1), 1.5, math.NaN(), math.Inf(1), math.Inf(-1)}).Draw(t, "double")))
		}
		return floatBits(rapid.Uint64().Draw(t, "bits"))
	case typed.Decimal:
		b := rapid.SliceOfN(rapid.Byte(), of.Size(), of.Size()).Draw(t, "decimal")
		if few {
			b = append(make([]byte, of.Size()-1), b[0])
		}
		return string(b)
	case typed.Date:
		return int64(rapid.Int32().Draw(t, "date"))
	case typed.Long, typed.Time, typed.TimestampMillis, typed.Timestamp, typed.LocalTimestamp:
		if few {
			return rapid.Int64Range(-1, 2).Draw(t, "small")
		}
		return rapid.Int64().Draw(t, "integer")
	case typed.String, typed.JSON, typed.UUID, typed.Bytes:
		if few {
			return rapid.SampledFrom([]string{"", "a", "ab", "abcde", "0123456789", "a longer text than the others"}).Draw(t, "text")
		}
		return rapid.String().Draw(t, "any text")
	case typed.Record:
		v := fields{}
		for _, f := range of.Fields {
			v = append(v, drawValue(t, f.Type))
		}
		return v
	case typed.Array:
		v := items{}
		for range rapid.IntRange(0, 3).Draw(t, "items") {
			v = append(v, drawValue(t, of.Items))
		}
		return v
	}
	index := rapid.IntRange(0, len(of.Branches)-1).Draw(t, "branch")
	return choice{names(of)[index], index, drawValue(t, of.Branches[index])}
}

// names are those of the columns that a union's branches have.
func names(union *typed.Type) (out []string) {
	seen := map[string]int{}
	for _, b := range union.Branches {
		name := map[typed.Kind]string{
			typed.JSON: "json", typed.Boolean: "boolean", typed.Long: "integer", typed.Double: "number", typed.Decimal: "number", typed.String: "string",
			typed.Bytes: "binary", typed.Date: "date", typed.Time: "time", typed.TimestampMillis: "timestamp_with_timezone", typed.Timestamp: "timestamp_with_timezone",
			typed.LocalTimestamp: "timestamp_without_timezone", typed.UUID: "uuid", typed.Record: "object", typed.Array: "array", typed.Union: "union",
		}[b.Kind]
		if seen[name]++; seen[name] > 1 {
			name = fmt.Sprintf("%s_%d", name, seen[name])
		}
		out = append(out, name)
	}
	return out
}
