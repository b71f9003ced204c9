package layout

import (
	"go/ast"
	"path"
	"slices"
	"testing"
)

// starts returns where a file starts goroutines, apart from test support: that belongs to the
// packages whose tests use it. Those of a program end with it, whatever they do.
func starts(s *source) (places []ast.Node) {
	support := false
	s.imports(func(_ *ast.ImportSpec, p string) { support = support || p == "testing" })
	if s.test() || support || s.ast.Name.Name == "main" {
		return nil
	}
	ast.Inspect(s.ast, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GoStmt:
			places = append(places, n)
		case *ast.CallExpr: // of an errgroup.Group, a sync.WaitGroup
			if f, ok := n.Fun.(*ast.SelectorExpr); ok && (f.Sel.Name == "Go" || f.Sel.Name == "TryGo" || f.Sel.Name == "AfterFunc") {
				places = append(places, n)
			}
		}
		return true
	})
	return places
}

// watches reports whether a file has a TestMain that fails when goroutines are left.
func watches(s *source) bool {
	return slices.ContainsFunc(s.ast.Decls, func(d ast.Decl) bool {
		f, ok := d.(*ast.FuncDecl)
		if !s.test() || !ok || f.Name.Name != "TestMain" || f.Body == nil {
			return false
		}
		found := false
		for _, pkg := range []struct{ path, name string }{
			{"go.uber.org/goleak", "VerifyTestMain"},
			{module + "/internal/gateway/gatewaytest", "Main"},
		} {
			for _, use := range s.uses(pkg.path, func(name string) bool { return name == pkg.name }) {
				found = found || f.Pos() <= use.Pos() && use.End() <= f.End()
			}
		}
		return found
	})
}

// unwatched finds the packages that start goroutines while no test of theirs looks whether
// they end.
func unwatched(files []*source) (bad []string) {
	watched := map[string]bool{}
	for _, s := range files {
		watched[s.dir()] = watched[s.dir()] || watches(s)
	}
	told := map[string]bool{}
	for _, s := range files {
		places := starts(s)
		if len(places) == 0 || watched[s.dir()] || told[s.dir()] {
			continue
		}
		told[s.dir()] = true
		bad = append(bad, s.at(places[0], "package %s starts goroutines: its tests need a TestMain with goleak.VerifyTestMain", path.Base(s.dir())))
	}
	return bad
}

func TestGoroutinesAreWatched(t *testing.T) {
	for _, violation := range unwatched(tree(t)) {
		t.Error(violation)
	}
	const (
		starting = "package a\nfunc f() {\n\tgo f()\n}"
		group    = "package a\nimport \"golang.org/x/sync/errgroup\"\nfunc f(g *errgroup.Group) {\n\tg.Go(nil)\n}"
		leak     = "import \"go.uber.org/goleak\"\n"
		gateway  = "import \"" + module + "/internal/gateway/gatewaytest\"\n"
	)
	f := func(want string, files ...string) { // a name and a text in turn
		t.Helper()
		var all []*source
		for pair := range slices.Chunk(files, 2) {
			s, err := parse(pair[0], []byte(pair[1]))
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, s)
		}
		got := ""
		for _, violation := range unwatched(all) {
			got += violation[:len("a/a.go:3")] + " "
		}
		if got != want {
			t.Errorf("%q\ngot  %q\nwant %q", files, got, want)
		}
	}
	f("", "a/a.go", "package a")
	f("", "a/a_test.go", starting)
	f("a/a.go:3 ", "a/a.go", starting)
	f("", "a/a.go", "package main\nfunc f() {\n\tgo f()\n}")
	f("a/a.go:4 ", "a/a.go", group)
	f("a/a.go:3 ", "a/a.go", starting, "a/b.go", group)
	f("a/a.go:3 b/a.go:4 ", "a/a.go", starting, "b/a.go", group)
	f("a/a.go:3 ", "a/a.go", starting, "b/b_test.go", "package b\n"+leak+"func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }")
	f("", "a/a.go", starting, "a/b_test.go", "package a\n"+leak+"func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }")
	f("", "a/a.go", starting, "a/b_test.go", "package a_test\n"+gateway+"func TestMain(m *testing.M) { gatewaytest.Main(m) }")
	f("a/a.go:3 ", "a/a.go", starting, "a/b_test.go", "package a\n"+leak+"func TestX(t *testing.T) { goleak.VerifyNone(t) }")
	f("a/a.go:3 ", "a/a.go", starting, "a/b_test.go", "package a\nimport \"os\"\nfunc TestMain(m *testing.M) { os.Exit(m.Run()) }")
	f("", "a/a.go", "package a\nimport \"testing\"\nfunc F(testing.TB) {\n\tgo F(nil)\n}")
}
