package decode

import (
	"bytes"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

func TestFormat(t *testing.T) {
	tests := []struct{ name, src, want string }{
		{"canonical stays", "a = 1\n", "a = 1\n"},
		{"spaces and alignment", "service  \"api\"{\ncommand=[ \"a\" ,\"b\" ]\nport  = 1 # one\n}\n",
			"service \"api\" {\n  command = [\"a\", \"b\"]\n  port    = 1 # one\n}\n"},
		{"heredoc keeps its text", "a=<<E\n  b   c\nE\n", "a = <<E\n  b   c\nE\n"},
		{"comments stay", "# a\na=1//b\n/* c */\n", "# a\na = 1 //b\n/* c */\n"},
		{"CRLF", "a=1\r\nbb=2\r\n", "a  = 1\r\nbb = 2\r\n"},
		{"no newline at the end", "a=1", "a = 1"},
		{"empty", "", ""},
		{"what the formatter would change stays", "A=0 .0\n", "A=0 .0\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, ds := Format("x.hcl", []byte(tt.src))
			if ds != nil || string(got) != tt.want {
				t.Errorf("got %q %v, want %q", got, ds, tt.want)
			}
		})
	}
	got, ds := Format("x.hcl", []byte("a = {\nb = \n"))
	if got != nil || !ds.HasErrors() || ds[0].Code != CodeSyntax || ds[0].Subject.Filename != "x.hcl" {
		t.Errorf("broken text: %q, %v", got, ds)
	}
}

// Formatting changes blanks alone, and once is enough.
func FuzzFormat(f *testing.F) {
	for _, s := range []string{
		"a=1\n", "a{b=[1,2]\n}\n", "x = <<-E\n  ${a+b}\n  E\n", "a \"b\" {\n}\n#c\n", "a = b ?c:d\n",
		"a={b=1,c=2}\n", "a=[\n1,\n  2\n]\n", "a = f(b...)\n", "a=!b&&-c\n", "a = {for k,v in b:k=>v}\n", "a = \"%{if b~}c%{endif}\"\n",
		"a = b\t# c\n", "a=1\r\n", "a = (\n1\n)\n", "a=b.*.c[0]\n", "/*a*/b=1/*c*/\n", "a = <<E\nE\n",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		once, ds := Format("x.hcl", src)
		if ds.HasErrors() {
			return
		}
		twice, ds := Format("x.hcl", once)
		if ds.HasErrors() {
			t.Fatalf("%q became %q, which does not parse: %v", src, once, ds)
		}
		if !bytes.Equal(once, twice) {
			t.Errorf("%q became %q, then %q", src, once, twice)
		}
		if a, b := words(src), words(once); a != b {
			t.Errorf("%q became %q: the tokens differ\n%s\n%s", src, once, a, b)
		}
	})
}

// words are the tokens of a text without the blanks between them.
func words(src []byte) string {
	var b bytes.Buffer
	tokens, _ := hclsyntax.LexConfig(src, "", hcl.InitialPos)
	for _, tok := range tokens {
		b.WriteRune(rune(tok.Type))
		b.Write(bytes.TrimSpace(tok.Bytes))
		b.WriteByte(0)
	}
	return b.String()
}
