package decode

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// plainTexts are texts that are parsed without HCL's parser.
var plainTexts = []string{
	"\n",
	"  \n\t\n",
	"# only a comment, with more than ASCII: é\n",
	"// another\n\nx {\n}\n",
	"\na = 1",
	"a = 1 # one\nb = 2.50 // two\n",
	"a = true\nb = false\nc = null\n",
	"service \"api\" {\n  command = [\"node\", \"server.js\", ]\n  env = { PORT = \"80\", \"HOST\" : host.name\n\n A = service.db.url }\n}\n",
	"x {}\ny a b {}\nz \"a\" b { c = [] }\n",
	"x { y = {} }\n",
	"x {\n  y {\n    z { a = \"\" }\n  }\n  b = 1\n}",
	"a = service.api[\"one\"].url\nb = x [ 0 ] . y\nc = var.list[1]\n",
	"a = [\n  # first\n  1,\n\n  2 // second\n  ,\n  f ( ),\n  f(1, [\"x\"],\n  {a = b}, )\n]\n",
	"a = \"x\\n\\t\\\"\\\\y\"\nb = \"$ 5 % $x %d\"\n",
	"a = \"${b}\"\nc = \"x${ b.c }y${f(\"z\")}\"\nd = \"${ {a = 1} }${true}\"\ne = \"${true}\"\nf = \"\\n${\n1\n}\\n\"\n",
	"a = [a\n.b,\nc\n(1)]\n",
	"a = { b = 1, c = 2, }\n",
	"a = {\n  for_it = 1 # why\n  b.c = 2\n}\n",
	"\ta\t=\t1\n",
	"a = 1\n\n\n  # the end",
}

// otherTexts are those that are left to it.
var otherTexts = []string{
	"", "# only a comment",
	"a = <<EOT\nx\nEOT\n", "a = 1 + 2\n", "a = !b\n", "a = b ? 1 : 2\n", "a = -1\n", "a = (1)\n", "a = [for x in y : x]\n",
	"a = { for x in y : x => 1 }\n", "a = [for (1)]\n", "a = b.*.c\n", "a = b[*]\n", "a = b.0\n", "a = b[c]\n", "a = 1e5\n", "a = 1.\n",
	"a = \"é\"\n", "é = 1\n", "a = \"${~ b }\"\n", "a = \"%{ if true }x%{ endif }\"\n", "a = \"$${b}\"\n", "a = \"\\u00e9\"\n",
	"a = f(b...)\n", "a = f::g()\n", "a = 1\r\n", "/* x */ a = 1\n", "\xef\xbb\xbfa = 1\n", "a = 1 # é",
	"a = 1 b = 2\n", "a = 1\na = 2\n", "a == 1\n", "a = b ==\n", "x {", "x }", "}", "x { a = 1\n }", "x { y {} }", "a\n= 1", "a =\n1",
	"a = [1 2]", "a = {a}", "a = {a = 1 b = 2}", "a = {a => 1}", "a = {a == 1}", "a = \"x", "a = \"x\ny\"", "a = \"\\q\"", "x \"${y}\" {}", "a = f(1 2)", "a = f(,)",
	"a = true.b", "a = [", "a = {", "a = f(", "a = \"${", "a = \"${b", "a = b.", "a = b[", "a = `x`", "a = 'x'", "a = b;", "a, b = 1", "5 = a", "a = b[\"${c}\"]",
}

func TestPlainTextsAreParsedWithoutTokens(t *testing.T) {
	for _, text := range plainTexts {
		if parsePlain([]byte(text), "x.hcl", hcl.InitialPos) == nil {
			t.Errorf("not parsed: %q", text)
		}
		comparePlain(t, text)
	}
	for _, text := range otherTexts {
		if parsePlain([]byte(text), "x.hcl", hcl.InitialPos) != nil {
			t.Errorf("parsed: %q", text)
		}
	}
}

// What is cut off anywhere, or has a byte more, is parsed just as HCL's
// parser does it, or left to that.
func TestPlainParserAgreesWithHCL(t *testing.T) {
	for _, text := range append(plainTexts, otherTexts...) {
		for i := range len(text) {
			comparePlain(t, text[:i])
			comparePlain(t, text[i:])
			for _, c := range "\n\"{}]=.#/$a" {
				comparePlain(t, text[:i]+string(c)+text[i:])
			}
		}
	}
}

// The examples are such configurations, but for a few places.
func TestPlainParserAgreesOnExamples(t *testing.T) {
	err := filepath.WalkDir("../../examples", func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".hcl") {
			return err
		}
		src, err := os.ReadFile(path)
		for _, piece := range chunks(src, 64) {
			comparePlain(t, string(piece.src))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// comparePlain has both parsers read a text, unless it is left to one.
func comparePlain(t *testing.T, text string) {
	t.Helper()
	start := hcl.Pos{Line: 7, Column: 1, Byte: 100}
	got := parsePlain([]byte(text), "x.hcl", start)
	if got == nil {
		return
	}
	f, diags := hclsyntax.ParseConfig([]byte(text), "x.hcl", start)
	if len(diags) > 0 {
		t.Fatalf("parsed, and HCL says %s:\n%q", diags, text)
	}
	if !reflect.DeepEqual(got, f.Body) {
		t.Fatalf("not the tree that HCL makes of\n%q\n%s", text, treeDifference(got, f.Body.(*hclsyntax.Body)))
	}
}

// treeDifference names a node that differs.
func treeDifference(a, b *hclsyntax.Body) string {
	list := func(body *hclsyntax.Body) (nodes []string) {
		_ = hclsyntax.VisitAll(body, func(n hclsyntax.Node) hcl.Diagnostics {
			nodes = append(nodes, pointer.ReplaceAllString(fmt.Sprintf("%#v", n), ""))
			return nil
		})
		return nodes
	}
	got, want := list(a), list(b)
	for _, n := range want {
		if !slices.Contains(got, n) {
			return "there is no " + n
		}
	}
	for _, n := range got {
		if !slices.Contains(want, n) {
			return "there is " + n
		}
	}
	return fmt.Sprintf("%d and %d nodes", len(got), len(want))
}

var pointer = regexp.MustCompile(`\(0x[0-9a-f]+\)`)

func FuzzPlain(f *testing.F) {
	for _, text := range append(plainTexts, otherTexts...) {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) < 1<<16 && !guard("x.hcl", []byte(text), false).HasErrors() {
			comparePlain(t, text)
		}
	})
}
