package format

import (
	"bytes"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/sluice-data/sluice/internal/scan"
)

// FuzzCSVBound: whatever the record and the dialect, no row is longer than its bound, nor
// touches memory that is not its own. It does not ask whether the row is right, as
// FuzzCSVRoundTrip does, and so it gets further. shape and declare are as there.
func FuzzCSVBound(f *testing.F) {
	for _, data := range []string{
		seedRecord, manyKinds, `{"a":[""` + strings.Repeat(`,""`, 100) + `]}`, `{"a":"\"\"\"\"","b":[""],"c":"\u0022\u0022"}`, "{\"a\":\"\xff\xff\\\"\",\"b\":[\"\xff\"],\"\xff\":\"\xff\"}", `{}`, `{"a":1,"b":null,"c":{}}`,
		`{"a":"` + strings.Repeat(`plain text `, 20) + `\\\"","b":["` + strings.Repeat(`plain text `, 20) + `"]}`, `{"` + strings.Repeat(`\u00e9`, 30) + `":"` + strings.Repeat(`\ud83d\ude00`, 30) + `\u0022"}`,
	} {
		for shape := range uint16(0x400) / 0x40 {
			for quoting := range uint16(3) {
				null := []string{"", "NULL", strings.Repeat("null ", 10)}[(shape+quoting)%3]
				f.Add([]byte(data), uint64(shape)*0x5a5a, shape*0x40*3+quoting, null, []string{"", "[\"\xff\"]"}[shape%2], int64(shape)<<59)
			}
		}
	}
	f.Fuzz(func(t *testing.T, data []byte, declare uint64, shape uint16, null, changes string, at int64) {
		data = object(data)
		if !scan.Valid([]byte(changes)) || changes[0] != '[' {
			changes = ""
		}
		d, table := chosen(shape, 0, null)
		if table.Flatten {
			table.Columns = columns(data, declare)
		}
		r := row(&table, string(data), changes)
		r.EmittedAt = at
		c := NewCSV(d, table)
		one, _ := c.AppendRow(nil, r)
		checkSame(t, c, r, one)
	})
}

// A long row takes little more memory than it is long, of whatever its bytes are.
func TestCSVLongRow(t *testing.T) {
	f := func(d Dialect, table Table, data string) {
		t.Helper()
		r := row(&table, data, "")
		c := NewCSV(d, table)
		got, _ := c.AppendRow(nil, r)
		// A quote with a backslash counts as one that is doubled, while in a text it only loses
		// the backslash to the second quote.
		if most := max(len(data), len(got))*17/16 + strings.Count(data, `\"`); len(data) < longRow || cap(got) > most {
			t.Errorf("a record of %d bytes is a row of %d in memory for %d", len(data), len(got), cap(got))
		}
		trusting := *c
		trusting.long = math.MaxInt
		if want, _ := trusting.AppendRow(nil, r); !bytes.Equal(got, want) {
			t.Errorf("the row of %s... is another one when its bytes are counted", data[:40])
		}
	}
	for _, d := range []Dialect{standard, quoteAll, minimal} {
		for _, text := range []string{"plain text ", "\xff", `\"`, `\n text`, "text \xff", `\u00e9`} {
			long := `"` + strings.Repeat(text, longRow/len(text)+1) + `"`
			f(d, Table{}, `{"a":`+long+`}`)
			f(d, Table{Flatten: true, Columns: []string{"a"}}, `{"a":`+long+`}`)
			f(d, Table{Flatten: true, Columns: []string{"a"}}, `{"a":[`+long+`]}`)
			f(d, Table{Flatten: true, KeepUndeclared: true}, `{"a":`+long+`}`)
		}
		f(d, Table{}, `{"a":[""`+strings.Repeat(`,""`, longRow/2)+`]}`)
	}
}

// Rows that are appended one by one do not move those before them each time.
func TestCSVGrowsBySteps(t *testing.T) {
	r := row(&Table{}, seedRecord, "")
	c := NewCSV(standard, Table{})
	var dst []byte
	var sizes []int
	for range 10000 {
		if dst, _ = c.AppendRow(dst, r); !slices.Contains(sizes, cap(dst)) {
			sizes = append(sizes, cap(dst))
		}
	}
	if len(sizes) > 50 {
		t.Errorf("the memory grew %d times: %d", len(sizes), sizes)
	}
}
