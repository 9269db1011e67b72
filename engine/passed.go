package engine

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/syndicate/syndicate/handover"
	"github.com/syndicate/syndicate/plan"
	"github.com/syndicate/syndicate/spec"
)

// Passed are sockets that the service manager passed, by the unit that is to
// serve each.
type Passed map[string]handover.Socket

// served is an address that the engine itself serves.
type served struct {
	unit, key string // key: of a port "auto"
	host      string
	port      spec.Port
}

// servedBy lists what a system has the engine serve, in the order in which
// it is declared.
func servedBy(sys *spec.System) []served {
	var list []served
	for _, b := range sys.Breakers {
		host, port := b.Address()
		list = append(list, served{b.Addr.String(), PortKey(b.Addr, ""), host, port})
	}
	for _, db := range sys.Databases {
		if g := db.Gateway; g != nil && g.Pooler == "" {
			host, port := g.Address()
			list = append(list, served{plan.GatewayID(db.Addr), PortKey(db.Addr, "gateway"), host, port})
		}
	}
	return list
}

// MatchPassed finds the unit that each passed socket is for: by its name, or
// else by the address that it is bound to. All that fit nowhere are in the
// error.
func MatchPassed(sys *spec.System, sockets []handover.Socket) (Passed, error) {
	all := servedBy(sys)
	out := Passed{}
	var errs []error
	for _, s := range sockets {
		at := s.Listener.Addr().(*net.TCPAddr)
		i := slices.IndexFunc(all, func(u served) bool { return u.unit == s.Name })
		if i < 0 {
			i = slices.IndexFunc(all, func(u served) bool { return !u.port.Auto && u.boundAt(at) })
		}
		switch {
		case i < 0:
			errs = append(errs, fmt.Errorf("the socket %q at %s, which was passed to this process (LISTEN_FDS), is for nothing that is declared: %s", s.Name, at, placesFor(all)))
		case !all[i].boundAt(at):
			errs = append(errs, fmt.Errorf("the socket %q, which was passed to this process (LISTEN_FDS), is bound to %s, and %s listens on %s: declare the same address in both", s.Name, at, all[i].unit, all[i].address()))
		case out[all[i].unit].Listener != nil:
			errs = append(errs, fmt.Errorf("the sockets %q and %q, which were passed to this process (LISTEN_FDS), are both for %s", out[all[i].unit].Name, s.Name, all[i].unit))
		default:
			out[all[i].unit] = s
		}
	}
	return out, errors.Join(errs...)
}

// placesFor says where a passed socket would belong.
func placesFor(all []served) string {
	if len(all) == 0 {
		return "there is no breaker and no gateway"
	}
	var list []string
	for _, u := range all {
		list = append(list, u.unit+" ("+u.address()+")")
	}
	return "name it (FileDescriptorName=) after, or bind it to the address of, one of " + strings.Join(list, ", ")
}

func (u served) address() string {
	if u.port.Auto {
		return u.host + ", any port"
	}
	return net.JoinHostPort(u.host, strconv.Itoa(u.port.Number))
}

// boundAt reports whether who calls the unit's address comes to a socket that
// is bound to another one.
func (u served) boundAt(at *net.TCPAddr) bool {
	if !u.port.Auto && u.port.Number != at.Port {
		return false
	}
	if at.IP.IsUnspecified() {
		return true
	}
	want, err := net.ResolveTCPAddr("tcp", net.JoinHostPort(u.host, "0"))
	return err == nil && (want.IP.Equal(at.IP) || u.host == "localhost" && at.IP.IsLoopback())
}

// Ports are the numbers of the ports "auto" that were passed.
func (p Passed) Ports(sys *spec.System) Ports {
	ports := Ports{}
	for _, u := range servedBy(sys) {
		if s, ok := p[u.unit]; ok && u.port.Auto {
			ports[u.key] = s.Listener.Addr().(*net.TCPAddr).Port
		}
	}
	return ports
}

// addresses are those that a system has the engine serve, as sockets are kept
// under them.
func addresses(sys *spec.System, ports Ports) map[string]bool {
	out := map[string]bool{}
	for _, u := range servedBy(sys) {
		port := u.port.Number
		if u.port.Auto {
			port = ports[u.key]
		}
		out[net.JoinHostPort(u.host, strconv.Itoa(port))] = true
	}
	return out
}
