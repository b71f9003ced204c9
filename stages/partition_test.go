package stages

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/sluice-data/sluice/internal/hive"
	"github.com/sluice-data/sluice/pipeline"
)

// partitioned gives a table keys.
func partitioned(t *testing.T, tab *Table, keys ...string) *Table {
	t.Helper()
	all, err := hive.ParseAll(keys)
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range all {
		tab.Partition = append(tab.Partition, PartitionKey{k, hive.IsEmittedAt(k.Field)})
	}
	return tab
}

func TestPartitionPaths(t *testing.T) {
	f := func(keys, data, want string) {
		t.Helper()
		for _, tab := range []*Table{table("users", "a", "b"), unflattened("users")} {
			tab.PartitionColumns = strings.HasPrefix(keys, "keep ")
			c := NewCatalog([]*Table{partitioned(t, tab, strings.Fields(strings.TrimPrefix(keys, "keep "))...)})
			b := decoded(t, c, record("users", data))
			err := NewPartition(c).Process(t.Context(), b)
			switch {
			case err != nil:
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%s of %s: %v", keys, data, err)
				}
			case len(b.Partitions) != 1 || b.Partitions[0] != want || b.Records[0].Partition != 1:
				t.Errorf("%s of %s: %q, want %q", keys, data, b.Partitions, want)
			}
		}
	}
	f("a", `{"a":"DE"}`, "a=DE")
	f("a", `{"x":1,"\u0061":"D\u0045"}`, "a=DE")
	f("a b", `{"a":1.50,"b":true}`, "a=1.50/b=true")
	f("b a", `{"a":[1, 2],"b":{"c":"/"}}`, "b=%7B%22c%22%3A%22%2F%22%7D/a=%5B1%2C 2%5D")
	f("undeclared", `{"undeclared":"x"}`, "undeclared=x")
	f("a", `{}`, "a=__HIVE_DEFAULT_PARTITION__")
	f("a", `{"a":null}`, "a=__HIVE_DEFAULT_PARTITION__")
	f("a", `{"a":""}`, "a=__HIVE_DEFAULT_PARTITION__")
	f("a", `{"a":"x","a":"y"}`, "a=y")
	f("a", `{"a":"50%/=a:b"}`, "a=50%25%2F%3Da%3Ab")
	f("a", `{"a":"Zürich"}`, "a=Zürich")
	f("a", `{"a":"NULL"}`, "a=%4EULL")
	f("date(a)", `{"a":"2026-11-22"}`, "day=2026-11-22")
	f("date(a)", `{"a":"2026-11-22T23:30:00-05:00"}`, "day=2026-11-23")
	f("year(a) month(a) day(a) hour(a)", `{"a":"2026-01-02 03:04:05.678"}`, "year=2026/month=01/day=02/hour=03")
	f("dt=date(a)", `{"a":"yesterday"}`, "dt=__HIVE_DEFAULT_PARTITION__")
	f("date(a)", `{"a":7}`, "day=__HIVE_DEFAULT_PARTITION__")
	f("date(emitted_at) hour(_airbyte_extracted_at)", `{}`, "day=1970-01-01/hour=00")
	f("a", `{"a":"`+strings.Repeat("x", 201)+`"}`, "line 1: RECORD of stream users: the value of a has 201 bytes")
	f("keep a", `{"a":"`+strings.Repeat("x", 201)+`"}`, "a=__HIVE_DEFAULT_PARTITION__")
}

// unflattened makes a table whose records are one column.
func unflattened(stream string) *Table {
	t := table(stream)
	t.Format.Flatten = false
	return t
}

// TestPartitionGroups: records of one partition stand together, in their order, and none moves over a mark.
func TestPartitionGroups(t *testing.T) {
	c := NewCatalog([]*Table{partitioned(t, table("users", "id"), "p"), table("orders", "id"), partitioned(t, table("items", "id"), "p")})
	p := NewPartition(c) // one for all: it keeps its memory
	for seed := range uint64(100) {
		rng := rand.New(rand.NewPCG(seed, 0))
		var lines []string
		for i := range rng.IntN(100) {
			if rng.IntN(20) == 0 {
				lines = append(lines, legacyState)
			}
			lines = append(lines, record([]string{"users", "orders", "items"}[rng.IntN(3)], fmt.Sprintf(`{"id":%d,"p":%d}`, i, rng.IntN(4))))
		}
		b := decoded(t, c, append(lines, legacyState)...)
		before := slices.Clone(b.Records)
		if err := p.Process(t.Context(), b); err != nil {
			t.Fatal(err)
		}
		first := 0
		for _, m := range b.Marks {
			checkPartitions(t, b, before, first, int(m.At))
			first = int(m.At)
		}
	}
}

// checkPartitions looks at the records between two marks.
func checkPartitions(t *testing.T, b *pipeline.Batch, before []pipeline.Record, first, end int) {
	t.Helper()
	type place struct{ stream, partition int32 }
	lines := map[place][]int32{}
	var last place
	for _, r := range b.Records[first:end] {
		at := place{r.Stream, r.Partition}
		if at != last && len(lines[at]) > 0 {
			t.Fatalf("partition %v is in two places", at)
		}
		data := string(r.Data.Of(b.Input))
		if want := data[strings.Index(data, `"p":`)+4 : len(data)-1]; r.Stream != 1 && b.Partitions[r.Partition-1] != "p="+want || r.Stream == 1 && r.Partition != 0 {
			t.Fatalf("%s is in partition %d of %q", data, r.Partition, b.Partitions)
		}
		lines[at], last = append(lines[at], r.Line), at
	}
	var all []int32
	for _, l := range lines {
		if !slices.IsSorted(l) {
			t.Fatalf("lines %v", l)
		}
		all = append(all, l...)
	}
	slices.Sort(all)
	for i, r := range before[first:end] {
		if all[i] != r.Line {
			t.Fatalf("line %d is not there", r.Line)
		}
	}
}

// TestHiddenColumns: what the names of the directories have is not in the files, and is no undeclared field.
func TestHiddenColumns(t *testing.T) {
	users := partitioned(t, table("users", "id"), "p", "date(at)")
	if got := users.Hidden(); !slices.Equal(got, []string{"p"}) {
		t.Errorf("hidden: %q", got)
	}
	c := NewCatalog([]*Table{users})
	for _, data := range []string{`{"p":"x","id":7}`, `{"\u0070":"x","id":7}`} {
		b := decoded(t, c, record("users", data))
		if err := NewPartition(c).Process(t.Context(), b); err != nil {
			t.Fatal(err)
		}
		if err := NewFlatten(c).Process(t.Context(), b); err != nil {
			t.Fatal(err)
		}
		if len(b.Undeclared) != 0 || len(b.Records[0].Columns) != 1 {
			t.Errorf("%s: undeclared %v, columns %v", data, b.Undeclared, b.Records[0].Columns)
		}
	}
	users.PartitionColumns = true
	if got := users.Hidden(); got != nil {
		t.Errorf("hidden: %q", got)
	}
}
