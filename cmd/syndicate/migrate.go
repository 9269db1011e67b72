package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"sync"
	"syscall"

	"golang.org/x/term"

	"github.com/syndicate/syndicate/engine/pg"
	"github.com/syndicate/syndicate/engine/pg/migration"
	"github.com/syndicate/syndicate/spec"
)

// migrateCmd works on the migrations of a system's databases, with or
// without the system running.
type migrateCmd struct {
	Up     migrateUpCmd     `cmd:"" help:"Apply the migrations that are pending."`
	Down   migrateDownCmd   `cmd:"" help:"Undo the migrations that were applied last; nothing where a down file is missing."`
	Goto   migrateGotoCmd   `cmd:"" help:"Go up or down to a version."`
	Status migrateStatusCmd `cmd:"" help:"Show which migrations are applied, when and by whom. Exits with 2 where some are pending, with 3 where a database is dirty or does not fit its files."`
	New    migrateNewCmd    `cmd:"" help:"Create the empty files of a migration, with the version that follows."`
	Force  migrateForceCmd  `cmd:"" help:"Record that exactly the migrations up to a version are applied, and run none: after repairing by hand."`
	Lint   migrateLintCmd   `cmd:"" help:"Find what of the pending migrations locks, rewrites, breaks running programs, fails on data or cannot be undone, and show the safe way. Exits with 1 where something is an error."`
	Repair migrateRepairCmd `cmd:"" help:"Record that files were edited, or are gone, after they were applied."`
	Verify migrateVerifyCmd `cmd:"" help:"Try every migration up, down and up again on a server that is thrown away, and compare the schemas. Exits with 1 where one does not undo what it does."`
	Check  migrateCheckCmd  `cmd:"" help:"Hold the live schema against schema { }, against what the migrations left behind and their ledger says, and against what is known to go wrong. Exits with 3 where it is not as it should be."`
}

// migrateFlags are those of every migrate command.
type migrateFlags struct {
	inputs
	Database string `name:"database" placeholder:"NAME" help:"Only this database." completion-predictor:"database"`
	JSON     bool   `name:"json" help:"Print the result as versioned JSON."`
}

// serverFlags are those of commands that reach databases.
type serverFlags struct {
	migrateFlags
	Timeout spec.Duration `name:"timeout" placeholder:"DURATION" help:"Give up a server that has not answered after this time; otherwise its retry says how often to try."`
}

// changeFlags are those of commands that change a database.
type changeFlags struct {
	DryRun bool `name:"dry-run" help:"Change nothing, and print the SQL exactly as it would run."`
}

// lookFlags are those of commands that change no database.
type lookFlags struct {
	DryRun bool `name:"dry-run" help:"As with every other command of migrate; this one changes no database anyway."`
}

// destructive are the flags of commands that take something away.
type destructive struct {
	changeFlags
	Yes bool `name:"yes" help:"Ask nothing: needed where stdin is no terminal."`
}

// allowed refuses to go on where nobody can be asked.
func (c *destructive) allowed(s *session) error {
	if c.Yes || c.DryRun || s.asks() {
		return nil
	}
	return &exitError{
		code: exitUsage, err: errors.New("nobody can be asked, since stdin is no terminal: add --yes, or --dry-run to see what would happen"),
		hint: s.command(append(slices.Clone(s.words), "--dry-run")...),
	}
}

// confirm asks a person, unless --yes is given. It returns early when ctx
// ends.
func (c *destructive) confirm(ctx context.Context, s *session, question string) error {
	if c.Yes {
		return nil
	}
	if err := c.allowed(s); err != nil {
		return err
	}
	_, _ = fmt.Fprintf(s.stderr, "%s [y/N] ", question)
	answer := make(chan string, 1)
	go func() {
		line, _ := bufio.NewReader(s.stdin).ReadString('\n')
		answer <- strings.ToLower(strings.TrimSpace(line))
	}()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case said := <-answer:
		if said == "y" || said == "yes" {
			return nil
		}
		return failWith(errors.New("nothing was changed"), "")
	}
}

// asks reports whether a person sits at stdin.
func (s *session) asks() bool {
	f, ok := s.stdin.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// one returns the database that a command is about, which may be one only.
func (c *migrateFlags) one(s *session, sys *spec.System) error {
	databases, err := c.choose(s, sys)
	if err != nil || len(databases) == 1 {
		return err
	}
	var names []string
	for _, db := range databases {
		names = append(names, strings.TrimPrefix(db.Addr.String(), "database."))
	}
	return usage("which database? Add --database with one of %s", strings.Join(names, ", "))
}

// result is what a command tells of databases.
type result interface{ JSON(io.Writer) error }

// show renders what a command did, and adds why it failed. Nothing is rendered
// where it is told of no database.
func (c *migrateFlags) show(s *session, r result, told bool, text func(io.Writer) error, failed error) error {
	render := text
	if c.JSON {
		render = r.JSON
	}
	if told {
		failed = errors.Join(render(s.stdout), failed)
	}
	err := s.migrateExit(failed)
	if own, ok := errors.AsType[*exitError](err); ok && told {
		return &exitError{code: own.code, err: own.err, hint: own.hint, told: true}
	}
	return err
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
	if _, unfit := errors.AsType[*migration.FindingsError](err); unfit {
		code = exitDiffers
	}
	if errors.Is(err, errInterrupt) {
		code = exitInterrupted
	}
	return &exitError{code: code, err: err, hint: s.migrateHint(err)}
}

// migrateHint is what to try next: nothing where the error itself says what is
// to be done with the server.
func (s *session) migrateHint(err error) string {
	if _, ok := errors.AsType[*pg.Error](err); ok {
		return ""
	}
	if _, ok := errors.AsType[*migration.ProblemsError](err); ok {
		return s.command("validate")
	}
	return s.command("migrate", "status")
}

// each calls do for every database that has migrations, or for the one that
// a flag names, in order of address. SIGINT, SIGTERM and SIGHUP cancel it.
func (c *serverFlags) each(s *session, do func(context.Context, *migrator, *spec.Database) error) error {
	return c.chosen(s, false, do)
}

// single is each for a command that is about one database.
func (c *serverFlags) single(s *session, do func(context.Context, *migrator, *spec.Database) error) error {
	return c.chosen(s, true, do)
}

func (c *serverFlags) chosen(s *session, single bool, do func(context.Context, *migrator, *spec.Database) error) error {
	loaded, err := s.load(demand{inputs: c.inputs, values: true})
	if err != nil {
		return err
	}
	if single {
		if err := c.one(s, loaded.System); err != nil {
			return err
		}
	}
	databases, err := c.choose(s, loaded.System)
	if err != nil {
		return err
	}
	m, err := s.newMigrator(loaded.System, c.Timeout.Std())
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
