package decode

import (
	"fmt"
	"os"
	"os/exec"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	hcljson "github.com/hashicorp/hcl/v2/json"
)

func TestGuardRefuses(t *testing.T) {
	rep := strings.Repeat
	tests := []struct {
		name    string
		src     string
		json    bool
		code    string
		summary string
		at      string // line,column
	}{
		{"brackets", "a = 1\nx = " + rep("[", 300), false, CodeLimit, "Nested too deep", "2,261"},
		{"a hundred thousand brackets", "x = " + rep("[", 100_000), false, CodeLimit, "Nested too deep", "1,261"},
		{"parentheses", "x = " + rep("(", 257) + "1" + rep(")", 257), false, CodeLimit, "Nested too deep", "1,261"},
		{"blocks", rep("a {\n", 300) + rep("}\n", 300), false, CodeLimit, "Nested too deep", "257,3"},
		{"templates", "x = " + rep(`"${`, 300) + "1" + rep(`}"`, 300), false, CodeLimit, "Nested too deep", "1,774"},
		{"mixed in a heredoc", "x = <<EOT\n" + rep("${[", 200) + "\nEOT\n", false, CodeLimit, "Nested too deep", "2,386"},
		{"negations", "x = " + rep("!", 300_000) + "true", false, CodeLimit, "Expression too long", "1,1005"},
		{"sum", "x = 1" + rep("+1", 500_000), false, CodeLimit, "Expression too long", "1,2006"},
		{"conditionals", "x = " + rep("true ? 1 : ", 1001) + "1", false, CodeLimit, "Expression too long", "1,11010"},
		{"indexes", "x = a" + rep("[b]", 1001), false, CodeLimit, "Expression too long", "1,3006"},
		{"directives", "x = \"" + rep("%{if a}", 1001) + "\"", false, CodeLimit, "Expression too long", "1,7006"},
		{"splats", "x = a" + rep(".*", 1001), false, CodeLimit, "Expression too long", "1,2007"},
		{"deep sum of sums", "x = " + rep("(1+1+1+1+", 240) + "1" + rep(")+1", 240), false, CodeLimit, "Expression too long", "1,2287"},
		{"comparison chain", "x = 1" + rep(" == 1", 1001), false, CodeLimit, "Expression too long", "1,5007"},
		{"an operator split over lines in brackets", "x = (1" + rep("\n+1", 1001) + ")", false, CodeLimit, "Expression too long", "1002,1"},
		{"a for expression in an object", "x = {for a in b : a => 1" + rep("\n+1", 1001) + "}", false, CodeLimit, "Expression too long", "1002,1"},
		{"braces skipped in recovery", rep("a {\n x = ] }\n", 300), false, CodeLimit, "Nested too deep", "513,3"},
		{"braces closed twice on a line", rep("p {\n a {\n} }\n", 300), false, CodeLimit, "Nested too deep", "767,4"},
		{"long number", "x = " + rep("9", 100_000), false, CodeLimit, "Number too large", "1,5"},
		{"large exponent", "x = 1e999999999", false, CodeLimit, "Number too large", "1,5"},
		{"small exponent", "x = 1e-999999999", false, CodeLimit, "Number too large", "1,5"},
		{"unclosed comments", rep("/* ", 1_000_000), false, CodeSyntax, "Unclosed comment", "1,1"},
		{"not UTF-8", "a = 1\nx = \"é\xff\"", false, CodeLimit, "Not UTF-8", "2,7"},
		{"not UTF-8 in JSON", "{\"a\": \"\xc3\"}", true, CodeLimit, "Not UTF-8", "1,8"},
		{"too large", rep("#", 16<<20+1), false, CodeLimit, "File too large", "1,1"},
		{"JSON arrays", rep("[", 3_000_000), true, CodeSyntax, "Invalid JSON", "1,10001"},
		{"JSON arrays, closed", rep("[", 300) + rep("]", 300), true, CodeLimit, "Nested too deep", "1,257"},
		{"JSON objects, closed", rep(`{"a":`, 300) + "1" + rep("}", 300), true, CodeLimit, "Nested too deep", "1,1281"},
		{"JSON, broken and long", "{" + rep(" ", 2<<20) + "\n\"a\" 1}", true, CodeSyntax, "Invalid JSON", "2,5"},
		{"JSON template", `{"a": "${` + rep("[", 300) + `}"}`, true, CodeLimit, "Nested too deep", "1,7"},
		{"JSON escaped template", `{"a": "\u0024{` + rep(`\u005b`, 300) + `}"}`, true, CodeLimit, "Nested too deep", "1,7"},
		{"JSON key", `{"${` + rep("!", 2000) + `1}": 1}`, true, CodeLimit, "Expression too long", "1,2"},
		{"JSON number", `{"a": -1e999999999}`, true, CodeLimit, "Number too large", "1,7"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			diags := guard("x.hcl", []byte(tt.src), tt.json)
			if len(diags) != 1 {
				t.Fatalf("got %d diagnostics, want 1: %v", len(diags), diags)
			}
			d := convertDiagnostic(diags[0])
			at := fmt.Sprintf("%d,%d", d.Subject.Start.Line, d.Subject.Start.Column)
			if d.Code != tt.code || d.Summary != tt.summary || at != tt.at {
				t.Errorf("got %s %q at %s, want %s %q at %s", d.Code, d.Summary, at, tt.code, tt.summary, tt.at)
			}
			if d.Subject.Filename != "x.hcl" || d.Detail == "" {
				t.Errorf("incomplete: %+v", d)
			}
		})
	}
}

func TestGuardAccepts(t *testing.T) {
	rep := strings.Repeat
	tests := []struct {
		name string
		src  string
		json bool
	}{
		{"empty", "", false},
		{"ten thousand services", honest(10_000), false},
		{"a long list of references", "x = [" + rep("service.a.url + 1,\n", 5000) + "]", false},
		{"a long map", "x = {\n" + rep("a = 1 + 1\n", 5000) + "}", false},
		{"brackets in a string", `x = "` + rep("[", 5000) + `"`, false},
		{"brackets in a heredoc", "x = <<-EOT\n" + rep("[(!+\n", 5000) + "  EOT\ny = 1\n", false},
		{"brackets in a comment", "# " + rep("[", 5000) + "\n// " + rep("!", 5000) + "\n/* " + rep("(\n", 5000) + "*/ x = 1", false},
		{"escaped sequences", `x = "` + rep("$${[", 5000) + `"`, false},
		{"a script in JSON", `{"command": "` + rep("[ -f a ] && ! b;", 500) + `"}`, true},
		{"exactly as deep as allowed", "x = " + rep("[", 256) + rep("]", 256), false},
		{"exactly as long as allowed", "x = 1" + rep("+1", 1000), false},
		{"one-line blocks", rep("a { x = [1] }\n", 2000), false},
		{"empty blocks", rep("a \"b\" {}\nc {\n}\nd { /* e */ }\nf { # g\n}\n", 1000), false},
		{"objects that close on a line's end", rep("x = {\n a = 1,\n b = {\n c = 1 }}\n", 1000), false},
		{"CRLF", rep("a {\r\n x = [1 +\r\n 1]\r\n}\r\n", 2000), false},
		{"small broken JSON is for the parser", `{"a" 1}`, true},
		{"broken text is for the parser", "x = ]]]] }}}} ))))", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diags := guard("x.hcl", []byte(tt.src), tt.json); diags != nil {
				t.Errorf("refused: %v", diags)
			}
		})
	}
}

// honest is a configuration that a person could have generated.
func honest(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "service \"s%d\" {\n  command = [\"sleep\", \"${1 + 1}\"]\n  depends_on = [service.a, service.b]\n  env = { A = \"$${B}\" }\n}\n", i)
	}
	return b.String()
}

func TestGuardExpressionAndTemplate(t *testing.T) {
	deep := []byte(strings.Repeat("[", 300))
	at := hcl.Pos{Line: 7, Column: 3, Byte: 50}
	diags := guardExpression("<value>", deep, at)
	if len(diags) != 1 || diags[0].Subject.Start != (hcl.Pos{Line: 7, Column: 259, Byte: 306}) {
		t.Errorf("expression: %v", diags)
	}
	if diags := guardTemplate("f", deep, at); diags != nil {
		t.Errorf("plain text in a template: %v", diags)
	}
	if diags := guardTemplate("f", append([]byte("a\n${"), deep...), at); len(diags) != 1 || diags[0].Subject.Start.Line != 8 {
		t.Errorf("template: %v", diags)
	}
	many := []byte("1" + strings.Repeat(",\n1+1", 1001))
	if diags := guardExpression("<value>", many, at); len(diags) != 1 {
		t.Errorf("a bare expression has no elements: %v", diags)
	}
}

// What the guard accepts must not overflow the parser's stack. An overflow
// kills the process, so the parser runs in one of its own.
func TestGuardedInputDoesNotOverflow(t *testing.T) {
	t.Parallel()
	if os.Getenv("SYNDICATE_TEST_PARSE") != "" {
		parseHostile()
		return
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestGuardedInputDoesNotOverflow$")
	cmd.Env = append(os.Environ(), "SYNDICATE_TEST_PARSE=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		if len(out) > 2000 {
			out = out[:2000]
		}
		t.Fatalf("%v\n%s", err, out)
	}
}

// parseHostile parses and evaluates what comes nearest to the bounds. What
// overflows a stack of 1 GB with a file of 16 MiB overflows this one with
// less text than this, which the race detector gets through in a second.
func parseHostile() {
	debug.SetMaxStack(16 << 20)
	rep := strings.Repeat
	const size = 128 << 10
	for _, unit := range []string{
		"a {\n x = ] }\n", "a {\n ( }\n", "p {\n a {\n} }\n", "a b = {\n", "a { x = [ }\n",
		"x = \"${ ( }\"\n", "x = {\n = }\n", "x = f(}\n", "x = [for }\n", "a {\n x = {for }\n",
		"a \"\n\" {\n", "a {\n x = <<E\n}\nE\n}}\n", "x = ${\n", "a { } }\n", "a {\n b = { ] }\n",
		"a {\n b = [ } ]\n", "a {\n b = ( } )\n", "a {\n \"${ } \n", "a { {\n", "a {\n }~}\n", "a {\n ~}\n",
	} {
		src := []byte(rep(unit, size/len(unit)))
		if guard("x.hcl", src, false) == nil {
			hclsyntax.ParseConfig(src, "x.hcl", hcl.InitialPos)
		}
		src = append(src, 0)
		if guard("x.hcl", src, true) == nil {
			hcljson.Parse(src, "x.hcl.json")
		}
	}
	nested := rep("[!(1+", 250) + "1" + rep(")]", 250)
	if f, diags := hclsyntax.ParseConfig([]byte("x = "+nested), "x", hcl.InitialPos); !diags.HasErrors() {
		attrs, _ := f.Body.JustAttributes()
		attrs["x"].Expr.Value(nil)
	}
}

// measure finds what scanner does, but from the tokens of HCL's own lexer.
func measure(src []byte, limits limits) *problem {
	s := &scanner{src: src, limits: limits, before: tokenNewline}
	tokens, _ := hclsyntax.LexConfig(src, "", hcl.Pos{Line: 1, Column: 1})
	for _, tok := range tokens {
		from, n := tok.Range.Start.Byte, len(tok.Bytes)
		var p *problem
		switch tok.Type {
		case hclsyntax.TokenNewline:
			s.newline()
		case hclsyntax.TokenComment:
			if tok.Bytes[n-1] == '\n' {
				s.newline()
			}
		case hclsyntax.TokenIdent:
			if f := s.top(); f != nil && f.kind == '{' && f.first && string(tok.Bytes) == "for" {
				f.each = true
			}
			s.mark(tokenWord)
		case hclsyntax.TokenNumberLit:
			s.mark(tokenValue)
		case hclsyntax.TokenOQuote:
			s.mark(tokenOther)
			p = s.push(frame{kind: '"'}, from, n)
		case hclsyntax.TokenOHeredoc:
			s.mark(tokenOther)
			p = s.push(frame{kind: '<'}, from, n)
		case hclsyntax.TokenCQuote, hclsyntax.TokenCHeredoc:
			s.pop()
			s.before = tokenWord
		case hclsyntax.TokenTemplateControl, hclsyntax.TokenTemplateInterp:
			_, p, _ = s.sequence(from)
		case hclsyntax.TokenTemplateSeqEnd:
			s.closeSequence()
		case hclsyntax.TokenOBrace, hclsyntax.TokenOBrack, hclsyntax.TokenOParen:
			_, p = s.open(from)
		case hclsyntax.TokenCBrace, hclsyntax.TokenCBrack, hclsyntax.TokenCParen:
			s.close(tok.Bytes[0])
		case hclsyntax.TokenComma:
			s.element()
			s.mark(tokenOther)
		case hclsyntax.TokenQuotedLit, hclsyntax.TokenStringLit, hclsyntax.TokenQuotedNewline, hclsyntax.TokenEOF:
		case hclsyntax.TokenEqual, hclsyntax.TokenFatArrow, hclsyntax.TokenDot, hclsyntax.TokenColon,
			hclsyntax.TokenEllipsis, hclsyntax.TokenDoubleColon, hclsyntax.TokenBitwiseNot,
			hclsyntax.TokenBitwiseXor, hclsyntax.TokenSemicolon, hclsyntax.TokenBacktick, hclsyntax.TokenApostrophe:
			s.mark(tokenOther)
		default:
			s.mark(tokenOther)
			p = s.operator(from, n)
		}
		if p != nil {
			return p
		}
	}
	return nil
}

func FuzzGuard(f *testing.F) {
	for _, s := range []string{
		"a {\n x = [1, !2]\n}\n", `x = "$${a}$$${b}%%{c}${"d${1}"}"`, "x = <<-EOT\n $ ${a} $\n EOT\n",
		"x = {for a, b in c : a => b...}\n", "/* a */ # b\n// c\n", "x = a[0].*.b[*]", `"\"\\${a}$"`,
		"x = <<E\n%{if a}b%{else}c%{endif}\nE\n", "x=\"%{~ for a in b ~}${a}%{~ endfor ~}\"", "x = 1e5-1.5e+7",
		"a-b = c--d", "00000!0.[!0", "x = 1.2.3{1e5e5[0e1.2[!1", "x = \"a\nb\"", "\ufeffx = 1", "x = <<A\n<<B\nA\n", "x = \"${ {a=1} }\"", "x = é-1",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		guard("x.hcl", src, true)
		guardTemplate("x", src, hcl.InitialPos)
		guardExpression("x", src, hcl.InitialPos)
		if guard("x.hcl", src, false) != nil {
			return
		}
		tokens, _ := hclsyntax.LexConfig(src, "", hcl.InitialPos)
		for _, tok := range tokens {
			if tok.Type == hclsyntax.TokenInvalid || tok.Type == hclsyntax.TokenBadUTF8 || tok.Type == hclsyntax.TokenNil {
				return // what cannot be told apart is refused by the parser
			}
		}
		for _, l := range []limits{{2, 2}, {3, 5}, {maxNesting, maxOperators}} {
			s := scanner{src: src, limits: l}
			got, want := s.run(), measure(src, l)
			if got != nil && (got.kind == unclosedComment || got.kind == tooLongNumber) {
				return
			}
			if (got == nil) != (want == nil) || got != nil && (got.kind != want.kind || got.offset != want.offset) {
				t.Errorf("limits %v: scanner finds %+v, the tokens say %+v\n%q", l, got, want, src)
			}
		}
	})
}

func BenchmarkGuard(b *testing.B) {
	src := []byte(honest(10_000))
	b.SetBytes(int64(len(src)))
	for b.Loop() {
		if guard("x.hcl", src, false) != nil {
			b.Fatal("refused")
		}
	}
}
