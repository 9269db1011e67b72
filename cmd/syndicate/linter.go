package main

import (
	"os"
	"path/filepath"
	"slices"

	"github.com/syndicate/syndicate/engine/pg/lint"
	"github.com/syndicate/syndicate/engine/pg/migration"
	"github.com/syndicate/syndicate/plan"
	"github.com/syndicate/syndicate/spec"
	"github.com/syndicate/syndicate/textfile"
	"github.com/syndicate/syndicate/view"
)

// lintSet says which migrations of a database are looked at.
type lintSet struct {
	all    bool              // each by itself
	since  *uint64           // those after a version
	latest int               // the last so many
	ledger *migration.Ledger // what is not applied
	files  []plan.Migration  // these
	which  string            // the same in words
	note   string
}

// linter looks at the migrations of several databases.
type linter struct {
	parser   *lint.Parser
	sources  map[string][]byte
	findings []lint.Finding
	allowed  []lint.Accepted
	looked   []view.LintedDatabase
	seen     map[string]bool // directories
}

func newLinter(cache string, loading func()) *linter {
	return &linter{
		parser: &lint.Parser{Dir: cache, Loading: loading}, sources: map[string][]byte{}, seen: map[string]bool{},
	}
}

// look looks at the migrations of one database. A directory that two of them
// share is looked at once.
func (l *linter) look(db *spec.Database, set lintSet) error {
	dir := db.Migrations.Path
	if l.seen[dir] {
		return nil
	}
	l.seen[dir] = true
	files, problems := migration.Files(dir)
	cfg := lint.Config{Separate: set.all}
	entries := map[uint64]migration.Entry{}
	if set.ledger != nil {
		for _, e := range set.ledger.Entries(files) {
			entries[e.Version] = e
		}
	}
	looked := 0
	for i, f := range files {
		m, err := l.read(f)
		if err != nil && spoilt(f, problems) {
			continue
		}
		if err != nil {
			return err
		}
		e := entries[f.Version]
		switch {
		case set.ledger != nil:
			m.Look = slices.Contains([]migration.State{migration.Pending, migration.OutOfOrder, migration.HalfDone}, e.State)
			m.Late = e.State == migration.OutOfOrder && !e.Permitted
		case set.files != nil:
			m.Look = slices.ContainsFunc(set.files, func(p plan.Migration) bool { return p.Version == f.Version })
		case set.since != nil:
			m.Look = f.Version > *set.since
		default:
			m.Look = set.all || i >= len(files)-set.latest
		}
		if m.Look {
			looked++
		}
		cfg.Migrations = append(cfg.Migrations, m)
	}
	l.problems(problems)
	result := lint.Check(l.parser, cfg)
	l.findings = append(l.findings, result.Findings...)
	l.allowed = append(l.allowed, result.Accepted...)
	l.looked = append(l.looked, view.LintedDatabase{
		Address: db.Addr.String(), Path: dir, Looked: looked, Of: len(files), Which: set.which, Note: set.note,
	})
	return nil
}

// spoilt reports whether the problems have one of a version's files.
func spoilt(f migration.File, problems []migration.Problem) bool {
	return slices.ContainsFunc(problems, func(p migration.Problem) bool {
		return p.Severity == spec.Error && (p.Path == f.Up || p.Path == f.Down)
	})
}

// read reads the files of one version.
func (l *linter) read(f migration.File) (lint.Migration, error) {
	m := lint.Migration{Version: f.Version}
	up, err := l.source(f.Up)
	if err != nil {
		return m, err
	}
	m.Up = up
	if f.Down != "" {
		down, err := l.source(f.Down)
		if err != nil {
			return m, err
		}
		m.Down = &down
	}
	return m, nil
}

// maxLintFile is the largest file that is looked at.
const maxLintFile = 256 << 20

func (l *linter) source(path string) (lint.Source, error) {
	text, err := textfile.Read(path, maxLintFile)
	if err != nil {
		return lint.Source{}, err
	}
	name := fromHere(path)
	l.sources[name] = text
	return lint.Source{Path: name, Text: string(text)}, nil
}

// fromHere is a path as seen from the current directory, where it is below.
func fromHere(path string) string {
	if here, err := os.Getwd(); err == nil {
		if rel, err := filepath.Rel(here, path); err == nil && filepath.IsLocal(rel) {
			return rel
		}
	}
	return path
}

// problems takes what keeps a file from being a migration. What is missing
// or empty the rules tell themselves, of what is looked at.
func (l *linter) problems(problems []migration.Problem) {
	rule, _ := lint.Explain("L803")
	for _, p := range problems {
		if p.Severity != spec.Error {
			continue
		}
		line := max(p.Line, 1)
		l.findings = append(l.findings, lint.Finding{
			Code: rule.Code, Severity: spec.Error, Summary: rule.Title, Detail: p.Summary + ": " + p.Detail,
			At: spec.Range{Filename: fromHere(p.Path), Start: spec.Pos{Line: line, Column: 1}, End: spec.Pos{Line: line, Column: 1}},
		})
	}
}

// report describes all that was found.
func (l *linter) report() *view.LintReport {
	var findings []view.LintFinding
	for _, f := range l.findings {
		findings = append(findings, view.LintFinding{
			Diagnostic: spec.Diagnostic{Severity: f.Severity, Code: f.Code, Summary: f.Summary, Detail: f.Detail, Subject: f.At},
			Lock:       f.Lock, Object: f.Object, Safe: f.Safe,
		})
	}
	r := view.NewLintReport(findings, l.sources)
	for _, a := range l.allowed {
		r.Allowed = append(r.Allowed, view.AllowedFinding{Code: a.Code, Range: a.At, Reason: a.Reason})
	}
	r.Databases = append(r.Databases, l.looked...)
	return r
}
