package stages

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/sluice-data/sluice/airbyte"
	"github.com/sluice-data/sluice/format"
	"github.com/sluice-data/sluice/internal/naming"
	"github.com/sluice-data/sluice/internal/scan"
	"github.com/sluice-data/sluice/pipeline"
)

// table makes a flattened table with the given columns.
func table(stream string, columns ...string) *Table {
	t := &Table{Stream: airbyte.StreamID{Name: stream}, Names: naming.In("data/" + stream), Dir: "data/" + stream}
	t.Format.Flatten, t.Format.Columns = true, columns
	t.Encoder = format.NewCSV(format.Dialect{Delimiter: ',', LineEnd: "\n", Header: true}, t.Format)
	return t
}

func keeping(t *Table) *Table {
	t.Format.KeepUndeclared = true
	t.Encoder = format.NewCSV(format.Dialect{Delimiter: ',', LineEnd: "\n", Header: true}, t.Format)
	return t
}

// record is a RECORD line.
func record(stream, data string) string {
	return fmt.Sprintf(`{"type":"RECORD","record":{"stream":%q,"emitted_at":7,"data":%s}}`, stream, data)
}

func batch(lines ...string) *pipeline.Batch {
	return &pipeline.Batch{Line: 1, Input: []byte(strings.Join(lines, "\n") + "\n")}
}

func decoded(t *testing.T, c *Catalog, lines ...string) *pipeline.Batch {
	t.Helper()
	b := batch(lines...)
	if err := NewDecode(c).Process(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	return b
}

func TestDecodeFindsRecordsAndMarks(t *testing.T) {
	c := NewCatalog([]*Table{table("users"), table("orders")})
	state := `{"type":"STATE","state":{"type":"STREAM","stream":{"stream_descriptor":{"name":"orders"}}}}`
	b := decoded(t, c,
		record("users", `{"a":1}`), "", "  "+state+" \r", `{"type":"LOG","log":{}}`, record("orders", `{"b":2}`), `{"type":"STATE","state":{"data":{}}}`,
		`{"type":"TRACE","trace":{"type":"STREAM_STATUS","stream_status":{"status":"COMPLETE","stream_descriptor":{"name":"nobody"}}}}`)
	if len(b.Records) != 2 || string(b.Records[1].Data.Of(b.Input)) != `{"b":2}` || b.Records[0].Stream != 0 || b.Records[1].Stream != 1 || b.Records[1].Line != 4 {
		t.Errorf("records: %+v", b.Records)
	}
	want := []struct {
		at, stream int32
		kind       pipeline.MarkKind
	}{{1, 1, pipeline.StreamState}, {2, -1, pipeline.WholeState}, {2, -1, pipeline.StreamComplete}}
	for i, w := range want {
		if m := b.Marks[i]; m.At != w.at || m.Stream != w.stream || m.Kind != w.kind {
			t.Errorf("mark %d: %+v, want %+v", i, m, w)
		}
	}
	if text := string(b.Marks[0].Text.Of(b.Input)); text != state {
		t.Errorf("the state's text is %q", text)
	}
	if !b.Records[0].Clean {
		t.Error("ASCII is not recognised as good UTF-8")
	}
}

func TestDecodeNamesTheBadLine(t *testing.T) {
	c := NewCatalog([]*Table{table("users")})
	f := func(want string, lines ...string) {
		t.Helper()
		b := batch(lines...)
		b.Line = 100
		err := NewDecode(c).Process(t.Context(), b)
		if err == nil || !strings.HasPrefix(err.Error(), want) || !errors.Is(err, pipeline.ErrInput) {
			t.Errorf("got %v, want %s...", err, want)
		}
	}
	good := record("users", `{}`)
	f("line 100: not valid JSON", `{"type":`)
	f("line 102: not valid JSON", good, "", `nonsense`)
	f("line 101: RECORD of stream orders, which is not in the catalog", good, record("orders", `{}`))
	f("line 101: RECORD of stream users: \"data\" is no object", good, record("users", `[]`))
}

func TestStampMakesVersion4IDs(t *testing.T) {
	now := time.UnixMilli(1234)
	s := NewStamp(rand.NewChaCha8([32]byte{1}), func() time.Time { return now })
	b := &pipeline.Batch{Records: make([]pipeline.Record, 1000)}
	b.Records[3] = pipeline.Record{NoTime: true}
	b.Records[4] = pipeline.Record{EmittedAt: 99}
	if err := s.Process(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	seen := map[uuid.UUID]bool{}
	for _, r := range b.Records {
		if r.ID.Version() != 4 || r.ID.Variant() != uuid.RFC4122 || seen[r.ID] {
			t.Fatalf("%s is no new version 4 UUID", r.ID)
		}
		seen[r.ID] = true
	}
	if b.Records[3].EmittedAt != 1234 || b.Records[4].EmittedAt != 99 {
		t.Errorf("times: %d and %d, want 1234 (none was given) and 99", b.Records[3].EmittedAt, b.Records[4].EmittedAt)
	}
}

// cells shows what a flattened record has in each column, and what is kept beside them.
func cells(b *pipeline.Batch, record int) string {
	var all []string
	r, values := &b.Records[record], b.ValuesOf(&b.Records[record])
	for column, i := range r.Columns {
		if i >= 0 && values[i].Kind != scan.Missing {
			all = append(all, fmt.Sprintf("%d=%s", column, values[i].Of(b.Input)))
		}
	}
	for _, s := range r.Extra {
		all = append(all, string(s.Of(b.Input)))
	}
	return strings.Join(all, " ")
}

func TestFlatten(t *testing.T) {
	tab := table("users", "a", "b", "é", "d")
	flatten := NewFlatten(NewCatalog([]*Table{tab}))
	f := func(data, want string) {
		t.Helper()
		c := NewCatalog([]*Table{tab})
		b := decoded(t, c, record("users", data))
		if err := flatten.Process(t.Context(), b); err != nil { // the same worker: it remembers keys
			t.Fatal(err)
		}
		if got := cells(b, 0); got != want {
			t.Errorf("flatten(%s) = %q, want %q", data, got, want)
		}
	}
	f(`{"a":1,"b":"x","é":null,"d":{"y":[]}}`, `0=1 1="x" 2=null 3={"y":[]}`)
	f(`{"a":1,"b":"x","é":null,"d":{"y":[]}}`, `0=1 1="x" 2=null 3={"y":[]}`) // as guessed
	f(`{}`, ``)
	f(`{"d":4,"a":1}`, `0=1 3=4`)                     // another order
	f(`{"d":4,"é":3,"b":2,"a":1}`, `0=1 1=2 2=3 3=4`) // backwards
	f(`{"a":1,"a":2}`, `0=2`)                         // the last of duplicates wins
	f(`{"b":1,"a":2,"b":3}`, `0=2 1=3`)
	f(`{"\u0061":1,"\u00e9":2}`, `0=1 2=2`) // escaped keys
	f(`{"x":1,"b":2,"y":{}}`, `1=2`)        // undeclared
	f(` { "b" : 2 } `, `1=2`)
}

func TestFlattenCountsUndeclaredFields(t *testing.T) {
	c := NewCatalog([]*Table{table("users", "a"), keeping(table("orders", "a"))})
	b := decoded(t, c, record("users", `{"x":1,"a":2}`), record("orders", `{"y":[1, 2],"a":1,"z":"q"}`), record("users", `{"x":1}`), record("orders", `{"z":0,"a":3,"a":4}`))
	flatten := NewFlatten(c)
	if err := flatten.Process(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	counts := map[string]int64{}
	for _, u := range b.Undeclared {
		counts[fmt.Sprint(u.Stream, u.Field)] = u.Count
	}
	if fmt.Sprint(counts) != "map[0x:2 1y:1 1z:2]" {
		t.Errorf("counted %v", counts)
	}
	if got := cells(b, 1); got != `0=1 "y":[1, 2] "z":"q"` {
		t.Errorf("kept %s", got)
	}
	if got := cells(b, 3); got != `0=4 "z":0` {
		t.Errorf("out of order: %v", got)
	}
}

// Of undeclared members with one key the last is kept, however they are written.
func TestFlattenKeepsTheLastMember(t *testing.T) {
	tab := keeping(table("users", "a"))
	f := func(data, want string) {
		t.Helper()
		c := NewCatalog([]*Table{tab})
		decode, flatten := NewDecode(c), NewFlatten(c)
		for range 3 { // a surprise first, then as guessed
			b := batch(record("users", data))
			if err := errors.Join(decode.Process(t.Context(), b), flatten.Process(t.Context(), b)); err != nil {
				t.Fatal(err)
			}
			if got := cells(b, 0); got != want {
				t.Errorf("flatten(%s) = %q, want %q", data, got, want)
			}
		}
	}
	f(`{"x":1,"a":2,"x":3}`, `0=2 "x":3`)
	f(`{"x":1,"y":2,"z":3,"y":4,"x":5}`, `"x":5 "y":4 "z":3`) // in the order of its shape
	f(`{"x":1,"\u0078":2}`, `"\u0078":2`)
	f(`{"\u0078":1,"x":2,"a":3,"\u00e9":4,"é":5}`, `0=3 "x":2 "é":5`)
	f(`{"\ud800":1,"\ud801":2}`, `"\ud801":2`) // both become U+FFFD
	f("{\"\xff\":1,\"\xfe\":2,\"\ufffd\":3,\"b\":4}", "\"\ufffd\":3 \"b\":4")
	var many, last []string // more than are remembered
	for i := range 2 * maxUndeclared {
		many = append(many, fmt.Sprintf(`"k%d":1`, i))
		last = append(last, fmt.Sprintf(`"k%d":2`, i))
	}
	f("{"+strings.Join(slices.Concat(many, last), ",")+"}", strings.Join(last, " "))
}

func TestFlattenForgetsEndlessFields(t *testing.T) {
	c := NewCatalog([]*Table{table("users", "a")})
	flatten := NewFlatten(c)
	for i := range 3000 {
		b := decoded(t, c, record("users", fmt.Sprintf(`{"k%d":1,"a":1}`, i)))
		if err := flatten.Process(t.Context(), b); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(flatten.tables[0].undeclared); n > maxUndeclared+1 {
		t.Errorf("%d names are remembered", n)
	}
	if n := len(flatten.tables[0].plans); n > maxPlans {
		t.Errorf("%d plans are remembered", n)
	}
}

// process sends a batch through all stages before the end.
func process(t testing.TB, c *Catalog, b *pipeline.Batch) {
	t.Helper()
	stamp := NewStamp(rand.NewChaCha8([32]byte{}), time.Now)
	for _, f := range []func() error{
		func() error { return NewDecode(c).Process(t.Context(), b) },
		func() error { return stamp.Process(t.Context(), b) },
		func() error { return NewFlatten(c).Process(t.Context(), b) },
		func() error { return NewEncode(c).Process(t.Context(), b) },
	} {
		if err := f(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestEncodeCutsSegments(t *testing.T) {
	c := NewCatalog([]*Table{table("users", "a"), table("orders", "a")})
	state := `{"type":"STATE","state":{}}`
	b := batch(record("users", `{"a":1}`), record("users", `{"a":2}`), record("orders", `{"a":"x\ud800"}`), state, record("orders", `{"a":4}`), state, state, record("users", `{"a":5}`))
	process(t, c, b)
	var got []string
	for _, s := range b.Segments {
		got = append(got, fmt.Sprintf("%d:%d-%d", s.Stream, s.First, s.First+s.Rows))
	}
	if strings.Join(got, " ") != "0:0-2 1:2-3 1:3-4 0:4-5" {
		t.Errorf("segments %v", got)
	}
	start := 0
	for i, want := range []string{"1", "2", "\"x\ufffd\"", "4", "5"} {
		row := string(b.Output[start:b.Records[i].End])
		start = b.Records[i].End
		if !strings.HasSuffix(row, ",7,"+want+"\n") {
			t.Errorf("row %d is %q", i, row)
		}
	}
	if len(b.Replaced) != 1 || b.Replaced[0] != (pipeline.Replaced{Stream: 1, Count: 1}) {
		t.Errorf("replaced %v", b.Replaced)
	}
}

func TestStagesAllocateNothingARecord(t *testing.T) {
	c := NewCatalog([]*Table{table("users", "id", "name", "tags")})
	var in bytes.Buffer
	for i := range 1000 {
		in.WriteString(record("users", fmt.Sprintf(`{"id":%d,"name":"Ada \"L\" é","tags":[1,2],"extra":true}`, i)) + "\n")
	}
	decode, stamp := NewDecode(c), NewStamp(rand.NewChaCha8([32]byte{}), time.Now)
	flatten, encode := NewFlatten(c), NewEncode(c)
	b := &pipeline.Batch{Line: 1, Input: in.Bytes()}
	run := func() {
		b.Records, b.Marks, b.Values, b.Output = b.Records[:0], b.Marks[:0], b.Values[:0], b.Output[:0]
		b.Columns, b.Extra = b.Columns[:0], b.Extra[:0]
		b.Segments, b.Undeclared, b.Replaced = b.Segments[:0], b.Undeclared[:0], b.Replaced[:0]
		for _, err := range []error{decode.Process(t.Context(), b), stamp.Process(t.Context(), b), flatten.Process(t.Context(), b), encode.Process(t.Context(), b)} {
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	run() // grows the buffers
	if allocs := testing.AllocsPerRun(10, run); allocs > allowedAllocs {
		t.Errorf("%v allocations for 1000 records in steady state", allocs)
	}
}
