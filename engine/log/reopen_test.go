package log_test

import (
	"os"
	"slices"
	"testing"

	"github.com/syndicate/syndicate/engine/log"
)

// A log whose file was removed begins anew once it is told to; one whose file
// is there goes on.
func TestARemovedLogBeginsAnew(t *testing.T) {
	l, c := newLog(t, nil)
	if err := l.Reopen(); err != nil { // there is no file yet
		t.Fatal(err)
	}
	run(t, l, "first\n", "")
	if err := l.Reopen(); err != nil {
		t.Fatal(err)
	}
	run(t, l, "second\n", "")
	if got := texts(read(t, log.Query{Dir: c.Dir})); !slices.Equal(got, []string{"first", "second"}) {
		t.Errorf("before: %q", got)
	}
	if err := os.RemoveAll(c.Dir); err != nil {
		t.Fatal(err)
	}
	if err := l.Reopen(); err != nil {
		t.Fatal(err)
	}
	run(t, l, "third\n", "")
	if got := texts(read(t, log.Query{Dir: c.Dir})); !slices.Equal(got, []string{"third"}) {
		t.Errorf("after: %q", got)
	}
}
