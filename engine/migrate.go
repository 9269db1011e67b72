package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/syndicate/syndicate/engine/log"
	"github.com/syndicate/syndicate/engine/pg"
	"github.com/syndicate/syndicate/engine/process"
	"github.com/syndicate/syndicate/spec"
)

// MigrateConfig says which database to reach for migrating, and how.
type MigrateConfig struct {
	System   *spec.System
	Database *spec.Database // of System
	Ports    Ports          // a number for each "auto"
	Log      hclog.Logger   // nil drops it

	// Life marks what is started. It is empty where another engine holds
	// the state directory: then nothing is started, and a managed server is
	// the one that engine runs.
	Life string
	// Waiting is told of each failed attempt to reach a database that runs
	// elsewhere. nil drops it.
	Waiting func(pg.Attempt)
	// Patience bounds the wait for a server that another program starts or
	// runs; 0 is what the database's retry says, and attachWait.
	Patience time.Duration
}

// waits bounds a wait for the server.
func (cfg MigrateConfig) waits(ctx context.Context, otherwise time.Duration) (context.Context, context.CancelFunc) {
	wait := cmp.Or(cfg.Patience, otherwise)
	if wait == 0 {
		return ctx, func() {}
	}
	return context.WithTimeoutCause(ctx, wait, fmt.Errorf("it was not ready within %s", wait))
}

// attachWait bounds the wait for a server that another engine is starting.
const attachWait = time.Minute

// Migrate reaches a database, with no other unit running, and calls do with
// its address. A managed server that is down is started for that and stopped
// again; nothing of it is left when Migrate returns, and a guardian ends it
// where this process is killed: main must call process.Guardian. A context that ends is
// handed on to do, and stops the server in good order.
func Migrate(ctx context.Context, cfg MigrateConfig, do func(context.Context, pg.Endpoint) error) error {
	if cfg.Log == nil {
		cfg.Log = hclog.NewNullLogger()
	}
	s := newSite(cfg.System, cfg.Life, cfg.Ports, cfg.Log)
	if cfg.Database.Source == "shared" {
		return migrateShared(ctx, s, cfg, do)
	}
	if cfg.Database.Source != "managed" {
		to, err := s.endpoint(cfg.Database)
		if err != nil {
			return fmt.Errorf("read the address of %s: %w", cfg.Database.Addr, err)
		}
		ready, cancel := cfg.waits(ctx, 0)
		defer cancel()
		if err := pg.Connect(ready, pg.ConnectConfig{Endpoint: to, Retry: cfg.Database.Retry, Report: cfg.Waiting}); err != nil {
			return err
		}
		return do(ctx, to)
	}
	if cfg.Life == "" {
		return migrateRunning(ctx, s, cfg, do)
	}
	return migrateStarted(ctx, s, cfg, do)
}

// migrateShared reaches the server that a database shares, and calls do with
// the address of the database in it.
func migrateShared(ctx context.Context, s *site, cfg MigrateConfig, do func(context.Context, pg.Endpoint) error) error {
	db := cfg.Database
	host := s.database(db.Shared.Server)
	if host == nil {
		return fmt.Errorf("%s: there is no %s", db.Addr, db.Shared.Server)
	}
	cfg.Database = host
	return Migrate(ctx, cfg, func(ctx context.Context, _ pg.Endpoint) error {
		server, err := s.join(ctx, db)
		if err != nil {
			return err
		}
		return do(ctx, server.Endpoint())
	})
}

// migrateRunning uses the server that another engine runs.
func migrateRunning(ctx context.Context, s *site, cfg MigrateConfig, do func(context.Context, pg.Endpoint) error) error {
	server, err := s.newServer(cfg.Database, cfg.Database.Addr.String())
	if err != nil {
		return err
	}
	if err := server.Attach(); err != nil {
		return err
	}
	ready, cancel := cfg.waits(ctx, attachWait)
	defer cancel()
	if err := server.Ready(ready); err != nil {
		return err
	}
	return do(ctx, server.Endpoint())
}

// migrateStarted runs the server for as long as do takes.
func migrateStarted(ctx context.Context, s *site, cfg MigrateConfig, do func(context.Context, pg.Endpoint) error) (err error) {
	db := cfg.Database
	id := db.Addr.String()
	if s.host, err = process.New(process.Config{Life: s.life, Guardian: cfg.System.Name, Home: cfg.System.StateDir, Logger: cfg.Log.Named("process")}); err != nil {
		return fmt.Errorf("start %s: %w", id, err)
	}
	defer func() { err = errors.Join(err, s.host.Close()) }()
	out, err := log.Open(log.Config{
		Dir: LogDir(s.stateDir), Unit: id, MaxSize: int64(db.Log.MaxSize), Keep: db.Log.Keep, Buffers: s.buffers,
		OnError: func(err error) { s.log.Warn("log trouble", "unit", id, "error", err) },
	})
	if err != nil {
		return fmt.Errorf("start %s: %w", id, err)
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	server, err := s.newServer(db, id)
	if err != nil {
		return err
	}
	return during(ctx, &serverWork{databaseAccess: s.unguarded(db), id: id, out: out, server: server}, func() error {
		return do(ctx, server.Endpoint())
	})
}

// during makes one run of a unit, calls do once it is ready, and stops it. It
// returns when nothing of the run is left. A run that ends by itself before
// it is ready, or while do works, is the error where do has none of its own.
func during(ctx context.Context, w work, do func() error) error {
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	ready := make(chan struct{}, 1)
	ended := make(chan Outcome, 1)
	a := &attempt{
		number: 1, hurry: make(chan struct{}), started: func(int) {}, health: func(string) {}, note: func(string) {},
		ready: func() {
			select {
			case ready <- struct{}{}:
			default:
			}
		},
	}
	go func() { ended <- w.run(running, a) }()
	select {
	case out := <-ended:
		return firstError(out.Err, errors.New("it ended before it was ready"))
	case <-ctx.Done():
		stop()
		<-ended
		return context.Cause(ctx)
	case <-ready:
	}
	err := do()
	stop()
	out := <-ended
	return firstError(err, out.Err)
}

// firstError returns the first of the two that is an error.
func firstError(first, second error) error {
	if first != nil {
		return first
	}
	return second
}
