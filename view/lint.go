package view

import (
	"fmt"
	"io"
	"strings"

	"github.com/syndicate/syndicate/spec"
)

// safeTitle stands above the SQL that does the same without harm.
const safeTitle = "Instead:"

// LintFormat is the version of the JSON form of a LintReport.
const LintFormat = "1.0"

// LintReport is what `migrate lint` found.
type LintReport struct {
	Report
	Allowed   []AllowedFinding `json:"allowed"` // never null
	Databases []LintedDatabase `json:"databases"`
}

// LintFinding is one finding with what a diagnostic does not say.
type LintFinding struct {
	spec.Diagnostic
	Lock, Object, Safe string
}

// AllowedFinding is one that its file allows.
type AllowedFinding struct {
	Code   string     `json:"code"`
	Range  spec.Range `json:"range"`
	Reason string     `json:"reason"`
}

// LintedDatabase says which migrations of a database were looked at.
type LintedDatabase struct {
	Address string `json:"address"`
	Path    string `json:"path"`
	Looked  int    `json:"looked_at"`
	Of      int    `json:"of"`
	// Which says which these are, in words: pending, since 7.
	Which string `json:"which"`
	Note  string `json:"note,omitempty"` // why not only what is pending
}

// NewLintReport describes findings. Sources are the files by the names that
// ranges have.
func NewLintReport(findings []LintFinding, sources map[string][]byte) *LintReport {
	var ds spec.Diagnostics
	for _, f := range findings {
		ds = append(ds, f.Diagnostic)
	}
	r := &LintReport{Report: *NewReport(ds, sources), Allowed: []AllowedFinding{}, Databases: []LintedDatabase{}}
	r.FormatVersion = LintFormat
	for i, f := range findings {
		d := &r.Diagnostics[i]
		d.Lock, d.Object, d.Safe = f.Lock, f.Object, f.Safe
		d.Docs = "docs/reference/codes.md#" + strings.ToLower(d.Code)
	}
	return r
}

// JSON writes the report as one JSON object.
func (r *LintReport) JSON(w io.Writer) error { return writeJSON(w, r) }

// Text writes the findings for people, and what was looked at.
func (r *LintReport) Text(w io.Writer, o TextOptions) error {
	if err := r.Report.Text(w, o); err != nil {
		return err
	}
	var b strings.Builder
	for _, d := range r.Databases {
		files := fmt.Sprintf("%d of %s", d.Looked, count(d.Of, "migration"))
		switch {
		case d.Of == 0:
			files = "there are no migrations"
		case d.Looked == 0:
			files = fmt.Sprintf("nothing to look at: none of %s is %s", count(d.Of, "migration"), d.Which)
		case d.Which != "":
			files += " looked at: " + d.Which
		}
		fmt.Fprintf(&b, "%s: %s", d.Address, files)
		if d.Note != "" {
			b.WriteString(" (" + printable(d.Note) + ")")
		}
		b.WriteString("\n")
	}
	if len(r.Diagnostics) == 0 {
		b.WriteString("Nothing found.")
		if n := len(r.Allowed); n > 0 {
			fmt.Fprintf(&b, " %s allowed by the files.", count(n, "finding"))
		}
		b.WriteString("\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// LintGroup is a part of the rules.
type LintGroup struct {
	Title string
	Rules []LintRule
}

// LintRule is one rule in the reference.
type LintRule struct{ Code, Severity, Title string }

// OtherLinter is what another linter looks for.
type OtherLinter struct {
	Name  string
	Rules []OtherRule
}

// OtherRule is one rule of another linter: the codes that stand for it here,
// and what is different, or why there is none.
type OtherRule struct {
	Rule  string
	Codes []string
	Note  string
}

// LintMarkdown writes the list of rules for the reference, and what of those
// of other linters they are.
func LintMarkdown(w io.Writer, groups []LintGroup, others []OtherLinter) error {
	var b strings.Builder
	b.WriteString(lintIntroduction)
	for _, g := range groups {
		fmt.Fprintf(&b, "\n## %s\n\n| code | severity | rule |\n|---|---|---|\n", g.Title)
		for _, r := range g.Rules {
			fmt.Fprintf(&b, "| %s | %s | %s |\n", codeLink(r.Code), r.Severity, r.Title)
		}
	}
	for _, o := range others {
		fmt.Fprintf(&b, "\n## Coming from %s\n\n| rule | here | |\n|---|---|---|\n", o.Name)
		for _, r := range o.Rules {
			here := "none"
			if len(r.Codes) > 0 {
				links := make([]string, len(r.Codes))
				for i, code := range r.Codes {
					links[i] = codeLink(code)
				}
				here = strings.Join(links, ", ")
			}
			fmt.Fprintf(&b, "| %s | %s | %s |\n", r.Rule, here, r.Note)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func codeLink(code string) string {
	return fmt.Sprintf("[%s](codes.md#%s)", code, strings.ToLower(code))
}

const lintIntroduction = `# Rules for migrations

` + "`syndicate migrate lint`" + ` reads migrations with PostgreSQL's own grammar and says what of them locks, rewrites, breaks running
programs, fails on data or cannot be undone, in which lock mode and why, and shows the SQL that does the same without harm for the statement at
hand. ` + "`syndicate plan`" + ` shows the findings of what is pending.

It looks at what is pending where it can know that, and reads the earlier files for the schema that they make: an index on a table that the same
pending files create holds up nobody and is no finding. Where the ledger cannot be read (in CI, say) it looks at each file as if all before it were
applied; ` + "`--since VERSION`" + ` and ` + "`--latest N`" + ` name those of a change.

A file accepts a finding, and says why:

` + "```sql" + `
-- syndicate: allow L302 nothing reads it since 2.3
ALTER TABLE users DROP COLUMN nickname;
` + "```" + `

Above a statement, or on a line inside of it, that is for the statement. At the head of the file, with an empty line or a BEGIN below it, it is for
the whole file. Several codes are separated by commas. What allows nothing is itself a finding.

The exit code is 1 where there is an error, 0 with warnings only. Each code has its page in [codes.md](codes.md), and
` + "`syndicate explain CODE`" + ` shows it.

The grammar is that of PostgreSQL 17 in WebAssembly. To load it takes some seconds of CPU, for files that were not looked at before; what it finds is
kept in the user's cache directory (` + "`~/.cache/syndicate/lint`" + ` on Linux) for 30 days.
`
