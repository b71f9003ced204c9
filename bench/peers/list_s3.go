package peers

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
)

func toS3() []Peer {
	const upload = "only uploads: its input is the CSV that Sluice wrote, its MB/s are those of the messages behind it"
	return []Peer{
		{Name: "Sluice", Table: ToS3, Form: Messages, Stdin: true, Args: sluiceS3},
		{Name: "DuckDB", Tool: "duckdb-extensions", Table: ToS3, Form: Messages, Args: duckDBS3(),
			Allow: []string{"numbers"}, Lacks: lacksGrow},
		{Name: "DuckDB, any order", Tool: "duckdb-extensions", Table: ToS3, Form: Messages, Args: duckDBS3("--any-order"),
			Allow: []string{"order", "numbers"}, Lacks: lacksOrder},
		{Name: "Polars", Tool: "polars", Table: ToS3, Form: Messages, Args: s3URL(polars()),
			Allow: []string{"no id", "numbers", "json"}, Lacks: lacksPipe},
		{Name: "chDB (ClickHouse)", Tool: "chdb", Table: ToS3, Form: Messages, Args: s3URL(chDB()),
			Allow: []string{"numbers"}, Lacks: lacksBatch},
		{Name: "target-s3-csv (Singer)", Tool: "target-s3-csv", Table: ToS3, Form: Singer, Most: mostTarget, Stdin: true, Args: targetS3CSV,
			Allow: []string{"no id", "no emitted_at", "split", "column order", "numbers"},
			Lacks: "one thread; a local file first, uploaded at the end; the STATE leaves at the end"},
		{Name: "upload alone: s5cmd pipe", Tool: "s5cmd", Table: ToS3, Form: Rows, Stdin: true, Args: s5cmd, Lacks: upload},
		{Name: "upload alone: aws s3 cp -", Tool: "awscli", Table: ToS3, Form: Rows, Stdin: true, Args: awsCLI, Lacks: upload},
	}
}

// s3URL gives a script that writes to a file a place in the bucket instead.
func s3URL(args func(*Env, Job) []string) func(*Env, Job) []string {
	return func(e *Env, j Job) []string {
		j.Output = "s3://" + j.Output
		return args(e, j)
	}
}

func duckDBS3(flags ...string) func(*Env, Job) []string {
	return s3URL(duckDB("duckdb-extensions", flags...))
}

// s5cmd with its own settings: parts of 16 MiB instead of 50 were no faster.
func s5cmd(e *Env, j Job) []string {
	return []string{e.Tools["s5cmd"].Path, "--endpoint-url", e.Gateway.Endpoint, "pipe", "s3://" + j.Output}
}

func awsCLI(e *Env, j Job) []string {
	// The command is a script beside its Python: started like this, no shell is looked up.
	dir := filepath.Join(e.Bin, "awscli", "bin")
	return []string{filepath.Join(dir, "python"), filepath.Join(dir, "aws"), "--endpoint-url", e.Gateway.Endpoint, "s3", "cp", "-", "s3://" + j.Output}
}

func targetS3CSV(e *Env, j Job) []string {
	bucket, key, _ := strings.Cut(j.Output, "/")
	config := e.file("target-s3-csv.json", map[string]any{
		"s3_bucket": bucket, "aws_endpoint_url": e.Gateway.Endpoint, "naming_convention": key,
		"aws_access_key_id": e.Gateway.AccessKey, "aws_secret_access_key": e.Gateway.SecretKey,
		"temp_dir": e.Work, // where all other output goes too
	})
	dir := filepath.Join(e.Bin, "target-s3-csv", "bin")
	return []string{filepath.Join(dir, "python"), filepath.Join(dir, "target-s3-csv"), "--config", config}
}

// sluiceLocal is the binary as a platform starts it, but for its store, a directory.
func sluiceLocal(flattening string) func(*Env, Job) []string {
	return func(e *Env, j Job) []string {
		return e.sluice("file.json", local(j, map[string]any{"format_type": "CSV", "flattening": flattening}), e.Catalog)
	}
}

func local(j Job, format map[string]any) map[string]any {
	return map[string]any{
		"s3_bucket_name": "bucket", "s3_bucket_path": "out", "s3_bucket_region": "us-east-1",
		"s3_endpoint": "file://" + filepath.ToSlash(j.Dir), "format": format,
	}
}

func sluiceS3(e *Env, j Job) []string {
	bucket, key, _ := strings.Cut(j.Output, "/")
	return e.sluice("s3.json", map[string]any{
		"s3_bucket_name": bucket, "s3_bucket_path": key, "s3_bucket_region": e.Gateway.Region,
		"s3_endpoint":   e.Gateway.Endpoint,
		"access_key_id": e.Gateway.AccessKey, "secret_access_key": e.Gateway.SecretKey,
		"format": map[string]any{"format_type": "CSV", "flattening": "Root level flattening"},
	}, e.Catalog)
}

func (e *Env) sluice(name string, config map[string]any, catalog string) []string {
	return []string{e.Sluice, "write", "--config", e.file(name, config), "--catalog", catalog}
}

// file writes a config and returns its path. A config that could not be written makes the
// tool fail, which says where.
func (e *Env) file(name string, config map[string]any) string {
	path := filepath.Join(e.Work, name)
	text, err := json.Marshal(config)
	if err == nil {
		_ = os.WriteFile(path, text, 0o600)
	}
	return path
}
