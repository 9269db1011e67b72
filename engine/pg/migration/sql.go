package migration

import (
	"fmt"
	"strconv"
	"strings"
)

// statements writes the SQL around the files. What it returns is what runs,
// to the letter: a dry run prints the same.
type statements struct {
	schema string
	author author
}

// author is who migrates, as the ledger keeps it.
type author struct {
	user, host, tool string
}

// ledgerFormatNote is kept with the ledger table, for versions to come.
const ledgerFormatNote = "What syndicate migrated, format 1"

// createVersion makes golang-migrate's table.
func (w statements) createVersion() string {
	return fmt.Sprintf("CREATE TABLE %s (version bigint NOT NULL PRIMARY KEY, dirty boolean NOT NULL)", table(w.schema, versionTable))
}

// createLedger makes the other one.
func (w statements) createLedger() string {
	return fmt.Sprintf(`CREATE TABLE %s (
  id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  version       bigint NOT NULL,
  name          text NOT NULL,
  action        text NOT NULL,
  outcome       text NOT NULL,
  units         integer NOT NULL DEFAULT 0,
  prefix        text NOT NULL DEFAULT '',
  up_checksum   text NOT NULL,
  down_checksum text NOT NULL,
  after         bigint,
  role          text NOT NULL DEFAULT current_user,
  by            text NOT NULL,
  host          text NOT NULL,
  tool          text NOT NULL,
  started       timestamptz NOT NULL DEFAULT now(),
  ms            bigint NOT NULL DEFAULT 0,
  note          text NOT NULL DEFAULT ''
);
COMMENT ON TABLE %s IS '%s'`,
		table(w.schema, ledgerTable), table(w.schema, ledgerTable), ledgerFormatNote)
}

// version writes golang-migrate's row, as golang-migrate reads it: none is no
// row, or -1 where it is dirty.
func (w statements) version(v *uint64, dirty bool) string {
	name := table(w.schema, versionTable)
	text := "DELETE FROM " + name
	switch {
	case v != nil:
		text += fmt.Sprintf(";\nINSERT INTO %s (version, dirty) VALUES (%d, %t)", name, *v, dirty)
	case dirty:
		text += fmt.Sprintf(";\nINSERT INTO %s (version, dirty) VALUES (-1, true)", name)
	}
	return text
}

// entry writes a row of the ledger. elapsed counts the time since the
// transaction began.
func (w statements) entry(r Row, elapsed bool) string {
	ms := "0"
	if elapsed {
		ms = sinceBegin
	}
	after := "NULL"
	if r.After != nil {
		after = strconv.FormatUint(*r.After, 10)
	}
	return fmt.Sprintf("INSERT INTO %s (version, name, action, outcome, up_checksum, down_checksum, after, by, host, tool, ms, note)\n"+
		"VALUES (%d, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)", table(w.schema, ledgerTable),
		r.Version, literal(r.Name), literal(string(r.Action)), literal(string(r.Outcome)), literal(r.UpSum), literal(r.DownSum), after,
		literal(w.author.user), literal(w.author.host), literal(w.author.tool), ms, literal(r.Note))
}

const sinceBegin = "(extract(epoch FROM clock_timestamp() - now()) * 1000)::bigint"

// last changes the row that was written last. Whoever holds the locks is the
// only one to write any.
func (w statements) last(set string) string {
	name := table(w.schema, ledgerTable)
	return fmt.Sprintf("UPDATE %s SET %s WHERE id = (SELECT max(id) FROM %s)", name, set, name)
}

// progress notes that so many units of a file are done.
func (w statements) progress(units int, prefix string) string {
	return w.last(fmt.Sprintf("units = %d, prefix = %s", units, literal(prefix)))
}

// finished notes that the last row's file is done.
func (w statements) finished() string {
	return w.last("outcome = 'done', note = '', ms = (extract(epoch FROM clock_timestamp() - started) * 1000)::bigint")
}

// transaction puts statements into one.
func transaction(statements ...string) string {
	return "BEGIN;\n" + closed(statements...)
}

// closed ends one with statements.
func closed(statements ...string) string { return strings.Join(statements, ";\n") + ";\nCOMMIT" }

// asOurselves takes back a role that a file took on.
const asOurselves = "SET SESSION AUTHORIZATION DEFAULT;\nRESET ROLE"

// noTimeout takes back a limit that a file set for its own statements: what is
// noted of it afterwards must not fail of that.
const noTimeout = "SET statement_timeout = 0"

// literal writes a string as SQL does, whatever the settings are.
func literal(s string) string {
	s = strings.ReplaceAll(s, "\x00", "")
	quoted := "'" + strings.ReplaceAll(s, "'", "''") + "'"
	if strings.Contains(s, `\`) {
		return "E" + strings.ReplaceAll(quoted, `\`, `\\`)
	}
	return quoted
}
