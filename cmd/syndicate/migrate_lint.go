package main

import (
	"cmp"
	"context"
	"os"
	"path/filepath"

	"github.com/syndicate/syndicate/spec"
	"github.com/syndicate/syndicate/view"
)

// migrateLintCmd looks for what migrations do to a database in use.
type migrateLintCmd struct {
	migrateFlags
	lookFlags
	Format  string  `name:"format" enum:"human,json,github" default:"human" help:"How to write what is found: ${enum}."`
	All     bool    `name:"all" xor:"which" help:"Look at every migration, each as if all before it were applied."`
	Since   *uint64 `name:"since" xor:"which" placeholder:"VERSION" help:"Look at those after a version, as if they were what is pending."`
	Latest  int     `name:"latest" xor:"which" placeholder:"N" help:"Look at the last N, as if they were what is pending."`
	Offline bool    `name:"offline" help:"Do not ask databases that run elsewhere what is applied."`
}

// Run looks at the migrations of every database that has some. What it finds
// is the result, so it goes to stdout.
func (c *migrateLintCmd) Run(s *session) error {
	if c.Latest < 0 {
		return usage("--latest %d: write how many to look at, 1 or more", c.Latest)
	}
	loaded, err := s.load(demand{inputs: c.inputs, values: true})
	if err != nil {
		return err
	}
	databases, err := c.choose(s, loaded.System)
	if err != nil {
		return err
	}
	l := s.newLinter()
	for _, db := range databases {
		ctx, cancel := context.WithTimeout(context.Background(), askTimeout)
		set := c.which(ctx, loaded.System, db)
		cancel()
		if err := l.look(db, set); err != nil {
			return failWith(err, "")
		}
	}
	report := l.report()
	switch {
	case c.JSON || c.Format == "json":
		err = report.JSON(s.stdout)
	case c.Format == "github":
		err = report.GitHub(s.stdout)
	default:
		err = report.Text(s.stdout, s.textOptions(s.stdout))
	}
	if err == nil && !report.Valid {
		err = exit(exitFailed)
	}
	return err
}

// which chooses the migrations of a database to look at.
func (c *migrateLintCmd) which(ctx context.Context, sys *spec.System, db *spec.Database) lintSet {
	switch {
	case c.All:
		return lintSet{all: true, which: "each as if all before it were applied"}
	case c.Since != nil:
		return lintSet{since: c.Since, which: "after the given version"}
	case c.Latest > 0:
		return lintSet{latest: c.Latest, which: "the last"}
	}
	l, known := knownLedger(ctx, sys, db, c.Offline)
	if known.Source == "" {
		return lintSet{all: true, which: "each as if all before it were applied", note: "what is applied is not known: " + cmp.Or(known.Note, "nothing is recorded")}
	}
	return lintSet{ledger: &l, which: "pending", note: known.Note}
}

// lintCache is where trees and findings are kept; "" is nowhere.
func lintCache() string {
	dir, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	return filepath.Join(dir, "syndicate", "lint")
}

// newLinter makes a linter with the user's cache.
func (s *session) newLinter() *linter {
	return newLinter(lintCache(), func() {
		if !s.quiet {
			view.Note(s.stderr, "Loading PostgreSQL's grammar, for files that were not looked at before …")
		}
	})
}
