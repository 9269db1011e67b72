package migration

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/syndicate/syndicate/engine/pg"
	"github.com/syndicate/syndicate/engine/pg/pgtest"
	"github.com/syndicate/syndicate/spec"
)

// What cannot work is refused in words that say what would.
func TestRefusals(t *testing.T) {
	dir := twoFiles(t)
	up := func(to pg.Endpoint) error {
		_, err := Up(t.Context(), Config{Endpoint: to, Dir: dir}, 0)
		return err
	}
	t.Run("wrong password", func(t *testing.T) {
		own, err := pgtest.Start()
		if err != nil {
			t.Fatal(err)
		}
		defer own.Stop()
		pgtest.Exec(t, own.Endpoint("postgres"), "create role guarded login password 'right'")
		hba := filepath.Join(own.Dir, "pg_hba.conf")
		text, err := os.ReadFile(hba)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(hba, append([]byte("host all guarded 127.0.0.1/32 scram-sha-256\n"), text...), 0o600); err != nil {
			t.Fatal(err)
		}
		pgtest.Exec(t, own.Endpoint("postgres"), "select pg_reload_conf()")
		to, err := pg.Parts{Host: "127.0.0.1", Port: own.Port, Database: "postgres", User: "guarded", Password: spec.Sensitive("wrong-one"), SSL: "disable"}.Endpoint()
		if err != nil {
			t.Fatal(err)
		}
		// The postmaster reads the file at its leisure.
		for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); {
			if err = up(to); err != nil && strings.Contains(err.Error(), "28P01") {
				break
			}
		}
		wantText(t, err, "28P01", `check the password of the role "guarded"`)
		if strings.Contains(err.Error(), "wrong-one") {
			t.Error("the error tells the password")
		}
	})
	t.Run("read-only database", func(t *testing.T) {
		to := pgtest.Database(t)
		pgtest.Exec(t, to, "alter database "+to.Database+" set default_transaction_read_only = on")
		wantText(t, up(to), "the database is read-only", "default_transaction_read_only")
	})
	t.Run("no right to create", func(t *testing.T) {
		to := pgtest.Database(t)
		pgtest.Exec(t, to, "create role weak login; revoke create on schema public from public")
		wantText(t, up(pgtest.Shared().EndpointAs("weak", to.Database)), "create the tables schema_migrations and syndicate_migrations", "42501")
	})
	t.Run("no schema", func(t *testing.T) {
		to := pgtest.Database(t)
		pgtest.Exec(t, to, "alter database "+to.Database+" set search_path = none")
		wantText(t, up(to), "no schema of the search_path exists")
	})
	t.Run("standby", func(t *testing.T) {
		primary, err := pgtest.Start("wal_level=replica", "max_wal_senders=4")
		if err != nil {
			t.Fatal(err)
		}
		defer primary.Stop()
		standby, err := primary.Standby()
		if err != nil {
			t.Fatal(err)
		}
		defer standby.Stop()
		wantText(t, up(standby.Endpoint("postgres")), "the server is a standby", "migrate on its primary")
	})
	t.Run("unreadable directory", func(t *testing.T) {
		closed := filepath.Join(t.TempDir(), "closed")
		if err := os.WriteFile(closed, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := Up(t.Context(), Config{Endpoint: pgtest.Database(t), Dir: closed}, 0)
		wantText(t, err, "read the migrations: "+closed, "not a directory")
	})
}

// A file of 50 MB is a file like any other.
func TestLargeFile(t *testing.T) {
	to := pgtest.Database(t)
	var b strings.Builder
	b.WriteString("create table t (id int, text text);\n")
	row := "insert into t values (1, '" + strings.Repeat("x", 10_000) + "');\n"
	for b.Len() < 50<<20 {
		b.WriteString(row)
	}
	dir := migrationsDir(t, map[string]string{"1_t.up.sql": b.String(), "1_t.down.sql": "drop table t"})
	mustUp(t, to, dir)
	if got := pgtest.Query(t, to, "select (count(*) > 5000)::text from t"); got != "true" {
		t.Error("rows are missing")
	}
}

// A server that is stopped in the middle ends the run with an error, and the
// next one goes on.
func TestServerStopsInTheMiddle(t *testing.T) {
	own, err := pgtest.Start()
	if err != nil {
		t.Fatal(err)
	}
	defer own.Stop()
	to := own.Database(t)
	dir := migrationsDir(t, map[string]string{
		"1_a.up.sql": "create table a (id int); select pg_sleep(600)", "1_a.down.sql": "drop table a",
	})
	watch := pgtest.Dial(t, to)
	ctx, cancel := context.WithCancel(t.Context())
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		for ctx.Err() == nil {
			var n int
			if watch.QueryRow(ctx, "select count(*) from pg_stat_activity where wait_event = 'PgSleep'").Scan(&n) != nil || n == 1 {
				own.Signal(syscall.SIGQUIT)
				return
			}
		}
	}()
	_, err = Up(t.Context(), Config{Endpoint: to, Dir: dir}, 0)
	cancel()
	<-stopped
	wantText(t, err, "1_a.up.sql", "nothing of this file was done")
	own.Wait()
	if err := own.Run(); err != nil {
		t.Fatal(err)
	}
	put(t, dir, "1_a.up.sql", "create table a (id int)")
	mustUp(t, to, dir)
}

func TestNew(t *testing.T) {
	now := time.Date(2026, 5, 4, 10, 20, 30, 0, time.UTC)
	for name, test := range map[string]struct {
		have []string
		want string
	}{
		"empty":       {nil, "000001_add_email"},
		"sequence":    {[]string{"0009_a"}, "0010_add_email"},
		"plain":       {[]string{"9_a"}, "10_add_email"},
		"timestamps":  {[]string{"20200101000000_a"}, "20260504102030_add_email"},
		"from future": {[]string{"20300101000000_a"}, "20300101000001_add_email"},
		"seconds":     {[]string{"1577836800_a"}, fmt.Sprintf("%d_add_email", now.Unix())},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for _, n := range test.have {
				put(t, dir, n+".up.sql", "select 1")
			}
			f, err := Next(dir, " Add e-mail! ", now)
			if want := strings.Replace(test.want, "email", "e_mail", 1); err != nil || filepath.Base(f.Up) != want+".up.sql" || filepath.Base(f.Down) != want+".down.sql" {
				t.Errorf("%+v, %v; want %s", f, err, want)
			}
			if _, err := os.Stat(f.Up); err == nil {
				t.Errorf("%s is there already", f.Up)
			}
			if err := errors.Join(f.Create(), f.Create()); !errors.Is(err, os.ErrExist) || strings.Count(err.Error(), "create a migration") != 1 {
				t.Errorf("it was made, or was made twice: %v", err)
			}
		})
	}
	_, err := Next(t.TempDir(), "!", now)
	wantText(t, err, "contains no letter or digit")
}
