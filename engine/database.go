package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/syndicate/syndicate/engine/log"
	"github.com/syndicate/syndicate/engine/pg"
	"github.com/syndicate/syndicate/engine/process"
	"github.com/syndicate/syndicate/spec"
)

// externalWork stays connected to a database that runs elsewhere.
type externalWork struct {
	*site
	db *current[spec.Database]
}

// run checks once that the database answers, and then watches it until it
// is told to stop: a database that goes away is unhealthy, and ready again
// when it is back. There is nothing to restart.
func (w *externalWork) run(ctx context.Context, a *attempt) (out Outcome) {
	defer w.conceal(&out)
	db := w.db.get()
	endpoint, err := w.endpoint(db)
	if err != nil {
		return permanent("read the address of "+db.Addr.String(), err)
	}
	a.started(0)
	if err := endpoint.Check(ctx, 0); err != nil {
		return Outcome{Err: err, Permanent: !pg.IsTemporary(err)}
	}
	w.setEndpoint(db.Addr, endpoint)
	a.ready()
	w.watchDatabase(ctx, a, endpoint, w.db)
	return Outcome{}
}

// endpoint returns where an external database is.
func (s *site) endpoint(db *spec.Database) (pg.Endpoint, error) {
	if db.Source == "url" {
		url, err := db.URL.Resolve(s.lookup)
		if err != nil {
			return pg.Endpoint{}, err
		}
		s.redact.addText(url)
		return pg.ParseURL(url)
	}
	var parts pg.Parts
	var errs [5]error
	parts.Host, errs[0] = db.Host.Resolve(s.lookup)
	parts.Port, errs[1] = db.Port.Resolve(s.lookup)
	parts.Database, errs[2] = db.DBName.Resolve(s.lookup)
	parts.User, errs[3] = db.User.Resolve(s.lookup)
	parts.Password, errs[4] = db.Password.Resolve(s.lookup)
	parts.SSL = db.SSL
	if err := errors.Join(errs[:]...); err != nil {
		return pg.Endpoint{}, err
	}
	s.redact.addText(parts.Password)
	return parts.Endpoint()
}

// check implements checker.
func (w *externalWork) check(ctx context.Context) error {
	db := w.db.get()
	endpoint, err := w.endpoint(db)
	if err != nil {
		return err
	}
	return endpoint.Check(ctx, db.Health.Timeout.Std())
}

// check implements checker.
func (w *serverWork) check(ctx context.Context) error {
	return w.server.Endpoint().Check(ctx, w.db.get().Health.Timeout.Std())
}

// setEndpoint makes a database's attributes known to those who wait for it.
func (s *site) setEndpoint(addr spec.Addr, e pg.Endpoint) {
	attributes := map[string]any{}
	for _, name := range []string{"url", "direct_url", "host", "port", "name", "user", "password"} {
		if v, ok := e.Attribute(name); ok {
			attributes[name] = v
		}
	}
	s.redact.addText(e.URL())
	s.redact.addText(e.Password)
	s.setDatabase(addr, attributes)
}

// watchDatabase reports whether a database still answers, until ctx ends.
func (s *site) watchDatabase(ctx context.Context, a *attempt, e pg.Endpoint, db *current[spec.Database]) {
	db.each(ctx, func(ctx context.Context, db *spec.Database) {
		_ = pg.Watch(ctx, pg.HealthConfig{Endpoint: e, Health: db.Health, Report: func(err error) {
			if err != nil {
				a.health(s.redact.clean(err.Error()))
				return
			}
			a.health("")
		}})
	})
}

// serverWork runs a PostgreSQL server.
type serverWork struct {
	*site
	db     *current[spec.Database]
	id     string
	out    *log.Log
	server *pg.Server
}

// run prepares the data directory, starts the server and stays with it.
func (w *serverWork) run(ctx context.Context, a *attempt) (out Outcome) {
	defer w.conceal(&out)
	cmd, err := w.server.Prepare(ctx)
	if err != nil {
		return Outcome{Err: err, Permanent: !pg.IsTemporary(err)}
	}
	x, lasting, err := w.execute(&process.Command{
		Unit: w.id, Argv: cmd.Argv, Dir: cmd.Dir, Env: cmd.Env, User: cmd.User,
		DeathSignal: pg.StopEscalation,
	}, w.out, func(*log.Capture) error { return nil })
	if err != nil {
		return Outcome{Err: err, Permanent: lasting}
	}
	a.started(x.proc.PID())

	watching, cancel := context.WithCancel(context.Background())
	failed := make(chan error, 1)
	watched := make(chan struct{})
	answered := false // read once nobody watches
	go func() {
		defer close(watched)
		answered = w.watch(watching, a, failed)
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
func (w *serverWork) watch(ctx context.Context, a *attempt, failed chan<- error) bool {
	if err := w.server.Ready(ctx); err != nil {
		if ctx.Err() == nil {
			failed <- err
		}
		return false
	}
	endpoint := w.server.Endpoint()
	w.setEndpoint(w.db.get().Addr, endpoint)
	a.ready()
	w.watchDatabase(ctx, a, endpoint, w.db)
	return true
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
	}
	return out
}

// pgRunner runs the short commands of package pg.
type pgRunner struct {
	host *process.Host
	unit string
}

// Run implements pg.Runner.
func (r pgRunner) Run(ctx context.Context, c pg.Command) ([]byte, error) {
	result, err := r.host.Run(ctx, process.Command{
		Unit: r.unit, Argv: c.Argv, Dir: c.Dir, Env: c.Env, User: c.User,
	})
	if err == nil && !result.Success() {
		err = errors.New(result.String())
	}
	return result.Output, err
}

// databaseMember builds the unit of a server, or of the connection to one.
func (e *Engine) databaseMember(id string, db *spec.Database) (member, error) {
	m := member{policy: policy{
		first: spec.Start{Attempts: db.Retry.Attempts, Backoff: db.Retry.Backoff},
		// What was ready once is watched and, where it is ours, restarted.
		restart: spec.Restart{On: "always", Limit: 5, Within: spec.Duration(time.Minute), Backoff: db.Retry.Backoff},
	}}
	if db.Source != "managed" {
		m.work = &externalWork{site: e.site, db: newCurrent(db)}
		m.adopt = func(w work) { w.(*externalWork).db.set(db) }
		return m, nil
	}
	out, err := e.openLog(id, db.Log)
	if err != nil {
		return member{}, err
	}
	m.port = e.site.number(db.Addr, "", db.Managed.Port)
	m.claims = []string{claim("127.0.0.1", m.port), "data directory " + db.Managed.DataDir}
	server, err := e.site.newServer(db, id)
	if err != nil {
		return member{}, err
	}
	e.servers[db.Addr] = server
	m.adopt = func(w work) {
		w.(*serverWork).db.set(db)
		out.Bound(int64(db.Log.MaxSize), db.Log.Keep)
	}
	m.work = &serverWork{site: e.site, db: newCurrent(db), id: id, out: out, server: server}
	return m, nil
}

// newServer describes the managed server of a database.
func (s *site) newServer(db *spec.Database, id string) (*pg.Server, error) {
	cfg := pg.Config{
		Name: db.Addr.Name, StateDir: s.stateDir, Managed: *db.Managed,
		Port: s.number(db.Addr, "", db.Managed.Port), Runner: pgRunner{s.host, id},
		Holder: portHolder, Note: func(text string) { s.log.Info(text, "unit", id) },
	}
	if v, known := db.DBName.Value(); known {
		cfg.Database = cmp.Or(v, cfg.Database)
	}
	if v, known := db.User.Value(); known {
		cfg.User = cmp.Or(v, cfg.User)
	}
	return pg.New(cfg)
}
