package pg

import (
	"net"
	"testing"

	"golang.org/x/sys/unix"
)

// Connections have the bounds by which the kernel notices that the other side
// is gone.
func TestVanishedPeersAreNoticed(t *testing.T) {
	conn := dial(t, shared.server.Endpoint()).PgConn().Conn()
	raw, err := conn.(*net.TCPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct{ level, option, want int }{
		"TCP_USER_TIMEOUT": {unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, 25000},
		"SO_KEEPALIVE":     {unix.SOL_SOCKET, unix.SO_KEEPALIVE, 1},
		"TCP_KEEPIDLE":     {unix.IPPROTO_TCP, unix.TCP_KEEPIDLE, 10},
		"TCP_KEEPINTVL":    {unix.IPPROTO_TCP, unix.TCP_KEEPINTVL, 5},
		"TCP_KEEPCNT":      {unix.IPPROTO_TCP, unix.TCP_KEEPCNT, 3},
	} {
		if err := raw.Control(func(fd uintptr) {
			if got, err := unix.GetsockoptInt(int(fd), test.level, test.option); err != nil || got != test.want {
				t.Errorf("%s is %d, %v; want %d", name, got, err, test.want)
			}
		}); err != nil {
			t.Error(err)
		}
	}
}
