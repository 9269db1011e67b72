package handover

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// firstPassed is the first descriptor that a service manager passes.
const firstPassed = 3

// Passed returns the TCP sockets that the service manager passed to this
// process, and removes the variables that tell of them, as sd_listen_fds(3)
// has it. It is called once, before anything else opens descriptors. The
// name of one is its FileDescriptorName=.
func Passed() ([]Socket, error) {
	pid, fds, names := os.Getenv("LISTEN_PID"), os.Getenv("LISTEN_FDS"), os.Getenv("LISTEN_FDNAMES")
	for _, name := range []string{"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES", "LISTEN_PIDFDID"} {
		_ = os.Unsetenv(name)
	}
	if pid != strconv.Itoa(os.Getpid()) {
		return nil, nil // none, or another process's
	}
	n, err := strconv.Atoi(fds)
	if err != nil || n < 0 {
		return nil, fmt.Errorf("LISTEN_FDS is %q: it says how many sockets were passed", fds)
	}
	list := strings.Split(names, ":")
	if names != "" && len(list) != n {
		return nil, fmt.Errorf("LISTEN_FDNAMES has %d names, and LISTEN_FDS is %d", len(list), n)
	}
	sockets := make([]Socket, 0, n)
	for i := range n {
		s := Socket{}
		// What systemd says of a descriptor that has no name.
		if names != "" && list[i] != "unknown" {
			s.Name = list[i]
		}
		if s.Listener, err = passed(firstPassed+i, s.Name); err != nil {
			for _, s := range sockets {
				_ = s.Listener.Close()
			}
			return nil, fmt.Errorf("descriptor %d that was passed (LISTEN_FDS, %s): %w", firstPassed+i, strconv.Quote(s.Name), err)
		}
		sockets = append(sockets, s)
	}
	return sockets, nil
}

func passed(fd int, name string) (l *net.TCPListener, err error) {
	unix.CloseOnExec(fd)
	switch _, err := unix.Getpeername(fd); {
	case err == nil:
		return nil, errors.New("it is a connection: a socket unit has ListenStream= and Accept=no")
	case !errors.Is(err, unix.ENOTCONN):
		return nil, err
	}
	return listenerOf(fd, name)
}
