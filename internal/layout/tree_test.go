package layout

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const (
	module = "github.com/sluice-data/sluice"
	root   = "../.."
)

// source is one Go file. All files are parsed, also those that this system would not build.
type source struct {
	path string // from the root of the repository, with slashes
	fset *token.FileSet
	ast  *ast.File
}

func parse(name string, text []byte) (*source, error) {
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, name, text, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	return &source{path: name, fset: fset, ast: file}, nil
}

// dir is the directory; "." is the root.
func (s *source) dir() string { return path.Dir(s.path) }

func (s *source) test() bool { return strings.HasSuffix(s.path, "_test.go") }

// in reports whether the file is in one of the directories, or below.
func (s *source) in(dirs ...string) bool {
	return slices.ContainsFunc(dirs, func(dir string) bool { return strings.HasPrefix(s.path, dir+"/") })
}

func (s *source) line(p token.Pos) int { return s.fset.Position(p).Line }

// at is a violation, in the form that editors and terminals can jump to.
func (s *source) at(n ast.Node, format string, args ...any) string {
	return fmt.Sprintf("%s:%d: %s", s.path, s.line(n.Pos()), fmt.Sprintf(format, args...))
}

// imports calls f for each import.
func (s *source) imports(f func(spec *ast.ImportSpec, path string)) {
	for _, spec := range s.ast.Imports {
		if p, err := strconv.Unquote(spec.Path.Value); err == nil {
			f(spec, p)
		}
	}
}

// uses returns the places with pkg.name for which match holds, under whatever name the file
// imports pkg.
func (s *source) uses(pkg string, match func(name string) bool) []*ast.SelectorExpr {
	local := ""
	s.imports(func(spec *ast.ImportSpec, p string) {
		if p == pkg {
			local = path.Base(pkg)
			if spec.Name != nil {
				local = spec.Name.Name
			}
		}
	})
	if local == "" {
		return nil
	}
	var found []*ast.SelectorExpr
	ast.Inspect(s.ast, func(n ast.Node) bool {
		if sel, ok := n.(*ast.SelectorExpr); ok {
			if x, ok := sel.X.(*ast.Ident); ok && x.Name == local && match(sel.Sel.Name) {
				found = append(found, sel)
			}
		}
		return true
	})
	return found
}

// tree parses all Go files of the repository.
func tree(t *testing.T) []*source {
	t.Helper()
	var files []*source
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if name != root && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata") {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") {
			return nil
		}
		rel, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		s, err := parse(filepath.ToSlash(rel), text)
		if err != nil {
			return err
		}
		files = append(files, s)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 10 {
		t.Fatalf("found only %d Go files under %s", len(files), root)
	}
	return files
}

// A rule returns what a file does wrong, one line each.
type rule func(*source) []string

func check(t *testing.T, r rule) {
	t.Helper()
	for _, s := range tree(t) {
		for _, violation := range r(s) {
			t.Error(violation)
		}
	}
}

// finds returns a function for one-line cases: the file at name, with this text, has the
// violation want, of which the beginning may be given; "" is none.
func finds(t *testing.T, r rule) func(name, text, want string) {
	return func(name, text, want string) {
		t.Helper()
		s, err := parse(name, []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		got := strings.Join(r(s), "\n")
		if want == "" && got != "" || !strings.HasPrefix(got, want) {
			t.Errorf("%s\n%s\ngot  %q\nwant %q", name, text, got, want)
		}
	}
}
