package decode

import (
	"strings"
	"testing"
)

// A mistake of syntax spoils its own block: what is wrong in others is said
// as well.
func TestOtherBlocksAreRead(t *testing.T) {
	const other = "service \"b\" {\n  command = [\"x\"]\n  stop {\n    timeout = \"10\"\n  }\n  colour = \"red\"\n}\n"
	for name, broken := range map[string]string{
		"bracket":     "service \"a\" {\n  command = [\"x\"\n}\n",
		"brace":       "service \"a\" {\n  command = [\"x\"]\n",
		"quote":       "service \"a\" {\n  command = [\"x]\n}\n",
		"parenthesis": "locals {\n  a = upper(\"x\"\n}\n",
		"equals sign": "service \"a\" {\n  command [\"x\"]\n}\n",
		"extra brace": "service \"a\" {\n  command = [\"x\"]\n}\n}\n",
	} {
		for order, text := range map[string]string{"before": broken + other, "behind": other + broken} {
			t.Run(name+"/"+order, func(t *testing.T) {
				_, ds := load(t, files{"c.hcl": text})
				syntax, unit, argument := 0, 0, 0
				for _, d := range ds {
					switch d.Code {
					case CodeSyntax:
						syntax++
					case CodeUnit:
						unit++
					case CodeArgument:
						argument++
					default:
						t.Errorf("unexpected: %s %v", d.Code, d.Error())
					}
				}
				if name == "brace" && !strings.Contains(ds[0].Detail+ds[len(ds)-1].Detail, map[string]string{"before": "before the next one begins.", "behind": "before the end of the file."}[order]) {
					t.Errorf("got %v", ds)
				}
				if syntax == 0 || syntax > 2 || unit != 1 || argument != 1 {
					t.Errorf("got %v", ds)
				}
			})
		}
	}
}

// A heredoc may hold what looks like a block: the file is not cut there.
func TestBlocksInTexts(t *testing.T) {
	const text = "locals {\n  doc = <<EOT\nservice \"x\" {\nEOT\n}\n"
	_, ds := load(t, files{"c.hcl": text + "service \"a\" {\n  command = [\"x\"\n}\n"})
	for _, d := range ds {
		if d.Subject.Start.Line <= strings.Count(text, "\n") {
			t.Errorf("in what is right: %v", d)
		}
	}
}
