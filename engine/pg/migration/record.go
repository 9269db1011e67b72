package migration

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// ledgerFile is where the last ledger of a managed server is kept.
func ledgerFile(stateDir, name string) string {
	return filepath.Join(stateDir, "pg", name+".ledger.json")
}

// ledgerFormat is the version of that file.
const ledgerFormat = "2.0"

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
