package handover

import (
	"fmt"
	"os"
	"strconv"
	"testing"

	"go.uber.org/goleak"
)

// passedVariable has this program do as one that a service manager started.
const passedVariable = "HANDOVER_TEST_PASSED"

func TestMain(m *testing.M) {
	if os.Getenv(passedVariable) != "" {
		os.Exit(tellPassed())
	}
	goleak.VerifyTestMain(m)
}

// tellPassed prints what was passed.
func tellPassed() int {
	if os.Getenv(passedVariable) == "mine" {
		_ = os.Setenv("LISTEN_PID", strconv.Itoa(os.Getpid()))
	}
	sockets, err := Passed()
	if err != nil {
		fmt.Println(err)
		return 1
	}
	for _, s := range sockets {
		fmt.Printf("%q at %s\n", s.Name, s.Listener.Addr())
	}
	if again, err := Passed(); len(again) > 0 || err != nil || os.Getenv("LISTEN_FDS") != "" {
		fmt.Println("the variables are there still")
		return 1
	}
	return 0
}
