package probe

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"testing"

	"go.uber.org/goleak"
)

// childMode makes the test program play a process that reports.
const childMode = "SYNDICATE_PROBE_TEST_CHILD"

func TestMain(m *testing.M) {
	if text := os.Getenv(childMode); text != "" {
		child(text)
		return
	}
	goleak.VerifyTestMain(m)
}

// child sends a message to NOTIFY_SOCKET and lives until its input ends.
func child(text string) {
	conn, err := net.Dial("unixgram", os.Getenv("NOTIFY_SOCKET"))
	if err == nil {
		_, err = conn.Write([]byte(text))
	}
	fmt.Println("sent", err)
	_, _ = bufio.NewReader(os.Stdin).ReadString('\n')
}
