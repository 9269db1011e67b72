package engine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/syndicate/syndicate/engine/pg"
	"github.com/syndicate/syndicate/spec"
)

// externalWork stays connected to a database that runs elsewhere.
type externalWork struct{ *databaseAccess }

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
	if err := w.open(endpoint); err != nil {
		return Outcome{Err: err, Permanent: true}
	}
	defer w.pool.Close()
	if err := w.firstSchema(ctx, endpoint); err != nil {
		return schemaProblem(err)
	}
	w.setEndpoint(db.Addr, endpoint)
	a.ready()
	w.tend(ctx, a, nil)
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

// setEndpoint makes a database's attributes known to those who wait for it.
func (s *site) setEndpoint(addr spec.Addr, e pg.Endpoint) {
	s.redact.addText(e.URL())
	s.redact.addText(e.Password)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.endpoints == nil {
		s.endpoints = map[spec.Addr]pg.Endpoint{}
	}
	s.endpoints[addr] = e
}

// databaseAttribute returns an attribute of a database that answers. What
// says where it is says where its gateway is, if it has one.
func (s *site) databaseAttribute(addr spec.Addr, attribute string) (any, error) {
	s.mu.Lock()
	e, answers := s.endpoints[addr]
	db := s.databases[addr]
	s.mu.Unlock()
	if answers && db != nil && attribute != "direct_url" {
		var err error
		if e, err = s.gated(db, e); err != nil {
			return nil, err
		}
	}
	if v, ok := e.Attribute(attribute); ok && answers {
		return v, nil
	}
	return nil, fmt.Errorf("%s.%s does not exist before %s is ready", addr, attribute, addr)
}

// databaseMember builds the unit of a server, or of the connection to one.
func (e *Engine) databaseMember(id string, db *spec.Database) (member, error) {
	m := member{policy: policy{
		first: spec.Start{Attempts: db.Retry.Attempts, Backoff: db.Retry.Backoff},
		// What was ready once is watched and, where it is ours, restarted.
		restart: spec.Restart{On: "always", Limit: 5, Within: spec.Duration(time.Minute), Backoff: db.Retry.Backoff},
	}}
	access, err := e.access(db)
	if err != nil {
		return member{}, err
	}
	if db.Source == "shared" {
		// It is another server after a restart, maybe at another port.
		m.restartWithNeeds = true
		m.work = &sharedWork{access}
		m.adopt = func(w work) { w.(*sharedWork).db.set(db) }
		return m, nil
	}
	if db.Source != "managed" {
		m.work = &externalWork{access}
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
	m.work = &serverWork{databaseAccess: access, id: id, out: out, server: server}
	return m, nil
}
