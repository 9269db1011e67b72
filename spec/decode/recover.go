package decode

import (
	"regexp"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// topLevelHeader is a line that begins a block of the top level, and cannot
// begin another: those of its kind that stand inside of others have no label.
var topLevelHeader = regexp.MustCompile(`(?m)^(?:(?:variable|service|task|database|breaker|queue|threshold|boundary|notify)[ \t]+(?:"[^"\n]*"|[\w-]+)|syndicate|locals)[ \t]*\{`)

// brokenBody is a body with mistakes of syntax: it is there in part only.
type brokenBody struct{ hcl.Body }

// parseApart parses each block of a file with mistakes of syntax by itself, so
// that a bracket that is not closed spoils one block and not all behind it. It
// is given what the file gave as a whole, and returns that where the blocks
// cannot be told apart: where one fails that the parser has passed on its way
// to the first mistake.
func parseApart(src []byte, name string, whole []hcl.Body, wholeDiags hcl.Diagnostics) ([]hcl.Body, hcl.Diagnostics) {
	first := firstError(wholeDiags)
	var bodies []hcl.Body
	var diags hcl.Diagnostics
	pieces := blocksOf(src)
	for i, p := range pieces {
		f, ds := hclsyntax.ParseConfig(p.src, name, p.start)
		switch {
		case !ds.HasErrors():
			bodies = append(bodies, f.Body)
			continue
		case first == nil || p.start.Byte+len(p.src) <= first.Start.Byte:
			return brokenBodies(whole), wholeDiags
		case f != nil:
			bodies = append(bodies, brokenBody{f.Body})
		}
		if i+1 < len(pieces) {
			for _, d := range ds {
				d.Detail = strings.Replace(d.Detail, fileEnds, "before the next one begins.", 1)
			}
		}
		diags = append(diags, withoutEchoes(ds)...)
	}
	if !diags.HasErrors() {
		return brokenBodies(whole), wholeDiags
	}
	return bodies, diags
}

// fileEnds ends what HCL says of a block that is not closed: the text that it
// was given ends, which is not always the file.
const fileEnds = "before the end of the file. This may be caused by incorrect brace nesting elsewhere in this file."

func brokenBodies(whole []hcl.Body) []hcl.Body {
	out := make([]hcl.Body, len(whole))
	for i, b := range whole {
		out[i] = brokenBody{b}
	}
	return out
}

// withoutEchoes leaves one mistake of those that HCL finds behind a quotation
// mark without its like: every further one turns texts and all else around.
func withoutEchoes(diags hcl.Diagnostics) hcl.Diagnostics {
	if diags[0].Summary == "Invalid multi-line string" {
		return diags[:1]
	}
	return diags
}

// blocksOf cuts a file before each block of the top level.
func blocksOf(src []byte) []chunk {
	var out []chunk
	pos, from := hcl.InitialPos, 0
	cut := func(to int) {
		if to > from {
			out = append(out, chunk{src[from:to], pos})
			pos = advance(src[from:to], pos)
			from = to
		}
	}
	for _, at := range topLevelHeader.FindAllIndex(src, -1) {
		cut(at[0])
	}
	cut(len(src))
	return out
}

// firstError returns the place of the first mistake, nil without one.
func firstError(diags hcl.Diagnostics) *hcl.Range {
	var first *hcl.Range
	for _, d := range diags {
		if d.Severity == hcl.DiagError && d.Subject != nil && (first == nil || d.Subject.Start.Byte < first.Start.Byte) {
			first = d.Subject
		}
	}
	return first
}
