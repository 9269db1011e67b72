package gateway

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/syndicate/syndicate/engine/metric"
	"github.com/syndicate/syndicate/engine/pg"
	"github.com/syndicate/syndicate/engine/pg/pgtest"
)

func serverURL(to pg.Endpoint) string { return to.URL().Reveal() }

// What a session can do without the gateway it can do through it.
func TestWhatSessionsDo(t *testing.T) {
	to := pgtest.Database(t)
	tally := metric.NewTally()
	x := open(t, serverURL(to), func(c *Config) { c.Tally = tally })
	ctx := within(t)
	conn := x.dial(to)
	must := func(sql string, args ...any) {
		t.Helper()
		if _, err := conn.Exec(ctx, sql, args...); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
	must("create temp table t (id int, body text)")
	must("insert into t values ($1, $2)", 1, strings.Repeat("x", 3<<20))
	must("set application_name = 'known to this session'")

	t.Run("copy", func(t *testing.T) {
		rows := make([][]any, 5000)
		for i := range rows {
			rows[i] = []any{i, fmt.Sprint("row ", i)}
		}
		if n, err := conn.CopyFrom(ctx, pgx.Identifier{"t"}, []string{"id", "body"}, pgx.CopyFromRows(rows)); n != 5000 || err != nil {
			t.Errorf("%d rows, %v", n, err)
		}
		var out bytes.Buffer
		tag, err := conn.PgConn().CopyTo(ctx, &out, "copy t to stdout")
		if tag.RowsAffected() != 5001 || err != nil || out.Len() < 3<<20 {
			t.Errorf("%s, %d bytes, %v", tag, out.Len(), err)
		}
		_, err = conn.PgConn().CopyFrom(ctx, strings.NewReader("no number\tx\n"), "copy t from stdin")
		if state(err) != "22P02" {
			t.Errorf("a bad row: %v", err)
		}
	})
	t.Run("pipeline", func(t *testing.T) {
		p := conn.PgConn().StartPipeline(ctx)
		for range 100 {
			p.SendQueryParams("select 1", nil, nil, nil, nil)
			p.SendQueryParams("select 1/0", nil, nil, nil, nil)
			if err := p.Sync(); err != nil {
				t.Fatal(err)
			}
		}
		for {
			if _, err := p.GetResults(); err != nil && state(err) == "" {
				t.Fatal(err)
			} else if r, err := p.GetResults(); r == nil && err == nil {
				break
			}
		}
		_ = p.Close()
	})
	t.Run("notify", func(t *testing.T) {
		must("listen news")
		other := x.dial(to)
		if _, err := other.Exec(ctx, "select pg_notify('news', 'hello')"); err != nil {
			t.Fatal(err)
		}
		if n, err := conn.WaitForNotification(ctx); err != nil || n.Payload != "hello" {
			t.Errorf("%v, %v", n, err)
		}
	})
	t.Run("errors", func(t *testing.T) {
		_, err := conn.Exec(ctx, "select nonsense")
		if state(err) != "42703" {
			t.Errorf("got %v", err)
		}
		must("select 1")
	})
	var name string
	if err := conn.QueryRow(ctx, "show application_name").Scan(&name); err != nil || name != "known to this session" {
		t.Errorf("application_name is %q, %v", name, err)
	}
	if err := conn.Close(ctx); err != nil {
		t.Error(err)
	}
	s := x.Snapshot()
	if s.Errors["42"] == 0 || s.Errors["22"] == 0 || s.Sessions < 2 {
		t.Errorf("counted %v, %d sessions", s.Errors, s.Sessions)
	}
	// The database's own numbers have all of it as well.
	sum := tally.Recent(time.Now(), time.Minute)
	if e := tally.Errors(); e["42"] != s.Errors["42"] || e["22"] != s.Errors["22"] || sum.Count < 100 || sum.Success > 0.9 || sum.Average <= 0 {
		t.Errorf("the database counted %v, %+v", e, sum)
	}
}

// One connection at most: the second client waits for the first to leave,
// and a third for so long as it may.
func TestQueue(t *testing.T) {
	to := pgtest.Database(t)
	x := open(t, serverURL(to), func(c *Config) { c.Limits.MaxConn = 1 })
	first := x.dial(to)
	second := make(chan error, 1)
	go func() {
		conn, err := pgx.Connect(within(t), x.url(to))
		if err == nil {
			err = conn.Close(context.Background())
		}
		second <- err
	}()
	eventually(t, "one waits", func() bool { return x.Snapshot().Waiting == 1 })
	x.Adopt(Limits{MaxConn: 1, MaxWaiting: 1, AcquireTimeout: soon})
	if _, err := pgx.Connect(within(t), x.url(to)); state(err) != tooManyConns || !strings.Contains(err.Error(), "as many clients wait as may (1)") {
		t.Errorf("a full queue: %v", err)
	}
	x.Adopt(Limits{MaxConn: 1, MaxWaiting: 2, AcquireTimeout: time.Millisecond})
	if _, err := pgx.Connect(within(t), x.url(to)); state(err) != tooManyConns || !strings.Contains(err.Error(), "within 1ms") {
		t.Errorf("a long wait: %v", err)
	}
	_ = first.Close(context.Background())
	if err := <-second; err != nil {
		t.Errorf("the one that waited: %v", err)
	}
	eventually(t, "all slots are free", func() bool { return x.Snapshot().Connections == 0 })
	if s := x.Snapshot(); s.Sessions != 2 || s.Refused[tooManyConns] != 2 {
		t.Errorf("counted %v", s)
	}
}

// More room lets those in who wait.
func TestMoreRoom(t *testing.T) {
	to := pgtest.Database(t)
	x := open(t, serverURL(to), func(c *Config) { c.Limits.MaxConn = 1 })
	x.dial(to)
	second := make(chan error, 1)
	go func() {
		conn, err := pgx.Connect(within(t), x.url(to))
		if err == nil {
			err = conn.Close(context.Background())
		}
		second <- err
	}()
	eventually(t, "one waits", func() bool { return x.Snapshot().Waiting == 1 })
	x.Adopt(Limits{MaxConn: 2, MaxWaiting: 1, AcquireTimeout: soon})
	if err := <-second; err != nil {
		t.Error(err)
	}
}

// Clients that vanish, in whatever state, leave no slot and no permit taken.
func TestAbruptClients(t *testing.T) {
	to := pgtest.Database(t)
	w := &witness{}
	x := open(t, serverURL(to), func(c *Config) { c.Limits.MaxConn = 5; c.Guard = w })
	packet := startup{version: 3 << 16, params: []param{{"user", to.User}, {"database", to.Database}}}.encode()
	query := func(sql string) []byte {
		return append([]byte{'Q', 0, 0, 0, byte(len(sql) + 5)}, sql+"\x00"...)
	}
	for n := range 300 {
		conn, err := net.Dial("tcp", x.addr.String())
		if err != nil {
			t.Fatal(err)
		}
		if n%2 == 0 {
			_ = conn.(*net.TCPConn).SetLinger(0) // ends with a reset
		}
		switch n % 6 {
		case 1:
			_, _ = conn.Write(packet[:5])
		case 2, 3:
			_, _ = conn.Write(packet)
		case 4:
			_, _ = conn.Write(append(packet, query("select pg_sleep(60)")...))
			_, _ = io.ReadFull(conn, make([]byte, 20))
		case 5:
			_, _ = conn.Write(append(packet, query("select repeat('x', 1000000) from generate_series(1, 100)")...))
			_, _ = io.ReadFull(conn, make([]byte, 20000))
		}
		_ = conn.Close()
	}
	eventually(t, "every slot is free", func() bool {
		s := x.Snapshot()
		return s.Connections == 0 && s.Waiting == 0
	})
	eventually(t, "every permit is back", func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		return w.open == 0
	})
	if got := w.outcomes(); got[1] != 0 {
		t.Errorf("%d failures of the server, who had no part in it", got[1])
	}
	eventually(t, "no backend is left", func() bool {
		return pgtest.Query(t, to, "select count(*)::text from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()") == "0"
	})
}

// Nothing listens: clients are told in a way that they understand.
func TestServerDown(t *testing.T) {
	w := &witness{}
	x := open(t, "postgres://app@"+nobody(t)+"/app?sslmode=disable", func(c *Config) { c.Guard = w })
	_, err := pgx.Connect(within(t), "postgres://app@"+x.addr.String()+"/app?sslmode=disable")
	if state(err) != cannotConnectNow || !strings.Contains(err.Error(), "connection refused") {
		t.Errorf("got %v", err)
	}
	if got := w.outcomes(); got != [3]int{0, 1, 0} {
		t.Errorf("outcomes %v", got)
	}
	host, port, _ := net.SplitHostPort(x.addr.String())
	cmd := exec.Command(pgtest.Shared().Binaries.Path("pg_isready"), "-h", host, "-p", port)
	out, _ := cmd.CombinedOutput()
	if cmd.ProcessState.ExitCode() != 1 || !strings.Contains(string(out), "rejecting") {
		t.Errorf("pg_isready: %s, exit %d", out, cmd.ProcessState.ExitCode())
	}
	w.mu.Lock()
	w.closed = errors.New("it is open for 5s more")
	w.mu.Unlock()
	_, err = pgx.Connect(within(t), "postgres://app@"+x.addr.String()+"/app?sslmode=disable")
	if state(err) != cannotConnectNow || !strings.Contains(err.Error(), "open for 5s more") {
		t.Errorf("behind an open breaker: %v", err)
	}
}

// The kernel takes the connection and nobody answers.
func TestServerSilent(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	w := &witness{}
	x := open(t, "postgres://app@"+l.Addr().String()+"/app?sslmode=disable&connect_timeout=1", func(c *Config) { c.Guard = w })
	_, err = pgx.Connect(within(t), "postgres://app@"+x.addr.String()+"/app?sslmode=disable")
	if state(err) != cannotConnectNow || !strings.Contains(err.Error(), "no answer in time") {
		t.Errorf("got %v", err)
	}
	if got := w.outcomes(); got != [3]int{0, 1, 0} {
		t.Errorf("outcomes %v", got)
	}
}

// What the server itself says about a client reaches it, and is no fault of
// the server.
func TestRefusedByServer(t *testing.T) {
	to := pgtest.Database(t)
	w := &witness{}
	x := open(t, serverURL(to), func(c *Config) { c.Guard = w })
	u := "postgres://postgres@" + x.addr.String() + "/nowhere?sslmode=disable"
	if _, err := pgx.Connect(within(t), u); state(err) != "3D000" {
		t.Errorf("got %v", err)
	}
	eventually(t, "the permit is back", func() bool { return w.outcomes() == [3]int{1, 0, 0} })
}

// Backends that an administrator ends say so to their clients; that many end
// at once is one failure.
func TestBackendsKilled(t *testing.T) {
	to := pgtest.Database(t)
	w := &witness{}
	x := open(t, serverURL(to), func(c *Config) { c.Guard = w })
	var conns []*pgx.Conn
	for range 10 {
		conns = append(conns, x.dial(to))
	}
	failed := make(chan error, len(conns))
	for i, conn := range conns {
		go func() {
			_, err := conn.Exec(within(t), fmt.Sprintf("select pg_sleep(60) -- %d", i))
			failed <- err
		}()
	}
	working := "from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid() and state = 'active'"
	eventually(t, "all of them work", func() bool { return pgtest.Query(t, to, "select count(*)::text "+working) == "10" })
	pgtest.Exec(t, to, "select pg_terminate_backend(pid) "+working)
	for range conns {
		if err := <-failed; state(err) != "57P01" {
			t.Errorf("got %v", err)
		}
	}
	if got := w.outcomes(); got[1] < 1 || got[1] > 3 {
		t.Errorf("%d failures for one event", got[1])
	}
}

// The server goes and comes back under the gateway.
func TestServerRestarts(t *testing.T) {
	server, err := pgtest.Start()
	if err != nil {
		t.Fatal(err)
	}
	defer server.Stop()
	to := server.Database(t)
	x := open(t, serverURL(to), nil)
	conn := x.dial(to)
	server.Signal(syscall.SIGINT)
	server.Wait()
	if _, err := conn.Exec(within(t), "select 1"); err == nil {
		t.Error("a session outlives its server")
	}
	if _, err := pgx.Connect(within(t), x.url(to)); state(err) != cannotConnectNow {
		t.Errorf("while it is down: %v", err)
	}
	if err := server.Run(); err != nil {
		t.Fatal(err)
	}
	if _, err := x.dial(to).Exec(within(t), "select 1"); err != nil {
		t.Error(err)
	}
}

// The server counts its own connections, and says so.
func TestServerFull(t *testing.T) {
	server, err := pgtest.Start("max_connections=4", "superuser_reserved_connections=0")
	if err != nil {
		t.Fatal(err)
	}
	defer server.Stop()
	to := server.Database(t)
	w := &witness{}
	x := open(t, serverURL(to), func(c *Config) { c.Guard = w })
	for n := 0; ; n++ {
		conn, err := pgx.Connect(within(t), x.url(to))
		if err != nil {
			if state(err) != tooManyConns || n < 2 {
				t.Errorf("after %d: %v", n, err)
			}
			break
		}
		defer func() { _ = conn.Close(context.Background()) }()
	}
	// The client has its answer before the guard is told.
	eventually(t, "the guard knows", func() bool { return w.outcomes()[1] == 1 })
}

func TestStatementTimeout(t *testing.T) {
	to := pgtest.Database(t)
	x := open(t, serverURL(to), func(c *Config) { c.Limits.QueryTimeout = 50 * time.Millisecond })
	if _, err := x.dial(to).Exec(within(t), "select pg_sleep(60)"); state(err) != "57014" {
		t.Errorf("got %v", err)
	}
	for params, want := range map[[2]string]string{
		{"application_name", "x"}:                         "50ms",
		{"statement_timeout", "20"}:                       "20ms",
		{"statement_timeout", "0"}:                        "50ms",
		{"options", "-c statement_timeout=1min"}:          "50ms",
		{"options", "-c geqo=off -c statement_timeout=7"}: "7ms",
	} {
		var got string
		conn := x.dial(to, params[0], params[1])
		if err := conn.QueryRow(within(t), "show statement_timeout").Scan(&got); err != nil || got != want {
			t.Errorf("%v: %s, %v, want %s", params, got, err, want)
		}
	}
}

// A client may end its direction first: what it has asked is answered still.
func TestHalfClose(t *testing.T) {
	to := pgtest.Database(t)
	x := open(t, serverURL(to), nil)
	conn, err := net.Dial("tcp", x.addr.String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	packet := startup{version: 3 << 16, params: []param{{"user", to.User}, {"database", to.Database}}}.encode()
	sql := "select 'the last word'"
	_, _ = conn.Write(append(append(packet, 'Q', 0, 0, 0, byte(len(sql)+5)), sql+"\x00"...))
	_ = conn.(*net.TCPConn).CloseWrite()
	all, err := io.ReadAll(conn)
	if err != nil || !strings.Contains(string(all), "the last word") {
		t.Errorf("%q, %v", all, err)
	}
}

// At the end idle sessions are told, and transactions come to theirs.
func TestDrain(t *testing.T) {
	to := pgtest.Database(t)
	x := open(t, serverURL(to), func(c *Config) { c.Limits.MaxConn = 2 })
	idle, working := x.dial(to), x.dial(to)
	waiting := make(chan error, 1)
	go func() {
		_, err := pgx.Connect(within(t), x.url(to))
		waiting <- err
	}()
	eventually(t, "one waits", func() bool { return x.Snapshot().Waiting == 1 })
	silent, err := net.Dial("tcp", x.addr.String())
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	ctx := within(t)
	tx, err := working.Begin(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(ctx, "create table kept (id int)"); err != nil {
		t.Fatal(err)
	}
	x.stop()
	if err := <-waiting; state(err) != adminShutdown {
		t.Errorf("the one that waits: %v", err)
	}
	if _, err := silent.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("the one that says nothing: %v", err)
	}
	// What it asks just before it is looked at is still answered.
	for err = error(nil); err == nil; {
		_, err = idle.Exec(ctx, "select 1")
	}
	if state(err) != adminShutdown {
		t.Errorf("the idle one: %v", err)
	}
	select {
	case <-x.done:
		t.Fatal("it ended amid a transaction")
	default:
	}
	if err := tx.Commit(ctx); err != nil {
		t.Errorf("the one that works: %v", err)
	}
	<-x.done
	if got := pgtest.Query(t, to, "select to_regclass('kept')::text"); got != "kept" {
		t.Errorf("kept: %q", got)
	}
}

// In a hurry nothing is waited for.
func TestHurry(t *testing.T) {
	to := pgtest.Database(t)
	x := open(t, serverURL(to), nil)
	conn := x.dial(to)
	failed := make(chan error, 1)
	go func() {
		_, err := conn.Exec(within(t), "select pg_sleep(60)")
		failed <- err
	}()
	eventually(t, "it works", func() bool {
		return pgtest.Query(t, to, "select count(*)::text from pg_stat_activity where query like 'select pg_sleep%' and state = 'active'") == "1"
	})
	x.end()
	if err := <-failed; err == nil {
		t.Error("the query has an answer")
	}
}

func TestSlowQueries(t *testing.T) {
	to := pgtest.Database(t)
	x := open(t, serverURL(to), func(c *Config) { c.Limits.SlowQuery = 20 * time.Millisecond })
	conn := x.dial(to, "application_name", "the tester")
	for _, sql := range []string{"select pg_sleep(0.03), 'swordfish' as secret", "select 'quick'"} {
		if _, err := conn.Exec(within(t), sql); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "it is noted", func() bool { return len(x.said()) > 0 })
	line := x.said()[0]
	for _, want := range []string{"slow query, ", "select pg_sleep(?), ? as secret", "the tester", to.Database} {
		if !strings.Contains(line, want) {
			t.Errorf("%q lacks %q", line, want)
		}
	}
	if strings.Contains(line, "swordfish") || len(x.said()) != 1 {
		t.Errorf("noted %q", x.said())
	}
}
