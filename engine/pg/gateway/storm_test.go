package gateway

import (
	"context"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/syndicate/syndicate/engine/pg/pgtest"
)

// Clients that connect, ask once and leave, many more at a time than there is
// room for: each gets its answer, and nothing of them is left.
func TestConnectStorm(t *testing.T) {
	to := pgtest.Database(t)
	x := open(t, serverURL(to), func(c *Config) { c.Limits.MaxConn = 8 })
	const clients, each = 40, 5
	var all sync.WaitGroup
	for range clients {
		all.Go(func() {
			for range each {
				conn, err := pgx.Connect(within(t), x.url(to))
				if err != nil {
					t.Error(err)
					return
				}
				var got int
				if err := conn.QueryRow(within(t), "select 42", pgx.QueryExecModeSimpleProtocol).Scan(&got); err != nil || got != 42 {
					t.Error(got, err)
				}
				_ = conn.Close(within(t))
			}
		})
	}
	all.Wait()
	eventually(t, "every place is free", func() bool { s := x.Snapshot(); return s.Connections == 0 && s.Waiting == 0 })
	s := x.Snapshot()
	if s.Sessions != clients*each || len(s.Refused) > 0 || len(s.Errors) > 0 {
		t.Errorf("%d sessions, refused %v, errors %v", s.Sessions, s.Refused, s.Errors)
	}
}

// A thousand queries that run, and a thousand cancels, from several clients at
// a time: each cancel ends the query that it is meant for.
func TestCancelsReachTheirQueries(t *testing.T) {
	to := pgtest.Database(t)
	x := open(t, serverURL(to), nil)
	const clients, each = 8, 125
	var all sync.WaitGroup
	for range clients {
		cfg, err := pgx.ParseConfig(x.url(to))
		if err != nil {
			t.Fatal(err)
		}
		cancels := make(chan error, 1)
		// It says so when it runs: a cancel before that is lost without a gateway, too.
		cfg.OnNotice = func(c *pgconn.PgConn, _ *pgconn.Notice) {
			go func() { cancels <- c.CancelRequest(within(t)) }()
		}
		conn, err := pgx.ConnectConfig(within(t), cfg)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conn.Close(context.Background()) }()
		all.Go(func() {
			for range each {
				_, err := conn.Exec(within(t), "do $$begin raise notice 'it runs'; perform pg_sleep(600); end$$")
				if state(err) != "57014" {
					t.Errorf("a query ended with %v", err)
					return
				}
				if err := <-cancels; err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	if s := x.Snapshot(); s.Cancels != clients*each || s.Lost > 0 {
		t.Errorf("%d cancels, %d lost", s.Cancels, s.Lost)
	}
}
