package engine

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/syndicate/syndicate/engine/event"
	"github.com/syndicate/syndicate/engine/pg/pgtest"
	"github.com/syndicate/syndicate/spec"
)

// schemaNews are what a watch tells: events with the notes before them.
type schemaNews struct {
	to, cause, note string
}

// watched starts the watch over a database's schema, and returns what it
// tells.
func watched(t *testing.T, every time.Duration, db *spec.Database, sql string) (*databaseAccess, func(sql string), <-chan schemaNews) {
	t.Helper()
	server, err := pgtest.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Stop)
	to := server.Database(t)
	pgtest.Exec(t, to, sql)
	news := make(chan schemaNews, 16)
	note := ""
	s := newSite(&spec.System{StateDir: t.TempDir()}, "life", nil, hclog.NewNullLogger())
	s.ledgerEvery, s.schemaEvery = 5*time.Millisecond, every
	s.report = func(ev event.Event) { news <- schemaNews{ev.To, ev.Cause, note} }
	d := s.unguarded(db)
	if err := d.open(to); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		d.tend(ctx, &attempt{health: func(string) {}, note: func(text string) { note = text }}, nil)
	}()
	t.Cleanup(func() {
		cancel()
		<-done
		d.pool.Close()
	})
	return d, func(sql string) { pgtest.Exec(t, to, sql) }, news
}

// told waits for the next thing that the watch tells.
func told(t *testing.T, news <-chan schemaNews) schemaNews {
	t.Helper()
	select {
	case n := <-news:
		return n
	case <-time.After(time.Minute):
		t.Fatal("nothing was told")
		return schemaNews{}
	}
}

func declaredDatabase(migrated bool) *spec.Database {
	db := &spec.Database{
		Block:  spec.Block{Addr: spec.Addr{Kind: spec.KindDatabase, Name: "main"}},
		Health: spec.Health{Interval: spec.Duration(time.Hour)},
		Schema: []spec.Table{{Name: "t", Columns: map[string]string{"a": "int"}}},
	}
	if migrated {
		db.Migrations = &spec.Migrations{OnUp: "apply"}
	}
	return db
}

// A schema that is changed under a running system is told of within the time
// between two looks, once, and so is its end.
func TestSchemaIsWatched(t *testing.T) {
	d, exec, news := watched(t, time.Nanosecond, declaredDatabase(false), "create table t (a int primary key)")
	exec("alter table t alter a type bigint")
	n := told(t, news)
	if n.to != "schema broken" || !strings.Contains(n.cause, "column t.a is bigint, and is declared as int (C103)") || !strings.Contains(n.note, "column t.a is bigint") {
		t.Errorf("%+v", n)
	}
	if f := d.schemaFigures(); f == nil || f.Breaches != 1 || f.Unhealthy != 0 {
		t.Errorf("%+v", f)
	}
	exec("alter table t alter a type int")
	if n = told(t, news); n.to != "schema mended" || n.note != "" {
		t.Errorf("%+v", n)
	}
	if len(news) > 0 {
		t.Errorf("more was told: %+v", <-news)
	}
}

// Between two hours only a change of the ledger makes it look.
func TestSchemaIsLookedAtWhenTheLedgerChanges(t *testing.T) {
	d, exec, news := watched(t, time.Hour, declaredDatabase(true), `create table t (a int primary key);
		create table schema_migrations (version bigint primary key, dirty bool); insert into schema_migrations values (1, false)`)
	for d.schemaFigures() == nil {
		select {
		case n := <-news:
			t.Fatalf("told %+v", n)
		case <-time.After(time.Millisecond):
		}
	}
	first := d.schemaFigures()
	exec("alter table t alter a type bigint")
	exec("update schema_migrations set version = 2")
	if n := told(t, news); n.to != "schema broken" {
		t.Errorf("%+v", n)
	}
	if f := d.schemaFigures(); f == first || f.Breaches != 1 {
		t.Errorf("%+v", f)
	}
}

// Another declaration is looked at in its turn, without a migration.
func TestSchemaIsLookedAtWhenItIsDeclaredAnew(t *testing.T) {
	d, _, news := watched(t, time.Hour, declaredDatabase(false), "create table t (a int primary key)")
	for d.schemaFigures() == nil {
		<-time.After(time.Millisecond)
	}
	next := declaredDatabase(false)
	next.Schema[0].NotNull = []string{"a", "b"}
	d.db.set(next)
	if n := told(t, news); n.to != "schema broken" || !strings.Contains(n.cause, "table t has no column b") {
		t.Errorf("%+v", n)
	}
}
