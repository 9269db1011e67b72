package pool

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/syndicate/syndicate/engine/pg"
	"github.com/syndicate/syndicate/engine/pg/pgtest"
	"github.com/syndicate/syndicate/spec"
)

// A server that is restarted takes its connections with it; the next
// statement waits for it and is none the wiser.
func TestRestart(t *testing.T) {
	srv := own(t)
	for name, sig := range map[string]syscall.Signal{"in good order": pg.StopSignal, "at once": pg.StopEscalation} {
		t.Run(name, func(t *testing.T) {
			p := opened(t, srv.Endpoint("postgres"), quick, nil)
			if err := one(p); err != nil {
				t.Fatal(err)
			}
			srv.Signal(sig)
			srv.Wait()
			if c := p.Check(t.Context(), time.Minute); c.Err == nil {
				t.Error("a stopped server is well")
			}
			answered := make(chan error, 1)
			go func() { answered <- one(p) }()
			if err := srv.Run(); err != nil {
				t.Fatal(err)
			}
			if err := <-answered; err != nil {
				t.Errorf("the statement that waited: %v", err)
			}
			if c := p.Check(t.Context(), time.Minute); c.Err != nil {
				t.Error(c.Err)
			}
		})
	}
}

// The watch tells of an outage and of its end, and not of connections that
// were lost between two looks.
func TestWatch(t *testing.T) {
	srv := own(t)
	p := opened(t, srv.Endpoint("postgres"), quick, nil)
	changes := make(chan error, 10)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	watch := func() {
		p.Watch(ctx, spec.Health{Interval: spec.Duration(10 * time.Millisecond), Timeout: spec.Duration(time.Minute)},
			func(err error) { changes <- err })
	}
	watched := make(chan struct{})
	go func() { defer close(watched); watch() }()
	pgtest.Exec(t, srv.Endpoint("postgres"), "select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() and backend_type = 'client backend'")
	for cut := time.Now(); ; { // until it looked twice since
		h := p.Snapshot().History
		if n := len(h); n > 1 && h[n-2].At.After(cut) {
			break
		}
		runtime.Gosched()
	}
	srv.Signal(pg.StopSignal)
	srv.Wait()
	wantText(t, <-changes, "127.0.0.1")
	// Another watch, by other settings, knows what the last one knew.
	stop()
	<-watched
	if err := srv.Run(); err != nil {
		t.Fatal(err)
	}
	ctx, stop = context.WithCancel(t.Context())
	watched = make(chan struct{})
	go func() { defer close(watched); watch() }()
	if err := <-changes; err != nil {
		t.Errorf("it is back, and the watch says %v", err)
	}
	stop()
	<-watched
}

// After a kill -9 of the postmaster its backends end by themselves. The one
// that was at work may have done it: nobody asks again.
func TestKilledPostmaster(t *testing.T) {
	srv := own(t)
	guard := &ledger{}
	p := opened(t, srv.Endpoint("postgres"), quick, guard)
	calls := 0
	err := p.Do(t.Context(), "work", func(ctx context.Context, conn *pgx.Conn) error {
		calls++
		if _, err := conn.Exec(ctx, "create table half (id int)"); err != nil {
			return err
		}
		srv.Signal(syscall.SIGKILL)
		srv.Wait()
		_, err := conn.Exec(ctx, "select pg_sleep(600)")
		return err
	})
	if calls != 1 || !ConnectionClass(err) {
		t.Errorf("called %d times: %v", calls, err)
	}
	if got := guard.take(); got != "failure" {
		t.Errorf("for the breaker it was %s", got)
	}
	answered := make(chan error, 1)
	go func() { answered <- one(p) }()
	for { // it refuses to run beside the backends that are left
		if err := srv.Run(); err == nil {
			break
		} else if t.Context().Err() != nil {
			t.Fatal(err)
		}
		srv.Wait()
	}
	if err := <-answered; err != nil {
		t.Error(err)
	}
}

// A statement that the server ended for an administrator, or for the crash
// of another process, may have run. Those who come next are let in again.
func TestEndedByTheServer(t *testing.T) {
	srv := own(t)
	for name, test := range map[string]struct{ sql, code string }{
		"administrator": {"select pg_terminate_backend($1)", "57P01"},
		"crash":         {"", "57P02"},
	} {
		t.Run(name, func(t *testing.T) {
			guard := &ledger{}
			p := opened(t, srv.Endpoint("postgres"), quick, guard)
			pid, calls := make(chan int), 0
			ended := make(chan error)
			go func() {
				ended <- p.Do(t.Context(), "work", func(ctx context.Context, conn *pgx.Conn) error {
					calls++
					pid <- int(conn.PgConn().PID())
					_, err := conn.Exec(ctx, "select pg_sleep(600)")
					return err
				})
			}()
			victim := <-pid
			if test.sql != "" {
				conn := pgtest.Dial(t, srv.Endpoint("postgres"))
				untilBusy(t, conn, victim)
				if _, err := conn.Exec(t.Context(), test.sql, victim); err != nil {
					t.Fatal(err)
				}
			} else {
				conn := pgtest.Dial(t, srv.Endpoint("postgres"))
				untilBusy(t, conn, victim)
				if err := syscall.Kill(int(conn.PgConn().PID()), syscall.SIGKILL); err != nil {
					t.Fatal(err)
				}
			}
			err := <-ended
			if state(err) != test.code || calls != 1 {
				t.Errorf("called %d times: %v", calls, err)
			}
			if got := guard.take(); got != "failure" {
				t.Errorf("for the breaker it was %s", got)
			}
			// After a crash it answers 57P03 until it has recovered.
			if err := one(p); err != nil {
				t.Error(err)
			}
		})
	}
}

// untilBusy waits until a backend runs a statement.
func untilBusy(t *testing.T, conn *pgx.Conn, pid int) {
	t.Helper()
	for state := ""; state != "active"; {
		err := conn.QueryRow(t.Context(), "select coalesce(max(state), '') from pg_stat_activity where pid = $1 and query like '%sleep%'", pid).Scan(&state)
		if err != nil {
			t.Fatal(err)
		}
	}
}

// A server that waits for its last client lets nobody in.
func TestShuttingDown(t *testing.T) {
	srv := own(t)
	guard := &ledger{}
	p := opened(t, srv.Endpoint("postgres"), once, guard)
	last := pgtest.Dial(t, srv.Endpoint("postgres"))
	srv.Signal(syscall.SIGTERM)
	var err error
	for err == nil && t.Context().Err() == nil {
		p.Close() // an idle connection would do
		if err := p.Open(srv.Endpoint("postgres"), once); err != nil {
			t.Fatal(err)
		}
		guard.take()
		err = one(p)
	}
	if state(err) != "57P03" || !ConnectionClass(err) || guard.take() != "failure" {
		t.Errorf("err = %v", err)
	}
	_ = last.Close(t.Context())
	srv.Wait()
}

// A full server is tried again, and says what to do about it.
func TestFullServer(t *testing.T) {
	srv := own(t, "max_connections=4", "superuser_reserved_connections=0", "max_wal_senders=0")
	guard := &ledger{}
	var taken []*pgx.Conn
	for range 4 {
		taken = append(taken, pgtest.Dial(t, srv.Endpoint("postgres")))
	}
	s := once
	s.Retry = spec.Retry{Attempts: 3}
	p := opened(t, srv.Endpoint("postgres"), s, guard)
	wantText(t, one(p), "53300", "3 times in a row", "raise max_connections")
	if got := guard.take(); got != "failure, failure, failure" {
		t.Errorf("for the breaker it was %s", got)
	}
	if err := p.Configure(quick); err != nil {
		t.Fatal(err)
	}
	answered := make(chan error, 1)
	go func() { answered <- one(p) }()
	_ = taken[0].Close(t.Context())
	if err := <-answered; err != nil {
		t.Error(err)
	}
}

// A network that swallows packets is noticed within the bounds, by whoever
// waits and by the health checks, and forgotten when it is over.
func TestSwallowedPackets(t *testing.T) {
	relay, to := newRelay(t, pgtest.Database(t))
	guard := &ledger{}
	s := once
	s.AcquireTimeout = 300 * time.Millisecond
	p := opened(t, to, s, guard)
	if err := one(p); err != nil {
		t.Fatal(err)
	}
	guard.take()
	relay.swallow()
	c := p.Check(t.Context(), 100*time.Millisecond)
	wantText(t, c.Err, "no answer in time")
	if got := guard.take(); got != "failure" {
		t.Errorf("for the breaker it was %s", got)
	}
	// The kept connection is gone; a new one gets no further than the greeting.
	wantText(t, one(p), "connect to "+to.Address(), "no answer in time", "firewall")
	// A caller's own bound counts, too.
	p.Close()
	if err := p.Open(to, quick); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeoutCause(t.Context(), 50*time.Millisecond, errors.New("it took too long"))
	defer cancel()
	wantText(t, p.Do(ctx, "look", func(context.Context, *pgx.Conn) error { return nil }), "it took too long")

	changes := make(chan error, 10)
	watching, stop := context.WithCancel(t.Context())
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		p.Watch(watching, spec.Health{Interval: spec.Duration(20 * time.Millisecond), Timeout: spec.Duration(200 * time.Millisecond)},
			func(err error) { changes <- err })
	}()
	wantText(t, <-changes, "no answer in time")
	relay.pass()
	if err := <-changes; err != nil {
		t.Errorf("it is back, and the watch says %v", err)
	}
	stop()
	<-watched
	// A connection that was idle is asked first whether it still answers: also
	// that ends with the acquire timeout.
	p.Close() // also this one has a bound
	if err := p.Open(to, s); err != nil {
		t.Fatal(err)
	}
	if err := one(p); err != nil {
		t.Fatal(err)
	}
	<-time.After(2 * unasked)
	relay.swallow()
	ctx, cancel = context.WithTimeoutCause(t.Context(), 10*time.Second, errors.New("the acquire timeout did not end it"))
	defer cancel()
	wantText(t, p.Do(ctx, "look", func(context.Context, *pgx.Conn) error { return nil }), "connect to "+to.Address(), "no answer in time")
	relay.pass()
}

// A wrong password is no matter of trying again, nor of the breaker.
func TestWrongPassword(t *testing.T) {
	srv := own(t)
	pgtest.Exec(t, srv.Endpoint("postgres"), "create role app login password 'right-one'")
	hba := filepath.Join(srv.Dir, "pg_hba.conf")
	rules, err := os.ReadFile(hba)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(hba, append([]byte("host all app all scram-sha-256\n"), rules...), 0o600); err != nil {
		t.Fatal(err)
	}
	pgtest.Exec(t, srv.Endpoint("postgres"), "select pg_reload_conf()")
	with := func(password string) *Pool {
		to, err := pg.Parts{Host: "127.0.0.1", Port: srv.Port, Database: "postgres", User: "app", SSL: "disable", Password: spec.Sensitive(password)}.Endpoint()
		if err != nil {
			t.Fatal(err)
		}
		return opened(t, to, quick, &ledger{})
	}
	for { // until the rules are in force
		p := with("wrong-one")
		err := one(p)
		if err == nil {
			continue
		}
		wantText(t, err, "28P01", "check the password of the role \"app\"")
		if strings.Contains(err.Error(), "in a row") || strings.Contains(err.Error(), "wrong-one") {
			t.Errorf("err = %v", err)
		}
		if got := p.cfg.Guard.(*ledger).take(); !strings.HasSuffix(got, "success") {
			t.Errorf("for the breaker it was %s", got)
		}
		break
	}
	if err := one(with("right-one")); err != nil {
		t.Error(err)
	}
}

// The primary goes, its standby is promoted, and the URL names both.
func TestFailover(t *testing.T) {
	first := own(t)
	second, err := first.Standby()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(second.Stop)
	to, err := pg.ParseURL(spec.Sensitive(fmt.Sprintf("postgres://postgres@127.0.0.1:%d,127.0.0.1:%d/postgres?sslmode=disable&target_session_attrs=read-write",
		first.Port, second.Port)))
	if err != nil {
		t.Fatal(err)
	}
	p := opened(t, to, quick, nil)
	if n, err := p.Exec(t.Context(), "work", "create table kept as select 1 as n"); err != nil || n != 1 {
		t.Fatalf("%d rows, %v", n, err)
	}
	there := opened(t, second.Endpoint("postgres"), once, nil)
	if c := there.Check(t.Context(), time.Minute); c.Err != nil || !c.Standby {
		t.Errorf("the standby: %+v", c)
	}
	if _, err := there.Exec(t.Context(), "work", "create table refused (n int)"); state(err) != "25006" {
		t.Errorf("writing to the standby: %v", err)
	}
	for state := ""; state != "1"; { // the table has arrived
		state = pgtest.Query(t, second.Endpoint("postgres"), "select count(*)::text from pg_class where relname = 'kept'")
	}
	first.Signal(pg.StopSignal)
	first.Wait()
	moved := make(chan error, 1)
	go func() {
		_, err := p.Exec(t.Context(), "work", "insert into kept values (2)")
		moved <- err
	}()
	pgtest.Exec(t, second.Endpoint("postgres"), "select pg_promote()")
	if err := <-moved; err != nil {
		t.Errorf("the statement that waited for the failover: %v", err)
	}
	if c := p.Check(t.Context(), time.Minute); c.Err != nil || c.Standby {
		t.Errorf("after the failover: %+v", c)
	}
}
