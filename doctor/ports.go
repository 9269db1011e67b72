package doctor

import (
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/syndicate/syndicate/listener"
	"github.com/syndicate/syndicate/spec"
)

// wanted is a port that the configuration fixes.
type wanted struct {
	port int
	by   string
	ours bool // an engine listens there itself
}

// ports looks for fixed ports of the configuration that somebody listens on.
func (e *exam) ports() {
	if e.System == nil || e.held {
		return
	}
	all := e.wantedPorts()
	if len(all) == 0 {
		return
	}
	listening, known := listener.All(e.Root + "/proc")
	free := true
	for _, w := range all {
		holders, taken := listening[w.port]
		if w.ours && slices.ContainsFunc(holders, func(l listener.Listener) bool { return l.Guards == e.System.StateDir }) {
			continue // it is kept for exactly this
		}
		if !known {
			taken = !free4(w.port)
		}
		if !taken {
			continue
		}
		free = false
		who := "another process; as root, doctor says which"
		mend := []string{"stop what listens there, or change the port"}
		if len(holders) > 0 && holders[0].PID != 0 {
			who = holders[0].String()
			mend = []string{fmt.Sprintf("stop it: kill %d; or change the port, or let syndicate choose one: port = \"auto\"", holders[0].PID)}
		}
		e.find("ports", Problem, fmt.Sprintf("port %d of %s is in use", w.port, w.by), []string{"It is held by " + who + "."}, mend)
	}
	if free {
		e.find("ports", OK, "the ports of the configuration are free", nil, nil)
	}
}

// wantedPorts are all fixed ports, in order.
func (e *exam) wantedPorts() []wanted {
	var all []wanted
	add := func(addr spec.Addr, name string, p *spec.Port) {
		if p != nil && !p.Auto && p.Number != 0 {
			by := addr.String()
			if name != "" {
				by += ".ports." + name
			}
			all = append(all, wanted{port: p.Number, by: by})
		}
	}
	for _, s := range e.System.Services {
		add(s.Addr, "", s.Port)
		for name, p := range s.Ports {
			add(s.Addr, name, &p)
		}
	}
	for _, db := range e.System.Databases {
		if db.Managed != nil && db.Source == "managed" {
			add(db.Addr, "", &db.Managed.Port)
		}
	}
	for _, b := range e.System.Breakers {
		if _, p := b.Address(); !p.Auto {
			all = append(all, wanted{p.Number, b.Addr.String(), true})
		}
	}
	for _, db := range e.System.Databases {
		if db.Gateway == nil {
			continue
		}
		if _, p := db.Gateway.Address(); !p.Auto {
			all = append(all, wanted{p.Number, "the gateway of " + db.Addr.String(), db.Gateway.Pooler == ""})
		}
	}
	slices.SortFunc(all, func(a, b wanted) int {
		if a.port != b.port {
			return a.port - b.port
		}
		return strings.Compare(a.by, b.by)
	})
	return all
}

// free4 tries to listen, for systems without the kernel's tables.
func free4(port int) bool {
	l, err := net.Listen("tcp4", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return false
	}
	_ = l.Close()
	return true
}
