package engine

import (
	"context"
	"fmt"
	"time"

	"github.com/syndicate/syndicate/engine/pg"
	"github.com/syndicate/syndicate/spec"
)

// sharedWork stays connected to a database in the server of another block. It
// makes the role and the database there.
type sharedWork struct{ *databaseAccess }

// joinWait bounds making a database in a server that is ready.
const joinWait = time.Minute

// run makes what is missing, and then watches the database until it is told
// to stop.
func (w *sharedWork) run(ctx context.Context, a *attempt) (out Outcome) {
	defer w.conceal(&out)
	db := w.db.get()
	server, err := w.join(ctx, db)
	if err != nil {
		return Outcome{Err: err, Permanent: !pg.IsTemporary(err) && ctx.Err() == nil}
	}
	a.started(0)
	limit := func(ctx context.Context, db *spec.Database) {
		if err := server.LimitQueries(ctx, db.QueryTimeout.Std()); err != nil && ctx.Err() == nil {
			w.log.Error("cannot change the limit of statements", "unit", db.Addr.String(), "error", err)
		}
	}
	if err := server.LimitQueries(ctx, db.QueryTimeout.Std()); err != nil {
		return Outcome{Err: err}
	}
	if err := w.open(server.Endpoint()); err != nil {
		return Outcome{Err: err, Permanent: true}
	}
	defer w.pool.Close()
	w.setEndpoint(db.Addr, server.Endpoint())
	a.ready()
	w.tend(ctx, a, limit)
	return Outcome{}
}

// join reaches a database in the server of another block, which runs, and
// makes it there where it is missing.
func (s *site) join(ctx context.Context, db *spec.Database) (*pg.Server, error) {
	server, err := s.sharedServer(db)
	if err != nil {
		return nil, err
	}
	if err := server.Join(); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, joinWait, fmt.Errorf("it was not there within %s", joinWait))
	defer cancel()
	return server, server.Ready(ctx)
}

// sharedServer describes the server that a database shares.
func (s *site) sharedServer(db *spec.Database) (*pg.Server, error) {
	host := s.database(db.Shared.Server)
	if host == nil || host.Managed == nil {
		return nil, fmt.Errorf("%s: %s has no server to share", db.Addr, db.Shared.Server)
	}
	cfg := s.serverConfig(db, host, db.Addr.String())
	cfg.Host = host.Addr.File()
	cfg.Managed.Extensions = db.Shared.Extensions
	return pg.New(cfg)
}

// database returns a declared database, nil where there is none.
func (s *site) database(addr spec.Addr) *spec.Database {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.databases[addr]
}
