package migration

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/syndicate/syndicate/engine/pg"
)

// The two tables, both in the schema that comes first in the search_path.
// versionTable is golang-migrate's: one row, the version and whether it is
// dirty. ledgerTable is this package's: a row for everything that was ever
// done to a version, in order.
const (
	versionTable = "schema_migrations"
	ledgerTable  = "syndicate_migrations"
)

// Action is what a row of the ledger tells of a version.
type Action string

// What a row can tell.
const (
	ActionUp       Action = "up"       // its up file ran
	ActionDown     Action = "down"     // its down file ran
	ActionAdopted  Action = "adopted"  // another tool, or a person, applied it
	ActionUndone   Action = "undone"   // another tool, or a person, undid it
	ActionForce    Action = "force"    // a person set the database to it
	ActionAccepted Action = "accepted" // a person allowed that its file was edited
	ActionRetired  Action = "retired"  // a person allowed that its files are gone
)

// Outcome is how a row's action went.
type Outcome string

// How an action goes. Only files that are no transaction are ever seen
// running or stopped.
const (
	Done    Outcome = "done"
	Running Outcome = "running" // it runs now, or whoever ran it is gone
	Stopped Outcome = "stopped" // a part of it failed; Units are done
)

// Row is one entry of the ledger.
type Row struct {
	ID      int64   `json:"id"`
	Version uint64  `json:"version"` // 0: none, of a force to nothing
	Name    string  `json:"name"`
	Action  Action  `json:"action"`
	Outcome Outcome `json:"outcome"`
	Units   int     `json:"units"`  // done so far, of a file that is no transaction
	Prefix  string  `json:"prefix"` // checksum of their text
	UpSum   string  `json:"up_checksum"`
	DownSum string  `json:"down_checksum"`
	// After is what golang-migrate's table says since; nil is nothing.
	After   *uint64   `json:"after"`
	Role    string    `json:"role"` // of the database
	By      string    `json:"by"`   // user of the operating system
	Host    string    `json:"host"`
	Tool    string    `json:"tool"` // version of syndicate
	Started time.Time `json:"started"`
	Millis  int64     `json:"ms"`
	Note    string    `json:"note,omitempty"`
}

// Took is how long it took.
func (r Row) Took() time.Duration { return time.Duration(r.Millis) * time.Millisecond }

// Ledger is what a database says was applied.
type Ledger struct {
	None    bool      `json:"none"` // nothing was ever applied, or all undone
	Version uint64    `json:"version"`
	Dirty   bool      `json:"dirty"` // a file that is no transaction did not come to its end
	At      time.Time `json:"at"`    // when it was read
	Rows    []Row     `json:"rows,omitempty"`
}

// head returns the version of golang-migrate's table, nil for none.
func (l Ledger) head() *uint64 {
	if l.None {
		return nil
	}
	return &l.Version
}

// askTimeout bounds connecting and asking for the ledger.
const askTimeout = 5 * time.Second

// ReadLedger asks a database for its ledger, without changing anything. One
// that was never migrated has none, which is no error.
func ReadLedger(ctx context.Context, to pg.Endpoint) (Ledger, error) {
	var ledger Ledger
	err := to.With(ctx, askTimeout, func(ctx context.Context, conn *pgx.Conn) (err error) {
		ledger, err = readLedger(ctx, conn)
		return err
	})
	return ledger, err
}

// readLedger reads both tables, as far as they are there.
func readLedger(ctx context.Context, conn *pgx.Conn) (Ledger, error) {
	ledger := Ledger{None: true, At: time.Now().UTC()}
	var schema *string
	var hasVersion, hasLedger bool
	err := conn.QueryRow(ctx, `
		select current_schema()::text,
		       to_regclass(quote_ident(current_schema()) || '.`+versionTable+`') is not null,
		       to_regclass(quote_ident(current_schema()) || '.`+ledgerTable+`') is not null`).
		Scan(&schema, &hasVersion, &hasLedger)
	if err != nil || schema == nil {
		return ledger, err
	}
	if hasVersion {
		var version int64
		err := conn.QueryRow(ctx, "select version, dirty from "+table(*schema, versionTable)+" limit 1").Scan(&version, &ledger.Dirty)
		if err != nil && !errors.Is(err, pgx.ErrNoRows) {
			return ledger, err
		}
		ledger.None = err != nil || version < 0
		ledger.Version = uint64(max(version, 0))
	}
	if hasLedger {
		ledger.Rows, err = readRows(ctx, conn, *schema)
	}
	return ledger, err
}

func readRows(ctx context.Context, conn *pgx.Conn, schema string) ([]Row, error) {
	rows, err := conn.Query(ctx, `
		select id, version, name, action, outcome, units, prefix, up_checksum, down_checksum,
		       after, role, by, host, tool, started, ms, note
		from `+table(schema, ledgerTable)+` order by id`)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (Row, error) {
		var r Row
		var version int64
		var after *int64
		err := row.Scan(&r.ID, &version, &r.Name, &r.Action, &r.Outcome, &r.Units, &r.Prefix, &r.UpSum, &r.DownSum,
			&after, &r.Role, &r.By, &r.Host, &r.Tool, &r.Started, &r.Millis, &r.Note)
		r.Version, r.Started = uint64(version), r.Started.UTC()
		if after != nil {
			v := uint64(*after)
			r.After = &v
		}
		return r, err
	})
}

// table names one of the two tables, whatever the search_path is.
func table(schema, name string) string { return pgx.Identifier{schema, name}.Sanitize() }
