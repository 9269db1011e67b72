package client

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/syndicate/syndicate/engine/pg"
)

// RestoreConfig says what to load, and into which database.
type RestoreConfig struct {
	Target
	File string // of Dump or of pg_dump, custom or plain
	// Replace lets objects of the dump take the place of those that are
	// there. Else a database that is not empty is refused.
	Replace bool
	// Owners restores owners and privileges as they were, so that their
	// roles must exist. Else all of it is the connecting role's.
	Owners bool
	// Progress is told what is under way, and may be nil.
	Progress func(what string)
}

// Restored is what Restore did.
type Restored struct {
	Tables int // of the database, afterwards
	Took   time.Duration
}

// NotEmptyError says that there is something in the database already.
type NotEmptyError struct {
	Database string
	Tables   int
	Example  string // one of the objects
}

func (e *NotEmptyError) Error() string {
	what := fmt.Sprintf("there are %d tables", e.Tables)
	if e.Tables < 2 {
		what = "there is " + e.Example
	}
	return fmt.Sprintf("restore %s: the database is not empty: %s", e.Database, what)
}

// Restore loads a dump in one transaction: all of it or nothing.
func Restore(ctx context.Context, cfg RestoreConfig) (Restored, error) {
	start := time.Now()
	op := "restore " + cfg.Endpoint.Database
	custom, err := isArchive(cfg.File)
	if err != nil {
		return Restored{}, fmt.Errorf("%s: %w", op, err)
	}
	if !cfg.Replace {
		if err := refuseFull(ctx, cfg.Endpoint); err != nil {
			return Restored{}, err
		}
	}
	if custom {
		err = cfg.archive(ctx, op)
	} else {
		err = cfg.script(ctx, op)
	}
	if err != nil {
		return Restored{}, err
	}
	tables, _, err := contents(ctx, cfg.Endpoint)
	return Restored{Tables: tables, Took: time.Since(start)}, err
}

// archiveMark begins a file of pg_dump's own format
// (src/bin/pg_dump/pg_backup_archiver.c).
const archiveMark = "PGDMP"

// isArchive tells a file of pg_dump's own format from SQL.
func isArchive(path string) (bool, error) {
	info, err := os.Stat(path)
	if err != nil {
		return false, err
	}
	if !info.Mode().IsRegular() {
		return false, fmt.Errorf("%s is no file: a dump in a directory is for pg_restore itself", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return false, err
	}
	defer func() { _ = f.Close() }()
	head := make([]byte, 512)
	n, err := io.ReadFull(f, head)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		return false, err
	}
	head = head[:n]
	switch {
	case n == 0:
		return false, fmt.Errorf("%s is empty", path)
	case bytes.HasPrefix(head, []byte(archiveMark)):
		return true, nil
	case bytes.HasPrefix(head, []byte{0x1f, 0x8b}):
		return false, fmt.Errorf("%s is compressed by gzip: gunzip it first", path)
	case bytes.IndexByte(head, 0) >= 0:
		return false, fmt.Errorf("%s is neither a dump of pg_dump's custom format nor SQL", path)
	}
	return false, nil
}

// contents counts the tables of a database, and names one object of it,
// those of extensions and of the system aside.
func contents(ctx context.Context, to pg.Endpoint) (tables int, example string, err error) {
	err = to.With(ctx, askTimeout, func(ctx context.Context, conn *pgx.Conn) error {
		return conn.QueryRow(ctx, `
			select count(*) filter (where kind = 'table'), coalesce(min(kind || ' ' || name), '') from (
				select case when c.relkind in ('r', 'p', 'f') then 'table' when c.relkind = 'S' then 'sequence' else 'view' end as kind,
				       c.oid::regclass::text as name
				from pg_class c join pg_namespace n on n.oid = c.relnamespace
				where c.relkind in ('r', 'p', 'f', 'v', 'm', 'S') and n.nspname not in ('pg_catalog', 'information_schema') and n.nspname !~ '^pg_(toast|temp)'
				  and not exists (select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
				union all
				select 'function', p.oid::regprocedure::text
				from pg_proc p join pg_namespace n on n.oid = p.pronamespace
				where n.nspname not in ('pg_catalog', 'information_schema') and n.nspname !~ '^pg_(toast|temp)'
				  and not exists (select from pg_depend d where d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e')
			) found`).Scan(&tables, &example)
	})
	return tables, example, err
}

func refuseFull(ctx context.Context, to pg.Endpoint) error {
	tables, example, err := contents(ctx, to)
	if err != nil {
		return err
	}
	if example != "" {
		return &NotEmptyError{Database: to.Database, Tables: tables, Example: example}
	}
	return nil
}

// archive loads a file of pg_dump's own format.
func (c *RestoreConfig) archive(ctx context.Context, op string) error {
	program, _, err := c.find(ctx, "pg_restore")
	if err != nil {
		return err
	}
	where, err := c.Endpoint.WithoutPassword()
	if err != nil {
		return err
	}
	list, err := c.listed(ctx, op, program)
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(list) }()
	args := []string{"--dbname=" + where, "--no-password", "--single-transaction", "--exit-on-error", "--verbose", "--use-list=" + list}
	if c.Replace {
		args = append(args, "--clean", "--if-exists")
	}
	if !c.Owners {
		args = append(args, "--no-owner", "--no-privileges")
	}
	cmd := c.command(ctx, program, "pg_restore by syndicate", append(args, c.File)...)
	said := &tail{line: c.told}
	cmd.Stderr = said
	if err := cmd.Run(); err != nil {
		return failure(ctx, op, "pg_restore", complaints(said.buf.Bytes()), err)
	}
	return nil
}

// told hands on which table is being loaded.
func (c *RestoreConfig) told(line string) {
	if what, ok := strings.CutPrefix(line, "pg_restore: processing data for table "); ok && c.Progress != nil {
		c.Progress("loading " + strings.ReplaceAll(what, `"`, ""))
	}
}

// complaints are the lines of pg_restore's errors, without what it tells of
// its work.
func complaints(said []byte) []byte {
	var out []byte
	inside := false
	for line := range bytes.Lines(said) {
		switch {
		case bytes.HasPrefix(line, []byte("pg_restore: error:")), bytes.HasPrefix(line, []byte("pg_restore: from TOC")):
			inside = true
		case bytes.HasPrefix(line, []byte("pg_restore: ")):
			inside = false
		}
		if inside {
			out = append(out, line...)
		}
	}
	if out == nil {
		return said
	}
	return out
}

// listed writes what to load into a file: all, but for extensions that are
// there, which are a superuser's, and their comments.
func (c *RestoreConfig) listed(ctx context.Context, op string, program pg.Program) (path string, err error) {
	have := map[string]bool{}
	err = c.Endpoint.With(ctx, askTimeout, func(ctx context.Context, conn *pgx.Conn) error {
		rows, _ := conn.Query(ctx, "select extname::text from pg_extension")
		names, err := pgx.CollectRows(rows, pgx.RowTo[string])
		for _, name := range names {
			have[name] = true
		}
		return err
	})
	if err != nil {
		return "", err
	}
	var said, toc bytes.Buffer
	cmd := c.command(ctx, program, "pg_restore by syndicate", "--list", c.File)
	cmd.Stdout, cmd.Stderr = &toc, &said
	if err := cmd.Run(); err != nil {
		err = failure(ctx, op, "pg_restore", said.Bytes(), err)
		if e, ok := errors.AsType[*pg.Error](err); ok && strings.Contains(e.Reason, "unsupported version") {
			e.Remedy = fmt.Sprintf("the dump was made by a newer pg_dump than this pg_restore, of PostgreSQL %d: install a newer client", program.Major)
		}
		return "", err
	}
	f, err := os.CreateTemp("", "syndicate-restore-")
	if err != nil {
		return "", fmt.Errorf("%s: %w", op, err)
	}
	w := bufio.NewWriter(f)
	for line := range strings.Lines(toc.String()) {
		if !ofExtension(line, have) {
			_, _ = w.WriteString(line)
		}
	}
	if err := errors.Join(w.Flush(), f.Close()); err != nil {
		_ = os.Remove(f.Name())
		return "", fmt.Errorf("%s: %w", op, err)
	}
	return f.Name(), nil
}

// ofExtension reports whether a line of pg_restore's list is an extension of
// have, or the comment of one: "2; 3079 16385 EXTENSION - pg_trgm",
// "3351; 0 0 COMMENT - EXTENSION pg_trgm".
func ofExtension(line string, have map[string]bool) bool {
	fields := strings.Fields(line)
	switch {
	case len(fields) >= 6 && fields[3] == "EXTENSION" && fields[4] == "-":
		return have[fields[5]]
	case len(fields) >= 7 && fields[3] == "COMMENT" && fields[4] == "-" && fields[5] == "EXTENSION":
		return have[strings.Trim(fields[6], `"`)]
	}
	return false
}

// script loads SQL, by psql since that alone reads what pg_dump writes.
func (c *RestoreConfig) script(ctx context.Context, op string) error {
	program, _, err := c.find(ctx, "psql")
	if err != nil {
		return err
	}
	where, err := c.Endpoint.WithoutPassword()
	if err != nil {
		return err
	}
	cmd := c.command(ctx, program, "psql by syndicate", "--dbname="+where, "--no-password", "--no-psqlrc", "--quiet",
		"--set=ON_ERROR_STOP=1", "--single-transaction", "--file="+c.File)
	said := &tail{}
	cmd.Stderr = said
	if err := cmd.Run(); err != nil {
		err = failure(ctx, op, "psql", said.buf.Bytes(), err)
		if e, ok := errors.AsType[*pg.Error](err); ok && strings.Contains(e.Reason, "must be owner of extension") {
			e.Remedy = "extensions are a superuser's, and this dump comments on one: make it in the custom format, or with pg_dump --no-comments"
		}
		return err
	}
	return nil
}
