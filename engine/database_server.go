package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/syndicate/syndicate/engine/event"
	"github.com/syndicate/syndicate/engine/log"
	"github.com/syndicate/syndicate/engine/pg"
	"github.com/syndicate/syndicate/engine/process"
	"github.com/syndicate/syndicate/plan"
	"github.com/syndicate/syndicate/spec"
)

// serverWork runs a PostgreSQL server.
type serverWork struct {
	*databaseAccess
	id     string
	out    *log.Log
	server *pg.Server
	// recovered is how long the run under way took to mend what a crash had
	// left, in nanoseconds; 0 where there was none.
	recovered atomic.Int64
}

// describe implements describer.
func (w *serverWork) describe(s *UnitStatus) (moving bool) {
	moving = w.databaseAccess.describe(s)
	s.Database.Recovered = time.Duration(w.recovered.Load())
	return moving
}

// run prepares the data directory, starts the server and stays with it.
func (w *serverWork) run(ctx context.Context, a *attempt) (out Outcome) {
	defer w.conceal(&out)
	cmd, err := w.server.Prepare(ctx)
	if err != nil {
		return Outcome{Err: err, Permanent: !pg.IsTemporary(err)}
	}
	x, lasting, err := w.execute(ctx, &process.Command{
		Unit: w.id, Argv: cmd.Argv, Dir: cmd.Dir, Env: cmd.Env, User: cmd.User,
		DeathSignal: pg.StopEscalation,
	}, w.out, func(*log.Capture) error { return nil })
	if err != nil {
		return Outcome{Err: err, Permanent: lasting}
	}
	a.started(x.proc.PID())
	w.recovered.Store(0)
	executed := time.Now()

	watching, cancel := context.WithCancel(context.Background())
	failed := make(chan error, 1)
	watched := make(chan struct{})
	answered := false // read once nobody watches
	go func() {
		defer close(watched)
		answered = w.watch(watching, a, executed, failed)
	}()
	select {
	case <-x.proc.Done():
		cancel()
		out = exited(x.proc.Exit())
		err := x.end()
		<-watched
		out = w.diagnose(out, answered)
		out.Err = errors.Join(out.Err, err)
	case <-ctx.Done():
		// No question of ours may hold up the server's shutdown.
		cancel()
		<-watched
		out.Err = w.stop(x, a)
		out.Exit = x.proc.Exit().String()
	case err := <-failed:
		cancel()
		out = Outcome{Err: err, Permanent: !pg.IsTemporary(err)}
		out.Err = errors.Join(out.Err, w.stop(x, a))
		out.Exit = x.proc.Exit().String()
	}
	<-watched
	return out
}

// watch waits until the server answers, makes its address known and then
// looks whether it still does. It reports whether it ever did.
func (w *serverWork) watch(ctx context.Context, a *attempt, executed time.Time, failed chan<- error) bool {
	if err := w.server.Ready(ctx); err != nil {
		if ctx.Err() == nil {
			failed <- err
		}
		return false
	}
	if w.server.Crashed() {
		w.recoveredIn(time.Since(executed))
	}
	endpoint := w.server.Endpoint()
	if err := w.server.LimitQueries(ctx, w.db.get().QueryTimeout.Std()); err != nil {
		failed <- err
		return false
	}
	if err := w.open(endpoint); err != nil {
		failed <- err
		return false
	}
	defer w.pool.Close()
	if err := w.firstSchema(ctx, endpoint); err != nil {
		failed <- err
		return false
	}
	w.setEndpoint(w.db.get().Addr, endpoint)
	if w.guard != nil {
		w.guard.Mended("the server was started and answers")
	}
	a.ready()
	w.tend(ctx, a, w.limit)
	return true
}

// recoveredIn tells that the server before did not shut down, and how long
// this one took to mend that.
func (w *serverWork) recoveredIn(took time.Duration) {
	w.recovered.Store(int64(took))
	w.report(event.Event{
		Time: time.Now(), Kind: event.Notice, Unit: w.id, UnitKind: string(plan.StepServer), To: "recovered",
		Took: took, Cause: "the server before it crashed; this one was ready, with what was committed, in " + took.Round(time.Millisecond).String(),
	})
}

// limit puts another query_timeout in force for services' next sessions.
func (w *serverWork) limit(ctx context.Context, db *spec.Database) {
	if err := w.server.LimitQueries(ctx, db.QueryTimeout.Std()); err != nil && ctx.Err() == nil {
		w.log.Error("cannot change the limit of statements", "unit", w.id, "error", err)
	}
}

// serverLast bounds how long a server may take to end after the last means.
const serverLast = 30 * time.Second

// stop ends a server without ever killing its postmaster, which would leave
// backends and shared memory behind: a fast shutdown, and after the timeout
// an immediate one.
func (w *serverWork) stop(x *execution, a *attempt) error {
	stopServer(x.proc, w.db.get().Stop.Timeout.Std(), a.hurry)
	return x.end()
}

// stopServer returns once the postmaster is gone, or hangs in the kernel.
func stopServer(proc *process.Process, timeout time.Duration, hurry <-chan struct{}) {
	_ = proc.Signal(pg.StopSignal)
	grace := time.NewTimer(timeout)
	defer grace.Stop()
	select {
	case <-proc.Done():
		return
	case <-grace.C:
	case <-hurry:
	}
	_ = proc.Signal(pg.StopEscalation)
	last := time.NewTimer(serverLast)
	defer last.Stop()
	select {
	case <-proc.Done():
	case <-last.C:
	}
}

// diagnose adds what PostgreSQL itself said of its end. Where it has not even
// answered, that may be something that every start would end of.
func (w *serverWork) diagnose(out Outcome, answered bool) Outcome {
	lines, err := w.out.Tail(20, true)
	if err != nil || out.Clean {
		return out
	}
	var texts []string
	for _, l := range lines {
		texts = append(texts, string(l.Text))
	}
	if said := pg.Diagnose(texts); said != nil {
		out.Err = fmt.Errorf("%s: %w", out.Exit, said)
		out.Permanent = !answered && said.Lasting()
		out.Outside = said.Outside()
	}
	return out
}

// pgRunner runs the short commands of package pg. The process layer may be
// opened after it was made.
type pgRunner struct {
	host func() *process.Host
	unit string
}

// Run implements pg.Runner.
func (r pgRunner) Run(ctx context.Context, c pg.Command) ([]byte, error) {
	result, err := r.host().Run(ctx, process.Command{
		Unit: r.unit, Argv: c.Argv, Dir: c.Dir, Env: c.Env, User: c.User,
	})
	if err == nil && !result.Success() {
		err = errors.New(result.String())
	}
	return result.Output, err
}

// newServer describes the managed server of a database.
func (s *site) newServer(db *spec.Database, id string) (*pg.Server, error) {
	return pg.New(s.serverConfig(db, db, id))
}

// serverConfig describes a database in the managed server of host, which may
// be the same one.
func (s *site) serverConfig(db, host *spec.Database, id string) pg.Config {
	name := db.Addr.Name
	if host != db && db.Addr.Key != "" {
		name += "_" + db.Addr.Key // as the decoder names the database
	}
	cfg := pg.Config{
		Name: db.Addr.File(), Database: name, User: name, StateDir: s.stateDir, Managed: *host.Managed,
		Port: s.number(host.Addr, "", host.Managed.Port), Runner: pgRunner{func() *process.Host { return s.host }, id},
		Holder: portHolder, Note: func(text string) { s.log.Info(text, "unit", id) },
	}
	if v, known := db.DBName.Value(); known {
		cfg.Database = cmp.Or(v, cfg.Database)
	}
	if v, known := db.User.Value(); known {
		cfg.User = cmp.Or(v, cfg.User)
	}
	return cfg
}
