package migration

import (
	"os"
	"testing"

	"github.com/golang-migrate/migrate/v4/database"
	"github.com/golang-migrate/migrate/v4/source"
	"github.com/golang-migrate/migrate/v4/source/iofs"
)

// databaseLockID is the lock that golang-migrate would take under a name.
func databaseLockID(name, schema string) (string, error) {
	return database.GenerateAdvisoryLockId(name, schema, versionTable)
}

func dirSource(t *testing.T, dir string) source.Driver {
	t.Helper()
	src, err := iofs.New(os.DirFS(dir), ".")
	if err != nil {
		t.Fatal(err)
	}
	return src
}
