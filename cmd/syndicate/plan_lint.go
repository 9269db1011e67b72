package main

import (
	"path/filepath"
	"slices"
	"strings"

	"github.com/syndicate/syndicate/plan"
	"github.com/syndicate/syndicate/spec"
)

// lintPlan adds to a plan what is wrong with the files that are pending, where
// it is known which these are. Without such files nothing is loaded, and files
// that cannot be read the plan has told already.
func (s *session) lintPlan(sys *spec.System, p *plan.Plan) {
	for i := range p.Steps {
		if step := &p.Steps[i]; step.Ledger != nil {
			step.Lint = s.lintPending(sys, step.Addr, *step.Ledger, step.Files)
		}
	}
	for i := range p.Skipped {
		skipped := &p.Skipped[i]
		skipped.Lint = s.lintPending(sys, skipped.Addr, skipped.Ledger, skipped.Files)
	}
}

// lintPending looks at the pending files of one database.
func (s *session) lintPending(sys *spec.System, of spec.Addr, ledger plan.Ledger, files []plan.Migration) []plan.LintFinding {
	if ledger.Source == plan.LedgerUnknown || len(files) == 0 {
		return nil
	}
	at := slices.IndexFunc(sys.Databases, func(db *spec.Database) bool { return db.Addr == of })
	if at < 0 || sys.Databases[at].Migrations == nil {
		return nil
	}
	l := s.newLinter()
	if s.stderr.columns() == 0 {
		l.parser.Loading = nil // nobody waits there
	}
	if l.look(sys.Databases[at], lintSet{files: files}) != nil {
		return nil
	}
	var findings []plan.LintFinding
	for _, f := range l.findings {
		findings = append(findings, plan.LintFinding{
			Code: f.Code, Severity: f.Severity, Summary: f.Summary, File: filepath.Base(f.At.Filename), Line: f.At.Start.Line,
		})
	}
	slices.SortStableFunc(findings, func(a, b plan.LintFinding) int {
		return strings.Compare(string(a.Severity), string(b.Severity)) // error, warning
	})
	return findings
}
