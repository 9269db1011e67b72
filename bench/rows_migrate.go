//go:build linux

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/syndicate/syndicate/engine/pg"
	"github.com/syndicate/syndicate/engine/pg/pgtest"
)

// migrationFiles is how many small files are applied.
const migrationFiles = 200

func migrateRow() row {
	return row{
		name: "migrate", title: "200 small migrations applied, from the command to its end; the schema is the same to the byte",
		goal:    "within 1.1 of golang-migrate's command line, with ledger and checks",
		columns: []string{"ms", "peak RSS MiB"}, reference: "golang-migrate", bound: 3 * time.Minute, most: 2, // each waits for the disk 200 times and more
		entrants: func(b *bench) []entrant {
			cli, missing := b.golangMigrate()
			return []entrant{
				{"golang-migrate", missing, func(ctx context.Context, t *trial) (sample, error) {
					return t.migrate(ctx, func(to pg.Endpoint, dir string) ([]string, error) {
						url := "pgx5" + to.URL().Reveal()[len("postgres"):]
						return []string{cli, "-path", dir, "-database", url, "up"}, nil
					})
				}},
				{"syndicate", nil, func(ctx context.Context, t *trial) (sample, error) {
					return t.migrate(ctx, func(to pg.Endpoint, dir string) ([]string, error) {
						config := fmt.Sprintf("database \"main\" {\n  url = %q\n  migrations {\n    path = %q\n  }\n}\n", to.URL().Reveal(), dir)
						path, err := t.write(config, 0o644, "bench.hcl")
						return []string{b.binary, "-f", path, "-q", "migrate", "up"}, err
					})
				}},
			}
		},
	}
}

// golangMigrate builds golang-migrate's command line, or finds it built.
func (b *bench) golangMigrate() (path string, err error) {
	path = filepath.Join(b.out, "golang-migrate")
	out, err := exec.Command("go", "build", "-tags", "pgx5", "-o", path, "github.com/golang-migrate/migrate/v4/cmd/migrate").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("cannot be built: %s", bytes.TrimSpace(out))
	}
	return path, nil
}

// migrate applies the files with a command to a database on a new server, and
// checks afterwards that the schema is that of the files.
func (t *trial) migrate(ctx context.Context, command func(to pg.Endpoint, dir string) ([]string, error)) (sample, error) {
	for i := 1; i <= migrationFiles; i++ {
		for ending, sql := range map[string]string{
			"up":   fmt.Sprintf("CREATE TABLE t%d (id bigint PRIMARY KEY, name text NOT NULL);\nCREATE INDEX t%d_name ON t%d (name);\n", i, i, i),
			"down": fmt.Sprintf("DROP TABLE t%d;\n", i),
		} {
			if _, err := t.write(sql, 0o644, "sql", fmt.Sprintf("%06d_t%d.%s.sql", i, i, ending)); err != nil {
				return sample{}, err
			}
		}
	}
	server, err := pgtest.Start("fsync=on", "synchronous_commit=on", "full_page_writes=on")
	if err != nil {
		return sample{}, err
	}
	defer server.Stop()
	to := server.Endpoint("postgres")
	argv, err := command(to, t.path("sql"))
	if err != nil {
		return sample{}, err
	}
	result, err := t.untilEnd(ctx, launch{argv: argv})
	if err != nil {
		return sample{}, err
	}
	return result, t.checkMigrated(ctx, server, to)
}

// dumpNoise differs from dump to dump.
var dumpNoise = regexp.MustCompile(`(?m)^\\(un)?restrict .*$`)

// checkMigrated compares the dump of the schema, without our own tables, with
// that of a database in which the files ran by themselves.
func (t *trial) checkMigrated(ctx context.Context, server *pgtest.Server, to pg.Endpoint) error {
	err := to.With(ctx, time.Minute, func(ctx context.Context, conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, "create database plain")
		return err
	})
	if err != nil {
		return err
	}
	plain := server.Endpoint("plain")
	err = plain.With(ctx, time.Minute, func(ctx context.Context, conn *pgx.Conn) error {
		sql := "create table schema_migrations (version bigint not null primary key, dirty boolean not null);"
		for i := 1; i <= migrationFiles; i++ {
			text, err := os.ReadFile(t.path("sql", fmt.Sprintf("%06d_t%d.up.sql", i, i)))
			if err != nil {
				return err
			}
			sql += string(text)
		}
		_, err := conn.Exec(ctx, sql)
		return err
	})
	if err != nil {
		return err
	}
	var dumps [2][]byte
	for i, e := range []pg.Endpoint{to, plain} {
		out, err := server.Command(ctx, "pg_dump", "-s", "-T", "syndicate_migrations", "-T", "syndicate_schema", "-h", "127.0.0.1", "-p", fmt.Sprint(e.Port), "-U", e.User, e.Database).Output()
		if err != nil {
			return fmt.Errorf("pg_dump: %w", err)
		}
		dumps[i] = dumpNoise.ReplaceAll(out, nil)
	}
	if !bytes.Equal(dumps[0], dumps[1]) {
		return errors.New("the schema is not that of the files")
	}
	return nil
}
