package decode

import (
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/syndicate/syndicate/spec"
)

// related is another place that a diagnostic speaks of.
type related struct {
	at      hcl.Range
	message string
}

// extra travels in the Extra of an hcl.Diagnostic.
type extra struct {
	code    string
	related []related
}

// mistake returns an error at one place.
func mistake(code string, at hcl.Range, summary, detail string, more ...related) *hcl.Diagnostic {
	return &hcl.Diagnostic{
		Severity: hcl.DiagError, Summary: summary, Detail: detail,
		Subject: at.Ptr(), Extra: extra{code: code, related: more},
	}
}

// warning returns a warning at one place.
func warning(code string, at hcl.Range, summary, detail string, more ...related) *hcl.Diagnostic {
	d := mistake(code, at, summary, detail, more...)
	d.Severity = hcl.DiagWarning
	return d
}

// endOnce takes the full stop off a text that ended without it.
func endOnce(text string) string {
	if strings.HasSuffix(text, "..") || strings.HasSuffix(text, "?.") {
		return text[:len(text)-1]
	}
	return text
}

// rangeOf converts a range; the zero range stays zero.
func rangeOf(r hcl.Range) spec.Range {
	return spec.Range{Filename: r.Filename, Start: posOf(r.Start), End: posOf(r.End)}
}

func posOf(p hcl.Pos) spec.Pos {
	return spec.Pos{Line: p.Line, Column: p.Column, Byte: p.Byte}
}

// place cites a range in running text: api.hcl:12.
func place(r hcl.Range) string { return rangeOf(r).String() }

// convertDiagnostics turns HCL's diagnostics into the project's own.
// Expression and EvalContext are dropped on purpose: they could show values.
func convertDiagnostics(diags hcl.Diagnostics) spec.Diagnostics {
	out := make(spec.Diagnostics, 0, len(diags))
	for _, d := range diags {
		out = append(out, convertDiagnostic(d))
	}
	return out
}

func convertDiagnostic(d *hcl.Diagnostic) spec.Diagnostic {
	out := spec.Diagnostic{
		Severity: spec.Error,
		Summary:  d.Summary,
		Detail:   d.Detail,
	}
	if d.Severity == hcl.DiagWarning {
		out.Severity = spec.Warning
	}
	if d.Subject != nil {
		out.Subject = rangeOf(*d.Subject)
	}
	if x, ok := d.Extra.(extra); ok {
		out.Code = x.code
		for _, r := range x.related {
			out.Related = append(out.Related, spec.Related{Range: rangeOf(r.at), Message: r.message})
		}
		return out
	}
	out.Code = codeOf(d.Summary)
	return out
}

// codeOf gives a code to the diagnostics that HCL itself makes, told apart by
// their summaries: the library has no other mark.
func codeOf(summary string) string {
	has := func(words ...string) bool {
		for _, w := range words {
			if strings.Contains(summary, w) {
				return true
			}
		}
		return false
	}
	switch {
	case has("Unsupported argument", "Missing required argument", "Extraneous JSON object property",
		"Attribute redefined", "Duplicate argument"):
		return CodeArgument
	case has("Unsupported block type", "Missing name for", "Extraneous label", "Missing name",
		"Unexpected block", "Unexpected \""):
		return CodeBlockType
	case has("Invalid function argument", "Call to unknown function", "Not enough function arguments",
		"Too many function arguments", "Error in function call", "Function calls not allowed"):
		return CodeFunction
	case has("Invalid operand", "Unsupported attribute", "Invalid index", "Unsuitable value",
		"Inconsistent conditional result types", "Invalid template interpolation value",
		"Unknown variable", "Variables not allowed", "Attempt to", "Incorrect condition type",
		"Null condition", "Iteration over", "Operation failed", "Invalid object key",
		"Invalid 'for' condition", "Condition is null", "Missing map element", "Division by zero"):
		return CodeEvaluate
	case has("Invalid type specification", "Invalid default value"):
		return CodeType
	}
	return CodeSyntax
}
