package peers

import (
	"slices"
	"strings"
)

// mostFastavro: one thread, and Python for each row.
const mostFastavro = 200e6

func formats() []Peer {
	return slices.Concat(parquet(ParquetZstd, "zstd"), parquet(ParquetSnappy, "snappy"), avro(), jsonLines())
}

func parquet(table Table, codec string) []Peer {
	sluice := func(numbers string) func(*Env, Job) []string {
		return sluiceTyped(map[string]any{"format_type": "Parquet", "compression_codec": strings.ToUpper(codec), "number_type": numbers})
	}
	return []Peer{
		{Name: "Sluice", Table: table, Form: Messages, Stdin: true, Args: sluice("double")},
		{Name: "Sluice, exact decimals", Table: table, Form: Messages, Stdin: true, Args: sluice("decimal(38,18)"), Allow: []string{"decimals"}},
		{Name: "DuckDB", Tool: "duckdb", Table: table, Form: Messages, Args: script("duckdb", "duckdb_files.py", "--codec", codec, "parquet"),
			Lacks: lacksGrow + "; numbers are floats"},
		{Name: "DuckDB, any order", Tool: "duckdb", Table: table, Form: Messages,
			Args:  script("duckdb", "duckdb_files.py", "--any-order", "--codec", codec, "parquet"),
			Allow: []string{"order"}, Lacks: lacksOrder + "; numbers are floats"},
		{Name: "Polars", Tool: "polars", Table: table, Form: Messages, Args: script("polars", "polars_files.py", "--codec", codec, "parquet"),
			Allow: []string{"no id"}, Lacks: lacksPipe + "; numbers are floats"},
		{Name: "pyarrow", Tool: "pyarrow", Table: table, Form: Messages, Args: script("pyarrow", "pyarrow_files.py", "--codec", codec),
			Allow: []string{"no id"}, Lacks: lacksPipe + "; one thread writes"},
	}
}

// avro is without compression, as is the default, and with snappy, which most that compress know.
func avro() []Peer {
	sluice := func(codec string) func(*Env, Job) []string {
		return sluiceTyped(map[string]any{"format_type": "Avro", "compression_codec": map[string]any{"codec": codec}, "number_type": "double"})
	}
	return []Peer{
		{Name: "Sluice", Table: Avro, Form: Messages, Stdin: true, Args: sluice("no compression")},
		{Name: "Sluice, snappy", Table: Avro, Form: Messages, Stdin: true, Args: sluice("snappy")},
		{Name: "DuckDB", Tool: "duckdb-extensions", Table: Avro, Form: Messages, Args: script("duckdb-extensions", "duckdb_files.py", "avro"),
			Lacks: lacksGrow + "; can't compress"},
		{Name: "Polars", Tool: "polars", Table: Avro, Form: Messages, Args: script("polars", "polars_files.py", "avro"),
			Allow: []string{"no id"}, Lacks: lacksPipe + "; holds the whole table"},
		{Name: "Polars, snappy", Tool: "polars", Table: Avro, Form: Messages, Args: script("polars", "polars_files.py", "--codec", "snappy", "avro"),
			Allow: []string{"no id"}, Lacks: lacksPipe + "; holds the whole table"},
		{Name: "fastavro", Tool: "fastavro", Table: Avro, Form: Messages, Most: mostFastavro, Args: script("fastavro", "fastavro_files.py"),
			Lacks: "one thread; no STATE; no S3"},
	}
}

func jsonLines() []Peer {
	return []Peer{
		{Name: "Sluice", Table: JSONLines, Form: Messages, Stdin: true,
			Args: sluiceTyped(map[string]any{"format_type": "JSONL", "flattening": "Root level flattening"})},
		{Name: "DuckDB", Tool: "duckdb", Table: JSONLines, Form: Messages, Args: script("duckdb", "duckdb_files.py", "jsonl"), Lacks: lacksGrow},
		{Name: "DuckDB, any order", Tool: "duckdb", Table: JSONLines, Form: Messages, Args: script("duckdb", "duckdb_files.py", "--any-order", "jsonl"),
			Allow: []string{"order"}, Lacks: lacksOrder},
		{Name: "Polars", Tool: "polars", Table: JSONLines, Form: Messages, Args: script("polars", "polars_files.py", "jsonl"),
			Allow: []string{"no id"}, Lacks: lacksPipe},
	}
}

// script starts one of the scripts that write typed columns. Those of tools that can be told take
// the number of threads.
func script(tool, name string, flags ...string) func(*Env, Job) []string {
	return func(e *Env, j Job) []string {
		flags := slices.Clone(flags)
		if tool != "polars" && tool != "fastavro" {
			flags = append([]string{e.threads()}, flags...)
		}
		return e.python(tool, name, append(flags, e.Typed, j.Input, j.Output)...)
	}
}

// sluiceTyped is the binary as a platform starts it, but for its store, a directory.
func sluiceTyped(format map[string]any) func(*Env, Job) []string {
	return func(e *Env, j Job) []string {
		return e.sluice("file.json", local(j, format), e.Typed)
	}
}
