package migration

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/syndicate/syndicate/engine/pg"
	"github.com/syndicate/syndicate/engine/pg/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// migrationsDir writes files into a new directory.
func migrationsDir(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// wantText fails unless err says all of it.
func wantText(t testing.TB, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error; want one that says %q", parts)
	}
	for _, p := range parts {
		if !strings.Contains(err.Error(), p) {
			t.Errorf("error\n%v\ndoes not say %q", err, p)
		}
	}
}

// names returns the files' names with versions, for comparing.
func names(files []File) []string {
	var all []string
	for _, f := range files {
		all = append(all, fmt.Sprintf("%d %s", f.Version, f.Name))
	}
	return slices.Clip(all)
}

func stepNames(steps []Step) []string {
	var files []File
	for _, s := range steps {
		files = append(files, s.File)
	}
	return names(files)
}

// states writes how the versions of a database stand: "1 applied, 2 pending".
func states(t testing.TB, to pg.Endpoint, dir string) string {
	t.Helper()
	status, err := ReadStatus(t.Context(), to, dir)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, e := range status.Entries {
		all = append(all, fmt.Sprint(e.Version, " ", e.State))
	}
	return strings.Join(all, ", ")
}

// put writes one more file.
func put(t testing.TB, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
