package layout

import (
	"fmt"
	"go/ast"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// testName finds the tests in a document, TestStatuses or FuzzNext, and the row of one's table where it
// is given as -run takes it: TestConfig/zstd, or with the rows a level below TestAll//zstd.
var testName = regexp.MustCompile(`\b((?:Test|Fuzz)[A-Z]\w*)(?://?(\w+(?:\.\w+)*))?`)

// tests are the tests of a tree: the directories that have a test of this name, and the texts
// that stand in the test files of a directory, of which some are the names of rows.
type tests struct {
	dirs  map[string][]string
	texts map[string]map[string]bool
}

func testsOf(files []*source) tests {
	all := tests{dirs: map[string][]string{}, texts: map[string]map[string]bool{}}
	for _, s := range files {
		if !s.test() {
			continue
		}
		dir := s.dir()
		if all.texts[dir] == nil {
			all.texts[dir] = map[string]bool{}
		}
		for _, d := range s.ast.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil {
				all.dirs[f.Name.Name] = append(all.dirs[f.Name.Name], dir)
			}
		}
		ast.Inspect(s.ast, func(n ast.Node) bool {
			if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
				if text, err := strconv.Unquote(lit.Value); err == nil {
					all.texts[dir][text] = true
				}
			}
			return true
		})
	}
	return all
}

// missing returns the tests that a document names and nobody has written.
func (all tests) missing(doc, text string) (bad []string) {
	for i, line := range strings.Split(text, "\n") {
		for _, m := range testName.FindAllStringSubmatch(line, -1) {
			found := false
			for _, dir := range all.dirs[m[1]] {
				found = found || m[2] == "" || all.texts[dir][m[2]]
			}
			if !found {
				bad = append(bad, fmt.Sprintf("%s:%d: there is no test %s", doc, i+1, m[0]))
			}
		}
	}
	return bad
}

// A document that promises something names the test that shows it.
func TestDocumentsNameTestsThatExist(t *testing.T) {
	all := testsOf(tree(t))
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && name != root && strings.HasPrefix(d.Name(), ".") {
			return filepath.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(name, ".md") {
			return nil
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, name)
		for _, violation := range all.missing(filepath.ToSlash(rel), string(text)) {
			t.Error(violation)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}

	a, err := parse("a/a_test.go", []byte("package a\nfunc TestA() { f(\"row\", `a.b`) }\nfunc (s *suite) TestMethod() {}"))
	if err != nil {
		t.Fatal(err)
	}
	b, err := parse("b/b.go", []byte("package b\nfunc TestB() {}"))
	if err != nil {
		t.Fatal(err)
	}
	some := testsOf([]*source{a, b})
	f := func(text, want string) {
		t.Helper()
		if got := strings.Join(some.missing("x.md", text), "\n"); got != want {
			t.Errorf("%q\ngot  %q\nwant %q", text, got, want)
		}
	}
	f("see TestA, `TestA/row`, TestA//row and TestA/a.b. Testing a Test is for testA", "")
	f("\n| TestGone | TestB |", "x.md:2: there is no test TestGone\nx.md:2: there is no test TestB")
	f("TestMethod", "x.md:1: there is no test TestMethod")
	f("TestA/other, TestA//a", "x.md:1: there is no test TestA/other\nx.md:1: there is no test TestA//a")
}
