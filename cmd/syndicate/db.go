package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/syndicate/syndicate/engine/pg"
	"github.com/syndicate/syndicate/engine/pg/client"
	"github.com/syndicate/syndicate/spec"
	"github.com/syndicate/syndicate/view"
)

// dbCmd is people's way into a system's databases, with or without the system
// running.
type dbCmd struct {
	Psql    dbPsqlCmd    `cmd:"" help:"Open psql on a database. What stands behind -- is psql's; its exit code is this command's."`
	Dump    dbDumpCmd    `cmd:"" help:"Save a database with pg_dump."`
	Restore dbRestoreCmd `cmd:"" help:"Load a dump into a database, all of it or nothing."`
}

// dbTarget names the database.
type dbTarget struct {
	inputs
	Name string `arg:"" name:"name" help:"The database: main, or database.main." completion-predictor:"database"`
}

// reach calls do with the way into the database. A managed server that is
// down runs for that long; fresh allows one that has to be created first.
func (c *dbTarget) reach(ctx context.Context, s *session, fresh bool, do func(context.Context, *migrator, *spec.Database, client.Target) error) error {
	loaded, err := s.load(demand{inputs: c.inputs, values: true})
	if err != nil {
		return err
	}
	db, err := c.choose(loaded.System)
	if err != nil {
		return err
	}
	m, err := s.newMigrator(loaded.System, 0)
	if err != nil {
		return err
	}
	defer m.close()
	target := client.Target{Environ: os.Environ()}
	if server := loaded.System.Server(db); server != nil {
		if !fresh && m.home != nil && pg.DataMajor(server.Managed.DataDir) == 0 {
			return failWith(fmt.Errorf("%s has no data yet: %s does not exist", db.Addr, server.Managed.DataDir), s.command("up"))
		}
		target.BinDir, target.Unlimited = server.Managed.BinDir, db.QueryTimeout > 0
	}
	return m.reach(ctx, db, func(ctx context.Context, to pg.Endpoint) error {
		target.Endpoint = to
		return do(ctx, m, db, target)
	})
}

// choose finds the database by its name or address.
func (c *dbTarget) choose(sys *spec.System) (*spec.Database, error) {
	want, err := spec.ParseAddr(c.Name)
	if err != nil {
		return nil, usage("%s: %w", c.Name, err)
	}
	var known []string
	for _, db := range sys.Databases {
		if db.Addr.Name == want.Name && (want.Kind == "" || want.Kind == spec.KindDatabase) && want.Key == db.Addr.Key {
			return db, nil
		}
		known = append(known, strings.TrimPrefix(db.Addr.String(), "database."))
	}
	if len(known) == 0 {
		return nil, usage("there is no database in this configuration")
	}
	return nil, usage("there is no database %s%s", c.Name, meant(c.Name, known))
}

// apart refuses arguments of the tool that do not stand behind --: some of
// its flags, such as -v, are ours as well.
func (s *session) apart(tool string, args []string) error {
	if len(args) == 0 || slices.Contains(s.words, "--") {
		return nil
	}
	return &exitError{
		code: exitUsage, err: fmt.Errorf("arguments of %s stand behind --, unlike %s", tool, args[0]),
		hint: cmp.Or(s.dashed(), "syndicate db --help"),
	}
}

// dashed is the command line with -- behind the database's name, or empty
// where no tool's arguments stand behind one.
func (s *session) dashed() string {
	w := s.words
	if len(w) < 4 || w[0] != "db" || w[1] != "psql" && w[1] != "dump" || strings.HasPrefix(w[2], "-") || slices.Contains(w, "--") {
		return ""
	}
	return s.command(slices.Insert(slices.Clone(w), 3, "--")...)
}

// dbExit gives a failure its exit code.
func dbExit(err error) error {
	if own, ok := errors.AsType[*exitError](err); ok {
		return own
	}
	switch {
	case err == nil:
		return nil
	case errors.Is(err, errInterrupt):
		return &exitError{code: exitInterrupted, err: err}
	}
	return failWith(err, "")
}

// dbDumpCmd saves a database.
type dbDumpCmd struct {
	dbTarget
	Output string   `name:"output" short:"o" placeholder:"FILE" help:"Where to: replaced once the dump is whole. Default: standard output, unless that is a terminal." completion-predictor:"path"`
	Format string   `name:"format" enum:"custom,plain" default:"custom" help:"${enum}: pg_restore's own, compressed; or SQL."`
	JSON   bool     `name:"json" help:"Print what was done as versioned JSON."`
	Args   []string `arg:"" optional:"" name:"argument" help:"More arguments of pg_dump, behind --."`
}

// Run saves it.
func (c *dbDumpCmd) Run(s *session) error {
	if err := s.apart("pg_dump", c.Args); err != nil {
		return err
	}
	file := ""
	switch {
	case c.Output != "":
		var err error
		if file, err = filepath.Abs(c.Output); err != nil {
			return err
		}
	case s.stdout.terminal:
		return usage("db dump: a dump is nothing for a terminal: write --output FILE, or redirect it")
	case c.JSON:
		return usage("db dump: --json needs --output FILE, since the dump itself goes to standard output")
	}
	result := view.Dump{File: file, Format: c.Format}
	ctx, stop := interruptible()
	defer stop()
	err := c.reach(ctx, s, false, func(ctx context.Context, _ *migrator, db *spec.Database, t client.Target) error {
		result.Address = db.Addr.String()
		progress := view.NewProgress(s.stderr, s.stderr.terminal && !s.quiet)
		defer progress.End()
		done, err := client.Dump(ctx, client.DumpConfig{
			Target: t, Format: c.Format, File: file, Out: s.stdout.raw, Args: c.Args,
			Progress: func(bytes int64) { progress.Show("saving " + result.Address + ": " + view.Bytes(bytes)) },
		})
		result.Bytes, result.Seconds, result.ServerVersion, result.Warnings = done.Bytes, done.Took.Seconds(), done.ServerVersion, done.Warnings
		return err
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
