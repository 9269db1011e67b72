package engine

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/syndicate/syndicate/listener"
	"github.com/syndicate/syndicate/spec"
)

// ChoosePorts decides on a number for each port "auto": the one that was
// kept from before where it is still nobody else's, else a free one. The
// result has exactly the ports that the system declares.
func ChoosePorts(sys *spec.System, kept Ports) (Ports, error) {
	taken := map[int]bool{}
	type wish struct{ key, host string }
	var wishes []wish
	add := func(addr spec.Addr, name, host string, p spec.Port) {
		if p.Auto {
			wishes = append(wishes, wish{PortKey(addr, name), host})
		} else if p.Number != 0 {
			taken[p.Number] = true
		}
	}
	for _, svc := range sys.Services {
		if svc.Port != nil {
			add(svc.Addr, "", svc.Host, *svc.Port)
		}
		names := make([]string, 0, len(svc.Ports))
		for name := range svc.Ports {
			names = append(names, name)
		}
		slices.Sort(names)
		for _, name := range names {
			add(svc.Addr, name, svc.Host, svc.Ports[name])
		}
	}
	for _, db := range sys.Databases {
		if db.Managed != nil && db.Source == "managed" {
			add(db.Addr, "", "127.0.0.1", db.Managed.Port)
		}
	}
	ports := make(Ports, len(wishes))
	for _, w := range wishes {
		if n := kept[w.key]; n != 0 && !taken[n] {
			ports[w.key], taken[n] = n, true
		}
	}
	// The listeners stay open until all ports are chosen: none comes twice.
	var open []net.Listener
	defer func() {
		for _, l := range open {
			_ = l.Close()
		}
	}()
	for _, w := range wishes {
		for ports[w.key] == 0 {
			l, err := net.Listen("tcp", net.JoinHostPort(w.host, "0"))
			if err != nil {
				return nil, fmt.Errorf("choose a port for %s: %w", w.key, err)
			}
			open = append(open, l)
			if n := l.Addr().(*net.TCPAddr).Port; !taken[n] {
				ports[w.key], taken[n] = n, true
			}
		}
	}
	return ports, nil
}

// errPortTaken says that somebody else listens where a service wants to.
type errPortTaken struct {
	addr, holder string
}

func (e errPortTaken) Error() string {
	return fmt.Sprintf("%s is in use by %s: end it, or declare another port", e.addr, e.holder)
}

// portHolder says who listens on a port that is taken.
func portHolder(port int) string {
	all, _ := listener.All("/proc")
	var who []string
	for _, l := range all[port] {
		who = append(who, l.String())
	}
	if len(who) == 0 {
		return "another process"
	}
	return strings.Join(who, " or ")
}

// portFree finds out that somebody else listens before a service starts: its
// probe would take the stranger for the service.
func portFree(host string, port int) error {
	if port == 0 {
		return nil
	}
	addr := net.JoinHostPort(host, strconv.Itoa(port))
	l, err := net.Listen("tcp", addr)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return errPortTaken{addr, portHolder(port)}
	case err != nil:
		return nil // not ours to judge: the service will say it better
	}
	return l.Close()
}
