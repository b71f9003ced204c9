// Package peers measures other tools beside Sluice: the same records, as near to the same
// CSV, Parquet, Avro or JSON lines as each of them can write, in one run, in turns.
//
// The tools are pinned in requirements-*.txt and tools/go.mod, and installed below .bin at
// their first run. What each is told to do is in scripts and in this package's lists, with
// the ways that were tried and were slower. What they write is compared with what Sluice
// writes, cell by cell, before anything is measured.
package peers

import (
	"fmt"
	"path/filepath"
	"strconv"

	"github.com/sluice-data/sluice/bench"
	"github.com/sluice-data/sluice/internal/gateway"
)

// Table says what a contender does, and beside whom it is shown.
type Table string

const (
	Flattened   Table = "flattened"   // one column a field, to nowhere or to a file
	Unflattened Table = "unflattened" // one JSON column, likewise
	ToS3        Table = "s3"          // flattened, into the same S3 server

	// Typed columns, to a file.
	ParquetZstd   Table = "parquet-zstd"
	ParquetSnappy Table = "parquet-snappy"
	Avro          Table = "avro"
	JSONLines     Table = "jsonl"
)

// Tables are all of them in the order of the report.
var Tables = []Table{Flattened, Unflattened, ToS3, ParquetZstd, ParquetSnappy, Avro, JSONLines}

// typed reports whether a table is not about CSV. scripts/check_files.py looks at such files.
func (t Table) typed() bool { return t.format() != "csv" }

// format is the end of the files' names, and what check_files.py calls the format.
func (t Table) format() string {
	switch t {
	case ParquetZstd, ParquetSnappy:
		return "parquet"
	case Avro, JSONLines:
		return string(t)
	}
	return "csv"
}

// Form is what a contender reads.
type Form string

const (
	Messages Form = "messages" // Airbyte messages, one a line
	Singer   Form = "singer"   // the same records as Singer messages
	Rows     Form = "csv"      // the CSV that Sluice made of them
)

// Peer is one tool, used in one way.
type Peer struct {
	Name  string // with the way, if the tool has several
	Tool  string // that must be installed; "" for Sluice
	Table Table
	Form  Form
	Most  int64 // bytes of input at most, because it is slow; 0: any number

	// Null says that it can write to /dev/null, which is in its favour.
	Null bool
	// Stdin and Stdout say that it reads or writes there. It gets the files themselves: no
	// other process stands between.
	Stdin, Stdout bool
	Args          func(e *Env, j Job) []string
	// Way, if not empty, is Sluice's own engine behind a pipe, measured by package bench.
	Way bench.Way

	// Allow are the kinds of findings of scripts/compare.py or check_files.py that are its nature.
	Allow []string
	// Lacks is what it does not do of what Sluice does, beyond that.
	Lacks string
}

// Job is one run of a peer.
type Job struct {
	Input  string // a file
	Output string // a file; of a peer for S3, bucket/key
	Dir    string // where Output is, for tools that choose the name
}

// Env is where tools, input and output are.
type Env struct {
	Root    string   // of the repository
	Bin     string   // the tools
	Work    string   // input and output; removed at the end
	Sluice  string   // its binary
	Python  string   // that makes the environments of the tools
	Catalog string   // a file
	Typed   string   // a file: the catalog in which the nested field has its members too
	Columns []string // of the table, in the order of the schema
	Threads int      // that a tool may use; the number of cores
	Gateway *gateway.Gateway
	Tools   map[string]Tool // that are installed
}

// script is a file of this package.
func (e *Env) script(name string) string {
	return filepath.Join(e.Root, "bench", "peers", "scripts", name)
}

// python starts a script in the environment of a tool.
func (e *Env) python(tool, script string, args ...string) []string {
	return append([]string{filepath.Join(e.Bin, tool, "bin", "python"), e.script(script)}, args...)
}

func (e *Env) threads() string { return "--threads=" + strconv.Itoa(e.Threads) }

// variables are what a tool gets besides our own environment. The tools that speak S3 take
// key and region from here, and nothing from the files of whoever runs this.
func (e *Env) variables() []string {
	set := []string{
		"TMPDIR=" + e.Work,
		"AWS_CONFIG_FILE=/dev/null", "AWS_SHARED_CREDENTIALS_FILE=/dev/null", "AWS_EC2_METADATA_DISABLED=true",
	}
	if g := e.Gateway; g != nil {
		set = append(set,
			"AWS_ACCESS_KEY_ID="+g.AccessKey, "AWS_SECRET_ACCESS_KEY="+g.SecretKey,
			"AWS_REGION="+g.Region, "AWS_DEFAULT_REGION="+g.Region, "PEERS_S3_ENDPOINT="+g.Endpoint)
	}
	return set
}

// volume is how much input a peer gets of size bytes.
func (p *Peer) volume(size int64) int64 {
	if p.Most > 0 {
		return min(size, p.Most)
	}
	return size
}

// version is what the table says of a peer's version.
func (e *Env) version(p *Peer) string {
	if p.Tool == "" {
		return "this commit"
	}
	return e.Tools[p.Tool].Version
}

func (p *Peer) String() string { return fmt.Sprintf("%s (%s)", p.Name, p.Table) }
