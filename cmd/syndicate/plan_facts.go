package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/syndicate/syndicate/api"
	"github.com/syndicate/syndicate/api/client"
	"github.com/syndicate/syndicate/engine/pg"
	"github.com/syndicate/syndicate/engine/pg/migration"
	"github.com/syndicate/syndicate/engine/store"
	"github.com/syndicate/syndicate/plan"
	"github.com/syndicate/syndicate/spec"
	"github.com/syndicate/syndicate/statedir"
)

// askTimeout bounds how long a plan waits for the databases that it asks.
const askTimeout = 2 * time.Second

// survey asks this machine, and databases that run elsewhere unless offline
// is set, what a plan needs to know. It starts nothing and changes nothing.
// What a database does not tell is a note in the plan and no error.
func (s *session) survey(ctx context.Context, sys *spec.System, offline bool) (plan.Facts, error) {
	if err := s.awaitReturn(sys.StateDir); err != nil {
		return plan.Facts{}, err
	}
	info, held, goesOn, err := holder(sys.StateDir)
	if err != nil {
		return plan.Facts{}, err
	}
	var running *plan.Running
	if held {
		if running, err = s.running(ctx, sys.StateDir, info); err != nil {
			return plan.Facts{}, err
		}
	}
	facts := surveyDatabases(ctx, sys, running, offline)
	if _, err := statedir.ReadJSON(sys.StateDir, portsFile, &facts.Ports); err != nil {
		return facts, err
	}
	if _, err := statedir.ReadJSON(sys.StateDir, keyFile, &facts.Key); err != nil {
		return facts, err
	}
	if !held {
		facts.Held, facts.Completed, err = recalled(ctx, sys.StateDir, goesOn)
		if broken, ok := errors.AsType[*store.BrokenError](err); ok {
			s.tellBroken(broken)
			err = nil // up starts without it, too
		}
	}
	return facts, err
}

// running asks the engine of a state directory what runs. One that does not
// tell is an error: a plan that compares with nothing would be wrong.
func (s *session) running(ctx context.Context, stateDir string, info statedir.Info) (*plan.Running, error) {
	var answer struct {
		FormatVersion string `json:"format_version"`
		plan.Running
	}
	within, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	err := client.New(stateDir).Units(within, &answer)
	switch {
	case err == nil:
		err = api.Readable(answer.FormatVersion)
	case errors.Is(err, client.ErrNobody), within.Err() != nil && ctx.Err() == nil:
		return nil, s.silent(stateDir, info)
	}
	if err != nil {
		return nil, failWith(fmt.Errorf("compare with what runs: %w", err), s.here("status"))
	}
	return &answer.Running, nil
}

// surveyDatabases finds out what there is for each database.
func surveyDatabases(ctx context.Context, sys *spec.System, running *plan.Running, offline bool) plan.Facts {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	facts := plan.Facts{
		Running:   running,
		Ledgers:   make(map[spec.Addr]plan.Ledger, len(sys.Databases)),
		Databases: make(map[spec.Addr]plan.Found, len(sys.Databases)),
	}
	var mu sync.Mutex
	var asked sync.WaitGroup
	for _, db := range sys.Databases {
		asked.Go(func() {
			found := findServer(ctx, db)
			ledger, ok := readLedger(ctx, sys, db, offline)
			if ledger.Source == plan.LedgerUnknown && running.Completed(plan.MigrationsID(db.Addr)) {
				ledger = recordedLedger(sys, db, ledger)
			}
			mu.Lock()
			defer mu.Unlock()
			facts.Databases[db.Addr] = found
			if ok {
				facts.Ledgers[db.Addr] = ledger
			}
		})
	}
	asked.Wait()
	return facts
}

// findServer says which PostgreSQL a managed database will run, and on
// which data.
func findServer(ctx context.Context, db *spec.Database) plan.Found {
	m := db.Managed
	if m == nil {
		return plan.Found{}
	}
	var found plan.Found
	major := pg.DataMajor(m.DataDir)
	if major != 0 && m.Version != 0 && m.Version != major {
		found.Notes = append(found.Notes, fmt.Sprintf("its data are of version %d: up refuses", major))
		return found
	}
	b, err := pg.Find(ctx, pg.FindConfig{BinDir: m.BinDir, DataMajor: major, Major: m.Version})
	if err != nil {
		found.Notes = append(found.Notes, "managed, but no fitting PostgreSQL is installed")
		found.Problem = missingServer(err)
	} else {
		found.Notes = append(found.Notes, "managed PostgreSQL "+b.Version)
		found.Values = append(found.Values, plan.Value{Name: "binaries", Text: b.Dir})
	}
	if major == 0 {
		found.Notes = append(found.Notes, "will be created, empty")
	}
	return found
}

// missingServer says which PostgreSQL is missing and how to install it. Where
// it was looked for is the business of doctor.
func missingServer(err error) string {
	missing, ok := errors.AsType[*pg.NotFoundError](err)
	if !ok {
		return err.Error()
	}
	first, _, _ := strings.Cut(missing.Error(), "\n")
	lines := []string{first}
	if len(missing.Install.Commands) > 0 {
		lines = append(append(lines, "install it with:"), missing.Install.Commands...)
	}
	if missing.Install.Note != "" {
		lines = append(lines, missing.Install.Note)
	}
	return strings.Join(append(lines, "syndicate doctor tells where it was looked for"), "\n")
}

// readLedger finds out what is applied to a database that has migrations.
func readLedger(ctx context.Context, sys *spec.System, db *spec.Database, offline bool) (plan.Ledger, bool) {
	if db.Migrations == nil {
		return plan.Ledger{}, false
	}
	files, _ := migration.Files(db.Migrations.Path)
	l, ledger := knownLedger(ctx, sys, db, offline)
	ledger.Files, ledger.Pending = len(files), pending(files)
	if ledger.Source == "" {
		ledger.Source = plan.LedgerUnknown
		return ledger, true
	}
	ledger.Version, ledger.Dirty = l.Version, l.Dirty
	ledger.Pending, ledger.Misfits = pending(l.Pending(files)), misfits(l, files)
	return ledger, true
}

// knownLedger is what can be known of a database's ledger without starting
// anything, and from where: the other's Source is empty where nothing can,
// and its Note says why.
func knownLedger(ctx context.Context, sys *spec.System, db *spec.Database, offline bool) (migration.Ledger, plan.Ledger) {
	if server := sys.Server(db); server != nil {
		if pg.DataMajor(server.Managed.DataDir) == 0 {
			return migration.Ledger{None: true}, plan.Ledger{Source: plan.LedgerEmpty}
		}
		if l, ok := migration.RecordedLedger(sys.StateDir, db.Addr.File()); ok {
			return l, plan.Ledger{Source: plan.LedgerRecorded, Note: "as last recorded"}
		}
		return migration.Ledger{}, plan.Ledger{}
	}
	if offline {
		return migration.Ledger{}, plan.Ledger{Note: "not asked: --offline"}
	}
	l, err := askLedger(ctx, db)
	if err != nil {
		return migration.Ledger{}, plan.Ledger{Note: shortReason(err)}
	}
	return l, plan.Ledger{Source: plan.LedgerAsked}
}

// recordedLedger is what the running system migrated an external database
// to, where that was kept; else the ledger stays as it is.
func recordedLedger(sys *spec.System, db *spec.Database, unknown plan.Ledger) plan.Ledger {
	l, ok := migration.RecordedLedger(sys.StateDir, db.Addr.File())
	if !ok {
		return unknown
	}
	files, _ := migration.Files(db.Migrations.Path)
	return plan.Ledger{
		Source: plan.LedgerRecorded, Version: l.Version, Dirty: l.Dirty, Files: len(files),
		Note: "as last recorded; " + unknown.Note, Pending: pending(l.Pending(files)), Misfits: misfits(l, files),
	}
}

// misfits are the versions that do not fit the files.
func misfits(l migration.Ledger, files []migration.File) []plan.Misfit {
	var all []plan.Misfit
	for _, f := range l.Findings(files, "") {
		all = append(all, plan.Misfit{Version: f.Version, Name: f.Name, State: string(f.State), Code: f.Code})
	}
	return all
}

// errLater says that an address is made of what only exists at run time.
var errLater = errors.New("its address is known after start")

// askLedger asks a database that runs elsewhere.
func askLedger(ctx context.Context, db *spec.Database) (migration.Ledger, error) {
	to, err := endpoint(db)
	if err != nil {
		return migration.Ledger{}, err
	}
	return migration.ReadLedger(ctx, to)
}

// endpoint returns where an external database is, as far as it is known.
func endpoint(db *spec.Database) (pg.Endpoint, error) {
	if db.Source == "url" {
		url, ok := db.URL.Value()
		if !ok {
			return pg.Endpoint{}, errLater
		}
		return pg.ParseURL(url)
	}
	for _, known := range []bool{
		isKnown(db.Host), isKnown(db.Port), isKnown(db.DBName), isKnown(db.User), isKnown(db.Password),
	} {
		if !known {
			return pg.Endpoint{}, errLater
		}
	}
	parts := pg.Parts{SSL: db.SSL}
	parts.Host, _ = db.Host.Value()
	parts.Port, _ = db.Port.Value()
	parts.Database, _ = db.DBName.Value()
	parts.User, _ = db.User.Value()
	parts.Password, _ = db.Password.Value()
	return parts.Endpoint()
}

func isKnown[T any](e spec.Expr[T]) bool {
	_, ok := e.Value()
	return ok || !e.IsSet()
}

// shortReason is why a database did not tell, and what would help.
func shortReason(err error) string {
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded) {
		return fmt.Sprintf("no answer within %s", askTimeout)
	}
	if e, ok := errors.AsType[*pg.Error](err); ok {
		reason := cmp.Or(e.Reason, "no answer")
		if e.Remedy != "" {
			reason += "; " + e.Remedy
		}
		return reason
	}
	return err.Error()
}

func pending(files []migration.File) []plan.Migration {
	var list []plan.Migration
	for _, f := range files {
		list = append(list, plan.Migration{Version: f.Version, Name: f.Name})
	}
	return list
}
