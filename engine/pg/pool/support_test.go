package pool

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/syndicate/syndicate/engine/pg"
	"github.com/syndicate/syndicate/engine/pg/pgtest"
	"github.com/syndicate/syndicate/spec"
)

// quick tries again at once, for as long as a slow machine may take.
var quick = Settings{
	AcquireTimeout: 20 * time.Second,
	Retry:          spec.Retry{Attempts: 2000, Backoff: spec.Backoff{Delay: spec.Duration(10 * time.Millisecond), Factor: 1}},
}

// once never tries again.
var once = Settings{AcquireTimeout: 20 * time.Second}

// opened returns a pool that is open until the test ends.
func opened(t *testing.T, to pg.Endpoint, s Settings, guard Guard) *Pool {
	t.Helper()
	p := New(Config{Name: "database.main", Guard: guard})
	if err := p.Open(to, s); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

// own starts a server for one test.
func own(t *testing.T, settings ...string) *pgtest.Server {
	t.Helper()
	s, err := pgtest.Start(settings...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Stop)
	return s
}

// ledger is a guard that notes outcomes.
type ledger struct {
	mu       sync.Mutex
	outcomes []string
	refuse   error
}

func (l *ledger) Permit() (Permit, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.refuse != nil {
		return nil, l.refuse
	}
	return entry{l}, nil
}

func (l *ledger) note(what string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.outcomes = append(l.outcomes, what)
}

// take returns what was noted since it was asked last.
func (l *ledger) take() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := strings.Join(l.outcomes, ", ")
	l.outcomes = nil
	return all
}

type entry struct{ l *ledger }

func (e entry) Success()       { e.l.note("success") }
func (e entry) Failure(string) { e.l.note("failure") }
func (e entry) Neutral()       { e.l.note("neutral") }

// relay passes bytes to a server until it is told to swallow them.
type relay struct {
	listener net.Listener
	to       string
	mu       sync.Mutex
	open     chan struct{} // closed while bytes pass; guarded by mu
	conns    []net.Conn    // guarded by mu
	done     sync.WaitGroup
}

func newRelay(t *testing.T, to pg.Endpoint) (*relay, pg.Endpoint) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &relay{listener: l, to: to.Address(), open: make(chan struct{})}
	close(r.open)
	r.done.Go(r.serve)
	t.Cleanup(func() {
		_ = l.Close()
		r.pass()
		r.mu.Lock()
		for _, c := range r.conns {
			_ = c.Close()
		}
		r.mu.Unlock()
		r.done.Wait()
	})
	through, err := pg.Parts{
		Host: "127.0.0.1", Port: l.Addr().(*net.TCPAddr).Port, Database: to.Database, User: to.User, SSL: "disable",
	}.Endpoint()
	if err != nil {
		t.Fatal(err)
	}
	return r, through
}

func (r *relay) serve() {
	for {
		client, err := r.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", r.to)
		if err != nil {
			_ = client.Close()
			continue
		}
		r.mu.Lock()
		r.conns = append(r.conns, client, server)
		r.mu.Unlock()
		r.done.Go(func() { r.copy(server, client) })
		r.done.Go(func() { r.copy(client, server) })
	}
}

func (r *relay) copy(to, from net.Conn) {
	defer func() { _ = to.Close() }()
	buf := make([]byte, 4096)
	for {
		n, err := from.Read(buf)
		if err != nil {
			return
		}
		r.mu.Lock()
		open := r.open
		r.mu.Unlock()
		<-open
		if _, err := to.Write(buf[:n]); err != nil {
			return
		}
	}
}

// swallow keeps bytes from passing, and connections open.
func (r *relay) swallow() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.open = make(chan struct{})
}

// pass lets them pass again.
func (r *relay) pass() {
	r.mu.Lock()
	defer r.mu.Unlock()
	select {
	case <-r.open:
	default:
		close(r.open)
	}
}

// wantText fails unless err says all of it.
func wantText(t *testing.T, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error; want one that says %q", parts)
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("error\n%v\ndoes not say %q", err, part)
		}
	}
}

// one asks for a number.
func one(p *Pool) error {
	return p.Do(context.Background(), "question", func(ctx context.Context, conn *pgx.Conn) error {
		var n int
		return conn.QueryRow(ctx, "select 1").Scan(&n)
	})
}

// state returns the SQLSTATE of an error of the server.
func state(err error) string {
	if e, ok := errors.AsType[*pg.Error](err); ok {
		return e.SQLState
	}
	return ""
}

// newEndpoint is a database on a host that a test makes up.
func newEndpoint(host string) (pg.Endpoint, error) {
	return pg.Parts{Host: host, Port: 5432, Database: "shop", User: "app", SSL: "disable"}.Endpoint()
}
