package probe

import (
	"fmt"
	"net"
	"os"
	"strings"
	"testing"
)

// timeWaits counts connections with a local address that linger.
func timeWaits(t *testing.T, addr string) int {
	t.Helper()
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	table, err := os.ReadFile("/proc/net/tcp")
	if err != nil {
		t.Fatal(err)
	}
	var number, n int
	_, _ = fmt.Sscan(port, &number)
	local := fmt.Sprintf(":%04X", number)
	for line := range strings.SplitSeq(string(table), "\n") {
		fields := strings.Fields(line)
		if len(fields) > 3 && strings.HasSuffix(fields[1], local) && fields[3] == "06" {
			n++
		}
	}
	return n
}
