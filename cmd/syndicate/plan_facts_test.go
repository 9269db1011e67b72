package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/syndicate/syndicate/engine/pg"
	"github.com/syndicate/syndicate/engine/pg/migration"
	"github.com/syndicate/syndicate/plan"
	"github.com/syndicate/syndicate/spec"
)

// migrationFiles makes a directory of three migrations.
func migrationFiles(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for i, name := range []string{"nodes", "repair", "index"} {
		for _, direction := range []string{"up", "down"} {
			path := filepath.Join(dir, fmt.Sprintf("%06d_%s.%s.sql", i+1, name, direction))
			if err := os.WriteFile(path, []byte("select 1;\n"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	return dir
}

func surveyed(t *testing.T, db *spec.Database, stateDir string, offline bool, within time.Duration) (plan.Ledger, plan.Found) {
	t.Helper()
	db.Addr = spec.Addr{Kind: spec.KindDatabase, Name: "main"}
	db.Migrations = &spec.Migrations{Path: migrationFiles(t), OnUp: "apply"}
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	facts := surveyDatabases(ctx, &spec.System{StateDir: stateDir, Databases: []*spec.Database{db}}, nil, offline)
	return facts.Ledgers[db.Addr], facts.Databases[db.Addr]
}

func managedAt(dataDir string) *spec.Database {
	return &spec.Database{Source: "managed", Managed: &spec.Managed{DataDir: dataDir, BinDir: filepath.Join(dataDir, "no-such-bin")}}
}

// dataOf makes something that looks like the data of a PostgreSQL.
func dataOf(t *testing.T, major string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "PG_VERSION"), []byte(major+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestSurveyOfAManagedDatabase(t *testing.T) {
	recorded := t.TempDir()
	if err := migration.RecordLedger(recorded, "main", migration.Ledger{Version: 2}); err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		db       *spec.Database
		stateDir string
		source   string
		pending  int
		note     string
	}{
		"new":         {managedAt(filepath.Join(t.TempDir(), "none")), t.TempDir(), plan.LedgerEmpty, 3, "will be created, empty"},
		"recorded":    {managedAt(dataOf(t, "15")), recorded, plan.LedgerRecorded, 1, ""},
		"no record":   {managedAt(dataOf(t, "15")), t.TempDir(), plan.LedgerUnknown, 3, ""},
		"no binaries": {managedAt(dataOf(t, "15")), t.TempDir(), plan.LedgerUnknown, 3, "no fitting PostgreSQL"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			ledger, found := surveyed(t, test.db, test.stateDir, false, time.Minute)
			if ledger.Source != test.source || len(ledger.Pending) != test.pending || ledger.Files != 3 {
				t.Errorf("ledger %+v, want %s with %d pending of 3", ledger, test.source, test.pending)
			}
			if notes := strings.Join(found.Notes, ", "); !strings.Contains(notes, test.note) {
				t.Errorf("notes %q, want %q among them", notes, test.note)
			}
		})
	}
}

// What is missing is named with how to get it, which is all that a person has
// to copy.
func TestSurveySaysHowToInstallWhatIsMissing(t *testing.T) {
	for name, err := range map[string]error{
		"found by nobody": &pg.NotFoundError{Major: 14, Looked: []pg.Looked{{Dir: "/nowhere"}}, Install: pg.Install{Commands: []string{"get it"}, Note: "or not"}},
		"something else":  errors.New("version 14: install it with:\nget it\nor not"),
	} {
		got := missingServer(err)
		for _, want := range []string{"version 14", "install it with:\nget it\nor not"} {
			if !strings.Contains(got, want) || strings.Contains(got, "/nowhere") {
				t.Errorf("%s: %q", name, got)
			}
		}
	}
}

func TestSurveySaysThatVersionsDiffer(t *testing.T) {
	db := managedAt(dataOf(t, "14"))
	db.Managed.Version = 15
	_, found := surveyed(t, db, t.TempDir(), false, time.Minute)
	if notes := strings.Join(found.Notes, ", "); !strings.Contains(notes, "of version 14: up refuses") {
		t.Errorf("notes %q do not say that up refuses", notes)
	}
}

func TestSurveyOfADatabaseThatDoesNotAnswer(t *testing.T) {
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	refused := closed.Addr().String()
	_ = closed.Close()
	silent, err := net.Listen("tcp", "127.0.0.1:0") // accepts and says nothing
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = silent.Close() }()
	url := func(at string) spec.Expr[spec.Text] {
		return spec.Known(spec.Sensitive("postgres://app:hunter2@" + at + "/app?sslmode=disable"))
	}
	later := spec.Later("service.proxy.url", spec.Range{}, nil, func(spec.Lookup) (spec.Text, error) { return spec.Text{}, nil })
	tests := map[string]struct {
		db      *spec.Database
		offline bool
		note    string
	}{
		"refused":       {&spec.Database{Source: "url", URL: url(refused)}, false, "refused"},
		"silent":        {&spec.Database{Source: "url", URL: url(silent.Addr().String())}, false, "no answer"},
		"offline":       {&spec.Database{Source: "url", URL: url(refused)}, true, "not asked: --offline"},
		"known later":   {&spec.Database{Source: "url", URL: later}, false, "known after start"},
		"no URL at all": {&spec.Database{Source: "url", URL: spec.Known(spec.Sensitive("hunter2"))}, false, "postgres://"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			ledger, _ := surveyed(t, test.db, t.TempDir(), test.offline, 300*time.Millisecond)
			if ledger.Source != plan.LedgerUnknown || len(ledger.Pending) != 3 {
				t.Errorf("ledger %+v, want unknown with 3 files", ledger)
			}
			if !strings.Contains(ledger.Note, test.note) || strings.Contains(ledger.Note, "hunter2") {
				t.Errorf("note %q, want %q and no secret", ledger.Note, test.note)
			}
		})
	}
}

// A system that runs knows to what it migrated a database that is not asked.
func TestSurveyOfADatabaseThatWasMigrated(t *testing.T) {
	dir := t.TempDir()
	if err := migration.RecordLedger(dir, "main", migration.Ledger{Version: 2}); err != nil {
		t.Fatal(err)
	}
	db := &spec.Database{
		Block: spec.Block{Addr: spec.Addr{Kind: spec.KindDatabase, Name: "main"}}, Source: "url",
		URL:        spec.Known(spec.Sensitive("postgres://app@127.0.0.1:1/app")),
		Migrations: &spec.Migrations{Path: migrationFiles(t), OnUp: "apply"},
	}
	sys := &spec.System{StateDir: dir, Databases: []*spec.Database{db}}
	for state, source := range map[string]string{"completed": plan.LedgerRecorded, "failed": plan.LedgerUnknown} {
		running := &plan.Running{Units: []plan.RunningUnit{{ID: "database.main.migrations", State: state}}}
		facts := surveyDatabases(t.Context(), sys, running, true)
		l := facts.Ledgers[db.Addr]
		if l.Source != source || source == plan.LedgerRecorded && (len(l.Pending) != 1 || l.Version != 2) {
			t.Errorf("%s: %+v, want %s", state, l, source)
		}
	}
}
