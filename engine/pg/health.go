package pg

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/syndicate/syndicate/spec"
)

// HealthConfig says whom to ask, how often, and whom to tell.
type HealthConfig struct {
	Endpoint Endpoint
	Health   spec.Health
	// Report is told each change: nil when the database answers, else why
	// it does not. The first answer counts as no change.
	Report func(err error)
}

// Watch asks the database at each interval whether it answers, until ctx
// ends. It keeps one connection between its questions, so that asking is one
// round trip, and makes a new one when that is lost: a restart of the server
// that nobody noticed is no outage. It returns nil.
func Watch(ctx context.Context, cfg HealthConfig) error {
	w := watcher{cfg: cfg}
	defer w.close(ctx)
	tick := time.NewTicker(max(cfg.Health.Interval.Std(), 10*time.Millisecond))
	defer tick.Stop()
	up := true
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		err := w.ask(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if now := err == nil; now != up {
			up = now
			cfg.Report(err)
		}
	}
}

// watcher holds the connection that Watch asks through.
type watcher struct {
	cfg  HealthConfig
	conn *pgx.Conn
}

// ask asks once, over a new connection where the kept one is lost.
func (w *watcher) ask(ctx context.Context) error {
	timeout := w.cfg.Health.Timeout.Std()
	if timeout <= 0 {
		timeout = tryTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	if w.conn != nil {
		if w.conn.Ping(ctx) == nil {
			return nil
		}
		w.close(ctx)
	}
	to := w.cfg.Endpoint
	cfg, err := to.Config()
	if err != nil {
		return err
	}
	if w.conn, err = pgx.ConnectConfig(ctx, cfg); err != nil {
		w.conn = nil
		return ConnectError("connect to "+to.Address(), to, err)
	}
	if err := w.conn.Ping(ctx); err != nil {
		w.close(ctx)
		return ConnectError("ask "+to.Address(), to, err)
	}
	return nil
}

// close gives the connection back in good order, or within a second drops
// it.
func (w *watcher) close(ctx context.Context) {
	if w.conn == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	_ = w.conn.Close(ctx)
	w.conn = nil
}
