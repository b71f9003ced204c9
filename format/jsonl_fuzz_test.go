package format

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/sluice-data/sluice/internal/scan"
)

// FuzzJSONL: whatever the record, its line is one that readers take, and encoding/json finds the
// record's values in it. shape chooses the table, declare which of the record's fields are columns.
func FuzzJSONL(f *testing.F) {
	for i, data := range []string{
		seedRecord, manyKinds, `{"a":1,"b":"","c":null,"a":"last"}`, `"foo\nbar"`, `{"n":99999999999999999999999999999999,"t":true,"e":1E-5}`, `{}`, basicTypes[3].data,
		"{\"a\":\"\xff\",\"\xfe\":\"\\ud800\",\"b\":{\"c\":\"\xfd\"}}", `{"":"","a,b\n":"\ufffd\\"}`, `{"_airbyte_ab_id":1,"\u005fairbyte_meta":{"a":"\\\ud83d\ude00\ud83d"}}`,
		"{\r\"a\"\r:[\r1,\r\"\\r\"]\r}", `{"` + strings.Repeat(`\u00e9`, 30) + `":"` + strings.Repeat(`\ud83d\ude00`, 30) + `\u0022"}`,
	} {
		for _, shape := range []uint16{0, 0x40, 0x80, 0x380, 0x1c0, 0x300} {
			f.Add([]byte(data), uint64(i*int(shape))*0x5a5a, shape, []string{"", "[\"\xff\"]", `["\ud800"]`}[i%3], int64(shape)<<40)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte, declare uint64, shape uint16, changes string, at int64) {
		data = object(data)
		if !scan.Valid([]byte(changes)) || changes[0] != '[' {
			changes = ""
		}
		_, table := chosen(shape, 0, "")
		if table.Flatten {
			table.Columns = columns(data, declare)
		}
		r := row(&table, string(data), changes)
		r.EmittedAt = at
		j := NewJSONL(table)
		one, replaced := j.AppendRow(nil, r)
		if !json.Valid(one) || !utf8.Valid(one) || bytes.IndexByte(one, '\n') != len(one)-1 || bytes.IndexByte(one, '\r') >= 0 {
			t.Fatalf("%q: the line is %q", data, one)
		}
		if escape := bytes.IndexByte(one, '\\'); escape >= 0 && halves(one, escape, len(one)) {
			t.Fatalf("%q: half a pair in %q", data, one)
		}
		checkSame(t, j, r, one)
		var got map[string]any
		decode(t, one, &got)
		if want := wantLine(t, &table, r); !reflect.DeepEqual(got, want) {
			t.Fatalf("%q, %+v:\n got %v\nwant %v\nfrom %q", data, table, got, want, one)
		}
		if want := strings.Count(string(one), "\ufffd") - came(&table, r); replaced != want {
			t.Fatalf("%q: %d characters replaced, want %d: %q", data, replaced, want, one)
		}
		if keys := firstKeys(one); table.Flatten && !slices.Equal(keys[:len(keys)-len(r.Extra)], header(&table)) && !shadows(keys) {
			t.Fatalf("%q: the keys are %q, want %q", data, keys, header(&table))
		}
	})
}

// wantLine is the line by encoding/json.
func wantLine(t *testing.T, table *Table, r *Row) map[string]any {
	t.Helper()
	names := table.Metadata.Names()
	want := map[string]any{names[0]: r.ID.String(), names[1]: json.Number(fmt.Sprint(r.EmittedAt))}
	if table.Metadata == MetadataV2 {
		changes := any([]any{})
		if !r.Changes.None() {
			decode(t, r.Changes.Of(r.Doc), &changes)
		}
		want[names[2]], want[names[3]] = map[string]any{"changes": changes}, nil
		if table.SyncID != nil {
			want[names[2]] = map[string]any{"changes": changes, "sync_id": json.Number(fmt.Sprint(*table.SyncID))}
			want[names[3]] = json.Number(fmt.Sprint(*table.GenerationID))
		}
	}
	var fields map[string]any
	decode(t, r.Data.Of(r.Doc), &fields)
	if !table.Flatten {
		want[DataColumn] = fields
		return want
	}
	for _, name := range table.Columns {
		want[name] = fields[name]
		delete(fields, name)
	}
	shadowed := map[string]any{}
	for name, v := range fields {
		switch {
		case !table.KeepUndeclared:
		case name == UndeclaredColumn || slices.Contains(names, name):
			shadowed[name] = v
		default:
			want[name] = v
		}
	}
	if len(shadowed) > 0 {
		want[UndeclaredColumn] = shadowed
	}
	return want
}

// came is how many of the U+FFFD in a row were there before.
func came(table *Table, r *Row) (n int) {
	count := func(s scan.Span) { n += bytes.Count(s.Of(r.Doc), []byte("\ufffd")) }
	if table.Metadata == MetadataV2 {
		count(r.Changes)
	}
	if !table.Flatten {
		count(r.Data)
		return n
	}
	for _, name := range table.Columns {
		n += strings.Count(name, "\ufffd")
	}
	for _, i := range r.Columns {
		if i >= 0 {
			count(r.Values[i].Span)
		}
	}
	for _, member := range r.Extra {
		count(member)
	}
	return n
}

func firstKeys(object []byte) (keys []string) {
	for o := scan.Object(object, 0); o.Next(); {
		key, _ := scan.AppendUnescaped(nil, o.Key.Of(object))
		keys = append(keys, string(key))
	}
	return keys
}

func header(table *Table) []string { return append(table.Metadata.Names(), table.Columns...) }

func shadows(keys []string) bool { return slices.Contains(keys, UndeclaredColumn) }

// A long line takes little more memory than it is long, of whatever its bytes are.
func TestJSONLLongRow(t *testing.T) {
	for _, text := range []string{"plain text ", "\xff", `\"`, `\n text`, "text \xff", `\u00e9`, `\ud83d\ude00`, `\ud83d`} {
		data := `{"a":"` + strings.Repeat(text, longRow/len(text)+1) + `"}`
		for _, table := range []Table{{}, {Flatten: true, Columns: []string{"a"}}, {Flatten: true, KeepUndeclared: true}} {
			r := row(&table, data, "")
			got, _ := NewJSONL(table).AppendRow(nil, r)
			if most := max(len(data), len(got)) * 17 / 16; cap(got) > most {
				t.Errorf("a record of %d bytes is a row of %d in memory for %d", len(data), len(got), cap(got))
			}
			if again, _ := NewJSONL(table).counting().AppendRow(nil, r); !bytes.Equal(got, again) {
				t.Errorf("the row of %s... is another one when its bytes are counted", data[:40])
			}
		}
	}
}
