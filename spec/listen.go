package spec

import (
	"cmp"
	"maps"
	"net"
	"slices"
	"strconv"
)

// Listener is something that will listen on a port of this machine.
type Listener struct {
	Addr  Addr   // zero for the endpoint of the system
	Name  string // for people: service.api.ports.admin
	Value string // the reference that gives its address, empty without one
	Host  string
	Port  int  // never 0
	Auto  bool // chosen by syndicate, not declared
	// Free ends the advice to choose another port: how a free one is had, such
	// as `, or "auto"`. It is empty where the port must be declared.
	Free  string
	Range Range
}

// How a free port is had, where port or listen is written.
const (
	freePort   = `, or "auto"`
	freeListen = ", or leave listen out: a free one is chosen then"
)

// Listeners lists all whose ports are known, in source order.
func Listeners(s *System) []Listener {
	var out []Listener
	add := func(l Listener) {
		if l.Port > 0 {
			out = append(out, l)
		}
	}
	listen := func(address string, l Listener) {
		host, port, err := net.SplitHostPort(address)
		if n, numErr := strconv.Atoi(port); err == nil && numErr == nil {
			l.Host, l.Port = host, n
			add(l)
		}
	}
	if s.HTTP != nil {
		listen(s.HTTP.Listen, Listener{Name: "the endpoint of the system", Range: s.HTTP.Range})
	}
	for _, x := range s.Services {
		id := x.Addr.String()
		if x.Port != nil {
			add(Listener{x.Addr, id, id + ".url", x.Host, x.Port.Number, x.Port.Auto, freePort, x.Port.Range})
		}
		for _, name := range slices.Sorted(maps.Keys(x.Ports)) {
			p := id + ".ports." + name
			add(Listener{x.Addr, p, p, x.Host, x.Ports[name].Number, x.Ports[name].Auto, freePort, x.Ports[name].Range})
		}
	}
	for _, x := range s.Databases {
		id := x.Addr.String()
		if x.Managed != nil {
			value := id + ".url"
			if x.Gateway != nil {
				value = id + ".direct_url"
			}
			add(Listener{x.Addr, id, value, "127.0.0.1", x.Managed.Port.Number, x.Managed.Port.Auto, freePort, x.Managed.Port.Range})
		}
		if x.Gateway != nil {
			listen(x.Gateway.Listen, Listener{Addr: x.Addr, Name: "the gateway of " + id, Value: id + ".url", Free: freeListen, Range: x.Gateway.Range})
		}
	}
	for _, x := range s.Breakers {
		id := x.Addr.String()
		listen(x.Listen, Listener{Addr: x.Addr, Name: id, Value: id + ".url", Free: freeListen, Range: x.Range})
	}
	slices.SortStableFunc(out, func(a, b Listener) int {
		return cmp.Or(cmp.Compare(a.Range.Filename, b.Range.Filename), cmp.Compare(a.Range.Start.Byte, b.Range.Start.Byte))
	})
	return out
}

// SameHost reports whether two hosts may name one interface.
func SameHost(a, b string) bool {
	norm := func(h string) string {
		switch h {
		case "", "0.0.0.0", "::", "[::]", "*":
			return "*"
		case "localhost", "127.0.0.1", "::1", "[::1]":
			return "localhost"
		}
		return h
	}
	a, b = norm(a), norm(b)
	return a == b || a == "*" || b == "*"
}
