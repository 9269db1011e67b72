package catalog

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/syndicate/syndicate/spec"
)

// Report is what there is to say about a schema.
type Report struct {
	// Findings are breaches of the declaration, then drift, then what is
	// unhealthy.
	Findings []Finding
	// Recorded is when the schema was recorded that drift is told from; nil
	// where nothing was, for the version that the database is at.
	Recorded *time.Time
}

// Breached reports whether one of the findings is an error.
func (r *Report) Breached() bool { return len(r.Errors()) > 0 }

// Errors returns the findings that are errors.
func (r *Report) Errors() []Finding {
	return slices.DeleteFunc(slices.Clone(r.Findings), func(f Finding) bool { return f.Severity != spec.Error })
}

// Check holds the schema behind conn against what is declared and against
// what its migrations left behind, and looks for what is unhealthy. It
// changes nothing.
func Check(ctx context.Context, conn *pgx.Conn, declared []spec.Table) (*Report, error) {
	r := new(Report)
	var err error
	if r.Findings, err = Declared(ctx, conn, declared); err != nil {
		return nil, err
	}
	drifted, err := r.drift(ctx, conn)
	if err != nil {
		return nil, err
	}
	unhealthy, err := Health(ctx, conn)
	if err != nil {
		return nil, err
	}
	// A declared index that is invalid was named already.
	unhealthy = slices.DeleteFunc(unhealthy, func(f Finding) bool {
		return f.Code == CodeInvalidIndex && slices.ContainsFunc(r.Findings, func(d Finding) bool {
			return d.Code == CodeIndexInvalid && d.Object == f.Object
		})
	})
	r.Findings = slices.Concat(r.Findings, drifted, unhealthy)
	return r, nil
}

// drift compares the schema with what was recorded for its version.
func (r *Report) drift(ctx context.Context, conn *pgx.Conn) ([]Finding, error) {
	version, dirty, err := ledger(ctx, conn)
	if err != nil {
		return nil, err
	}
	if dirty {
		return []Finding{{
			Code: CodeDirty, Severity: spec.Error, Object: "database", Text: fmt.Sprintf("the migration of version %d may be half applied", *version),
			Advice: "syndicate migrate status says what to do; until then nothing tells what the schema should be",
		}}, nil
	}
	record, err := ReadRecord(ctx, conn)
	if err != nil || record == nil || !same(version, record.Version) {
		return nil, err
	}
	live, err := Read(ctx, conn)
	if err != nil {
		return nil, err
	}
	r.Recorded = &record.At
	var all []Finding
	for _, d := range record.Drift(live) {
		all = append(all, Finding{
			Code: CodeDrift, Severity: spec.Error, Object: d.Object.String(), Text: d.String(), Expected: d.Was, Found: d.Is, Mend: undo(d),
		})
	}
	return all, nil
}

func same(a, b *uint64) bool { return a == nil && b == nil || a != nil && b != nil && *a == *b }

// Checking is Check as something to do over a connection of a pool or of an
// endpoint; the report goes to r.
func Checking(declared []spec.Table, r **Report) func(context.Context, *pgx.Conn) error {
	return func(ctx context.Context, conn *pgx.Conn) (err error) {
		*r, err = Check(ctx, conn, declared)
		return err
	}
}

// Holding holds the schema against what is declared, and nothing else. What
// is not so goes to breach.
func Holding(declared []spec.Table, breach **Breach) func(context.Context, *pgx.Conn) error {
	return func(ctx context.Context, conn *pgx.Conn) error {
		found, err := Declared(ctx, conn, declared)
		if *breach = nil; len(found) > 0 {
			*breach = &Breach{found}
		}
		return err
	}
}

// Standing reads what the ledger says, so that a change of it is noticed: a
// text that is the same as long as nothing was migrated.
func Standing(text *string) func(context.Context, *pgx.Conn) error {
	return func(ctx context.Context, conn *pgx.Conn) error {
		version, dirty, err := ledger(ctx, conn)
		if *text = "none"; version != nil {
			*text = fmt.Sprint(*version, dirty)
		}
		return err
	}
}
