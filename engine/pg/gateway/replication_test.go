package gateway

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/syndicate/syndicate/engine/pg"
	"github.com/syndicate/syndicate/engine/pg/pgtest"
)

// Replication has no place in the limits, and no time limit.
func TestReplication(t *testing.T) {
	server, err := pgtest.Start("wal_level=logical", "max_wal_senders=8", "max_replication_slots=8")
	if err != nil {
		t.Fatal(err)
	}
	defer server.Stop()
	to := server.Database(t)
	x := open(t, serverURL(to), func(c *Config) { c.Limits.MaxConn = 1; c.Limits.QueryTimeout = time.Second })
	x.dial(to)
	conn, err := pgconn.Connect(within(t), x.url(to, "replication", "database"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	if _, err := conn.Exec(within(t), "CREATE_REPLICATION_SLOT s TEMPORARY LOGICAL pgoutput").ReadAll(); err != nil {
		t.Fatal(err)
	}
	results, err := conn.Exec(within(t), "show statement_timeout").ReadAll()
	if err != nil || string(results[0].Rows[0][0]) != "0" {
		t.Fatalf("%v, %v", results, err)
	}
	pgtest.Exec(t, to, "create table r (id int); create publication p for table r")
	gated := []string{"-h", "127.0.0.1", "-p", strconv.Itoa(x.addr.(*net.TCPAddr).Port), "-U", "postgres"}
	direct := []string{"-h", "127.0.0.1", "-p", strconv.Itoa(to.Port), "-U", "postgres"}
	t.Run("backup", func(t *testing.T) { testBackup(t, server, gated) })
	t.Run("write-ahead log", func(t *testing.T) { testReceivedLog(t, server, to, direct, gated) })
	t.Run("logical", func(t *testing.T) { testDecoded(t, server, to, direct, gated) })
}

// run runs one of PostgreSQL's programs and returns what it says.
func run(t *testing.T, server *pgtest.Server, program string, args ...string) []byte {
	t.Helper()
	var stderr bytes.Buffer
	cmd := server.Command(within(t), program, args...)
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v: %s", program, err, &stderr)
	}
	return out
}

// testBackup takes one, and has its checksums verified.
func testBackup(t *testing.T, server *pgtest.Server, gated []string) {
	copied := server.Dir + ".copy"
	run(t, server, "pg_basebackup", append(gated, "-D", copied, "-X", "stream", "-c", "fast")...)
	run(t, server, "pg_verifybackup", "--no-parse-wal", copied)
}

// testReceivedLog has the log arrive both ways at once: it is the same.
func testReceivedLog(t *testing.T, server *pgtest.Server, to pg.Endpoint, ways ...[]string) {
	senders := "from pg_stat_replication where application_name = 'pg_receivewal'"
	// Where they end: in a file, so many bytes from its beginning.
	end := pgtest.Query(t, to, "select (pg_current_wal_lsn() + 300000)::text")
	file := pgtest.Query(t, to, "select pg_walfile_name('"+end+"')")
	n, err := strconv.Atoi(pgtest.Query(t, to, "select ((pg_walfile_name_offset('"+end+"')).file_offset)::text"))
	if err != nil {
		t.Fatal(err)
	}
	var received [][]byte
	var all sync.WaitGroup
	for i, way := range ways {
		dir := fmt.Sprintf("%s.wal%d", server.Dir, i)
		if err := os.Mkdir(dir, 0o777); err != nil {
			t.Fatal(err)
		}
		_ = os.Chmod(dir, 0o777) // the umask takes some of that
		all.Go(func() {
			cmd := server.Command(within(t), "pg_receivewal", append(way, "-D", dir, "--no-loop", "--endpos", end)...)
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("pg_receivewal: %v: %s", err, out)
			}
		})
	}
	eventually(t, "both receive", func() bool { return pgtest.Query(t, to, "select count(*)::text "+senders) == "2" })
	pgtest.Exec(t, to, "insert into r select generate_series(1, 20000); select pg_switch_wal()")
	all.Wait()
	for i := range ways {
		files, _ := filepath.Glob(fmt.Sprintf("%s.wal%d/%s*", server.Dir, i, file)) // .partial, or not
		if len(files) != 1 {
			t.Fatalf("received were %s", files)
		}
		b, err := os.ReadFile(files[0])
		if err != nil {
			t.Fatal(err)
		}
		received = append(received, b[:n])
	}
	if !bytes.Equal(received[0], received[1]) {
		t.Error("the log is another one through the gateway")
	}
}

// testDecoded has the same changes decoded twice.
func testDecoded(t *testing.T, server *pgtest.Server, to pg.Endpoint, ways ...[]string) {
	for i := range ways {
		pgtest.Exec(t, to, fmt.Sprintf("select pg_create_logical_replication_slot('slot_%d', 'pgoutput')", i))
	}
	pgtest.Exec(t, to, "insert into r select generate_series(1, 2000); truncate r")
	end := pgtest.Query(t, to, "select pg_current_wal_lsn()::text")
	var decoded [][]byte
	for i, way := range ways {
		decoded = append(decoded, run(t, server, "pg_recvlogical", append(way, "-d", to.Database, "-S", fmt.Sprint("slot_", i), "--start", "-f", "-",
			"--no-loop", "--endpos", end, "-o", "proto_version=1", "-o", "publication_names=p")...))
	}
	if len(decoded[0]) < 2000*10 || !bytes.Equal(decoded[0], decoded[1]) {
		t.Errorf("%d bytes, and %d through the gateway, or others", len(decoded[0]), len(decoded[1]))
	}
}
