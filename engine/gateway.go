package engine

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"sync/atomic"

	"github.com/syndicate/syndicate/engine/breaker"
	"github.com/syndicate/syndicate/engine/log"
	"github.com/syndicate/syndicate/engine/metric"
	"github.com/syndicate/syndicate/engine/pg"
	"github.com/syndicate/syndicate/engine/pg/gateway"
	"github.com/syndicate/syndicate/plan"
	"github.com/syndicate/syndicate/spec"
)

// gatewayWork relays what services ask a database.
type gatewayWork struct {
	*site
	db      *current[spec.Database]
	guard   *breaker.Guard // the database's own
	tally   *metric.Tally  // the database's own
	out     *log.Log
	running atomic.Pointer[gateway.Gateway] // of the run under way, nil between
}

// run listens, and relays until it is told to stop. The server may go and
// come meanwhile: clients are told so.
func (w *gatewayWork) run(ctx context.Context, a *attempt) (out Outcome) {
	defer w.conceal(&out)
	db := w.db.get()
	cfg, err := w.config(db)
	if err != nil {
		return permanent("prepare the gateway of "+db.Addr.String(), err)
	}
	capture, err := w.out.Attach(ctx)
	if err != nil {
		return Outcome{Err: err}
	}
	_ = capture.Stderr.Close()
	defer func() {
		_ = capture.Stdout.Close()
		_ = capture.Close()
	}()
	cfg.Note = func(line string) { _, _ = fmt.Fprintln(capture.Stdout, w.redact.clean(line)) }
	g, err := gateway.New(cfg)
	if err != nil {
		return permanent("prepare the gateway of "+db.Addr.String(), err)
	}
	host, port := w.gatewayAddress(db)
	l, err := w.listeners.listen(plan.GatewayID(db.Addr), host, port)
	if err != nil {
		return Outcome{Err: err}
	}
	w.running.Store(g)
	defer w.running.Store(nil)
	a.started(0)
	a.ready()
	adopting, stop := context.WithCancel(ctx)
	adopted := make(chan struct{})
	go func() {
		defer close(adopted)
		w.db.each(adopting, func(ctx context.Context, db *spec.Database) {
			g.Adopt(gatewayLimits(db))
			<-ctx.Done()
		})
	}()
	err = g.Run(ctx, l, db.Stop.Timeout.Std(), a.hurry)
	stop()
	<-adopted
	return Outcome{Err: err}
}

// config describes the gateway of a database that is ready.
func (w *gatewayWork) config(db *spec.Database) (gateway.Config, error) {
	url, err := w.lookup(db.Addr, "direct_url")
	if err != nil {
		return gateway.Config{}, err
	}
	cfg := gateway.Config{
		Server: url.(spec.Text).Reveal(), Limits: gatewayLimits(db), Guard: gatewayGuard{w.guard}, Tally: w.tally,
	}
	if g := db.Gateway; g.TLSCert != "" {
		cert, err := tls.LoadX509KeyPair(g.TLSCert, g.TLSKey)
		if err != nil {
			return cfg, fmt.Errorf("read the certificate: %w", err)
		}
		cfg.TLS = &cert
	}
	return cfg, nil
}

// gatewayGuard is a breaker as a gateway takes it.
type gatewayGuard struct{ guard *breaker.Guard }

// Permit implements gateway.Guard.
func (g gatewayGuard) Permit() (gateway.Permit, error) {
	p, err := g.guard.Permit()
	if err != nil {
		return nil, err
	}
	return &poolPermit{&p}, nil
}

// gatewayLimits are what of a gateway changes while it runs.
func gatewayLimits(db *spec.Database) gateway.Limits {
	g := db.Gateway
	return gateway.Limits{
		MaxConn: g.MaxConn, MaxWaiting: g.MaxWaiting, AcquireTimeout: g.AcquireTimeout.Std(),
		QueryTimeout: db.QueryTimeout.Std(), SlowQuery: g.SlowQuery.Std(),
	}
}

// gatewayAddress is where the gateway of a database listens.
func (s *site) gatewayAddress(db *spec.Database) (host string, port int) {
	host, p := db.Gateway.Address()
	return host, s.number(db.Addr, "gateway", p)
}

// gated is how services reach a database: through its gateway where it has
// one. Connections of this machine to itself are not encrypted.
func (s *site) gated(db *spec.Database, e pg.Endpoint) (pg.Endpoint, error) {
	if db.Gateway == nil {
		return e, nil
	}
	host, port := s.gatewayAddress(db)
	ip := net.ParseIP(host)
	switch {
	case host == "" || ip != nil && ip.IsUnspecified():
		host = "127.0.0.1"
	case db.Gateway.TLSCert != "" && host != "localhost" && (ip == nil || !ip.IsLoopback()):
		return e.Through(host, port, true)
	}
	return e.Through(host, port, false)
}

// gatewayMember builds the unit of a database's gateway.
func (e *Engine) gatewayMember(id string, db *spec.Database) (member, error) {
	out, err := e.openLog(id, db.Log)
	if err != nil {
		return member{}, err
	}
	guard, err := e.guard(db)
	if err != nil {
		return member{}, err
	}
	host, port := e.site.gatewayAddress(db)
	m := member{
		policy: policy{
			first:   spec.Start{Attempts: db.Retry.Attempts, Backoff: db.Retry.Backoff},
			restart: spec.Restart{On: "always", Limit: 5, Within: spec.Duration(healthyAgain), Backoff: db.Retry.Backoff},
			claims:  []string{claim(host, port)},
		},
		port: port,
	}
	if db.Gateway.Pooler != "" {
		m.work = &poolerWork{site: e.site, db: newCurrent(db), id: id, out: out}
		m.adopt = func(w work) {
			w.(*poolerWork).db.set(db)
			out.Bound(int64(db.Log.MaxSize), db.Log.Keep)
		}
		return m, nil
	}
	m.work = &gatewayWork{site: e.site, db: newCurrent(db), guard: guard, tally: e.tally(db.Addr), out: out}
	m.adopt = func(w work) {
		w.(*gatewayWork).db.set(db)
		out.Bound(int64(db.Log.MaxSize), db.Log.Keep)
	}
	return m, nil
}

// Gateways are the figures of all gateways that run, in the order in which
// they are declared.
func (e *Engine) Gateways() []metric.Gateway {
	var list []metric.Gateway
	for _, m := range e.core.inForce() {
		w, ok := m.work.(*gatewayWork)
		if !ok || m.kind != string(plan.StepGateway) {
			continue
		}
		if g := w.running.Load(); g != nil {
			figures := g.Snapshot()
			figures.ID = w.db.get().Addr.String()
			list = append(list, figures)
		}
	}
	return list
}
