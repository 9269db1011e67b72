package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"strings"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/syndicate/syndicate/engine/event"
)

// What the file's header says of it.
const (
	applicationID = 0x73796e64 // "synd"
	schemaVersion = 1
)

// schema makes the tables. A row of the journal holds the events of one
// batch, one JSON object a line: a burst costs little more than its bytes,
// and still a person can read the table. until is the latest time in it, in
// nanoseconds of Unix time.
var schema = fmt.Sprintf(`
CREATE TABLE journal (
	first INTEGER PRIMARY KEY, last INTEGER NOT NULL,
	until INTEGER NOT NULL, events TEXT NOT NULL
) STRICT;
CREATE TABLE fact (key TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID;
PRAGMA application_id = %d;
PRAGMA user_version = %d;`, applicationID, schemaVersion)

// settings are those of every connection: little memory, no mapped file,
// which somebody could cut short under us, and no waiting for long.
var settings = []string{
	"busy_timeout(200)", "cache_size(-64)", "temp_store(2)", "mmap_size(0)", "cell_size_check(1)", "trusted_schema(0)",
}

// ours are the settings of the one connection that writes. It makes no
// checkpoints: these wait for the disk, and it must not. Neither does it for
// the header of a new file, which says that there is a log and nothing else:
// parameters of the driver are applied behind these, and in order.
var (
	ours   = []string{"synchronous(off)", "wal_autocheckpoint(0)"}
	behind = url.Values{"mode": {"rw"}, "_txlock": {"immediate"}, "_journal_mode": {"WAL"}, "_synchronous": {"NORMAL"}}
)

// Bounds of one row of the journal.
const (
	rowEvents = 128
	rowBytes  = 8 << 10
)

// bounds are those of the journal.
type bounds struct {
	events int
	bytes  int64
}

// database is the open file.
type database struct {
	path   string
	sql    *sql.DB
	bounds bounds
	first  uint64 // of the journal's numbers, 0 where it is empty
	last   uint64
}

// dsn is how the driver is told what to open, with parameters of SQLite's
// URIs.
func dsn(path string, parameters url.Values, settings ...string) string {
	parameters["_pragma"] = settings
	return (&url.URL{Scheme: "file", Path: path, RawQuery: parameters.Encode()}).String()
}

// openDatabase opens the file, which exists and may be empty.
func openDatabase(path string, b bounds) (*database, error) {
	pool, err := sql.Open("sqlite", dsn(path, maps.Clone(behind), append(settings[:len(settings):len(settings)], ours...)...))
	if err != nil {
		return nil, err
	}
	pool.SetMaxOpenConns(1)
	db := &database{path: path, sql: pool, bounds: b}
	if err := db.begin(); err != nil {
		_ = pool.Close()
		return nil, err
	}
	return db, nil
}

// begin makes the tables where there are none, and looks whether they are
// ours.
func (db *database) begin() error {
	var id, version, tables int
	row := db.sql.QueryRow(`SELECT (SELECT application_id FROM pragma_application_id),
		(SELECT user_version FROM pragma_user_version), (SELECT count(*) FROM sqlite_schema)`)
	if err := row.Scan(&id, &version, &tables); err != nil {
		return err
	}
	switch {
	case id == 0 && version == 0 && tables == 0:
		if err := db.create(); err != nil {
			return err
		}
	case id != applicationID:
		return &unusable{"it is a database of another program"}
	case version != schemaVersion:
		return &unusable{fmt.Sprintf("it has version %d of the format, and this program knows %d", version, schemaVersion)}
	}
	for _, columns := range []string{"key, value FROM fact", "first, last, until, events FROM journal"} {
		if _, err := db.sql.Exec("SELECT " + columns + " LIMIT 0"); err != nil {
			return err
		}
	}
	return db.sql.QueryRow(`SELECT (SELECT coalesce(min(first), 0) FROM journal),
		coalesce((SELECT last FROM journal ORDER BY first DESC LIMIT 1), 0)`).Scan(&db.first, &db.last)
}

// create makes the tables. Nothing would be lost with them: no disk is waited
// for.
func (db *database) create() error {
	if err := db.setSync("off"); err != nil {
		return err
	}
	defer db.setSync("normal") // only a broken connection refuses
	tx, err := db.sql.Begin()
	if err != nil {
		return err
	}
	if _, err := tx.Exec(schema); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return tx.Commit()
}

func (db *database) close() error { return db.sql.Close() }

// write writes a batch in one transaction. It hands it to the kernel, and
// does not wait for the disk.
func (db *database) write(b *batch) error {
	if db.logSize() == 0 { // nothing is behind the header that is written now
		if err := db.setSync("off"); err != nil {
			return err
		}
		defer db.setSync("normal") // only a broken connection refuses
	}
	tx, err := db.sql.Begin()
	if err != nil {
		return err
	}
	first, last := db.first, db.last
	err = db.prune(tx, b)
	if err == nil {
		err = db.journal(tx, b.events)
	}
	if err == nil {
		err = facts(tx, b)
	}
	if err == nil {
		err = tx.Commit()
	}
	if err != nil {
		db.first, db.last = first, last
		_ = tx.Rollback()
	}
	return err
}

// journal adds events, as few rows.
func (db *database) journal(tx *sql.Tx, events []event.Event) error {
	for len(events) > 0 {
		n, until, text := row(events)
		first, last := events[0].Seq, events[n-1].Seq
		if _, err := tx.Exec("INSERT INTO journal (first, last, until, events) VALUES (?, ?, ?, ?)",
			int64(first), int64(last), until, text); err != nil {
			return err
		}
		if db.first == 0 {
			db.first = first
		}
		db.last = last
		events = events[n:]
	}
	return nil
}

// row returns the text of the first events, as many as one row takes.
func row(events []event.Event) (n int, until int64, text string) {
	var b strings.Builder
	for n < len(events) && n < rowEvents && b.Len() < rowBytes {
		ev := events[n]
		data, err := ev.MarshalJSON() // json.Marshal would read it once more
		if err != nil {               // a time beyond the year 9999
			data, _ = json.Marshal(event.Event{
				Seq: ev.Seq, Time: time.Now(), Life: ev.Life, Kind: event.Engine, Unit: ev.Unit,
				Cause: "an event cannot be written: " + err.Error(),
			})
		}
		b.Write(data)
		b.WriteByte('\n')
		until = max(until, ev.Time.UnixNano())
		n++
	}
	return n, until, b.String()
}

// facts writes those of a batch.
func facts(tx *sql.Tx, b *batch) error {
	if b.reset {
		if _, err := tx.Exec("DELETE FROM fact"); err != nil {
			return err
		}
	}
	if len(b.facts) == 0 {
		return nil
	}
	put, err := tx.Prepare("INSERT INTO fact (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value")
	if err != nil {
		return err
	}
	defer put.Close()
	for key, value := range b.facts {
		if value != nil {
			_, err = put.Exec(key, value)
		} else {
			_, err = tx.Exec("DELETE FROM fact WHERE key = ?", key)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// prune removes the oldest events beyond the bounds, many at once.
func (db *database) prune(tx *sql.Tx, b *batch) error {
	if db.first == 0 {
		return nil
	}
	var keep uint64 // the first number that stays
	if most := uint64(db.bounds.events); db.last-db.first >= most+most/16 {
		keep = db.last - most + 1
	}
	var used int64
	err := tx.QueryRow(`SELECT (page_count - freelist_count) * page_size
		FROM pragma_page_count, pragma_freelist_count, pragma_page_size`).Scan(&used)
	if err != nil {
		return err
	}
	if used > db.bounds.bytes {
		keep = max(keep, db.first+(db.last-db.first)/4+1)
	}
	if keep == 0 {
		return nil
	}
	if _, err := tx.Exec("DELETE FROM journal WHERE last < ?", int64(keep)); err != nil {
		return err
	}
	return tx.QueryRow("SELECT coalesce(min(first), 0) FROM journal").Scan(&db.first)
}

// facts reads those whose keys begin with prefix, in order of keys.
func (db *database) facts(prefix string) ([]Fact, error) {
	return readFacts(context.Background(), db.sql, prefix)
}

func readFacts(ctx context.Context, db *sql.DB, prefix string) ([]Fact, error) {
	rows, err := db.QueryContext(ctx, "SELECT key, value FROM fact WHERE substr(key, 1, length(?1)) = ?1 ORDER BY key", prefix)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var found []Fact
	for rows.Next() {
		var f Fact
		if err := rows.Scan(&f.Key, &f.Value); err != nil {
			return nil, err
		}
		found = append(found, f)
	}
	return found, rows.Err()
}

// events reads from the journal.
func (db *database) events(ctx context.Context, q Query) ([]event.Event, error) {
	return readEvents(ctx, db.sql, q)
}

// broken reports whether an error says that the file will not do, now or
// later.
func broken(err error) bool {
	if _, ok := errors.AsType[*unusable](err); ok {
		return true
	}
	e, ok := errors.AsType[*sqlite.Error](err)
	if !ok {
		return false
	}
	switch e.Code() & 0xff {
	case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT, sqlite3.SQLITE_ERROR,
		sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_MISMATCH:
		return true
	}
	return false
}
