package migration

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/golang-migrate/migrate/v4/database"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/syndicate/syndicate/engine/pg"
	"github.com/syndicate/syndicate/engine/pg/script"
)

// driver is golang-migrate's own, but for Run: that hears of a cancellation,
// knows which statement failed, and takes a file back from "dirty" where the
// server has undone all of it.
type driver struct {
	database.Driver
	session *session

	// Set before each file.
	ctx  context.Context //nolint:containedctx // golang-migrate passes none
	path string

	before int // version before the current file
	failed *FileError
}

var _ database.Driver = (*driver)(nil)

// Version also remembers the version that a failed file is taken back to.
func (d *driver) Version() (int, bool, error) {
	version, dirty, err := d.Driver.Version()
	d.before = version
	return version, dirty, err
}

// Run runs one file. golang-migrate has just marked it dirty.
func (d *driver) Run(body io.Reader) error {
	text, err := io.ReadAll(body)
	if err != nil {
		return fmt.Errorf("read %s: %w", d.path, err)
	}
	sql := string(text)
	if strings.TrimSpace(sql) == "" {
		return nil
	}
	done, err := d.exec(sql)
	if err == nil {
		// What the file set must not hold for golang-migrate's own
		// statements, either.
		return d.session.settings(context.WithoutCancel(d.ctx))
	}
	d.failed = d.explain(sql, done, err)
	return d.failed
}

// exec sends the file as one query, as golang-migrate does, and counts the
// statements that succeeded.
func (d *driver) exec(sql string) (done int, err error) {
	results := d.session.conn.PgConn().Exec(d.ctx, sql)
	for results.NextResult() {
		if _, err := results.ResultReader().Close(); err == nil {
			done++
		}
	}
	return done, results.Close()
}

// explain makes the error of a failed file, and cleans up after it where
// that is certain: the server answered with an error, and the file happens
// wholly or not at all.
func (d *driver) explain(sql string, done int, err error) *FileError {
	statements := script.Split(sql)
	e := &FileError{Path: d.path, Dirty: true, cause: err}
	if d.ctx.Err() != nil {
		e.Cancelled = context.Cause(d.ctx)
	}
	if done < len(statements) {
		e.Line, e.Statement = statements[done].Line, firstLine(statements[done].Text)
	}
	pe, answered := errors.AsType[*pgconn.PgError](err)
	if answered {
		e.fill(pe, sql)
	} else {
		e.Message = pg.LastPart(err)
	}
	undone := answered && !pg.TemporaryState(pe.Code) && atomic(sql)
	if undone || pgconn.SafeToRetry(err) {
		e.Dirty = d.takeBack() != nil
	}
	return e
}

// atomic reports whether a file either happens wholly or not at all.
func atomic(sql string) bool {
	units := script.Units(sql, false)
	return len(units) == 1 && units[0].Kind == script.Transaction
}

// takeBack ends a transaction that the file left open, and gives the ledger
// the version from before the file.
func (d *driver) takeBack() error {
	conn := d.session.conn
	if conn.IsClosed() {
		return pgx.ErrTxClosed
	}
	if conn.PgConn().TxStatus() != 'I' {
		if _, err := conn.Exec(context.WithoutCancel(d.ctx), "ROLLBACK"); err != nil {
			return err
		}
	}
	if err := d.session.settings(context.WithoutCancel(d.ctx)); err != nil {
		return err
	}
	return d.Driver.SetVersion(d.before, false)
}

// FileError is a migration that failed.
type FileError struct {
	Path      string
	Line      int    // of the failed statement, or where PostgreSQL points into it; 0 unknown
	Column    int    // 0 unknown
	Statement string // its first line
	SQLState  string
	Message   string
	Detail    string
	Hint      string
	Where     string // the context that PostgreSQL names, such as a function's line
	// Dirty says that a part of the file may be done. Where it is false the
	// server has undone all of it, and it can be corrected and run again.
	Dirty     bool
	Repair    string // what to do about a dirty ledger
	Back      string // the statement that sets it to before the file
	Cancelled error  // the cause, where it was cancelled
	cause     error
}

// Error tells the whole story, on several lines.
func (e *FileError) Error() string {
	var b strings.Builder
	at := e.Path
	if e.Line > 0 {
		at += fmt.Sprintf(":%d", e.Line)
		if e.Column > 0 {
			at += fmt.Sprintf(":%d", e.Column)
		}
	}
	if e.Cancelled != nil {
		fmt.Fprintf(&b, "apply %s: cancelled (%v)", at, e.Cancelled)
	} else {
		fmt.Fprintf(&b, "apply %s: %s", at, e.Message)
	}
	if e.SQLState != "" {
		fmt.Fprintf(&b, " (SQLSTATE %s)", e.SQLState)
	}
	for _, part := range []struct{ name, text string }{
		{"statement", e.Statement}, {"detail", e.Detail}, {"hint", e.Hint}, {"where", e.Where},
		{"advice", stateAdvice(e.SQLState)},
	} {
		if part.text != "" {
			fmt.Fprintf(&b, "\n  %s: %s", part.name, strings.ReplaceAll(part.text, "\n", "\n    "))
		}
	}
	if !e.Dirty {
		b.WriteString("\n  nothing of this file was done: correct it and run again")
	} else if e.Repair != "" {
		b.WriteString("\n  a part of this file may be done, and the database is marked dirty: " + e.Repair)
	}
	return b.String()
}

func (e *FileError) Unwrap() []error {
	if e.Cancelled != nil {
		return []error{e.Cancelled, e.cause}
	}
	return []error{e.cause}
}

// fill takes what PostgreSQL said.
func (e *FileError) fill(pe *pgconn.PgError, sql string) {
	e.SQLState, e.Message, e.Detail, e.Hint = pe.Code, pe.Message, pe.Detail, pe.Hint
	e.Where, _, _ = strings.Cut(pe.Where, "\n")
	if pe.Position > 0 {
		// PostgreSQL counts characters of the whole query, from 1.
		runes := []rune(sql)
		before := string(runes[:min(int(pe.Position)-1, len(runes))])
		e.Line = 1 + strings.Count(before, "\n")
		e.Column = 1 + len([]rune(before[strings.LastIndexByte(before, '\n')+1:]))
	}
}

// stateAdvice says what to do about failures that PostgreSQL gives no hint
// for.
func stateAdvice(code string) string {
	switch code {
	case "55P03":
		return "another session holds a lock that the statement needs: run again when it is less busy, or raise lock_timeout"
	case "40P01":
		return "another session and this one waited for each other: run again"
	case "25001":
		return "the statement cannot run inside a transaction: give it a file of its own, without BEGIN and COMMIT"
	case "58P01", "0A000":
		return "if an extension is missing, install its package (on Debian postgresql-contrib or postgresql-MAJOR-NAME)"
	case "42501":
		return "the role lacks the right to do that: grant it, or let an owner of the objects migrate"
	}
	return ""
}

// firstLine returns a statement's first line, cut to a readable length.
func firstLine(text string) string {
	line, _, more := strings.Cut(text, "\n")
	line = strings.TrimSpace(line)
	if runes := []rune(line); len(runes) > 100 {
		line, more = string(runes[:100]), true
	}
	if more {
		line += " …"
	}
	return line
}
