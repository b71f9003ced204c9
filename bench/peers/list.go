package peers

import (
	"slices"
	"strings"

	"github.com/sluice-data/sluice/bench"
)

// Slow peers get less input, so that a run takes some 10 to 30 seconds.
const (
	mostJQ     = 200e6
	mostMiller = 100e6
	mostTarget = 50e6
)

// What several peers lack.
const (
	lacksBatch = "no STATE, no checkpoint: all or nothing; wants to be told the columns"
	lacksGrow  = lacksBatch + "; its memory grows with the input, to keep the order"
	lacksOrder = lacksBatch + "; rows may change their places"
	lacksPipe  = lacksBatch + "; can't read a pipe; no random UUID"
	lacksLines = "one thread; no STATE; no random UUID; no S3"
)

// All are the contenders in the order of the tables. The first of each table is the one
// that the others are compared with.
func All() []Peer {
	return slices.Concat(flattened(), unflattened(), toS3(), formats())
}

func flattened() []Peer {
	return []Peer{
		{Name: "Sluice, from a pipe", Table: Flattened, Form: Messages, Way: bench.Flattened},
		{Name: "Sluice, file to file", Table: Flattened, Form: Messages, Stdin: true, Args: sluiceLocal("Root level flattening")},
		{Name: "DuckDB", Tool: "duckdb", Table: Flattened, Form: Messages, Null: true, Args: duckDB("duckdb"),
			Allow: []string{"numbers"}, Lacks: lacksGrow},
		{Name: "DuckDB, any order", Tool: "duckdb", Table: Flattened, Form: Messages, Null: true, Args: duckDB("duckdb", "--any-order"),
			Allow: []string{"order", "numbers"}, Lacks: lacksOrder},
		{Name: "Polars", Tool: "polars", Table: Flattened, Form: Messages, Null: true, Args: polars(),
			Allow: []string{"no id", "numbers", "json"}, Lacks: lacksPipe},
		{Name: "chDB (ClickHouse)", Tool: "chdb", Table: Flattened, Form: Messages, Null: true, Args: chDB(),
			Allow: []string{"numbers"}, Lacks: lacksBatch},
		{Name: "jq", Tool: "jq", Table: Flattened, Form: Messages, Most: mostJQ, Null: true, Stdin: true, Stdout: true, Args: jq("flattened.jq"),
			Allow: []string{"no id", "numbers"}, Lacks: lacksLines},
		{Name: "Miller", Tool: "miller", Table: Flattened, Form: Messages, Most: mostMiller, Null: true, Stdin: true, Stdout: true, Args: miller,
			Allow: []string{"no id", "json"}, Lacks: "no STATE; no random UUID; no S3"},
	}
}

func unflattened() []Peer {
	return []Peer{
		{Name: "Sluice, from a pipe", Table: Unflattened, Form: Messages, Way: bench.Unflattened},
		{Name: "Sluice, file to file", Table: Unflattened, Form: Messages, Stdin: true, Args: sluiceLocal("No flattening")},
		{Name: "DuckDB", Tool: "duckdb", Table: Unflattened, Form: Messages, Null: true, Args: duckDB("duckdb", "--unflattened"),
			Allow: []string{"json"}, Lacks: lacksGrow},
		{Name: "DuckDB, any order", Tool: "duckdb", Table: Unflattened, Form: Messages, Null: true,
			Args: duckDB("duckdb", "--unflattened", "--any-order"), Allow: []string{"order", "json"}, Lacks: lacksOrder},
		{Name: "Polars", Tool: "polars", Table: Unflattened, Form: Messages, Null: true, Args: polars("--unflattened"),
			Allow: []string{"no id", "json"}, Lacks: lacksPipe},
		{Name: "chDB (ClickHouse)", Tool: "chdb", Table: Unflattened, Form: Messages, Null: true, Args: chDB("--unflattened"), Lacks: lacksBatch},
		{Name: "jq", Tool: "jq", Table: Unflattened, Form: Messages, Most: mostJQ, Null: true, Stdin: true, Stdout: true, Args: jq("unflattened.jq"),
			Allow: []string{"no id", "json"}, Lacks: lacksLines},
	}
}

func duckDB(tool string, flags ...string) func(*Env, Job) []string {
	return func(e *Env, j Job) []string {
		flags := append(slices.Clone(flags), e.threads(), e.Catalog, j.Input, j.Output)
		return e.python(tool, "duckdb_csv.py", flags...)
	}
}

func polars(flags ...string) func(*Env, Job) []string {
	return func(e *Env, j Job) []string {
		return e.python("polars", "polars_csv.py", append(slices.Clone(flags), e.Catalog, j.Input, j.Output)...)
	}
}

func chDB(flags ...string) func(*Env, Job) []string {
	return func(e *Env, j Job) []string {
		flags := append(slices.Clone(flags), e.threads(), e.Catalog, j.Input, j.Output)
		return e.python("chdb", "chdb_csv.py", flags...)
	}
}

func jq(filter string) func(*Env, Job) []string {
	return func(e *Env, _ Job) []string {
		return []string{e.Tools["jq"].Path, "-rn", "-f", e.script(filter)}
	}
}

// miller: two verbs were as fast as json_stringify in the expression, and more records a
// batch slower. Without the template, which costs 2%, the first record says which columns
// there are, and another one ends the run.
func miller(e *Env, _ Job) []string {
	const move = `$* = mapsum({"_airbyte_emitted_at": $record["emitted_at"]}, $record["data"])`
	columns := strings.Join(append([]string{"_airbyte_emitted_at"}, e.Columns...), ",")
	return []string{e.Tools["miller"].Path, "--ijsonl", "--ocsv", "put", move, "then", "json-stringify", "-f", "l_source",
		"then", "template", "-f", columns}
}
