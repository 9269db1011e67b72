package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/term"

	"github.com/syndicate/syndicate/engine/pg/client"
	"github.com/syndicate/syndicate/spec"
	"github.com/syndicate/syndicate/view"
)

// dbRestoreCmd loads a dump.
type dbRestoreCmd struct {
	dbTarget
	File   string `arg:"" name:"file" help:"A dump of db dump or pg_dump, in the custom format or SQL." completion-predictor:"path"`
	Yes    bool   `name:"yes" short:"y" help:"Also where the database is not empty: what the dump has takes the place of what has the same name, and the rest stays."`
	Owners bool   `name:"owners" help:"Restore owners and privileges as they were. Their roles must exist."`
	JSON   bool   `name:"json" help:"Print what was done as versioned JSON."`
}

// Run loads it. Where the database is not empty a person at a terminal is
// asked.
func (c *dbRestoreCmd) Run(s *session) error {
	if _, err := os.Stat(c.File); err != nil {
		return failWith(err, "")
	}
	result := view.Restore{File: c.File}
	ctx, stop := interruptible()
	defer stop()
	err := c.reach(ctx, s, true, func(ctx context.Context, m *migrator, db *spec.Database, t client.Target) error {
		result.Address = db.Addr.String()
		progress := view.NewProgress(s.stderr, s.stderr.terminal && !s.quiet)
		defer progress.End()
		cfg := client.RestoreConfig{
			Target: t, File: c.File, Replace: c.Yes, Owners: c.Owners,
			Progress: func(what string) { progress.Show(result.Address + ": " + what) },
		}
		done, err := client.Restore(ctx, cfg)
		if full, ok := errors.AsType[*client.NotEmptyError](err); ok {
			if !s.agreed(fmt.Sprintf("%s is not empty. Replace what the dump has?", db.Addr)) {
				return failWith(full, s.command("db", "restore", c.Name, c.File, "--yes"))
			}
			cfg.Replace = true
			done, err = client.Restore(ctx, cfg)
		}
		result.Tables, result.Seconds = done.Tables, done.Took.Seconds()
		if err != nil || db.Migrations == nil {
			return err
		}
		return m.record(t.Endpoint, db)
	})
	if err != nil {
		return dbExit(err)
	}
	if c.JSON {
		return result.JSON(s.stdout)
	}
	if s.quiet {
		return nil
	}
	return result.Text(s.stderr)
}

// agreed asks a person at a terminal; anybody else has not agreed.
func (s *session) agreed(question string) bool {
	f, ok := s.stdin.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) || !s.stderr.terminal {
		return false
	}
	view.Ask(s.stderr, question)
	line, _ := bufio.NewReader(f).ReadString('\n')
	answer := strings.ToLower(strings.TrimSpace(line))
	return answer == "y" || answer == "yes"
}
