package format

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/sluice-data/sluice/internal/scan"
)

// FuzzCSVRoundTrip: whatever the record and the dialect, encoding/csv reads the cells back.
// shape chooses the dialect and the table, declare which of the record's fields are columns.
func FuzzCSVRoundTrip(f *testing.F) {
	for i, data := range []string{
		seedRecord, `{"a":1,"b":"","c":null,"a":"last"}`, `{"a":"x\r\ny,\"z\"","b":"NULL","c":[1, {"d":"\""}]}`, `"foo\nbar"`, `"\r"`, `"x\r\r\ny"`, `[",;|"]`,
		"{\"a\":\"\xff\",\"\xfe\":\"\\ud800\",\"b\":{\"c\":\"\xfd\"}}", `{"":"","a,b\n":"\ufffd\\"}`, `{"n":99999999999999999999999999999999,"t":true,"e":1E-5}`, `{}`,
		`" \t"`, "\"\u2028\"", `"\u0000"`, `not JSON at all " , `, basicTypes[3].data, lineBreaks[0].data, lineBreaks[1].data,
	} {
		for _, shape := range []uint16{0, 0x15, 0x2a, 0xffff, 0x133} {
			f.Add([]byte(data), uint64(i*int(shape)), shape, byte(i), []string{"", "NULL", `\N`, "1", "[]"}[i%5], "[\"\xff\"]")
		}
	}
	f.Fuzz(func(t *testing.T, data []byte, declare uint64, shape uint16, delimiter byte, null, changes string) {
		data = object(data)
		if !scan.Valid([]byte(changes)) || changes[0] != '[' {
			changes = ""
		}
		d, table := chosen(shape, delimiter, null)
		if table.Flatten {
			table.Columns = columns(data, declare)
		}
		r := row(&table, string(data), changes)
		c := NewCSV(d, table)
		one, replaced := c.AppendRow(nil, r)
		if want := wantReplaced(&table, r); replaced != want {
			t.Fatalf("%q: %d characters replaced, want %d: %q", data, replaced, want, one)
		}
		checkSame(t, c, r, one)
		checkNull(t, c, d, r, one)
		out := append(c.AppendHeader(nil), one...)
		out = append(out, one...)
		reader := csv.NewReader(bytes.NewReader(out))
		reader.Comma = rune(d.Delimiter)
		got, err := reader.ReadAll()
		want := [][]string{wantRow(t, d, &table, r, got), nil}
		want[1] = slices.Clone(want[0]) // each is changed below, and once only
		if d.Header {
			want = append([][]string{table.Header()}, want...)
		}
		for _, cells := range want {
			for i := range cells { // encoding/csv reads \r\n as \n, in quotes too
				cells[i] = strings.ReplaceAll(cells[i], "\r\n", "\n")
			}
		}
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("%q, %+v, %+v: %v\n got %q\nwant %q\nfrom %q", data, d, table, err, got, want, out)
		}
	})
}

// object makes a JSON object of anything.
func object(data []byte) []byte {
	data = bytes.TrimSpace(data)
	if !json.Valid(data) {
		data, _ = json.Marshal(string(data))
	}
	if wrapped := append(append([]byte(`{"a":`), data...), '}'); data[0] != '{' && json.Valid(wrapped) {
		return wrapped
	}
	if data[0] != '{' {
		return []byte(`{}`)
	}
	return data
}

func chosen(shape uint16, delimiter byte, null string) (Dialect, Table) {
	d := Dialect{Delimiter: ",;|\t :!#~^'*/\\_$"[delimiter%16], Quoting: Quoting(shape % 3), LineEnd: "\r\n", Header: shape&0x10 != 0}
	if shape&0x20 != 0 {
		d.LineEnd = "\n"
	}
	if !strings.ContainsAny(null, "\"\r\n"+string(d.Delimiter)) && utf8.ValidString(null) {
		d.Null = null
	}
	table := Table{Flatten: shape&0x40 == 0, KeepUndeclared: shape&0x80 != 0, Metadata: MetadataColumns(shape >> 8 & 1)}
	if n := int64(int16(shape)); shape&0x200 != 0 {
		table.SyncID, table.GenerationID = &n, &n
	}
	return d, table
}

// columns declares some of a record's fields, in an order that is not the record's, and
// some that it has not.
func columns(data []byte, declare uint64) []string {
	names := []string{"a", "missing", "z,\"\r\n"}
	for o := scan.Object(data, 0); o.Next(); declare >>= 1 {
		name, _ := scan.AppendUnescaped(nil, o.Key.Of(data))
		if declare&1 != 0 && !slices.Contains(names, string(name)) {
			names = slices.Insert(names, int(declare>>1&3)%len(names), string(name))
		}
	}
	return names
}

// clean is what becomes of JSON text: each byte that is no UTF-8 is U+FFFD.
func clean(raw []byte) string { return string([]rune(string(raw))) }

// wantRow is the row by encoding/json. What was kept of undeclared fields is compared as a
// document and then taken from got, where it is the last cell.
func wantRow(t *testing.T, d Dialect, table *Table, r *Row, got [][]string) []string {
	t.Helper()
	want := []string{r.ID.String(), jsonText(r.EmittedAt)}
	if table.Metadata == MetadataV2 {
		meta, generation := `{`, d.Null
		if table.SyncID != nil {
			meta, generation = `{"sync_id":`+jsonText(*table.SyncID)+`,`, jsonText(*table.GenerationID)
		}
		changes := "[]"
		if !r.Changes.None() {
			changes = clean(r.Changes.Of(r.Doc))
		}
		want = append(want, meta+`"changes":`+changes+`}`, generation)
	}
	data := r.Data.Of(r.Doc)
	if !table.Flatten {
		return append(want, clean(data))
	}
	var fields map[string]json.RawMessage
	decode(t, data, &fields)
	for _, name := range table.Columns {
		want = append(want, wantCell(t, d, fields[name]))
		delete(fields, name)
	}
	if !table.KeepUndeclared {
		return want
	}
	if len(fields) == 0 || len(got) == 0 {
		return append(want, d.Null)
	}
	last := got[len(got)-1]
	kept, rest := map[string]any{}, map[string]any{}
	decode(t, []byte(last[len(last)-1]), &kept)
	decode(t, data, &rest)
	for name := range rest {
		if _, ok := fields[name]; !ok {
			delete(rest, name)
		}
	}
	if !reflect.DeepEqual(kept, rest) {
		t.Fatalf("%q: kept %v, want %v", data, kept, rest)
	}
	return append(want, last[len(last)-1])
}

func wantCell(t *testing.T, d Dialect, value json.RawMessage) string {
	t.Helper()
	switch {
	case value == nil || string(value) == "null":
		return d.Null
	case value[0] == '"':
		var text string
		decode(t, value, &text)
		return text
	}
	return clean(value)
}

func decode(t *testing.T, text []byte, into any) {
	t.Helper()
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	if err := decoder.Decode(into); err != nil {
		t.Fatalf("%q: %v", text, err)
	}
}

func jsonText(n int64) string {
	text, _ := json.Marshal(n)
	return string(text)
}

var anyEscape = regexp.MustCompile(`\\(u[0-9a-fA-F]{4}|.)`)

// wantReplaced counts the characters of a row that cannot stay as they came.
func wantReplaced(table *Table, r *Row) int {
	count := func(s scan.Span) (n int) {
		raw := s.Of(r.Doc)
		n = strings.Count(clean(raw), "\ufffd") - bytes.Count(raw, []byte("\ufffd"))
		if len(raw) == 0 || raw[0] != '"' {
			return n
		}
		var text string
		if json.Unmarshal(raw, &text) != nil {
			return n // a member: JSON too
		}
		n = strings.Count(text, "\ufffd") - bytes.Count(raw, []byte("\ufffd"))
		for _, escape := range anyEscape.FindAll(raw, -1) {
			if strings.EqualFold(string(escape), `\ufffd`) {
				n-- // it came so
			}
		}
		return n
	}
	n := 0
	if table.Metadata == MetadataV2 && !r.Changes.None() {
		n = count(r.Changes)
	}
	if !table.Flatten {
		return n + count(r.Data)
	}
	for _, i := range r.Columns {
		if i >= 0 {
			n += count(r.Values[i].Span)
		}
	}
	for _, member := range r.Extra {
		n += count(member)
	}
	return n
}

// checkNull: a row with a string in it is never the row that lacks it, except where every
// cell is quoted.
func checkNull(t *testing.T, c *CSV, d Dialect, r *Row, one []byte) {
	t.Helper()
	if d.Quoting == QuoteAll {
		return
	}
	for i, value := range r.Columns {
		if value < 0 || r.Doc[r.Values[value].Start] != '"' {
			continue
		}
		without := *r
		without.Columns = slices.Clone(r.Columns)
		without.Columns[i] = -1
		if got, _ := c.AppendRow(nil, &without); bytes.Equal(got, one) {
			t.Fatalf("%q: column %d is the same without its string: %q", r.Doc, i, got)
		}
	}
}
