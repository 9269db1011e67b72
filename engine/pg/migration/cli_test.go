package migration

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/syndicate/syndicate/engine/pg/pgtest"
)

// golang-migrate's own command line applies, we take over, it goes on beside
// us, and gets the database back.
func TestGolangMigratesCommandLine(t *testing.T) {
	cli := filepath.Join(t.TempDir(), "migrate")
	if out, err := exec.Command("go", "build", "-tags", "pgx5", "-o", cli, "github.com/golang-migrate/migrate/v4/cmd/migrate").CombinedOutput(); err != nil {
		t.Fatalf("build golang-migrate: %v\n%s", err, out)
	}
	to := pgtest.Database(t)
	dir := twoFiles(t)
	put(t, dir, "4_i.up.sql", "create index concurrently a_id on a (id);")
	put(t, dir, "4_i.down.sql", "drop index concurrently a_id;")
	theirs := func(want string, args ...string) {
		t.Helper()
		url := "pgx5" + strings.TrimPrefix(to.URL().Reveal(), "postgres")
		out, err := exec.Command(cli, append([]string{"-path", dir, "-database", url}, args...)...).CombinedOutput()
		if err != nil || !strings.Contains(string(out), want) {
			t.Fatalf("%v: %v\n%s\nwant %q", args, err, out, want)
		}
	}
	theirs("1/u a", "up", "1")
	mustUp(t, to, dir)
	theirs("4", "version")
	theirs("no change", "up")
	theirs("4/d i", "down", "1")
	if got, want := states(t, to, dir), "1 applied, 3 applied, 4 pending"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	theirs("4/u i", "up")
	if result := mustUp(t, to, dir); len(result.Steps) != 0 {
		t.Errorf("applied again: %v", stepNames(result.Steps))
	}
	if _, err := Down(t.Context(), Config{Endpoint: to, Dir: dir}, 2); err != nil {
		t.Fatal(err)
	}
	theirs("1", "version")
	pgtest.Exec(t, to, "drop table syndicate_migrations") // handed back
	theirs("3/u c", "up", "1")
	theirs("3", "version")
}
