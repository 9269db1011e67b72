package engine

import (
	"context"
	"errors"
	"sync/atomic"
	"syscall"

	"github.com/syndicate/syndicate/engine/log"
	"github.com/syndicate/syndicate/engine/metric"
	"github.com/syndicate/syndicate/engine/pg"
	"github.com/syndicate/syndicate/engine/process"
	"github.com/syndicate/syndicate/spec"
)

// poolerWork runs PgBouncer where a database's gateway stands.
type poolerWork struct {
	*site
	db      *current[spec.Database]
	id      string
	out     *log.Log
	running atomic.Pointer[pg.Pooler] // of the run under way, nil between
}

// run writes PgBouncer's files, starts it and stays with it.
func (w *poolerWork) run(ctx context.Context, a *attempt) (out Outcome) {
	defer w.conceal(&out)
	db := w.db.get()
	cfg, err := w.config(db)
	if err != nil {
		return permanent("prepare the gateway of "+db.Addr.String(), err)
	}
	if err := portFree(cfg.Host, cfg.Port); err != nil {
		return Outcome{Err: err}
	}
	pooler, err := pg.NewPooler(cfg)
	if err != nil {
		return permanent("prepare the gateway of "+db.Addr.String(), err)
	}
	cmd, err := pooler.Prepare()
	if err != nil {
		return Outcome{Err: err, Permanent: true}
	}
	x, lasting, err := w.execute(ctx, &process.Command{
		Unit: w.id, Argv: cmd.Argv, Dir: cmd.Dir, Env: cmd.Env, User: cmd.User,
	}, w.out, func(*log.Capture) error { return nil })
	if err != nil {
		return Outcome{Err: err, Permanent: lasting}
	}
	a.started(x.proc.PID())
	watching, cancel := context.WithCancel(context.Background())
	failed := make(chan error, 1)
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		w.watch(watching, a, x.proc, pooler, db, failed)
	}()
	stop := func() error {
		cancel()
		<-watched
		return x.stop(pg.PoolerStop, w.db.get().Stop.Timeout.Std(), a.hurry)
	}
	select {
	case <-x.proc.Done():
		cancel()
		<-watched
		out = exited(x.proc.Exit())
		out.Err = errors.Join(out.Err, x.end())
	case <-ctx.Done():
		out.Err = stop()
		out.Exit = x.proc.Exit().String()
	case err := <-failed:
		out.Err = errors.Join(err, stop())
		out.Exit = x.proc.Exit().String()
	}
	return out
}

// watch waits until PgBouncer answers, and then tells it of each change of
// the bounds that it was started with.
func (w *poolerWork) watch(ctx context.Context, a *attempt, proc *process.Process, pooler *pg.Pooler, started *spec.Database, failed chan<- error) {
	if err := pooler.Ready(ctx); err != nil {
		if ctx.Err() == nil {
			failed <- err
		}
		return
	}
	w.running.Store(pooler)
	defer w.running.Store(nil)
	a.ready()
	w.db.each(ctx, func(ctx context.Context, db *spec.Database) {
		if db == started {
			<-ctx.Done()
			return
		}
		started = nil // also its definition is another one when it comes again
		cfg, err := w.config(db)
		if err == nil {
			err = pooler.Configure(cfg)
		}
		if err == nil {
			err = proc.Signal(syscall.SIGHUP)
		}
		if err != nil && ctx.Err() == nil {
			w.log.Error("cannot change the pooler", "unit", w.id, "error", err)
		}
		<-ctx.Done()
	})
}

// config describes the pooler of a database that is ready.
func (w *poolerWork) config(db *spec.Database) (pg.PoolerConfig, error) {
	url, err := w.lookup(db.Addr, "direct_url")
	if err != nil {
		return pg.PoolerConfig{}, err
	}
	server, err := pg.ParseURL(url.(spec.Text))
	if err != nil {
		return pg.PoolerConfig{}, err
	}
	g := db.Gateway
	cfg := pg.PoolerConfig{
		Name: db.Addr.File(), StateDir: w.stateDir, Server: server,
		MaxConn: g.MaxConn, MaxWaiting: g.MaxWaiting, AcquireTimeout: g.AcquireTimeout.Std(),
		QueryTimeout: db.QueryTimeout.Std(), TLSCert: g.TLSCert, TLSKey: g.TLSKey,
	}
	if db.Addr.Key != "" {
		cfg.Name += "." + db.Addr.Key
	}
	if db.Managed != nil {
		cfg.User = db.Managed.User
	}
	cfg.Host, cfg.Port = w.gatewayAddress(db)
	return cfg, nil
}

// poolerFigures are what a pooler tells of itself; ok is false where it does
// not answer.
func poolerFigures(id string, max int, p *pg.Pooler) (metric.Pooler, bool) {
	f, err := p.Figures(context.Background())
	return metric.Pooler{
		ID: id, Max: max, ClientsActive: f.ClientsActive, ClientsWaiting: f.ClientsWaiting,
		ServersActive: f.ServersActive, ServersIdle: f.ServersIdle, LongestWait: f.LongestWait,
		Queries: f.Queries, Transactions: f.Transactions, QueryTime: f.QueryTime, WaitTime: f.WaitTime,
	}, err == nil
}

// Poolers are the figures of all poolers that run, in the order in which they
// are declared.
func (e *Engine) Poolers() []metric.Pooler {
	var list []metric.Pooler
	for _, m := range e.core.inForce() {
		w, ok := m.work.(*poolerWork)
		if !ok {
			continue
		}
		if p := w.running.Load(); p != nil {
			db := w.db.get()
			if f, ok := poolerFigures(db.Addr.String(), db.Gateway.MaxConn, p); ok {
				list = append(list, f)
			}
		}
	}
	return list
}
