package gateway

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/syndicate/syndicate/engine/pg"
	"github.com/syndicate/syndicate/engine/pg/pgtest"
)

// traced is a database for clients that log in with a password.
type traced struct {
	server pg.Endpoint
	direct string // host:port of the server
}

// dsn is the URL of the database at an address.
func (d traced) dsn(address string) string {
	return "postgres://traced:swordfish@" + address + "/" + d.server.Database
}

// Real clients send and get, byte for byte, what they do without a gateway.
func TestTraces(t *testing.T) {
	to := pgtest.Database(t)
	pgtest.Exec(t, to, `
		create table a (id int primary key, body text, at timestamptz, tags text[], doc jsonb);
		insert into a select n, repeat('x', n % 300), '2026-01-01'::timestamptz + n * interval '1 min', array['a', null, n::text], jsonb_build_object('n', n) from generate_series(1, 3000) n;
		create function noisy(n int) returns int language plpgsql as $$begin raise notice 'asked for %', n; return n; end$$;
		create table orders (id int primary key, body text);
		create table rows (id int, body text)`)
	d := traced{server: to, direct: net.JoinHostPort(to.Host, fmt.Sprint(to.Port))}
	passwords(t, d)
	x := open(t, serverURL(to), nil)
	for _, client := range []struct {
		name string
		run  func(t *testing.T, d traced, address string) string
	}{
		{"psql", tracePSQL},
		{"pgx", tracePGX},
		{"psycopg", script(python(t), "use_psycopg.py")},
		{"psycopg2", script(python(t), "use_psycopg2.py")},
		{"node-postgres", script([]string{"node"}, "use_node_postgres.js")},
	} {
		t.Run(client.name, func(t *testing.T) {
			var traces [2][][2][]byte
			var said [2]string
			for i, address := range []string{d.direct, x.addr.String()} {
				pgtest.Exec(t, to, "truncate orders, rows")
				r := record(t, address)
				said[i] = processes.ReplaceAllString(client.run(t, d, r.listener.Addr().String()), "PID")
				traces[i] = r.trace(t)
			}
			direct, gated := strings.Split(said[0], "\n"), strings.Split(said[1], "\n")
			for n := range min(len(direct), len(gated)) {
				if direct[n] != gated[n] {
					t.Errorf("line %d is %q, and through the gateway %q", n+1, direct[n], gated[n])
				}
			}
			if len(direct) != len(gated) {
				t.Errorf("it says %d lines, and through the gateway %d", len(direct), len(gated))
			}
			compare(t, traces[0], traces[1])
		})
	}
}

// processes are process IDs in what psql says of a notification.
var processes = regexp.MustCompile(`PID \d+`)

// compare says where traces begin to differ.
func compare(t *testing.T, direct, gated [][2][]byte) {
	t.Helper()
	if len(direct) != len(gated) || len(direct) == 0 {
		t.Fatalf("%d connections, and %d through the gateway", len(direct), len(gated))
	}
	for i := range direct {
		for side, what := range []string{"sent", "got"} {
			want, got := direct[i][side], gated[i][side]
			if bytes.Equal(want, got) {
				continue
			}
			n := 0
			for n < min(len(want), len(got)) && want[n] == got[n] {
				n++
			}
			t.Errorf("connection %d %s %d bytes and %d through the gateway; they differ from %d on:\n%q\n%q", i, what, len(want), len(got), n,
				want[n:min(n+80, len(want))], got[n:min(n+80, len(got))])
		}
	}
}

// passwords has the server of the tests ask the role traced for one.
func passwords(t *testing.T, d traced) {
	t.Helper()
	pgtest.Exec(t, d.server, "create role traced superuser login password 'swordfish'")
	hba := filepath.Join(pgtest.Shared().Dir, "pg_hba.conf")
	rules, err := os.ReadFile(hba)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(hba, append([]byte("host all traced all scram-sha-256\n"), rules...), 0o600); err != nil {
		t.Fatal(err)
	}
	pgtest.Exec(t, d.server, "select pg_reload_conf()")
	eventually(t, "the server asks for passwords", func() bool {
		conn, err := pgx.Connect(within(t), strings.Replace(d.dsn(d.direct), "swordfish", "wrong", 1))
		if err == nil {
			_ = conn.Close(within(t))
		}
		return state(err) == "28P01"
	})
}

// required says how to get what a test needs.
const required = "run tools/require.sh pg_clients, which installs it"

// python is one that has psycopg: Debian's, where another is in front of it.
func python(t *testing.T) []string {
	t.Helper()
	for _, program := range []string{"/usr/bin/python3", "python3"} {
		if exec.Command(program, "-c", "import psycopg, psycopg2").Run() == nil {
			return []string{program}
		}
	}
	t.Fatal("no Python has psycopg and psycopg2: " + required)
	return nil
}

// script runs one of testdata/clients.
func script(command []string, name string) func(*testing.T, traced, string) string {
	return func(t *testing.T, d traced, address string) string {
		cmd := exec.CommandContext(within(t), command[0], append(command[1:], filepath.Join("testdata", "clients", name))...)
		cache, err := os.UserCacheDir()
		if err != nil {
			t.Fatal(err)
		}
		modules := filepath.Join(cache, "syndicate", "node", "node_modules") + ":/usr/share/nodejs"
		cmd.Env = append(os.Environ(), "DSN="+d.dsn(address), "WATCH="+d.dsn(d.direct), "NODE_PATH="+modules, "PYTHONDONTWRITEBYTECODE=1")
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%s: %v\n%.3000s\n%.2000s\nIf a module is missing: %s.", name, err, &stderr, out, required)
		}
		return string(out)
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
\dt public.*
select repeat('long ', 500000);
\connect
select 'again';
`

func tracePSQL(t *testing.T, d traced, address string) string {
	dir := t.TempDir()
	for name, text := range map[string]string{"script.sql": psqlScript, "bad.csv": "no number,x\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	host, port, _ := net.SplitHostPort(address)
	cmd := exec.Command(pgtest.Shared().Binaries.Path("psql"), "-X", "-h", host, "-p", port, "-U", "traced", "-d", d.server.Database, "-f", "script.sql")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "PGSSLMODE=prefer", "LC_ALL=C", "PGPASSWORD=swordfish")
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "again") || !strings.Contains(string(out), "division by zero") {
		t.Errorf("psql: %v\n%.2000s", err, out)
	}
	return string(out)
}
