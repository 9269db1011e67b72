package engine

import (
	"context"
	"strings"
	"sync/atomic"
	"time"

	"github.com/syndicate/syndicate/engine/event"
	"github.com/syndicate/syndicate/engine/metric"
	"github.com/syndicate/syndicate/engine/pg"
	"github.com/syndicate/syndicate/engine/pg/catalog"
	"github.com/syndicate/syndicate/plan"
	"github.com/syndicate/syndicate/spec"
)

const (
	// schemaTimeout bounds one look at a schema.
	schemaTimeout = time.Minute
	// ledgerEvery is how often the ledger is looked at while a database is
	// ready: others may migrate it.
	ledgerEvery = time.Minute
	// schemaEvery is how often the schema is looked at, whatever the ledger
	// says.
	schemaEvery = time.Hour
)

// schemaState is what was found when a schema was looked at last.
type schemaState struct{ found atomic.Pointer[metric.Schema] }

// schemaFigures implements pooled.
func (d *databaseAccess) schemaFigures() *metric.Schema { return d.schema.found.Load() }

// holdSchema holds the live schema against what is declared of it: the error
// is a *catalog.Breach where it is not so, and else says why nobody can tell.
func holdSchema(ctx context.Context, to pg.Endpoint, db *spec.Database) error {
	if len(db.Schema) == 0 {
		return nil
	}
	var breach *catalog.Breach
	if err := to.With(ctx, schemaTimeout, catalog.Holding(db.Schema, &breach)); err != nil {
		return err
	}
	if breach != nil {
		return breach
	}
	return nil
}

// migrates reports whether up migrates a database, so that its schema is held
// against the declaration after that and not before.
func migrates(db *spec.Database) bool { return db.Migrations != nil && db.Migrations.OnUp != "skip" }

// firstSchema holds the schema of a database that nobody migrates against
// what is declared, before anybody is told that it is ready.
func (d *databaseAccess) firstSchema(ctx context.Context, to pg.Endpoint) error {
	db := d.db.get()
	if migrates(db) {
		return nil
	}
	return holdSchema(ctx, to, db)
}

// watchSchema looks at the schema when the ledger has changed, and once an
// hour, until ctx ends. A breach of the declaration is an event, and degrades
// the system until it is mended.
func (d *databaseAccess) watchSchema(ctx context.Context, a *attempt, db *spec.Database) {
	if len(db.Schema) == 0 && db.Migrations == nil {
		a.note("")
		return
	}
	w := schemaWatch{databaseAccess: d, attempt: a, declared: db}
	if !migrates(db) {
		w.look(ctx) // also after a change of what is declared
	}
	tick := time.NewTicker(d.ledgerEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			w.turn(ctx)
		}
	}
}

// schemaWatch is the watch over one database's schema.
type schemaWatch struct {
	*databaseAccess
	attempt  *attempt
	declared *spec.Database
	standing string    // of the ledger, when it was looked at last
	looked   time.Time // at the schema
	said     string    // the breach that was told of last
}

// turn looks at the ledger, and at the schema where that is due. Where the
// database does not answer the health checks tell.
func (w *schemaWatch) turn(ctx context.Context) {
	now := ""
	if w.ask(ctx, "read the ledger", func(ctx context.Context) error {
		return w.pool.Do(ctx, "read the ledger", catalog.Standing(&now))
	}) && (now != w.standing || time.Since(w.looked) >= w.schemaEvery) {
		w.standing = now
		w.look(ctx)
	}
}

// look looks at the schema, and tells of it.
func (w *schemaWatch) look(ctx context.Context) {
	var report *catalog.Report
	if !w.ask(ctx, "check the schema", func(ctx context.Context) error {
		return w.pool.Do(ctx, "check the schema", catalog.Checking(w.declared.Schema, &report))
	}) {
		return
	}
	w.looked = time.Now()
	w.schema.found.Store(figuresOf(report))
	breach := ""
	if found := declaredOnly(report); len(found) > 0 {
		breach = w.redact.clean((&catalog.Breach{Findings: found}).Error())
	}
	w.tell(breach)
}

// ask asks the database something. It reports whether it answered.
func (w *schemaWatch) ask(ctx context.Context, what string, do func(context.Context) error) bool {
	inner, cancel := context.WithTimeout(ctx, schemaTimeout)
	defer cancel()
	err := do(inner)
	if err != nil && ctx.Err() == nil {
		w.log.Warn("cannot "+what, "unit", w.declared.Addr.String(), "error", w.redact.clean(err.Error()))
	}
	return err == nil
}

// tell reports a breach that is new, and its end.
func (w *schemaWatch) tell(breach string) {
	if breach == w.said {
		return
	}
	to, cause := "schema broken", breach
	if breach == "" {
		to, cause = "schema mended", "the schema is as it is declared again"
	}
	w.said = breach
	line, _, _ := strings.Cut(breach, "\n")
	w.attempt.note(strings.TrimSuffix(line, ":"))
	w.report(event.Event{
		Time: time.Now(), Kind: event.Notice, Unit: w.declared.Addr.String(), UnitKind: string(plan.StepServer), To: to, Cause: cause,
	})
}

// declaredOnly returns the findings that are breaches of the declaration.
func declaredOnly(report *catalog.Report) []catalog.Finding {
	var all []catalog.Finding
	for _, f := range report.Findings {
		if catalog.OfDeclaration(f.Code) {
			all = append(all, f)
		}
	}
	return all
}

// figuresOf counts what was found.
func figuresOf(report *catalog.Report) *metric.Schema {
	s := &metric.Schema{At: time.Now()}
	for _, f := range report.Findings {
		switch {
		case catalog.OfDeclaration(f.Code):
			s.Breaches++
		case f.Code == catalog.CodeDrift:
			s.Drifted++
		default:
			s.Unhealthy++
		}
	}
	return s
}

// schemaProblem makes the outcome of a schema that is not as it is declared.
// A breach is what it is however often it is looked at.
func schemaProblem(err error) Outcome {
	return Outcome{Err: err, Permanent: !pg.IsTemporary(err)}
}
