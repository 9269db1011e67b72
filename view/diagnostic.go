package view

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/syndicate/syndicate/spec"
)

// DiagnosticVersion is the version of the JSON form of a Report.
const DiagnosticVersion = "1.0"

// Report is what decoding a configuration found. The text for people and the
// annotations for GitHub are rendered from it, so that they cannot say
// anything that the JSON does not.
type Report struct {
	FormatVersion string       `json:"format_version"`
	Valid         bool         `json:"valid"`
	ErrorCount    int          `json:"error_count"`
	WarningCount  int          `json:"warning_count"`
	Diagnostics   []Diagnostic `json:"diagnostics"` // never null
}

// Diagnostic is one mistake or warning.
type Diagnostic struct {
	Severity string       `json:"severity"` // error | warning
	Code     string       `json:"code"`
	Summary  string       `json:"summary"`
	Detail   string       `json:"detail"`
	Range    *spec.Range  `json:"range,omitempty"`
	Snippet  *Snippet     `json:"snippet,omitempty"`
	Related  []Annotation `json:"related"` // never null
	// Of what migrate lint finds: what is locked and in which mode, SQL
	// that does the same without harm, and where more is said.
	Lock   string `json:"lock,omitempty"`
	Object string `json:"object,omitempty"`
	Safe   string `json:"safe,omitempty"`
	Docs   string `json:"docs,omitempty"` // a page of this repository
}

// Annotation is another place that a diagnostic speaks of.
type Annotation struct {
	Message string      `json:"message"`
	Range   *spec.Range `json:"range,omitempty"`
	Snippet *Snippet    `json:"snippet,omitempty"`
}

// Snippet is the line of source that a diagnostic is about. The offsets
// count bytes of Code, and end at its end where the range goes on behind.
type Snippet struct {
	Context   string `json:"context"` // the block: service "web"
	Code      string `json:"code"`
	StartLine int    `json:"start_line"`
	Start     int    `json:"highlight_start_offset"`
	End       int    `json:"highlight_end_offset"`
	// Values are always empty: what a variable holds may be a secret.
	Values []string `json:"values"`
}

// maxSnippet bounds the source that is quoted; what is longer is cut around
// the token.
const maxSnippet = 1000

// NewReport describes diagnostics. Sources are the bytes of the files by the
// names that ranges have; a file that is missing there is not quoted.
func NewReport(ds spec.Diagnostics, sources map[string][]byte) *Report {
	r := &Report{FormatVersion: DiagnosticVersion, Valid: !ds.HasErrors(), Diagnostics: []Diagnostic{}}
	lines := lineIndex{sources: sources, starts: map[string][]int{}}
	for _, d := range ds {
		out := Diagnostic{
			Severity: string(d.Severity), Code: d.Code, Summary: d.Summary, Detail: d.Detail,
			Related: []Annotation{},
		}
		out.Range, out.Snippet = lines.quote(d.Subject, d.Context)
		for _, rel := range d.Related {
			a := Annotation{Message: rel.Message}
			a.Range, a.Snippet = lines.quote(rel.Range, "")
			out.Related = append(out.Related, a)
		}
		if d.Severity == spec.Error {
			r.ErrorCount++
		} else {
			r.WarningCount++
		}
		r.Diagnostics = append(r.Diagnostics, out)
	}
	return r
}

// lineIndex finds lines in files, and reads each file once: ten thousand
// diagnostics in one file are no reason to read it ten thousand times.
type lineIndex struct {
	sources map[string][]byte
	starts  map[string][]int // the offset of each line
}

// quote returns the place of a range and its first line.
func (x lineIndex) quote(at spec.Range, context string) (*spec.Range, *Snippet) {
	if at.Filename == "" {
		return nil, nil
	}
	src, ok := x.sources[at.Filename]
	if !ok || at.Start.Line < 1 {
		return &at, nil
	}
	starts := x.lines(at.Filename, src)
	if at.Start.Line > len(starts) {
		return &at, nil
	}
	from := starts[at.Start.Line-1]
	line := src[from:]
	if i := bytes.IndexByte(line, '\n'); i >= 0 {
		line = line[:i]
	}
	line = bytes.TrimSuffix(line, []byte{'\r'})
	start := min(max(at.Start.Byte-from, 0), len(line))
	end := len(line)
	if at.End.Line <= at.Start.Line {
		end = min(max(at.End.Byte-from, start), len(line))
	}
	code, start, end := cutAround(line, start, end)
	return &at, &Snippet{
		Context: context, Code: code, StartLine: at.Start.Line,
		Start: start, End: end, Values: []string{},
	}
}

func (x lineIndex) lines(name string, src []byte) []int {
	if got, ok := x.starts[name]; ok {
		return got
	}
	starts := []int{0}
	for i, c := range src {
		if c == '\n' {
			starts = append(starts, i+1)
		}
	}
	x.starts[name] = starts
	return starts
}

// cutAround returns a part of line, at most maxSnippet bytes and valid UTF-8,
// that holds the token from start to end or its beginning, and where the
// token is in it.
func cutAround(line []byte, start, end int) (string, int, int) {
	if len(line) > maxSnippet {
		from := max(0, start-maxSnippet/4)
		for from > 0 && !utf8.RuneStart(line[from]) {
			from--
		}
		to := min(len(line), from+maxSnippet)
		for to < len(line) && to > from && !utf8.RuneStart(line[to]) {
			to--
		}
		line = line[from:to]
		start, end = start-from, min(end-from, len(line))
	}
	if utf8.Valid(line) {
		return string(line), start, end
	}
	before := strings.ToValidUTF8(string(line[:start]), "�")
	token := strings.ToValidUTF8(string(line[start:end]), "�")
	after := strings.ToValidUTF8(string(line[end:]), "�")
	return before + token + after, len(before), len(before) + len(token)
}

// JSON writes the report as one JSON object.
func (r *Report) JSON(w io.Writer) error {
	return writeJSON(w, r)
}

// GitHub writes the report as workflow commands, which GitHub shows at the
// lines concerned.
func (r *Report) GitHub(w io.Writer) error {
	var b strings.Builder
	for _, d := range r.Diagnostics {
		var props []string
		if d.Range != nil {
			props = append(props, "file="+githubProperty(d.Range.Filename))
			if d.Range.Start.Line > 0 {
				props = append(props,
					fmt.Sprintf("line=%d", d.Range.Start.Line),
					fmt.Sprintf("endLine=%d", max(d.Range.End.Line, d.Range.Start.Line)),
					fmt.Sprintf("col=%d", max(d.Range.Start.Column, 1)))
				if d.Range.End.Line == d.Range.Start.Line {
					props = append(props, fmt.Sprintf("endColumn=%d", max(d.Range.End.Column, d.Range.Start.Column, 1)))
				}
			}
		}
		title := d.Summary
		if d.Code != "" {
			title = d.Code + " " + title
		}
		props = append(props, "title="+githubProperty(title))
		detail := d.Detail
		for _, rel := range d.Related {
			if rel.Range != nil {
				detail += fmt.Sprintf("\n%s: %s", rel.Range, rel.Message)
			}
		}
		if d.Safe != "" {
			detail += "\n" + safeTitle + "\n" + d.Safe
		}
		fmt.Fprintf(&b, "::%s %s::%s\n", d.Severity, strings.Join(props, ","), githubText(detail))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// githubText escapes what would end a workflow command.
func githubText(s string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A").Replace(s)
}

func githubProperty(s string) string {
	return strings.NewReplacer(":", "%3A", ",", "%2C").Replace(githubText(s))
}
