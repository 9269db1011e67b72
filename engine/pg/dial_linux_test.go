package pg

import (
	"net"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/syndicate/syndicate/spec"
)

// Connections have the bounds by which the kernel notices that the other side
// is gone: ours, or those that the URL asks for.
func TestVanishedPeersAreNoticed(t *testing.T) {
	plain := shared.server.Endpoint()
	asked, err := ParseURL(spec.Sensitive(plain.URL().Reveal() + "&keepalives_idle=30&keepalives_interval=7&keepalives_count=4&tcp_user_timeout=9000"))
	if err != nil {
		t.Fatal(err)
	}
	none, err := ParseURL(spec.Sensitive(plain.URL().Reveal() + "&keepalives=0&tcp_user_timeout=0"))
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		to                                     Endpoint
		user, alive, idle, interval, keepCount int
	}{
		"ours":      {plain, 25000, 1, 10, 5, 3},
		"the URL's": {asked, 9000, 1, 30, 7, 4},
		"none":      {none, 0, 0, -1, -1, -1},
	} {
		t.Run(name, func(t *testing.T) {
			raw, err := dial(t, test.to).PgConn().Conn().(*net.TCPConn).SyscallConn()
			if err != nil {
				t.Fatal(err)
			}
			want := func(option string, level, number, want int) {
				if want < 0 {
					return
				}
				if err := raw.Control(func(fd uintptr) {
					if got, err := unix.GetsockoptInt(int(fd), level, number); err != nil || got != want {
						t.Errorf("%s is %d, %v; want %d", option, got, err, want)
					}
				}); err != nil {
					t.Error(err)
				}
			}
			want("TCP_USER_TIMEOUT", unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, test.user)
			want("SO_KEEPALIVE", unix.SOL_SOCKET, unix.SO_KEEPALIVE, test.alive)
			want("TCP_KEEPIDLE", unix.IPPROTO_TCP, unix.TCP_KEEPIDLE, test.idle)
			want("TCP_KEEPINTVL", unix.IPPROTO_TCP, unix.TCP_KEEPINTVL, test.interval)
			want("TCP_KEEPCNT", unix.IPPROTO_TCP, unix.TCP_KEEPCNT, test.keepCount)
		})
	}
	if _, err := ParseURL(spec.Sensitive("postgres://a@b/c?keepalives_idle=soon")); err == nil || !strings.Contains(err.Error(), "keepalives_idle is no whole number") {
		t.Errorf("a time that is none: %v", err)
	}
}
