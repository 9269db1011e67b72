package decode

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/syndicate/syndicate/spec"
)

// declaredCodes are the values of all constants Code… of this package and of
// spec, read from their source: a code that is added must be explained.
func declaredCodes(t *testing.T) map[string]string {
	codes := map[string]string{}
	for _, pattern := range []string{"*.go", "../*.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range files {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			f, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(f, func(n ast.Node) bool {
				v, ok := n.(*ast.ValueSpec)
				if !ok || !strings.HasPrefix(v.Names[0].Name, "Code") || len(v.Values) != 1 {
					return true
				}
				if lit, ok := v.Values[0].(*ast.BasicLit); ok {
					code, err := strconv.Unquote(lit.Value)
					if err != nil {
						t.Fatal(err)
					}
					if other, taken := codes[code]; taken {
						t.Errorf("%s and %s are both %s", other, v.Names[0].Name, code)
					}
					codes[code] = v.Names[0].Name
				}
				return true
			})
		}
	}
	return codes
}

func TestEveryCodeIsExplained(t *testing.T) {
	declared := declaredCodes(t)
	if len(declared) < 40 {
		t.Fatalf("found only %d codes", len(declared))
	}
	explained := map[string]bool{}
	for _, e := range Codes() {
		if explained[e.Code] {
			t.Errorf("%s is explained twice", e.Code)
		}
		explained[e.Code] = true
		if declared[e.Code] == "" {
			t.Errorf("%s is explained, but no constant has it", e.Code)
		}
		if e.Title == "" || strings.HasSuffix(e.Title, ".") || len(e.Text) < 60 {
			t.Errorf("%s: the title %q or the text is not good enough", e.Code, e.Title)
		}
		if (e.Wrong == "") != (e.Right == "") {
			t.Errorf("%s has one example only", e.Code)
		}
	}
	for code, name := range declared {
		if !explained[code] {
			t.Errorf("%s (%s) has no explanation", name, code)
		}
	}
}

func TestCodesAreInOrder(t *testing.T) {
	if !slices.IsSortedFunc(Codes(), func(a, b Explanation) int { return strings.Compare(a.Code, b.Code) }) {
		t.Error("codes are not in order")
	}
}

// The examples are true: the wrong one has the mistake, the right one none.
func TestExamplesOfCodes(t *testing.T) {
	elsewhere := map[string]bool{
		CodeCircle:  true, // found by package plan
		CodeUnbuilt: true, // found by up
		CodeProgram: true, // found by validate
	}
	for _, e := range Codes() {
		t.Run(e.Code, func(t *testing.T) {
			if e.Wrong == "" {
				return
			}
			right := exampleDiagnostics(t, e.Right)
			for _, d := range right {
				if d.Severity == spec.Error || d.Code == e.Code {
					t.Errorf("the right example: %s %v", d.Code, d)
				}
			}
			if elsewhere[e.Code] {
				return
			}
			wrong := exampleDiagnostics(t, e.Wrong)
			if !slices.ContainsFunc(wrong, func(d spec.Diagnostic) bool { return d.Code == e.Code }) {
				t.Errorf("the wrong example gives %v", wrong)
			}
			for _, d := range wrong {
				if d.Code != e.Code && d.Severity == spec.Error {
					t.Errorf("the wrong example has another mistake: %s %v", d.Code, d)
				}
			}
			for _, text := range []string{e.Wrong, e.Right} {
				if got, _ := Format("x.hcl", []byte(text)); got != nil && string(got) != text {
					t.Errorf("not in the canonical layout:\n%s", got)
				}
			}
		})
	}
}

func exampleDiagnostics(t *testing.T, text string) spec.Diagnostics {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "main.hcl"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	_, ds := Load(Options{Path: dir, Environ: []string{"PATH=/bin"}, RequireVariables: true,
		LookupEnv: func(string) (string, bool) { return "", false }})
	return ds
}
