package pg

import (
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"
)

// shared is one server for all tests that need no server of their own. Each
// of them makes its own database in it.
var shared *bench

func TestMain(m *testing.M) {
	code, err := runTests(m)
	if err != nil { // also where PostgreSQL is missing: it says how to install it
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(code)
}

// runTests runs them, stops the server, and looks for what was left behind.
func runTests(m *testing.M) (code int, err error) {
	if shared, err = newBench(); err != nil {
		return 1, err
	}
	code = m.Run()
	shared.close()
	if code == 0 {
		err = goleak.Find()
	}
	return code, err
}
