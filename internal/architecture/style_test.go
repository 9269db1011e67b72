package architecture

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const (
	maxFileLines     = 600
	maxFunctionLines = 90 // 60 is the aim
)

// root returns the directory of the module.
func root(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		up := filepath.Dir(dir)
		if up == dir {
			t.Fatal("no go.mod above the test's directory")
		}
		dir = up
	}
}

// source is one Go file of the module.
type source struct {
	name string // relative to the module, with slashes
	text []byte
	file *ast.File
	set  *token.FileSet
}

func (s source) test() bool { return strings.HasSuffix(s.name, "_test.go") }

func (s source) lines() int { return bytes.Count(s.text, []byte("\n")) }

// sources parses every Go file, generated ones and those below testdata,
// hidden and output directories left out.
func sources(t *testing.T) []source {
	t.Helper()
	top := root(t)
	var all []source
	err := filepath.WalkDir(top, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && path != top && skipped(d.Name()):
			return filepath.SkipDir
		case d.IsDir() || filepath.Ext(path) != ".go":
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, _ := filepath.Rel(top, path)
		s := source{name: filepath.ToSlash(name), text: text, set: token.NewFileSet()}
		s.file, err = parser.ParseFile(s.set, path, text, parser.ParseComments)
		if err != nil {
			return err
		}
		if !ast.IsGenerated(s.file) {
			all = append(all, s)
		}
		return nil
	})
	if err != nil {
		t.Fatalf("read the module: %v", err)
	}
	if len(all) == 0 {
		t.Fatal("the module has no Go files: the test looks in the wrong place")
	}
	return all
}

func skipped(dir string) bool {
	return strings.HasPrefix(dir, ".") || slices.Contains([]string{"testdata", "node_modules", "out", "bin", "dist"}, dir)
}

func TestFilesAreShort(t *testing.T) {
	for _, s := range sources(t) {
		if n := s.lines(); n > maxFileLines {
			t.Errorf("%s has %d lines: split it by concept, at most %d", s.name, n, maxFileLines)
		}
	}
}

func TestFunctionsAreShort(t *testing.T) {
	for _, s := range sources(t) {
		if s.test() {
			continue
		}
		for _, d := range s.file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || f.Body == nil || table(f.Body) {
				continue
			}
			first, last := s.set.Position(f.Pos()).Line, s.set.Position(f.End()).Line
			if n := last - first + 1; n > maxFunctionLines {
				t.Errorf("%s:%d: %s has %d lines, at most %d", s.name, first, f.Name.Name, n, maxFunctionLines)
			}
		}
	}
}

// table reports whether a function does nothing but return a value written
// out in full, such as a catalogue of texts: it may be as long as that is.
func table(body *ast.BlockStmt) bool {
	if len(body.List) != 1 {
		return false
	}
	_, returns := body.List[0].(*ast.ReturnStmt)
	return returns
}

func TestNoInitFunctions(t *testing.T) {
	for _, s := range sources(t) {
		for _, d := range s.file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == "init" {
				t.Errorf("%s:%d: init: make a constructor that somebody calls", s.name, s.set.Position(f.Pos()).Line)
			}
		}
	}
}

// TestNoSleepsInTests allows time.Sleep only inside a synctest bubble, where
// it costs nothing and is exact: the file must import testing/synctest.
func TestNoSleepsInTests(t *testing.T) {
	for _, s := range sources(t) {
		if !s.test() || imports(s, "testing/synctest") {
			continue
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			sel, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			if x, ok := sel.X.(*ast.Ident); ok && x.Name == "time" && sel.Sel.Name == "Sleep" {
				t.Errorf("%s:%d: time.Sleep: wait for a signal of what the test waits for", s.name, s.set.Position(n.Pos()).Line)
			}
			return true
		})
	}
}

func imports(s source, path string) bool {
	return slices.ContainsFunc(s.file.Imports, func(i *ast.ImportSpec) bool {
		return i.Path.Value == `"`+path+`"`
	})
}

func TestNothingIsLeftForLater(t *testing.T) {
	// Written in two parts, so that this file does not find itself.
	words := regexp.MustCompile(`\b(` + "TO" + `DO|FIX` + `ME|XX` + `X|HA` + `CK)\b`)
	for _, s := range sources(t) {
		for i, line := range strings.Split(string(s.text), "\n") {
			if w := words.FindString(line); w != "" {
				t.Errorf("%s:%d: %s: do it, or write an issue", s.name, i+1, w)
			}
		}
	}
}

func TestPackagesSayWhatTheyPromise(t *testing.T) {
	documented := make(map[string]bool)
	names := make(map[string]string)
	for _, s := range sources(t) {
		if s.test() {
			continue
		}
		dir := filepath.ToSlash(filepath.Dir(s.name))
		names[dir] = s.file.Name.Name
		if s.file.Doc != nil {
			documented[dir] = true
		}
	}
	for dir, name := range names {
		if !documented[dir] {
			t.Errorf("%s: package %s has no comment that says what it promises", dir, name)
		}
		if slices.Contains([]string{"util", "utils", "common", "types", "helpers", "misc"}, name) {
			t.Errorf("%s: package %s is named after nothing", dir, name)
		}
	}
}

// TestEnginePackagesLookForLeaks wants goleak in the tests of each package
// under engine that starts goroutines, or pgtest, whose Main looks with it.
func TestEnginePackagesLookForLeaks(t *testing.T) {
	starts, checks := make(map[string]bool), make(map[string]bool)
	for _, s := range sources(t) {
		dir := filepath.ToSlash(filepath.Dir(s.name))
		if !in(dir, "engine") {
			continue
		}
		if s.test() && (imports(s, "go.uber.org/goleak") || imports(s, module+"/engine/pg/pgtest")) {
			checks[dir] = true
		}
		if s.test() {
			continue
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			if _, ok := n.(*ast.GoStmt); ok {
				starts[dir] = true
			}
			return true
		})
	}
	for dir := range starts {
		if !checks[dir] {
			t.Errorf("%s starts goroutines, and its tests do not look for leaks with goleak", dir)
		}
	}
}
