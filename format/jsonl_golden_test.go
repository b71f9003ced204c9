package format

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The goldens of CSV that are of the standard dialect, as lines.
func TestJSONLGolden(t *testing.T) {
	for _, g := range goldens {
		if g.dialect != standard {
			continue
		}
		file := filepath.Join("testdata", g.name+".jsonl")
		got := g.encode(NewJSONL(g.table))
		if *update {
			if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil || got != string(want) {
			t.Errorf("%s: %v\n got %q\nwant %q", file, err, got, want)
		}
		lines := 0
		for scanner := bufio.NewScanner(strings.NewReader(got)); scanner.Scan(); lines++ {
			if !json.Valid(scanner.Bytes()) {
				t.Errorf("%s: %q is no JSON", file, scanner.Text())
			}
		}
		if lines != len(g.rows) {
			t.Errorf("%s has %d lines", file, lines)
		}
	}
}

// What Airbyte's documentation shows, so that -update can't change it.
func TestJSONLSeed(t *testing.T) {
	f := func(table Table, want string) {
		t.Helper()
		if got, _ := NewJSONL(table).AppendRow(nil, row(&table, seedRecord, "")); string(got) != want+"\n" {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	f(Table{}, `{"_airbyte_ab_id":"26d73cde-7eb1-4e1e-b7db-a4c03b4cf206","_airbyte_emitted_at":1622135805000,"_airbyte_data":{ "user_id":123, "name": { "first": "John", "last": "Doe" } }}`)
	f(Table{Flatten: true, Columns: []string{"user_id", "name"}},
		`{"_airbyte_ab_id":"26d73cde-7eb1-4e1e-b7db-a4c03b4cf206","_airbyte_emitted_at":1622135805000,"user_id":123,"name":{ "first": "John", "last": "Doe" }}`)
}
