package gateway

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/syndicate/syndicate/engine/pg/pgtest"
)

// recorder relays connections, and keeps every byte of them.
type recorder struct {
	listener net.Listener
	to       string
	relays   sync.WaitGroup

	mu    sync.Mutex
	calls []*[2]bytes.Buffer // what clients sent, and what they got, by connection; guarded by mu
}

func record(t *testing.T, to string) *recorder {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &recorder{listener: l, to: to}
	r.relays.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			call := &[2]bytes.Buffer{}
			r.mu.Lock()
			r.calls = append(r.calls, call)
			r.mu.Unlock()
			r.relays.Go(func() { r.relay(conn, call) })
		}
	})
	t.Cleanup(func() { _ = l.Close() })
	return r
}

func (r *recorder) relay(client net.Conn, call *[2]bytes.Buffer) {
	defer client.Close()
	server, err := net.Dial("tcp", r.to)
	if err != nil {
		return
	}
	defer server.Close()
	up := make(chan struct{})
	go func() {
		defer close(up)
		_, _ = io.Copy(io.MultiWriter(server, &call[0]), client)
		closeWrite(server)
	}()
	_, _ = io.Copy(io.MultiWriter(client, &call[1]), server)
	_ = client.Close()
	<-up
}

// trace returns all of it once every connection has ended, without what is
// another's each time: keys and process IDs.
func (r *recorder) trace(t *testing.T) [][2][]byte {
	t.Helper()
	_ = r.listener.Close()
	r.relays.Wait()
	var all [][2][]byte
	for _, call := range r.calls {
		sent, got := call[0].Bytes(), call[1].Bytes()
		answers := 0 // to requests for encryption, a byte each
		rest := sent
		for len(rest) >= 8 && (binary.BigEndian.Uint32(rest[4:]) == codeSSL || binary.BigEndian.Uint32(rest[4:]) == codeGSSENC) {
			answers, rest = answers+1, rest[8:]
		}
		if len(rest) < 8 {
			t.Fatalf("a connection began with %q", sent)
		}
		if binary.BigEndian.Uint32(rest[4:]) == codeCancel {
			clear(rest[8:])
			all = append(all, [2][]byte{sent, got})
			continue
		}
		unorder(t, rest)
		for i := answers; i+headSize <= len(got); {
			size := int(binary.BigEndian.Uint32(got[i+1:]))
			if size < 4 || i+1+size > len(got) {
				t.Fatalf("no message at %d of %d bytes", i, len(got))
			}
			body := got[i+headSize : i+1+size]
			switch got[i] {
			case 'K':
				clear(body)
			case 'A':
				clear(body[:4])
			}
			i += 1 + size
		}
		all = append(all, [2][]byte{sent, got})
	}
	return all
}

// unorder sorts the parameters of a startup packet: pgx sends them as they
// come out of a map.
func unorder(t *testing.T, packet []byte) {
	t.Helper()
	packet = packet[:binary.BigEndian.Uint32(packet)]
	s, err := parseStartup(packet)
	if err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(s.params, func(a, b param) int { return strings.Compare(a.name, b.name) })
	copy(packet, s.encode())
}

// Real clients send and get, byte for byte, what they do without a gateway.
func TestTraces(t *testing.T) {
	to := pgtest.Database(t)
	pgtest.Exec(t, to, `
		create table a (id int primary key, body text, at timestamptz, tags text[], doc jsonb);
		insert into a select n, repeat('x', n % 300), '2026-01-01'::timestamptz + n * interval '1 min', array['a', null, n::text], jsonb_build_object('n', n) from generate_series(1, 3000) n;
		create function noisy(n int) returns int language plpgsql as $$begin raise notice 'asked for %', n; return n; end$$`)
	direct := net.JoinHostPort(to.Host, fmt.Sprint(to.Port))
	x := open(t, serverURL(to), nil)
	for name, run := range map[string]func(t *testing.T, address string){
		"psql": func(t *testing.T, address string) { tracePSQL(t, address, to.Database) },
		"pgx":  func(t *testing.T, address string) { tracePGX(t, address, to.Database) },
	} {
		t.Run(name, func(t *testing.T) {
			var traces [2][][2][]byte
			for i, address := range []string{direct, x.Addr().String()} {
				r := record(t, address)
				run(t, r.listener.Addr().String())
				traces[i] = r.trace(t)
			}
			if len(traces[0]) != len(traces[1]) || len(traces[0]) == 0 {
				t.Fatalf("%d connections, and %d through the gateway", len(traces[0]), len(traces[1]))
			}
			for i := range traces[0] {
				for side, what := range []string{"sent", "got"} {
					want, got := traces[0][i][side], traces[1][i][side]
					if !bytes.Equal(want, got) {
						n := 0
						for n < min(len(want), len(got)) && want[n] == got[n] {
							n++
						}
						t.Errorf("connection %d %s %d bytes and %d through the gateway; they differ from %d on:\n%q\n%q", i, what, len(want), len(got), n,
							want[n:min(n+80, len(want))], got[n:min(n+80, len(got))])
					}
				}
			}
		})
	}
}

// psqlScript is what people do by hand.
const psqlScript = `
\set ON_ERROR_STOP off
\timing off
select count(*), sum(id) from a;
select * from a order by id limit 500;
begin; insert into a (id, body) values (10000, 'new'); savepoint s; insert into a (id) values (10000); rollback to s; commit;
delete from a where id >= 10000;
select nonsense; select 1/0; selec;
select noisy(3); do $$begin raise warning 'beware'; end$$;
\copy (select id, body from a order by id) to 'out.csv' csv header
create temp table b (id int, body text);
\copy b from 'out.csv' csv header
\copy b from 'bad.csv' csv
select count(*) from b;
copy (select id from a order by id limit 3) to stdout;
copy b from stdin;
77	typed
78	in
\.
listen news; notify news, 'to myself';
set statement_timeout = '20ms'; select pg_sleep(10); reset statement_timeout;
prepare p(int) as select body from a where id = $1; execute p(7); deallocate p;
begin; declare c cursor for select id from a order by id; fetch 100 from c; move 10 in c; fetch backward 5 from c; close c; commit;
select 'select ' || n from generate_series(1, 5) n \gexec
\set FETCH_COUNT 100
select id, body from a order by id;
set application_name = 'renamed'; set datestyle = 'German'; select at from a where id = 1;
\d a
\dt
select repeat('long ', 500000);
\connect
select 'again';
`

func tracePSQL(t *testing.T, address, database string) {
	dir := t.TempDir()
	for name, text := range map[string]string{"script.sql": psqlScript, "bad.csv": "no number,x\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	host, port, _ := net.SplitHostPort(address)
	cmd := exec.Command(pgtest.Shared().Binaries.Path("psql"), "-X", "-h", host, "-p", port, "-U", "postgres", "-d", database, "-f", "script.sql")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "PGSSLMODE=prefer", "LC_ALL=C")
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "again") || !strings.Contains(string(out), "division by zero") {
		t.Errorf("psql: %v\n%.2000s", err, out)
	}
}

func tracePGX(t *testing.T, address, database string) {
	ctx := within(t)
	conn, err := pgx.Connect(ctx, "postgres://postgres@"+address+"/"+database+"?sslmode=disable&statement_cache_capacity=8")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	for n := range 30 { // more statements than are kept prepared
		rows, err := conn.Query(ctx, fmt.Sprintf("select id, body, at, tags, doc from a where id %% %d = $1 order by id", n+2), 1)
		if err != nil {
			t.Fatal(err)
		}
		for rows.Next() {
		}
		if rows.Err() != nil {
			t.Error(rows.Err())
		}
	}
	var batch pgx.Batch
	for n := range 50 {
		batch.Queue("select noisy($1)", n)
		batch.Queue("select body from a where id = $1", n)
	}
	if err := conn.SendBatch(ctx, &batch).Close(); err != nil {
		t.Error(err)
	}
	if _, err := conn.Exec(ctx, "create temp table c (id int, body text)"); err != nil {
		t.Error(err)
	}
	rows := make([][]any, 2000)
	for i := range rows {
		rows[i] = []any{i, strings.Repeat("y", i%100)}
	}
	// Text, since a binary copy asks for the type of the table, which has
	// another number each time.
	var text strings.Builder
	for _, r := range rows {
		fmt.Fprintf(&text, "%d\t%s\n", r[0], r[1])
	}
	if tag, err := conn.PgConn().CopyFrom(ctx, strings.NewReader(text.String()), "copy c from stdin"); err != nil || tag.RowsAffected() != 2000 {
		t.Error(tag, err)
	}
	tx, err := conn.Begin(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(ctx, "select 1/0"); state(err) != "22012" {
		t.Error(err)
	}
	if _, err := tx.Exec(ctx, "select 1"); state(err) != "25P02" {
		t.Error(err)
	}
	_ = tx.Rollback(ctx)
	for _, mode := range []pgx.QueryExecMode{pgx.QueryExecModeSimpleProtocol, pgx.QueryExecModeExec, pgx.QueryExecModeDescribeExec, pgx.QueryExecModeCacheDescribe} {
		var n int
		if err := conn.QueryRow(ctx, "select $1::int + 1", mode, 41).Scan(&n); err != nil || n != 42 {
			t.Error(mode, n, err)
		}
	}
	p := conn.PgConn().StartPipeline(ctx)
	for n := range 20 {
		p.SendPrepare(fmt.Sprint("s", n), "select body from a where id = $1", nil)
		p.SendQueryPrepared(fmt.Sprint("s", n), [][]byte{[]byte("9")}, nil, nil)
		if n%5 == 4 {
			p.SendQueryParams("select 1/0", nil, nil, nil, nil)
			if err := p.Sync(); err != nil {
				t.Fatal(err)
			}
		}
	}
	_ = p.Close()
}
