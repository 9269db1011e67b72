package pgtest

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/syndicate/syndicate/engine/pg"
)

// made counts the databases of all servers.
var made atomic.Int64

// Database makes an empty database on the server of Main.
func Database(t testing.TB) pg.Endpoint {
	t.Helper()
	return Shared().Database(t)
}

// Database makes an empty database on the server.
func (s *Server) Database(t testing.TB) pg.Endpoint {
	t.Helper()
	name := fmt.Sprintf("test_%d", made.Add(1))
	Exec(t, s.Endpoint("postgres"), "create database "+name)
	return s.Endpoint(name)
}

// Dial connects for the rest of the test.
func Dial(t testing.TB, to pg.Endpoint) *pgx.Conn {
	t.Helper()
	cfg, err := to.Config()
	if err != nil {
		t.Fatal(err)
	}
	conn, err := pgx.ConnectConfig(t.Context(), cfg)
	if err != nil {
		t.Fatalf("connect: %v", err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

// Exec runs statements over a connection of their own.
func Exec(t testing.TB, to pg.Endpoint, sql string) {
	t.Helper()
	conn := Dial(t, to)
	if _, err := conn.Exec(t.Context(), sql); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	_ = conn.Close(t.Context())
}

// Query returns one value as text, NULL for none.
func Query(t testing.TB, to pg.Endpoint, sql string) string {
	t.Helper()
	conn := Dial(t, to)
	var v *string
	if err := conn.QueryRow(t.Context(), sql).Scan(&v); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	_ = conn.Close(t.Context())
	if v == nil {
		return "NULL"
	}
	return *v
}
