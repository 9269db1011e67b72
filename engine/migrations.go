package engine

import (
	"context"
	"fmt"
	"time"

	"github.com/syndicate/syndicate/engine/log"
	"github.com/syndicate/syndicate/engine/pg"
	"github.com/syndicate/syndicate/engine/pg/catalog"
	"github.com/syndicate/syndicate/engine/pg/migration"
	"github.com/syndicate/syndicate/spec"
)

// migrationsWork applies the pending migrations of a database. What it does
// is in its log, like the output of any unit.
type migrationsWork struct {
	*site
	db   *current[spec.Database]
	out  *log.Log
	tool string // the version of syndicate
}

// run applies what is pending. A failed file is not tried again: nothing
// would have changed.
func (w *migrationsWork) run(ctx context.Context, a *attempt) (out Outcome) {
	defer w.conceal(&out)
	db := w.db.get()
	endpoint, err := w.reach(db)
	if err != nil {
		return permanent("read the address of "+db.Addr.String(), err)
	}
	capture, err := w.out.Attach(ctx)
	if err != nil {
		return Outcome{Err: err}
	}
	_ = capture.Stderr.Close()
	defer func() {
		_ = capture.Stdout.Close()
		_ = capture.Close()
	}()
	a.started(0)
	say := func(format string, args ...any) {
		_, _ = fmt.Fprintln(capture.Stdout, w.redact.clean(fmt.Sprintf(format, args...)))
	}
	migrate := w.apply
	if db.Migrations.OnUp == "refuse" {
		migrate = w.refuse
	}
	if out := migrate(ctx, db, endpoint, say); !out.Clean {
		return out
	}
	if err := holdSchema(ctx, endpoint, db); err != nil {
		say("%v", err)
		return schemaProblem(err)
	}
	return Outcome{Clean: true}
}

// apply applies what is pending.
func (w *migrationsWork) apply(ctx context.Context, db *spec.Database, endpoint pg.Endpoint, say func(string, ...any)) Outcome {
	result, err := migration.Up(ctx, migration.Config{
		Endpoint: endpoint, Dir: db.Migrations.Path, Tool: w.tool,
		LockTimeout: db.Migrations.LockTimeout.Std(),
		Progress:    func(ev migration.Event) { sayMigration(say, ev) },
	}, 0)
	if recErr := w.recordLedger(db, endpoint); recErr != nil {
		say("the ledger cannot be kept for plan: %v", recErr)
	}
	if err == nil || len(result.Steps) > 0 {
		// Also where the start was cancelled: what was applied stays.
		if err := endpoint.With(context.WithoutCancel(ctx), ledgerWait, catalog.Keep); err != nil {
			say("drift cannot be told from now on: %v", err)
		}
	}
	if err != nil {
		say("%v", err)
		return Outcome{Err: err, Permanent: !pg.IsTemporary(err), Spoiled: migration.LeavesDirty(err)}
	}
	if len(result.Steps) == 0 {
		say("nothing to apply")
	}
	return Outcome{Clean: true}
}

// refuse lets up go on only where nothing is pending: migrating is a step of
// its own then.
func (w *migrationsWork) refuse(ctx context.Context, db *spec.Database, e pg.Endpoint, say func(string, ...any)) Outcome {
	status, err := migration.ReadStatus(ctx, e, db.Migrations.Path)
	if err == nil {
		err = status.Refusal()
	}
	if recErr := migration.RecordLedger(w.stateDir, db.Addr.File(), status.Ledger); err == nil && recErr != nil {
		say("the ledger cannot be kept for plan: %v", recErr)
	}
	if err != nil {
		say("%v", err)
		return Outcome{Err: err, Permanent: !pg.IsTemporary(err), Spoiled: migration.LeavesDirty(err)}
	}
	say("nothing is pending")
	return Outcome{Clean: true}
}

// ledgerWait bounds reading the ledger after migrating.
const ledgerWait = 2 * time.Second

// recordLedger keeps what is applied now, for a plan that does not ask the
// database.
func (w *migrationsWork) recordLedger(db *spec.Database, e pg.Endpoint) error {
	ctx, cancel := context.WithTimeout(context.Background(), ledgerWait)
	defer cancel()
	ledger, err := migration.ReadLedger(ctx, e)
	if err != nil {
		return err
	}
	return migration.RecordLedger(w.stateDir, db.Addr.File(), ledger)
}

// sayMigration writes one line for what happened.
func sayMigration(say func(string, ...any), ev migration.Event) {
	switch ev.Kind {
	case migration.EventWaiting:
		if ev.File.Name != "" {
			say("%06d_%s waits for %s", ev.File.Version, ev.File.Name, ev.Holder.Blocks())
			return
		}
		say("waiting for the lock, which %s holds", ev.Holder)
	case migration.EventApplied:
		say("applied %06d_%s in %s", ev.File.Version, ev.File.Name, ev.Took.Round(time.Millisecond))
	case migration.EventRetrying:
		say("%06d_%s was undone and comes again in %s: %v", ev.File.Version, ev.File.Name, ev.Took.Round(time.Millisecond), ev.Err)
	case migration.EventResumed:
		say("%06d_%s goes on after %d of its %d steps, which an earlier run did", ev.File.Version, ev.File.Name, ev.Done, ev.Of)
	case migration.EventNotice, migration.EventMended, migration.EventAdopted, migration.EventGaveWay:
		say("%s", ev.Text)
	}
}

// reach returns the endpoint of a database that is ready.
func (s *site) reach(db *spec.Database) (pg.Endpoint, error) {
	if db.Source != "managed" && db.Source != "shared" {
		return s.endpoint(db)
	}
	url, err := s.lookup(db.Addr, "direct_url")
	if err != nil {
		return pg.Endpoint{}, err
	}
	return pg.ParseURL(url.(spec.Text))
}

// migrationsMember builds the unit of a database's migrations.
func (e *Engine) migrationsMember(id string, db *spec.Database) (member, error) {
	out, err := e.openLog(id, db.Log)
	if err != nil {
		return member{}, err
	}
	return member{
		policy: policy{
			oneShot: true, standsOnNeeds: true,
			first: spec.Start{Attempts: db.Retry.Attempts, Backoff: db.Retry.Backoff},
		},
		adopt: func(w work) { w.(*migrationsWork).db.set(db) },
		work:  &migrationsWork{site: e.site, db: newCurrent(db), out: out, tool: e.cfg.Version},
	}, nil
}
