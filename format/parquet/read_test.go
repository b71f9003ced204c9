package parquet

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"testing"

	parquet "github.com/parquet-go/parquet-go"

	"github.com/sluice-data/sluice/format"
	"github.com/sluice-data/sluice/format/typed"
)

// tb is what the tests' helpers need, of rapid's too.
type tb interface {
	Helper()
	Fatal(...any)
	Fatalf(string, ...any)
}

// file makes a file of groups of rows, each by the builder that next returns.
func file(t tb, p *Parquet, root *typed.Type, next func() format.Builder, groups ...[]any) []byte {
	t.Helper()
	out := p.AppendHeader(nil)
	var all []format.Group
	for _, rows := range groups {
		// Two chunks, and something in front that is not theirs.
		half := len(rows) / 2
		chunks := [][]byte{appendRows(nil, root, rows[:half]), appendRows(nil, root, rows[half:])}
		made, info, err := next().AppendGroup([]byte("front"), p, chunks, int64(len(rows)))
		if err != nil {
			t.Fatal(err)
		}
		made = bytes.TrimPrefix(made, []byte("front"))
		all = append(all, format.Group{Offset: int64(len(out)), Size: int64(len(made)), Rows: int64(len(rows)), Info: info})
		out = append(out, made...)
	}
	return p.AppendTrailer(out, all)
}

func mustNew(t tb, root *typed.Type, o Options) *Parquet {
	t.Helper()
	if o.Codec == "" {
		o.Codec = "UNCOMPRESSED"
	}
	p, err := New(root, nil, o)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func open(t tb, object []byte) *parquet.File {
	t.Helper()
	f, err := parquet.OpenFile(bytes.NewReader(object), int64(len(object)))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// read reads a file with parquet-go, and puts values together by their levels.
func read(t tb, root *typed.Type, object []byte) (out []any) {
	t.Helper()
	for _, g := range open(t, object).RowGroups() {
		rows := g.Rows()
		buf := make([]parquet.Row, 10)
		for {
			n, err := rows.ReadRows(buf)
			for _, row := range buf[:n] {
				r := reader{t: t}
				row.Range(func(_ int, values []parquet.Value) bool {
					r.columns = append(r.columns, values)
					return true
				})
				v := fields{}
				for _, f := range root.Fields {
					v = append(v, r.value(f.Type, 0, 0, false))
				}
				out = append(out, v)
			}
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		if err := rows.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// reader puts one row together: column by column, in the order of the schema.
type reader struct {
	t       tb
	columns [][]parquet.Value
	at      int
}

// value returns the value whose first column is r.at, and goes behind its last one. def and rep are
// the levels around it.
func (r *reader) value(of *typed.Type, def, rep int, optional bool) any {
	if of.Nullable || optional {
		def++
	}
	if r.columns[r.at][0].DefinitionLevel() < def {
		r.skip(of)
		return nil
	}
	switch {
	case of.Kind == typed.Record && len(of.Fields) > 0:
		v := fields{}
		for _, f := range of.Fields {
			v = append(v, r.value(f.Type, def, rep, false))
		}
		return v
	case of.Kind == typed.Array:
		return r.items(of, def, rep)
	case of.Kind == typed.Union:
		name := r.next().String()
		var got *choice
		for i, branch := range of.Branches {
			if v := r.value(branch, def, rep, true); v != nil {
				if got != nil {
					r.t.Fatalf("two branches of a union: %v and %v", *got, v)
				}
				got = &choice{name, i, v}
			}
		}
		return *got
	}
	return leafValue(of, r.next())
}

func (r *reader) items(of *typed.Type, def, rep int) any {
	v := items{}
	if r.columns[r.at][0].DefinitionLevel() == def {
		r.skip(of)
		return v
	}
	from := r.at
	for {
		r.at = from
		v = append(v, r.value(of.Items, def+1, rep+1, false))
		if rest := r.columns[from]; len(rest) == 0 || rest[0].RepetitionLevel() <= rep {
			return v
		}
	}
}

func (r *reader) next() parquet.Value {
	v := r.columns[r.at][0]
	r.columns[r.at] = r.columns[r.at][1:]
	r.at++
	return v
}

// skip goes behind the columns of a type, which have one null each.
func (r *reader) skip(of *typed.Type) {
	switch {
	case of.Kind == typed.Record && len(of.Fields) > 0:
		for _, f := range of.Fields {
			r.skip(f.Type)
		}
	case of.Kind == typed.Array:
		r.skip(of.Items)
	case of.Kind == typed.Union:
		r.next()
		for _, b := range of.Branches {
			r.skip(b)
		}
	default:
		if v := r.next(); !v.IsNull() {
			r.t.Fatalf("%v where all is null", v)
		}
	}
}

func leafValue(of *typed.Type, v parquet.Value) any {
	switch of.Kind {
	case typed.Boolean:
		return v.Boolean()
	case typed.Double:
		return floatBits(v.Uint64())
	case typed.Decimal:
		if of.Size() == 8 {
			return string(binary.BigEndian.AppendUint64(nil, uint64(v.Int64())))
		}
	case typed.Date:
		return int64(v.Int32())
	case typed.Long, typed.Time, typed.TimestampMillis, typed.Timestamp, typed.LocalTimestamp:
		return v.Int64()
	case typed.Record:
		if v.String() == "{}" {
			return fields{}
		}
	}
	return string(v.ByteArray())
}

var _ tb = (*testing.T)(nil)

// TestCountRows: all rows of a file, and no part of it is taken for the whole.
func TestCountRows(t *testing.T) {
	root := everything()
	p := mustNew(t, root, Options{})
	made := file(t, p, root, p.NewBuilder, everyRow(), everyRow())
	if n, err := CountRows(made); n != int64(2*len(everyRow())) || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	for _, cut := range []int{0, 3, 11, len(made) / 2, len(made) - 1} {
		if n, err := CountRows(made[:cut]); err == nil {
			t.Errorf("of %d bytes: %d", cut, n)
		}
	}
}
