package spec

import (
	"cmp"
	"fmt"
	"maps"
	"net"
	"slices"
	"strconv"
)

// The codes of what Check finds.
const (
	CodePortClash      = "S070" // two blocks with one port
	CodeLevels         = "S071" // a threshold's levels out of order
	CodeMemoryOrder    = "S072" // memory bounds out of order
	CodeUnusedBreaker  = "S073" // a breaker that nothing uses
	CodeSameBoundaries = "S074" // two boundaries that cannot be told apart
)

// Check finds the mistakes that only the system as a whole shows, without
// running anything. It accepts a system that is incomplete.
func Check(s *System) Diagnostics {
	ds := checkPorts(s)
	for _, t := range s.Thresholds {
		ds = append(ds, checkThreshold(t)...)
	}
	for _, svc := range s.Services {
		ds = append(ds, checkMemory(svc)...)
	}
	ds = append(ds, checkBreakers(s)...)
	return append(ds, checkBoundaries(s)...)
}

// listener is something that will listen on a port of this machine.
type listener struct {
	host string
	port int
	what string
	at   Range
}

// listeners lists them in source order.
func listeners(s *System) []listener {
	var out []listener
	add := func(host string, port int, what string, at Range) {
		if port > 0 {
			out = append(out, listener{host, port, what, at})
		}
	}
	listen := func(address, what string, at Range) {
		host, port, err := net.SplitHostPort(address)
		if n, numErr := strconv.Atoi(port); err == nil && numErr == nil {
			add(host, n, what, at)
		}
	}
	if s.HTTP != nil {
		listen(s.HTTP.Listen, "the endpoint of the system", s.HTTP.Range)
	}
	for _, x := range s.Services {
		if x.Port != nil {
			add(x.Host, x.Port.Number, x.Addr.String(), x.Port.Range)
		}
		for _, name := range slices.Sorted(maps.Keys(x.Ports)) {
			add(x.Host, x.Ports[name].Number, x.Addr.String()+".ports."+name, x.Ports[name].Range)
		}
	}
	for _, x := range s.Databases {
		if x.Managed != nil {
			add("127.0.0.1", x.Managed.Port.Number, x.Addr.String(), x.Managed.Port.Range)
		}
		if x.Gateway != nil {
			listen(x.Gateway.Listen, "the gateway of "+x.Addr.String(), x.Gateway.Range)
		}
	}
	for _, x := range s.Breakers {
		listen(x.Listen, x.Addr.String(), x.Range)
	}
	slices.SortStableFunc(out, func(a, b listener) int {
		return cmp.Or(cmp.Compare(a.at.Filename, b.at.Filename), cmp.Compare(a.at.Start.Byte, b.at.Start.Byte))
	})
	return out
}

// overlap reports whether two hosts may name one interface.
func overlap(a, b string) bool {
	norm := func(h string) string {
		switch h {
		case "", "0.0.0.0", "::", "[::]", "*":
			return "*"
		case "localhost", "127.0.0.1", "::1":
			return "localhost"
		}
		return h
	}
	a, b = norm(a), norm(b)
	return a == b || a == "*" || b == "*"
}

func checkPorts(s *System) Diagnostics {
	var ds Diagnostics
	byPort := map[int][]listener{}
	for _, l := range listeners(s) {
		for _, first := range byPort[l.port] {
			if !overlap(first.host, l.host) {
				continue
			}
			ds = append(ds, Diagnostic{
				Severity: Error, Code: CodePortClash, Summary: "Port is taken", Subject: l.at,
				Detail: fmt.Sprintf("%s and %s both listen on port %d. Choose another port, or \"auto\".",
					l.what, first.what, l.port),
				Related: []Related{{first.at, first.what + " listens here"}},
			})
			break
		}
		byPort[l.port] = append(byPort[l.port], l)
	}
	return ds
}

// checkThreshold compares the bounds of a threshold with one another.
func checkThreshold(t *Threshold) Diagnostics {
	var ds Diagnostics
	bad := func(at Range, detail string) {
		ds = append(ds, Diagnostic{Severity: Error, Code: CodeLevels, Summary: "Levels out of order", Detail: detail, Subject: at})
	}
	for _, l := range []*Level{t.Warning, t.Critical} {
		switch {
		case l == nil || l.Clear == nil:
		case l.Above != nil && *l.Clear > *l.Above:
			bad(l.Range, "clear is more than above, so the level would end before it begins: make it less.")
		case l.Below != nil && *l.Clear < *l.Below:
			bad(l.Range, "clear is less than below, so the level would end before it begins: make it more.")
		}
	}
	w, c := t.Warning, t.Critical
	if w == nil || c == nil {
		return ds
	}
	switch {
	case w.Above != nil && c.Above != nil && *c.Above < *w.Above:
		bad(c.Range, fmt.Sprintf("critical of %s begins below its warning: above must be at least as large.", t.Addr))
	case w.Below != nil && c.Below != nil && *c.Below > *w.Below:
		bad(c.Range, fmt.Sprintf("critical of %s begins above its warning: below must be at most as large.", t.Addr))
	case w.Above != nil && c.Below != nil || w.Below != nil && c.Above != nil:
		bad(c.Range, fmt.Sprintf("warning and critical of %s look in opposite directions: use above in both, or below in both.", t.Addr))
	}
	return ds
}

// checkMemory compares the bounds of a service's memory with one another.
func checkMemory(s *Service) Diagnostics {
	m := s.Memory
	if m == nil {
		return nil
	}
	detail := ""
	switch {
	case m.Declared && m.Warning > m.Critical:
		detail = fmt.Sprintf("warning is %s, which is more than critical, %s.", m.Warning, m.Critical)
	case m.Max > 0 && m.Max < m.Warning:
		detail = fmt.Sprintf("max is %s, which is less than warning, %s: the process would be killed before anything is done.", m.Max, m.Warning)
	case m.Max > 0 && m.Max < m.Critical:
		detail = fmt.Sprintf("max is %s, which is less than critical, %s: the process would be killed before it is restarted in good order.", m.Max, m.Critical)
	default:
		return nil
	}
	return Diagnostics{{Severity: Error, Code: CodeMemoryOrder, Summary: "Memory bounds out of order", Detail: detail, Subject: m.Range}}
}

// checkBreakers warns of breakers that nothing uses.
func checkBreakers(s *System) Diagnostics {
	if len(s.Breakers) == 0 {
		return nil
	}
	used := map[Addr]bool{}
	refs := func(list []Ref) {
		for _, r := range list {
			used[r.Addr] = true
		}
	}
	command := func(c *Command) {
		for _, a := range c.Argv {
			refs(a.Refs())
		}
		for _, e := range c.Env {
			refs(e.Value.Refs())
		}
	}
	for _, e := range s.Edges {
		used[e.To] = true
	}
	for _, x := range s.Services {
		command(&x.Command)
	}
	for _, x := range s.Tasks {
		command(&x.Command)
		if x.HTTP != nil {
			refs(x.HTTP.URL.Refs())
		}
		for _, n := range x.Needs {
			used[n] = true
		}
	}
	for _, x := range s.Breakers {
		refs(x.Target.Refs())
		for _, f := range x.Fallbacks {
			refs(f.Upstream.Refs())
		}
	}
	var ds Diagnostics
	for _, x := range s.Breakers {
		if !used[x.Addr] {
			ds = append(ds, Diagnostic{
				Severity: Warning, Code: CodeUnusedBreaker, Summary: "Breaker is not used", Subject: x.Range,
				Detail: fmt.Sprintf("Nothing reads %s.url, so nothing passes through it. Give that address to the services that call its target.", x.Addr),
			})
		}
	}
	return ds
}

// checkBoundaries warns of two boundaries that fit the same errors equally
// well, so that only their names decide.
func checkBoundaries(s *System) Diagnostics {
	var ds Diagnostics
	for i, b := range s.Boundaries {
		for _, a := range s.Boundaries[:i] {
			if !sameDomain(a, b) {
				continue
			}
			ds = append(ds, Diagnostic{
				Severity: Warning, Code: CodeSameBoundaries, Summary: "Boundaries cannot be told apart", Subject: b.Range,
				Detail: fmt.Sprintf("%s and %s fit the same errors equally well, so %s always wins, being first by address. Give one of them another match or other units.",
					a.Addr, b.Addr, a.Addr),
				Related: []Related{{a.Range, a.Addr.String()}},
			})
			break
		}
	}
	return ds
}

func sameDomain(a, b *Boundary) bool {
	if len(a.Units) != len(b.Units) || len(a.Matches) != len(b.Matches) {
		return false
	}
	units := func(x *Boundary) []Addr {
		u := slices.Clone(x.Units)
		slices.SortFunc(u, Addr.Compare)
		return u
	}
	matches := func(x *Boundary) []string {
		var out []string
		for _, m := range x.Matches {
			out = append(out, m.key())
		}
		slices.Sort(out)
		return out
	}
	return slices.Equal(units(a), units(b)) && slices.Equal(matches(a), matches(b))
}

// key is equal for matches that fit the same errors.
func (m Match) key() string {
	oom := "-"
	if m.OOM != nil {
		oom = strconv.FormatBool(*m.OOM)
	}
	sorted := func(s []string) []string { s = slices.Clone(s); slices.Sort(s); return s }
	codes := slices.Clone(m.ExitCode)
	slices.Sort(codes)
	return fmt.Sprintf("%q %v %q %s %q %q %v", sorted(m.Log), codes, sorted(m.Signal), oom,
		sorted(m.Exception), sorted(m.SQLState), m.Breaker)
}
