package stages

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/sluice-data/sluice/pipeline"
)

// unfit are lines that can't be written, with the reason. Some are like good ones up to their end,
// so that their values were found by then.
var unfit = map[string]string{
	`nonsense`:          "not valid JSON",
	`{"type":"RECORD"`:  "not valid JSON",
	"\xff":              "not valid JSON",
	`[1,2]`:             "not an Airbyte message",
	`{"type":"RECORD"}`: "RECORD",
	strings.TrimSuffix(record("s00", `{"id":"bad","name":"x"}`), "}"):   "not valid JSON",
	record("s00", `{"id":"bad","name":"x\q"}`):                          "not valid JSON",
	record("s00", `{"id":"bad","name":"x","more":[1,2}`):                "not valid JSON",
	record("s01", `["bad"]`):                                            `RECORD of stream s01: "data" is no object`,
	record("nobody", `{"id":"bad","name":"x","a":1,"b":{"c":[1,2,3]}}`): "RECORD of stream nobody, which is not in the catalog",
	`{"type":"STATE"}`: "STATE",
}

// found tells all that decode has found of a batch, and whether records know their lines. Which
// shape a record's values belong to depends on the lines before it, so they are shown flattened.
func found(t *testing.T, c *Catalog, b *pipeline.Batch, lines []string) (all []string) {
	t.Helper()
	flatten := c.Tables[0].Format.Flatten
	if flatten {
		if err := NewFlatten(c).Process(t.Context(), b); err != nil {
			t.Fatal(err)
		}
	}
	for i := range b.Records {
		r := &b.Records[i]
		text := fmt.Sprint(r.Stream, " ", string(r.Data.Of(b.Input)), r.EmittedAt, r.NoTime, r.Clean)
		if flatten {
			text += " " + cells(b, i)
		} else if n := len(b.ValuesOf(r)); n > 0 {
			t.Errorf("record %d has %d values that nobody needs", i, n)
		}
		all = append(all, text)
		if !strings.Contains(lines[r.Line], string(r.Data.Of(b.Input))) {
			t.Errorf("record %d is said to be of the line %s", i, lines[r.Line])
		}
	}
	for _, m := range b.Marks {
		all = append(all, fmt.Sprint("mark ", m.At, m.Kind, m.Stream, string(m.Text.Of(b.Input))))
		if lines[m.Line] != string(m.Text.Of(b.Input)) {
			t.Errorf("a mark is said to be of the line %s", lines[m.Line])
		}
	}
	return all
}

// catalogOf makes tables s00, s01...
func catalogOf(streams int, flatten bool) *Catalog {
	var tables []*Table
	for i := range streams {
		tab := table(fmt.Sprintf("s%02d", i), "id", "name")
		tab.Format.Flatten = flatten
		tables = append(tables, tab)
	}
	return NewCatalog(tables)
}

// someLines are good ones of that many streams, which take turns.
func someLines(rng *rand.Rand, streams, n int) (lines []string) {
	for i := range n {
		stream := fmt.Sprintf("s%02d", rng.IntN(streams))
		switch rng.IntN(12) {
		case 0:
			lines = append(lines, streamState(stream))
		case 1:
			lines = append(lines, "")
		case 2:
			lines = append(lines, record(stream, fmt.Sprintf(`{"name":"é","id":%d,"x":{}}`, i))) // a surprise
		default:
			lines = append(lines, record(stream, fmt.Sprintf(`{"id":%d,"name":"n"}`, i)))
		}
	}
	return lines
}

// TestRejectingDecode: bad lines anywhere change nothing in what is found in the others; without
// any it is NewDecode.
func TestRejectingDecode(t *testing.T) {
	bad := make([]string, 0, len(unfit))
	for line := range unfit {
		bad = append(bad, line)
	}
	slices.Sort(bad)
	f := func(streams int, flatten bool) {
		t.Helper()
		c := catalogOf(streams, flatten)
		rejecting := NewRejectingDecode(c) // one for all: it remembers shapes
		for seed := range uint64(150) {
			rng := rand.New(rand.NewPCG(seed, 0))
			good := someLines(rng, streams, rng.IntN(80))
			mixed, at := slices.Clone(good), map[int]string{}
			for range rng.IntN(4) * rng.IntN(8) {
				mixed = slices.Insert(mixed, rng.IntN(len(mixed)+1), bad[rng.IntN(len(bad))])
			}
			for i, line := range mixed {
				if unfit[line] != "" {
					at[i] = line
				}
			}
			want, b := decoded(t, c, good...), batch(mixed...)
			if err := rejecting.Process(t.Context(), b); err != nil {
				t.Fatal(err)
			}
			if want, got := found(t, c, want, good), found(t, c, b, mixed); !reflect.DeepEqual(got, want) {
				t.Fatalf("%d streams, flatten %v, seed %d: found\n%s\nwant\n%s", streams, flatten, seed, strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
			wantRejects(t, b, at)
		}
	}
	f(2, true)
	f(2, false)
	f(manyStreams, true) // whose records are regrouped
	f(manyStreams+5, false)
}

func wantRejects(t *testing.T, b *pipeline.Batch, want map[int]string) {
	t.Helper()
	if len(b.Rejects) != len(want) {
		t.Fatalf("%d lines were rejected, want %d", len(b.Rejects), len(want))
	}
	for _, r := range b.Rejects {
		line := want[int(r.Line)]
		if got := string(r.Text.Of(b.Input)); got != line+"\n" || !strings.HasPrefix(r.Err.Error(), unfit[line]) {
			t.Errorf("line %d: rejected %q for %v, want %q for %s...", r.Line, got, r.Err, line, unfit[line])
		}
	}
}

// TestRejectingDecodeEachPlace has each bad line in front of, between and behind good ones.
func TestRejectingDecodeEachPlace(t *testing.T) {
	c := catalogOf(2, true)
	good := []string{record("s00", `{"id":1,"name":"a"}`), record("s00", `{"id":2,"name":"b"}`), record("s01", `{"id":3}`), record("s00", `{"id":4,"name":"d"}`)}
	for line := range unfit {
		for at := range len(good) + 1 {
			lines := slices.Insert(slices.Clone(good), at, line)
			b := batch(lines...)
			if err := NewRejectingDecode(c).Process(t.Context(), b); err != nil {
				t.Fatal(err)
			}
			if got, want := found(t, c, b, lines), found(t, c, decoded(t, c, good...), good); !slices.Equal(got, want) {
				t.Errorf("%q as line %d: found %q", line, at, got)
			}
			wantRejects(t, b, map[int]string{at: line})
		}
	}
}
