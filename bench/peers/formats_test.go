package peers

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sluice-data/sluice/bench"
)

// TestCount: a tool that loses rows or a column is found out.
func TestCount(t *testing.T) {
	command(t, "sh")
	f := func(table Table, files int, all bool, found, wantErr string) {
		t.Helper()
		s, in := suite(t)
		s.Env.Bin, s.Env.Typed = t.TempDir(), "typed.json"
		python := filepath.Join(s.Env.Bin, checker, "bin", "python")
		// It tells of the messages what is in them, and of all else what the case says.
		script := `#!/bin/sh
case " $* " in
*" messages "*) echo '{"rows":2,"sums":{"a":3,"b":0.5}}' ;;
*) echo '` + found + `' ;;
esac`
		if err := os.MkdirAll(filepath.Dir(python), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(python, []byte(script), 0o755); err != nil {
			t.Fatal(err)
		}
		err := s.count(t.Context(), &Peer{Table: table}, in, written{files: make([]string, files)}, all)
		if wantErr == "" && err != nil || wantErr != "" && (err == nil || !strings.Contains(err.Error(), wantErr)) {
			t.Errorf("%s: error %v, want %q", found, err, wantErr)
		}
	}
	f(Avro, 1, true, `{"rows":2,"sums":{"a":3,"b":0.5}}`, "")
	f(Avro, 2, true, `{"rows":2,"sums":{"a":3,"b":0.50000000001,"c":1}}`, "")
	f(Avro, 1, true, `{"rows":2,"sums":{"a":3,"b":0.51}}`, "the sum of b is 0.51, in the input 0.5")
	f(Avro, 1, true, `{"rows":2,"sums":{"a":3}}`, "the sum of b is 0, in the input 0.5")
	f(Avro, 1, true, `{"rows":1,"sums":{"a":3,"b":0.5}}`, "2 records went in, 1 rows came out")
	f(ParquetZstd, 1, false, `{"rows":2}`, "")
	f(ParquetZstd, 1, false, `{"rows":3}`, "2 records went in, 3 rows came out")
	f(JSONLines, 0, false, `{"rows":2}`, "it wrote nothing")
	f(JSONLines, 1, false, `no JSON`, "invalid character")
}

// TestTypedCatalog: the members of the nested field are those that its records have.
func TestTypedCatalog(t *testing.T) {
	s, _ := suite(t)
	s.workload = bench.Lineitem(1, 1<<16)
	if err := s.typedCatalog(); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(s.Env.Typed)
	if err != nil {
		t.Fatal(err)
	}
	var catalog struct {
		Streams []struct {
			Stream struct {
				Schema struct {
					Properties map[string]struct{ Properties map[string]any }
				} `json:"json_schema"`
			}
		}
	}
	if err := json.Unmarshal(text, &catalog); err != nil {
		t.Fatal(err)
	}
	var message struct {
		Record struct{ Data map[string]any }
	}
	if err := json.Unmarshal([]byte(strings.SplitN(string(s.workload.Block), "\n", 2)[0]), &message); err != nil {
		t.Fatal(err)
	}
	declared := catalog.Streams[0].Stream.Schema.Properties["l_source"].Properties
	for name := range message.Record.Data["l_source"].(map[string]any) {
		if declared[name] == nil {
			t.Errorf("l_source.%s is not declared", name)
		}
	}
	s.workload.Catalog = []byte("{}")
	if err := s.typedCatalog(); err == nil {
		t.Error("a catalog without the field is no error")
	}
}

// TestCheckFiles runs the script that looks at typed columns.
func TestCheckFiles(t *testing.T) {
	python := command(t, "python3")
	if err := exec.Command(python, "-c", "import fastavro, pyarrow").Run(); err != nil {
		t.Skip("python3 has no pyarrow and fastavro")
	}
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	catalog := file("catalog", `{"streams":[{"stream":{"json_schema":{"properties":{"n":{"type":["null","number"]},"s":{"type":"string"},`+
		`"d":{"type":"string","format":"date"},"o":{"type":"object","properties":{"i":{"type":"integer"}}}}}}}]}`)
	messages := file("messages", `{"record":{"emitted_at":1,"data":{"n":1.50,"s":"x","d":"1970-01-03","o":{"i":7}}}}`+"\n"+
		`{"record":{"emitted_at":2,"data":{"n":null,"s":"yz","d":"1970-01-02","o":{"i":8}}}}`+"\n")
	const first = `{"_airbyte_emitted_at":1,"n":1.5,"s":"x","d":"1970-01-03","o":{"i":7}}` + "\n"
	const second = `{"_airbyte_emitted_at":2,"n":null,"s":"yz","d":"1970-01-02","o":{"i":8}}` + "\n"
	f := func(got, want string, flags ...string) {
		t.Helper()
		args := append(append([]string{"scripts/check_files.py"}, flags...), catalog, file("got", got))
		text, err := exec.Command(python, args...).CombinedOutput()
		if err != nil || string(text) != want {
			t.Errorf("%q: %v: got %s, want %s", got, err, text, want)
		}
	}
	const noID = `{"rows": 2, "findings": {"no id": "no _airbyte_ab_id"`
	f(first+second, noID+`}}`, "--messages", messages, "jsonl")
	f(second+first, noID+`, "order": "rows in another order"}}`, "--messages", messages, "jsonl")
	f(first+strings.Replace(second, "8", "9", 1), noID+`, "wrong": "o of row 1: {'i': 9} for {'i': 8}"}}`, "--messages", messages, "jsonl")
	f(first+strings.Replace(second, `"n":null,`, "", 1), noID+`, "wrong": "n of row 1: None for None"}}`, "--messages", messages, "jsonl")
	f(first, `{"rows": 1, "findings": {"no id": "no _airbyte_ab_id", "wrong": "1 rows for 2"}}`, "--messages", messages, "jsonl")
	f(first+second, `{"rows": 2, "sums": {"n": 1.5, "s": 3, "d": 3, "o.i": 15}}`, "jsonl")
	f(first+second, `{"rows": 2}`, "--rows", "jsonl")
}
