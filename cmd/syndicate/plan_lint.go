package main

import (
	"path/filepath"
	"slices"
	"strings"

	"github.com/syndicate/syndicate/plan"
	"github.com/syndicate/syndicate/spec"
)

// lintPlan adds to a plan what is wrong with the files that it will apply,
// where it is known which these are. Without such files nothing is loaded,
// and files that cannot be read the plan has told already.
func (s *session) lintPlan(sys *spec.System, p *plan.Plan) {
	for i := range p.Steps {
		step := &p.Steps[i]
		if step.Ledger == nil || step.Ledger.Source == plan.LedgerUnknown || len(step.Files) == 0 {
			continue
		}
		at := slices.IndexFunc(sys.Databases, func(db *spec.Database) bool { return db.Addr == step.Addr })
		if at < 0 || sys.Databases[at].Migrations == nil {
			continue
		}
		l := s.newLinter()
		if s.stderr.columns() == 0 {
			l.parser.Loading = nil // nobody waits there
		}
		if l.look(sys.Databases[at], lintSet{files: step.Files}) != nil {
			continue
		}
		for _, f := range l.findings {
			step.Lint = append(step.Lint, plan.LintFinding{
				Code: f.Code, Severity: f.Severity, Summary: f.Summary, File: filepath.Base(f.At.Filename), Line: f.At.Start.Line,
			})
		}
		slices.SortStableFunc(step.Lint, func(a, b plan.LintFinding) int {
			return strings.Compare(string(a.Severity), string(b.Severity)) // error, warning
		})
	}
}
