package pgtest

import (
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { Main(m) }

// What a test makes in its database no other test sees, and a server of its
// own leaves nothing behind.
func TestDatabasesAreApart(t *testing.T) {
	one, other := Database(t), Database(t)
	Exec(t, one, "create table a (id int)")
	if got := Query(t, other, "select coalesce(to_regclass('a')::text, 'none')"); got != "none" {
		t.Errorf("the other database has the table %s", got)
	}
	own, err := Start("work_mem=8MB")
	if err != nil {
		t.Fatal(err)
	}
	ignore := goleak.IgnoreCurrent()
	if got := Query(t, own.Database(t), "show work_mem"); got != "8MB" {
		t.Errorf("work_mem is %s", got)
	}
	own.Stop()
	goleak.VerifyNone(t, ignore)
}
