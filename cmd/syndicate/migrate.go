package main

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"

	"github.com/syndicate/syndicate/spec"
)

// migrateCmd works on the migrations of a system's databases, with or
// without the system running.
type migrateCmd struct {
	Up     migrateUpCmd     `cmd:"" help:"Apply the migrations that are pending."`
	Status migrateStatusCmd `cmd:"" help:"Show which migrations are applied. Exits with 2 where some are pending, with 3 where a database is dirty."`
	Verify migrateVerifyCmd `cmd:"" help:"Try every migration up, down and up again on a server that is thrown away, and compare the schemas. Exits with 1 where one does not undo what it does."`
	Check  migrateCheckCmd  `cmd:"" help:"Hold the live schema against schema { }, against what the migrations left behind, and against what is known to go wrong. Exits with 3 where it is not as it should be."`
}

// migrateFlags are those of every migrate command.
type migrateFlags struct {
	inputs
	Database string `name:"database" placeholder:"NAME" help:"Only this database."`
	JSON     bool   `name:"json" help:"Print the result as versioned JSON."`
}

// migrateExit gives a failure its exit code and its hint.
func (s *session) migrateExit(err error) error {
	if err == nil {
		return nil
	}
	if own, ok := errors.AsType[*exitError](err); ok {
		return own
	}
	code := exitFailed
	if errors.Is(err, errInterrupt) {
		code = exitInterrupted
	}
	return &exitError{code: code, err: err, hint: s.command("migrate", "status")}
}

// each calls do for every database that has migrations, or for the one that
// a flag names, in order of address. SIGINT, SIGTERM and SIGHUP cancel it.
func (c *migrateFlags) each(s *session, do func(context.Context, *migrator, *spec.Database) error) error {
	loaded, err := s.load(demand{inputs: c.inputs, values: true})
	if err != nil {
		return err
	}
	databases, err := c.choose(s, loaded.System)
	if err != nil {
		return err
	}
	m, err := s.newMigrator(loaded.System)
	if err != nil {
		return err
	}
	defer m.close()
	ctx, stop := interruptible()
	defer stop()
	for _, db := range databases {
		if err := do(ctx, m, db); err != nil {
			return err
		}
	}
	return nil
}

// choose returns the databases to work on.
func (c *migrateFlags) choose(s *session, sys *spec.System) ([]*spec.Database, error) {
	var all, chosen []*spec.Database
	var known []string
	for _, db := range sys.Databases {
		if db.Migrations == nil {
			continue
		}
		all = append(all, db)
		known = append(known, strings.TrimPrefix(db.Addr.String(), "database."))
	}
	if len(all) == 0 {
		return nil, failWith(errors.New("no database of this configuration has migrations: write migrations { path = … } in one"), "")
	}
	if c.Database == "" {
		return all, nil
	}
	want, err := spec.ParseAddr(c.Database)
	if err != nil {
		return nil, usage("--database: %w", err)
	}
	for _, db := range all {
		if db.Addr.Name == want.Name && (want.Kind == "" || want.Kind == spec.KindDatabase) && (want.Key == "" || want.Key == db.Addr.Key) {
			chosen = append(chosen, db)
		}
	}
	if len(chosen) == 0 {
		return nil, usage("--database %s: there is no such database with migrations; there is %s", c.Database, strings.Join(known, ", "))
	}
	return chosen, nil
}

// interruptible returns a context that the signals of a person or of the
// system end, with a cause that says which.
func interruptible() (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(context.Background())
	ch := make(chan os.Signal, 1)
	signal.Notify(ch, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for sig := range ch {
			switch sig {
			case os.Interrupt:
				cancel(errInterrupt)
			case syscall.SIGTERM:
				cancel(errTerminate)
			default:
				cancel(errHangup)
			}
		}
	}()
	return ctx, sync.OnceFunc(func() {
		signal.Stop(ch)
		close(ch)
		<-done
		cancel(nil)
	})
}
