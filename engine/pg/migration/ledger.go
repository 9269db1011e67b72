package migration

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/syndicate/syndicate/engine/pg"
)

// ledgerTable is golang-migrate's.
const ledgerTable = "schema_migrations"

// askTimeout bounds connecting and asking for the ledger.
const askTimeout = 5 * time.Second

// Ledger is what a database says was applied.
type Ledger struct {
	None    bool      `json:"none"` // nothing was ever applied, or all undone
	Version uint64    `json:"version"`
	Dirty   bool      `json:"dirty"` // the file of Version may be half applied
	At      time.Time `json:"at"`    // when it was read
}

// Pending returns the files that Up would apply, in order.
func (l Ledger) Pending(files []File) []File {
	if l.None {
		return slices.Clone(files)
	}
	for i, f := range files {
		if f.Version > l.Version {
			return slices.Clone(files[i:])
		}
	}
	return nil
}

// Known reports whether the applied version has a file.
func (l Ledger) Known(files []File) bool {
	return l.None || slices.ContainsFunc(files, func(f File) bool { return f.Version == l.Version })
}

// Status is a directory of migrations beside the ledger of a database.
type Status struct {
	Ledger   Ledger
	Files    []File
	Pending  []File
	Problems []Problem
}

// ReadStatus asks the database for its ledger, without changing anything,
// and compares it with the files of dir.
func ReadStatus(ctx context.Context, to pg.Endpoint, dir string) (Status, error) {
	files, problems := Files(dir)
	ledger, err := ReadLedger(ctx, to)
	if err != nil {
		return Status{Files: files, Problems: problems}, err
	}
	return Status{Ledger: ledger, Files: files, Pending: ledger.Pending(files), Problems: problems}, nil
}

// ReadLedger asks a database for its ledger. One that was never migrated has
// none, which is no error.
func ReadLedger(ctx context.Context, to pg.Endpoint) (Ledger, error) {
	ledger := Ledger{None: true, At: time.Now().UTC()}
	err := to.With(ctx, askTimeout, func(ctx context.Context, conn *pgx.Conn) error {
		var there bool
		if err := conn.QueryRow(ctx, "select to_regclass(quote_ident(current_schema()) || '."+ledgerTable+"') is not null").
			Scan(&there); err != nil || !there {
			return err
		}
		var version int64
		err := conn.QueryRow(ctx, "select version, dirty from "+ledgerTable+" limit 1").Scan(&version, &ledger.Dirty)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		ledger.None = version < 0 && err == nil
		ledger.Version = uint64(max(version, 0))
		return err
	})
	return ledger, err
}

// ledgerFile is where the last ledger of a managed server is kept.
func ledgerFile(stateDir, name string) string {
	return filepath.Join(stateDir, "pg", name+".ledger.json")
}

// ledgerFormat is the version of that file.
const ledgerFormat = "1.0"

type ledgerRecord struct {
	FormatVersion string `json:"format_version"`
	Ledger
}

// RecordLedger keeps the ledger of a managed server in the state directory,
// so that a plan can show it while the server is down.
func RecordLedger(stateDir, name string, l Ledger) error {
	text, err := json.MarshalIndent(ledgerRecord{ledgerFormat, l}, "", "  ")
	if err != nil {
		return fmt.Errorf("record the ledger of %s: %w", name, err)
	}
	path := ledgerFile(stateDir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("record the ledger of %s: %w", name, err)
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".ledger-*")
	if err != nil {
		return fmt.Errorf("record the ledger of %s: %w", name, err)
	}
	defer func() { _ = os.Remove(f.Name()) }()
	_, err = f.Write(append(text, '\n'))
	if err := errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("record the ledger of %s: %w", name, err)
	}
	return os.Rename(f.Name(), path)
}

// RecordedLedger returns what RecordLedger kept. ok is false where there is
// nothing, or nothing that can be read.
func RecordedLedger(stateDir, name string) (l Ledger, ok bool) {
	text, err := os.ReadFile(ledgerFile(stateDir, name))
	if err != nil {
		return Ledger{}, false
	}
	var r ledgerRecord
	if json.Unmarshal(text, &r) != nil || r.FormatVersion != ledgerFormat {
		return Ledger{}, false
	}
	return r.Ledger, true
}
