package pg

import (
	"testing"
	"time"

	"github.com/syndicate/syndicate/spec"
)

// The limit holds for the application's next session, and is taken back
// where it was set here.
func TestLimitQueries(t *testing.T) {
	ts := own(t, spec.Managed{})
	to := ts.Endpoint()
	for _, test := range []struct {
		limit time.Duration
		want  string
	}{{0, "0"}, {1500 * time.Millisecond, "1500ms"}, {time.Minute, "1min"}, {0, "0"}} {
		if err := ts.LimitQueries(t.Context(), test.limit); err != nil {
			t.Fatal(err)
		}
		if got := query(t, to, "show statement_timeout"); got != test.want {
			t.Errorf("with %v it is %s, want %s", test.limit, got, test.want)
		}
	}
	if err := ts.LimitQueries(t.Context(), 50*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	conn := dial(t, to)
	_, err := conn.Exec(t.Context(), "select pg_sleep(60)")
	wantText(t, err, "57014")
	// Another engine finds what this one set.
	if err := ts.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := ts.LimitQueries(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	if got := query(t, to, "show statement_timeout"); got != "0" {
		t.Errorf("it is still %s", got)
	}
	// What a person set is a person's.
	execSQL(t, to, "alter role main in database main set statement_timeout = '2min'")
	if err := ts.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := ts.LimitQueries(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	if got := query(t, to, "show statement_timeout"); got != "2min" {
		t.Errorf("somebody else's became %s", got)
	}
}
