package store

import (
	"database/sql"
	"net/url"
	"os"
)

// What was written is safe from the end of the process as soon as the kernel
// has it. To be safe from the end of the machine it has to be synced, and that
// may take hundreds of milliseconds on a busy disk, in which a transaction must
// not wait: a process that is killed then would lose what came meanwhile.
// SQLite syncs in two places. One is a checkpoint, which copies the log into
// the database: it has a connection and a goroutine of its own here. The other
// is the first transaction of a log that is begun again, whose header must not
// reach the disk later than what overwrites the log behind it: here a log is
// begun again empty, so that there is nothing to overwrite (https://www.sqlite.org/wal.html
// and https://sqlite.org/src/info/ff5be73dee). SQLite itself begins one again
// with the first transaction after a checkpoint that copied everything, unless
// somebody reads it: whoever makes the checkpoint does, until the writer has
// seen its end and has emptied the log.

// The log is copied when it has its usual size, in bytes. Where so much is
// written all the time that it is never emptied, writing waits for that in
// the end.
const (
	logUsual = 1 << 20
	logMost  = 8 << 20
)

// logSize is the size of the write-ahead log, in bytes.
func (db *database) logSize() int64 {
	info, err := os.Stat(db.path + "-wal")
	if err != nil {
		return 0 // it is not there yet
	}
	return info.Size()
}

// setSync sets how the next transactions are synced; see
// https://www.sqlite.org/pragma.html#pragma_synchronous.
func (db *database) setSync(level string) error {
	_, err := db.sql.Exec("PRAGMA synchronous = " + level)
	return err
}

// truncate empties the log, all of which is in the database. It waits neither
// for the disk nor for readers: while somebody reads the log stays.
func (db *database) truncate() {
	for _, statement := range []string{"PRAGMA busy_timeout = 0", "PRAGMA wal_checkpoint(truncate)", "PRAGMA busy_timeout = 200"} {
		_, _ = db.sql.Exec(statement) // whatever fails is found again by the next write
	}
}

// checkpoint begins to copy the log into the database, unless that was done
// since something was last written. It reports whether a checkpoint is under
// way. synced is told of its end, after which truncate is to be called; or
// with wait all that is done at once.
func (f *file) checkpoint(synced chan<- struct{}, wait bool) bool {
	switch {
	case f.syncing != nil && wait:
		f.settle()
	case f.syncing != nil:
		return true
	case f.quiet:
		return false
	}
	f.quiet = true
	done := make(chan struct{})
	f.syncing = done
	go func() {
		f.complete, f.held = copyLog(f.path)
		close(done)
		select {
		case synced <- struct{}{}:
		default:
		}
	}()
	if wait {
		<-done
		f.truncate()
	}
	return true
}

// truncate empties the log where the checkpoint that has ended copied all of it.
func (f *file) truncate() {
	if f.syncing == nil {
		return
	}
	select {
	case <-f.syncing:
	default:
		return // another one has begun
	}
	f.settle()
	f.empty()
}

// empty empties the log where all of it is in the database. Where somebody
// reads just then it is tried again before the next write.
func (f *file) empty() {
	if f.syncing == nil && f.complete && f.quiet && f.db != nil && f.db.logSize() > 0 {
		f.db.truncate()
	}
}

// settle waits for the end of the checkpoint that is under way, and reads its
// log no longer.
func (f *file) settle() {
	if f.syncing == nil {
		return
	}
	<-f.syncing
	f.syncing = nil
	f.held.Close()
}

// copyLog makes a checkpoint that nobody waits for, and reports whether it
// copied everything. While held is open the log is not begun again.
func copyLog(path string) (complete bool, held *reading) {
	held = readLog(path)
	db, err := openCopier(path)
	if err != nil {
		return false, held
	}
	defer db.Close()
	var busy, log, copied int
	err = db.QueryRow("PRAGMA wal_checkpoint(passive)").Scan(&busy, &log, &copied)
	return err == nil && busy == 0 && log == copied, held
}

// openCopier opens the file for whoever makes a checkpoint.
func openCopier(path string) (*sql.DB, error) {
	db, err := sql.Open("sqlite", dsn(path, url.Values{"mode": {"rw"}}, append(settings[:len(settings):len(settings)], "synchronous(normal)")...))
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	return db, nil
}

// reading is a transaction that reads, and so keeps the log as it is.
type reading struct {
	db *sql.DB
	tx *sql.Tx
}

// readLog begins to read the file's log. Where it cannot, the log may be begun
// again, and the writer waits for the disk once.
func readLog(path string) *reading {
	db, err := openCopier(path)
	if err != nil {
		return nil
	}
	tx, err := db.Begin()
	if err != nil {
		_ = db.Close()
		return nil
	}
	var n int
	_ = tx.QueryRow("SELECT count(*) FROM sqlite_schema").Scan(&n) // what is read first takes the lock
	return &reading{db, tx}
}

// Close ends the reading. A nil one has not begun.
func (r *reading) Close() {
	if r != nil {
		_ = r.tx.Rollback()
		_ = r.db.Close()
	}
}
