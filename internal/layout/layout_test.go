package layout

import (
	"go/ast"
	"path"
	"slices"
	"strings"
	"testing"
)

// order says which packages of ours a package may import, tests aside. The first line whose
// directory fits counts; "/..." is everything below as well. In short:
//
//	airbyte ◀ format ◀ stages      pipeline ◀ stages      sink ◀ stages
//
// the root package joins them with config and the stores, and cmd starts it.
var order = []struct {
	dir string
	may []string
}{
	{"internal/scan", nil},
	{"internal/hive", nil},
	{"internal/guard", nil},
	{"internal/meter", nil},
	{"internal/feed", nil},
	{"internal/pipe", nil},
	{"internal/s3proxy", nil},
	{"internal/generate", nil},
	{"internal/budget", nil},
	{"internal/naming", nil},
	{"internal/tune", []string{"config", "sink", "internal/budget", "internal/naming"}},
	{"airbyte", []string{"internal/scan"}},
	{"format", []string{"airbyte", "internal/scan"}},
	{"format/typed", []string{"format", "internal/scan"}},
	{"format/parquet", []string{"format", "format/typed"}},
	{"format/avro", []string{"format", "format/typed"}},
	{"compress", nil},
	{"pipeline", []string{"compress", "internal/scan", "internal/guard", "internal/meter"}},
	{"stages", []string{"airbyte", "compress", "format", "format/typed", "pipeline", "sink", "internal/hive", "internal/naming", "internal/scan"}},
	{"sink", []string{"internal/guard", "internal/meter", "internal/naming"}},
	{"sink/...", []string{"sink"}},
	{"config", []string{"internal/hive", "internal/naming"}},
	{".", []string{"airbyte", "compress", "config", "format", "format/...", "pipeline", "stages", "sink", "sink/s3", "sink/dir", "internal/budget", "internal/feed", "internal/guard", "internal/hive", "internal/meter", "internal/naming", "internal/scan"}},
	{"kafka", []string{".", "airbyte", "compress", "config", "format", "format/typed", "pipeline", "stages", "sink", "internal/budget", "internal/guard", "internal/meter", "internal/naming", "internal/scan"}},
	{"kafka/kafkatest", nil}, // tests alone
	// What a sync needs it has from the root, with the types that stand in its signatures. The rest is
	// what people see, and what they look at.
	{"cmd/...", []string{".", "kafka", "airbyte", "config", "internal/demo", "internal/generate", "internal/guard", "internal/inventory", "internal/live", "internal/metrics", "internal/pipe", "internal/tune"}},
	{"internal/inventory", []string{"sink", "internal/guard", "internal/naming"}},
	// It looks into the store that a config names.
	{"internal/demo", []string{".", "airbyte", "config", "format/...", "sink", "internal/naming"}},
	// These look at the engine from outside, as any program can.
	{"internal/live", []string{".", "stages"}},
	{"internal/metrics", []string{".", "kafka", "stages"}},
	// It plays one sync with a clock of its own.
	{"internal/torture/...", []string{".", "airbyte", "config", "internal/gateway", "internal/s3proxy", "internal/torture"}},
	// Its naive worker is a program of the library's.
	{"internal/kafkatorture/...", []string{".", "config", "internal/gateway", "internal/kafkatorture", "internal/s3proxy"}},
	{"internal/...", []string{"airbyte", "config", "sink", "sink/s3", "internal/..."}},
	// What stands outside the engine and measures it, or uses it as anybody would.
	{"bench/...", []string{"..."}},
	{"deploy/...", nil},
	// Read by those who may not import what is internal.
	{"examples/...", []string{".", "config"}},
}

// fits reports whether a directory is the one that the pattern names.
func fits(pattern, dir string) bool {
	if pattern == "..." {
		return true
	}
	if base, below := strings.CutSuffix(pattern, "/..."); below {
		return dir == base || strings.HasPrefix(dir, base+"/")
	}
	return dir == pattern
}

func importOrder(s *source) []string {
	if s.test() {
		return nil
	}
	for _, line := range order {
		if !fits(line.dir, s.dir()) {
			continue
		}
		var bad []string
		s.imports(func(spec *ast.ImportSpec, p string) {
			dir, ours := strings.CutPrefix(p+"/", module+"/")
			if dir = path.Clean(dir); !ours {
				return
			}
			if !slices.ContainsFunc(line.may, func(pattern string) bool { return fits(pattern, dir) }) {
				bad = append(bad, s.at(spec, "%s must not import %s", line.dir, dir))
			}
		})
		return bad
	}
	return []string{s.at(s.ast.Name, "the directory %s has no place in the import order: see internal/layout", s.dir())}
}

func TestImportOrder(t *testing.T) {
	check(t, importOrder)
	f := finds(t, importOrder)
	f("sink/s3/a.go", "package s3\n"+`import "`+module+`/sink"`, "")
	f("sink/s3/a.go", "package s3\n"+`import "`+module+`/sink/dir"`, "sink/s3/a.go:2: sink/... must not import sink/dir")
	f("pipeline/a.go", "package pipeline\n"+`import x "`+module+`/sink/s3"`, "pipeline/a.go:2: pipeline must not import sink/s3")
	f("pipeline/a_test.go", "package pipeline\n"+`import "`+module+`/sink/s3"`, "")
	f("cmd/x/a.go", "package main\n"+`import "`+module+`"`, "")
	f("cmd/x/a.go", "package main\n"+`import "`+module+`/sink"`, "cmd/x/a.go:2: cmd/... must not import sink")
	f("config/a.go", "package config\n"+`import "`+module+`"`, "config/a.go:2: config must not import .")
	f("config/a.go", "package config\n"+`import "`+module+`-other/x"`, "")
	f("internal/a/a.go", "package a\n"+`import "`+module+`/stages"`, "internal/a/a.go:2: ")
	f("bench/gen/a.go", "package gen\n"+`import "`+module+`/stages"`, "")
	f("helm/a.go", "package helm", "helm/a.go:1: the directory helm has no place")
}

// aws keeps the SDK behind sink/s3. Tests and the torture may look into a bucket by themselves.
func aws(s *source) []string {
	if s.test() || s.in("sink/s3", "internal/torture") {
		return nil
	}
	var bad []string
	s.imports(func(spec *ast.ImportSpec, p string) {
		if strings.HasPrefix(p, "github.com/aws/") {
			bad = append(bad, s.at(spec, "only sink/s3 may import %s", p))
		}
	})
	return bad
}

func TestOnlySinkS3KnowsTheSDK(t *testing.T) {
	check(t, aws)
	f := finds(t, aws)
	f("sink/s3/a.go", "package s3\n"+`import "github.com/aws/smithy-go"`, "")
	f("sink/a.go", "package sink\n"+`import "github.com/aws/smithy-go"`, "sink/a.go:2: only sink/s3 may import github.com/aws/smithy-go")
	f("sink/a_test.go", "package sink\n"+`import "github.com/aws/smithy-go"`, "")
}

// names refuses names that say nothing about what is in the package.
func names(s *source) []string {
	name := strings.TrimSuffix(s.ast.Name.Name, "_test")
	if slices.Contains([]string{"util", "utils", "common", "helper", "helpers", "types", "misc"}, name) {
		return []string{s.at(s.ast.Name, "package %s: name it by what it is for", name)}
	}
	return nil
}

func TestPackageNames(t *testing.T) {
	check(t, names)
	f := finds(t, names)
	f("a/a.go", "package util", "a/a.go:1: package util: name it")
	f("a/a_test.go", "package types_test", "a/a_test.go:1: package types")
	f("a/a.go", "package utility", "")
}
