package pool

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/syndicate/syndicate/engine/pg/pgtest"
	"github.com/syndicate/syndicate/spec"
)

func TestPool(t *testing.T) {
	p := New(Config{Name: "database.main"})
	closed, ok := errors.AsType[*ClosedError](one(p))
	if !ok || closed.Name != "database.main" {
		t.Errorf("a closed pool says %v", closed)
	}
	to := pgtest.Database(t)
	for range 2 { // it can be opened again
		if err := p.Open(to, Settings{Min: 1, Max: 2}); err != nil {
			t.Fatal(err)
		}
		if err := p.Open(to, Settings{}); err == nil {
			t.Error("it was opened twice")
		}
		if err := one(p); err != nil {
			t.Fatal(err)
		}
		p.Close()
	}
	if s := p.Snapshot(); s.Open || s.InUse+s.Idle+s.Waiting != 0 {
		t.Errorf("after the end %+v", s)
	}
}

// Whoever waits in vain is told who has the connections.
func TestBusy(t *testing.T) {
	p := opened(t, pgtest.Database(t), Settings{Max: 2, AcquireTimeout: 150 * time.Millisecond}, nil)
	hold, holding := make(chan struct{}), make(chan struct{}, 2)
	ended := make(chan error, 2)
	for range 2 {
		go func() {
			ended <- p.Do(t.Context(), "schema check", func(context.Context, *pgx.Conn) error {
				holding <- struct{}{}
				<-hold
				return nil
			})
		}()
		<-holding
	}
	err := one(p)
	busy, ok := errors.AsType[*BusyError](err)
	if !ok || len(busy.Holders) != 2 || busy.Max != 2 {
		t.Fatalf("err = %v, want a BusyError with 2 holders", err)
	}
	wantText(t, err, "none of the pool's 2 was free within acquire_timeout, 150ms", "schema check for ")
	if c := p.Check(t.Context(), 50*time.Millisecond); c.Err == nil {
		t.Error("a health check found a connection")
	}
	s := p.Snapshot()
	if s.InUse != 2 || s.Max != 2 || s.Errors["busy"] != 2 {
		t.Errorf("snapshot %+v", s)
	}
	close(hold)
	if err := errors.Join(<-ended, <-ended, one(p)); err != nil {
		t.Error(err)
	}
}

// More room is there at once, also for who has a connection by the old
// bounds.
func TestConfigure(t *testing.T) {
	p := opened(t, pgtest.Database(t), Settings{Max: 1, AcquireTimeout: 5 * time.Second}, nil)
	err := p.Do(t.Context(), "first", func(ctx context.Context, conn *pgx.Conn) error {
		if err := p.Configure(Settings{Max: 3, QueryTimeout: 90 * time.Second}); err != nil {
			return err
		}
		if err := one(p); err != nil {
			return err
		}
		_, err := conn.Exec(ctx, "select 1")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	var limit string
	err = p.Do(t.Context(), "second", func(ctx context.Context, conn *pgx.Conn) error {
		return conn.QueryRow(ctx, "show statement_timeout").Scan(&limit)
	})
	if err != nil || limit != "90s" && limit != "1min 30s" {
		t.Errorf("statement_timeout %q, %v", limit, err)
	}
	if s := p.Snapshot(); s.Max != 3 {
		t.Errorf("max %d", s.Max)
	}
}

func TestQueryTimeout(t *testing.T) {
	guard := &ledger{}
	p := opened(t, pgtest.Database(t), Settings{QueryTimeout: 50 * time.Millisecond}, guard)
	_, err := p.Exec(t.Context(), "schema check", "select pg_sleep(30)")
	wantText(t, err, "schema check on database.main", "query_timeout, 50ms", "57014", "raise query_timeout")
	if got := guard.take(); got != "success" {
		t.Errorf("for the breaker it was %s", got)
	}
}

// Errors of SQL are no matter of the connection, and are not tried again.
func TestErrorsOfSQL(t *testing.T) {
	guard := &ledger{}
	p := opened(t, pgtest.Database(t), quick, guard)
	for sql, want := range map[string]string{
		"selekt 1": "42601", "select 1/0": "22012", "select * from nowhere": "42P01",
		"do $$ begin raise exception 'own' using errcode = 'P0001'; end $$": "P0001",
	} {
		if _, err := p.Exec(t.Context(), "statement", sql); state(err) != want {
			t.Errorf("%s: %v", sql, err)
		}
		if got := guard.take(); got != "success" {
			t.Errorf("%s: for the breaker it was %s", sql, got)
		}
	}
	s := p.Snapshot()
	if s.Errors["42"] != 2 || s.Errors["22"] != 1 || s.Errors["P0"] != 1 || len(s.Errors) != 3 {
		t.Errorf("errors %v", s.Errors)
	}
	queries, waits := p.Recent(time.Minute)
	if queries.Count != 4 || queries.Success != 0 || waits.Count != 4 {
		t.Errorf("queries %+v, waits %+v", queries, waits)
	}
	if err := errors.Join(one(p), p.Check(t.Context(), time.Minute).Err); err != nil {
		t.Fatal(err)
	}
	if queries, _ = p.Recent(time.Minute); queries.Count != 5 || queries.Success != 0.2 {
		t.Errorf("queries %+v", queries)
	}
	own := errors.New("the caller's")
	err := p.Do(t.Context(), "work", func(context.Context, *pgx.Conn) error { return own })
	if guard.take(); !errors.Is(err, own) {
		t.Errorf("an error of the caller's became %v", err)
	}
}

// An open breaker refuses at once; a health check looks all the same.
func TestOpenBreaker(t *testing.T) {
	guard := &ledger{refuse: errors.New("5 failures in a row")}
	p := opened(t, pgtest.Database(t), quick, guard)
	err := one(p)
	if _, ok := errors.AsType[*OpenError](err); !ok {
		t.Errorf("err = %v, want an OpenError", err)
	}
	wantText(t, err, "database.main", "5 failures in a row")
	if c := p.Check(t.Context(), time.Minute); c.Err != nil {
		t.Errorf("health check: %v", c.Err)
	}
}

// Closing ends what runs, and says why.
func TestCloseEndsUses(t *testing.T) {
	p := opened(t, pgtest.Database(t), once, nil)
	running := make(chan struct{})
	ended := make(chan error)
	go func() {
		ended <- p.Do(context.Background(), "long look", func(ctx context.Context, conn *pgx.Conn) error {
			close(running)
			_, err := conn.Exec(ctx, "select pg_sleep(600)")
			return err
		})
	}()
	<-running
	p.Close()
	err := <-ended
	if !errors.Is(err, ErrClosed) {
		t.Errorf("err = %v", err)
	}
	wantText(t, err, "long look on database.main", "being stopped")
}

func TestCancelledCaller(t *testing.T) {
	guard := &ledger{}
	p := opened(t, pgtest.Database(t), once, guard)
	ctx, cancel := context.WithCancelCause(t.Context())
	err := p.Do(ctx, "look", func(ctx context.Context, conn *pgx.Conn) error {
		time.AfterFunc(time.Millisecond, func() { cancel(errors.New("nobody wants it any more")) })
		_, err := conn.Exec(ctx, "select pg_sleep(600)")
		return err
	})
	wantText(t, err, "look on database.main", "nobody wants it any more")
	if got := guard.take(); got != "neutral" {
		t.Errorf("for the breaker it was %s", got)
	}
}

func TestHealth(t *testing.T) {
	to := pgtest.Database(t)
	p := opened(t, to, once, nil)
	for range keptChecks + 5 {
		if c := p.Check(t.Context(), time.Minute); c.Err != nil || c.Standby || c.MaxConnections < 10 || c.Connections < 1 {
			t.Fatalf("check %+v", c)
		}
	}
	s := p.Snapshot()
	if len(s.History) != keptChecks || !s.History[0].At.Before(s.History[1].At) {
		t.Errorf("history of %d", len(s.History))
	}
}

// A panic of a use gives the connection and the permit back.
func TestPanic(t *testing.T) {
	guard := &ledger{}
	p := opened(t, pgtest.Database(t), Settings{Max: 1}, guard)
	func() {
		defer func() { _ = recover() }()
		_ = p.Do(t.Context(), "work", func(context.Context, *pgx.Conn) error { panic("oh") })
	}()
	if got := guard.take(); got != "neutral" {
		t.Errorf("for the breaker it was %q", got)
	}
	if err := one(p); err != nil || len(p.stats.inUse) != 0 {
		t.Errorf("%v; in use: %v", err, p.stats.inUse)
	}
}

func TestNames(t *testing.T) {
	dns, err := newEndpoint("nowhere.invalid")
	if err != nil {
		t.Fatal(err)
	}
	guard := &ledger{}
	s := quick
	s.Retry = spec.Retry{Attempts: 3}
	p := opened(t, dns, s, guard)
	wantText(t, one(p), `the host "nowhere.invalid" is not known`)
	if got := guard.take(); strings.Count(got, "failure") != 3 {
		t.Errorf("for the breaker it was %s", got)
	}
	if s := p.Snapshot(); s.Errors["connection"] != 3 {
		t.Errorf("errors %v", s.Errors)
	}
}
