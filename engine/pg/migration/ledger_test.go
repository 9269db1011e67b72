package migration

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/syndicate/syndicate/engine/pg"
	"github.com/syndicate/syndicate/engine/pg/pgtest"
)

// two files, each with its down.
func twoFiles(t *testing.T) string {
	t.Helper()
	return migrationsDir(t, map[string]string{
		"1_a.up.sql": "create table a (id int);", "1_a.down.sql": "drop table a;",
		"3_c.up.sql": "create table c (id int);", "3_c.down.sql": "drop table c;",
	})
}

func mustUp(t *testing.T, to pg.Endpoint, dir string) Result {
	t.Helper()
	result, err := Up(t.Context(), Config{Endpoint: to, Dir: dir, Tool: "test"}, 0)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

func TestLedgerKeepsWhoAndWhen(t *testing.T) {
	to := pgtest.Database(t)
	dir := twoFiles(t)
	result := mustUp(t, to, dir)
	if n := len(result.Ledger.Rows); n != 2 {
		t.Fatalf("%d rows", n)
	}
	r := result.Ledger.Rows[1]
	if r.Version != 3 || r.Name != "c" || r.Action != ActionUp || r.Outcome != Done || r.UpSum != Checksum([]byte("create table c (id int);")) ||
		r.Role != "postgres" || r.By == "" || r.Host == "" || r.Tool != "test" || r.Started.IsZero() || *r.After != 3 {
		t.Errorf("%+v", r)
	}
	if Checksum([]byte("a\r\nb")) != Checksum([]byte("a\nb")) {
		t.Error("ends of lines change the checksum")
	}
}

// Defect c: what golang-migrate passes over in silence.
func TestFilesThatDoNotFitAreRefused(t *testing.T) {
	to := pgtest.Database(t)
	dir := twoFiles(t)
	mustUp(t, to, dir)
	put(t, dir, "1_a.up.sql", "create table a (id bigint);")
	put(t, dir, "2_b.up.sql", "create table b (id int);")
	put(t, dir, "2_b.down.sql", "drop table b;")
	put(t, dir, "4_d.up.sql", "create table d (id int);")
	put(t, dir, "4_d.down.sql", "drop table d;")
	_, err := Up(t.Context(), Config{Endpoint: to, Dir: dir}, 0)
	wantText(t, err, "1_a.up.sql was edited after it was applied", "migrate repair", "2_b.up.sql was added below version 3", "-- syndicate: out-of-order")
	if got := pgtest.Query(t, to, "select coalesce(to_regclass('d')::text, 'none')"); got != "none" {
		t.Error("a file was applied all the same")
	}

	put(t, dir, "2_b.up.sql", "-- syndicate: out-of-order\ncreate table b (id int);")
	changed, err := Repair(t.Context(), Config{Endpoint: to, Dir: dir}, func(c []Change) error {
		if len(c) != 1 || c[0].Version != 1 {
			t.Errorf("changes %+v", c)
		}
		return nil
	})
	if err != nil || len(changed.Changes) != 1 {
		t.Fatalf("%+v, %v", changed, err)
	}
	result := mustUp(t, to, dir)
	if got := strings.Join(stepNames(result.Steps), ", "); got != "2 b, 4 d" {
		t.Errorf("applied %s", got)
	}
	if got, want := states(t, to, dir), "1 applied, 2 applied, 3 applied, 4 applied"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	// An out of order file is no step back for golang-migrate.
	if got := pgtest.Query(t, to, "select version::text from schema_migrations"); got != "4" {
		t.Errorf("version %s", got)
	}
}

// What undoes something else than what was done is refused before anything is
// undone, and up does not mind.
func TestEditedDownFile(t *testing.T) {
	to := pgtest.Database(t)
	dir := twoFiles(t)
	mustUp(t, to, dir)
	cfg := Config{Endpoint: to, Dir: dir}
	put(t, dir, "1_a.down.sql", "drop table a; drop table c;")
	put(t, dir, "4_d.up.sql", "create table d (id int);")
	mustUp(t, to, dir)
	put(t, dir, "4_d.down.sql", "drop table d;") // written later
	status, err := ReadStatus(t.Context(), to, dir)
	if err != nil || len(status.Findings) != 0 || len(status.Warnings) != 1 || status.Warnings[0].Version != 1 || status.Warnings[0].Code != CodeDownEdited {
		t.Errorf("%+v, %v", status, err)
	}
	for _, back := range []func() (Result, error){
		func() (Result, error) { return Down(t.Context(), cfg, 0) },
		func() (Result, error) {
			return Goto(t.Context(), Config{Endpoint: to, Dir: migrationsWith(t, dir, "0_z")}, 0)
		},
	} {
		result, err := back()
		wantText(t, err, "1_a.down.sql was edited after its up file was applied (", "migrate repair")
		if len(result.Steps) != 0 {
			t.Errorf("undone: %v", stepNames(result.Steps))
		}
	}
	if _, err := Down(t.Context(), cfg, 2); err != nil { // which are not edited
		t.Fatal(err)
	}
	changed, err := Repair(t.Context(), cfg, func([]Change) error { return nil })
	if err != nil || len(changed.Changes) != 1 || changed.Changes[0].Text != "1_a.down.sql counts as what undoes it" {
		t.Fatalf("%+v, %v", changed.Changes, err)
	}
	_, err = Down(t.Context(), cfg, 0)
	wantText(t, err, `table "c" does not exist`, "nothing of this file was done", "after syndicate migrate repair")
	put(t, dir, "1_a.down.sql", "drop table a;")
	if _, err := Repair(t.Context(), cfg, func([]Change) error { return nil }); err != nil {
		t.Fatal(err)
	}
	if _, err := Down(t.Context(), cfg, 0); err != nil {
		t.Error(err)
	}
}

// migrationsWith copies a directory, with one more migration before all.
func migrationsWith(t *testing.T, dir, name string) string {
	t.Helper()
	other := t.TempDir()
	if err := os.CopyFS(other, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	put(t, other, name+".up.sql", "-- syndicate: out-of-order\nselect 1")
	return other
}

func TestMissingFile(t *testing.T) {
	to := pgtest.Database(t)
	dir := twoFiles(t)
	mustUp(t, to, dir)
	other := migrationsDir(t, map[string]string{"1_a.up.sql": "create table a (id int);", "1_a.down.sql": "drop table a;"})
	cfg := Config{Endpoint: to, Dir: other}
	_, err := Up(t.Context(), cfg, 0)
	wantText(t, err, "000003_c is applied (", "has no file of that version", "bring the files up to date")
	if _, err = Down(t.Context(), cfg, 0); err == nil || !strings.Contains(err.Error(), "000003_c cannot be undone") {
		t.Errorf("down: %v", err)
	}
	if _, err := Repair(t.Context(), cfg, func([]Change) error { return nil }); err != nil {
		t.Fatal(err)
	}
	if _, err := Up(t.Context(), cfg, 0); err != nil {
		t.Error(err)
	}
	if got, want := states(t, to, other), "1 applied, 3 retired"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// A database goes over from golang-migrate, which goes on behind our back,
// and both know what is there.
func TestTakeOverAndHandBack(t *testing.T) {
	to := pgtest.Database(t)
	dir := twoFiles(t)
	m := stock(t, to, dir)
	if err := m.Steps(1); err != nil {
		t.Fatal(err)
	}
	if got, want := states(t, to, dir), "1 applied, 3 pending"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	var r recorder
	cfg := Config{Endpoint: to, Dir: dir, Progress: r.note}
	if _, err := Up(t.Context(), cfg, 0); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(r.kinds(), ", "); got != "adopted, started 3, applied 3" {
		t.Errorf("events %s", got)
	}
	if got := r.events[0].Text; got != "000001_a was applied by another tool, and recorded so now" {
		t.Error(got)
	}
	if err := m.Steps(-1); err != nil { // golang-migrate undoes ours
		t.Fatal(err)
	}
	put(t, dir, "5_e.up.sql", "create table e (id int);")
	put(t, dir, "5_e.down.sql", "drop table e;")
	m = stock(t, to, dir)
	if got, want := states(t, to, dir), "1 applied, 3 pending, 5 pending"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if err := m.Up(); err != nil {
		t.Fatal(err)
	}
	result := mustUp(t, to, dir)
	if len(result.Steps) != 0 {
		t.Errorf("applied %v again", stepNames(result.Steps))
	}
	last := result.Ledger.Rows[len(result.Ledger.Rows)-1]
	if last.Version != 5 || last.Action != ActionAdopted || last.Note != "by another tool" || last.UpSum == "" {
		t.Errorf("%+v", last)
	}
	if _, err := Down(t.Context(), cfg, 0); err != nil {
		t.Fatal(err)
	}
	if got := pgtest.Query(t, to, "select count(*)::text from schema_migrations"); got != "0" {
		t.Errorf("golang-migrate sees %s versions", got)
	}
	if err := m.Up(); err != nil {
		t.Errorf("golang-migrate after it was handed back: %v", err)
	}
}

// golang-migrate leaves a database dirty, and force is the way out.
func TestDirtyByAnotherTool(t *testing.T) {
	to := pgtest.Database(t)
	dir := twoFiles(t)
	put(t, dir, "2_b.up.sql", "create table b (id int); nonsense;")
	put(t, dir, "2_b.down.sql", "drop table b;")
	if err := stock(t, to, dir).Steps(2); err == nil {
		t.Fatal("nonsense was applied")
	}
	cfg := Config{Endpoint: to, Dir: dir}
	_, err := Up(t.Context(), cfg, 0)
	wantText(t, err, "the database is marked dirty: 2_b.up.sql failed earlier, outside of syndicate", "migrate force 1 (it is undone) or force 2")
	if !LeavesDirty(err) {
		t.Error("the error does not say that the database is dirty")
	}
	if _, err := Down(t.Context(), cfg, 1); err == nil || !LeavesDirty(err) {
		t.Errorf("down: %v", err)
	}
	one := uint64(1)
	changed, err := Force(t.Context(), cfg, &one, func([]Change) error { return nil })
	if err != nil || changed.Ledger.Dirty || changed.Ledger.Version != 1 {
		t.Fatalf("%+v, %v", changed.Ledger, err)
	}
	put(t, dir, "2_b.up.sql", "create table b (id int);")
	mustUp(t, to, dir)
	if got, want := states(t, to, dir), "1 applied, 2 applied, 3 applied"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	nine := uint64(9)
	_, err = Force(t.Context(), cfg, &nine, func([]Change) error { return nil })
	if _, ok := errors.AsType[*NoVersionError](err); !ok {
		t.Errorf("force to a version without a file: %v", err)
	}
	if _, err := Force(t.Context(), cfg, nil, func([]Change) error { return nil }); err != nil {
		t.Fatal(err)
	}
	if got, want := states(t, to, dir), "1 pending, 2 pending, 3 pending"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
