package migration

import (
	"context"
	"fmt"

	"github.com/syndicate/syndicate/engine/pg"
)

// Status is a directory of migrations beside the ledger of a database.
type Status struct {
	Ledger   Ledger
	Files    []File
	Pending  []File
	Entries  []Entry   // of both, in order of version
	Findings []Finding // what keeps Up from applying anything
	Warnings []Finding // what else does not fit, see Ledger.Warnings
	Problems []Problem // of the files
}

// ReadStatus asks the database for its ledger, without changing anything,
// and compares it with the files of dir.
func ReadStatus(ctx context.Context, to pg.Endpoint, dir string) (Status, error) {
	ledger, err := ReadLedger(ctx, to)
	return ledger.Status(dir), err
}

// Status compares the ledger with the files of dir.
func (l Ledger) Status(dir string) Status {
	files, problems := Files(dir)
	return Status{
		Ledger: l, Files: files, Problems: problems,
		Pending: l.Pending(files), Entries: l.Entries(files), Findings: l.Findings(files, dir),
		Warnings: l.Warnings(files),
	}
}

// Refusal is the error of whoever applies nothing himself: of files that
// cannot be used or do not fit, or of what is pending. nil where the database
// is what the files say.
func (s Status) Refusal() error {
	switch {
	case hasErrors(s.Problems):
		return &ProblemsError{Problems: s.Problems}
	case len(s.Findings) > 0:
		return &FindingsError{Findings: s.Findings}
	case len(s.Pending) > 0:
		return &PendingError{Files: s.Pending}
	}
	return nil
}

// PendingError says that files are pending where up is not to apply any.
type PendingError struct{ Files []File }

func (e *PendingError) Error() string {
	if len(e.Files) == 1 {
		return fmt.Sprintf("migrate: %s is pending, and on_up = \"refuse\": apply it first: syndicate migrate up", e.Files[0].label())
	}
	return fmt.Sprintf("migrate: %d files are pending, from %s on, and on_up = \"refuse\": apply them first: syndicate migrate up",
		len(e.Files), e.Files[0].label())
}
