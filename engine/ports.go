package engine

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/syndicate/syndicate/handover"
	"github.com/syndicate/syndicate/listener"
	"github.com/syndicate/syndicate/spec"
)

// ChoosePorts decides on a number for each port "auto": the one that it has in
// the running system, else the one that was kept from before, where nothing
// else is declared to have it, else a free one, outside of the range that the
// kernel gives to outgoing connections where there is one: such a connection
// may take a port whose service is down. Numbers that others have, which stay
// as they are, are given to nobody else. The result has exactly the ports that
// the system declares.
func ChoosePorts(sys *spec.System, kept, running Ports, others map[int]bool) (Ports, error) {
	taken := map[int]bool{}
	for _, l := range spec.Listeners(sys) {
		if !l.Auto {
			taken[l.Port] = true
		}
	}
	wishes := wishedPorts(sys)
	ports := make(Ports, len(wishes))
	for _, w := range wishes {
		if n := running[w.key]; n != 0 && !taken[n] {
			ports[w.key], taken[n] = n, true
		}
	}
	maps.Copy(taken, others)
	for _, w := range wishes {
		if n := kept[w.key]; n != 0 && running[w.key] == 0 && !taken[n] {
			ports[w.key], taken[n] = n, true
		}
	}
	local, _ := os.ReadFile("/proc/sys/net/ipv4/ip_local_port_range")
	c := portChooser{taken: taken, quiet: quietPorts(string(local))}
	defer c.close()
	for _, w := range wishes {
		if ports[w.key] != 0 {
			continue
		}
		n, err := c.choose(w.host)
		if err != nil {
			return nil, fmt.Errorf("choose a port for %s: %w", w.key, err)
		}
		ports[w.key], taken[n] = n, true
	}
	return ports, nil
}

// Untaken returns those of some ports that a system wants and nobody listens
// on, except where ours are those who do, as sockets that were handed over.
// None of the system may run.
func (p Ports) Untaken(sys *spec.System, ours []handover.Socket) Ports {
	left := maps.Clone(p)
	for _, w := range wishedPorts(sys) {
		if n := left[w.key]; n != 0 && !hasPort(ours, n) && portFree(w.host, n) != nil {
			delete(left, w.key)
		}
	}
	return left
}

func hasPort(sockets []handover.Socket, port int) bool {
	return slices.ContainsFunc(sockets, func(s handover.Socket) bool { return s.Listener.Addr().(*net.TCPAddr).Port == port })
}

// portWish is a port that is to be chosen.
type portWish struct {
	addr      spec.Addr
	key, host string
}

// wishedPorts lists the ports "auto" whose numbers are not decided.
func wishedPorts(sys *spec.System) []portWish {
	var wishes []portWish
	add := func(addr spec.Addr, name, host string, p spec.Port) {
		if p.Auto {
			wishes = append(wishes, portWish{addr, PortKey(addr, name), host})
		}
	}
	for _, svc := range sys.Services {
		if svc.Port != nil {
			add(svc.Addr, "", svc.Host, *svc.Port)
		}
		for _, name := range slices.Sorted(maps.Keys(svc.Ports)) {
			add(svc.Addr, name, svc.Host, svc.Ports[name])
		}
	}
	for _, db := range sys.Databases {
		if db.Managed != nil && db.Source == "managed" {
			add(db.Addr, "", "127.0.0.1", db.Managed.Port)
		}
		if g := db.Gateway; g != nil {
			host, port := g.Address()
			add(db.Addr, "gateway", host, port)
		}
	}
	for _, b := range sys.Breakers {
		host, port := b.Address()
		add(b.Addr, "", host, port)
	}
	return wishes
}

// portSpan is a range of ports, both ends included.
type portSpan struct{ low, high int }

// quietPorts returns the ports from 10000 on that the kernel gives to no
// outgoing connection. local is what Linux says of its range for them;
// elsewhere it is the one that IANA names.
func quietPorts(local string) []portSpan {
	const first, last = 10000, 65535
	low, high := 49152, last
	if f := strings.Fields(local); len(f) == 2 {
		l, lowErr := strconv.Atoi(f[0])
		h, highErr := strconv.Atoi(f[1])
		if lowErr == nil && highErr == nil && l <= h {
			low, high = l, h
		}
	}
	var spans []portSpan
	for _, s := range []portSpan{{first, min(low-1, last)}, {max(high+1, first), last}} {
		if s.low <= s.high {
			spans = append(spans, s)
		}
	}
	return spans
}

// portChooser finds free ports. What it found stays open until it is closed:
// none comes twice.
type portChooser struct {
	taken map[int]bool
	quiet []portSpan
	open  []net.Listener
}

func (c *portChooser) close() {
	for _, l := range c.open {
		_ = l.Close()
	}
}

// portTries is how many quiet ports are tried before the kernel is asked: in
// a machine where fewer than a few in a hundred are free, any will do.
const portTries = 200

// choose returns a free port of a host.
func (c *portChooser) choose(host string) (int, error) {
	for range portTries {
		n := c.candidate()
		if n == 0 {
			break
		}
		if c.taken[n] {
			continue
		}
		if l, err := net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(n))); err == nil {
			c.open = append(c.open, l)
			return n, nil
		}
	}
	for {
		l, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
		if err != nil {
			return 0, err
		}
		c.open = append(c.open, l)
		if n := l.Addr().(*net.TCPAddr).Port; !c.taken[n] {
			return n, nil
		}
	}
}

// candidate returns any quiet port, 0 where there is none. Chance keeps two
// systems of one machine apart also while one of them is down.
func (c *portChooser) candidate() int {
	count := 0
	for _, s := range c.quiet {
		count += s.high - s.low + 1
	}
	if count == 0 {
		return 0
	}
	i := rand.IntN(count)
	for _, s := range c.quiet {
		if size := s.high - s.low + 1; i >= size {
			i -= size
		} else {
			return s.low + i
		}
	}
	return 0
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
