package spec

import (
	"fmt"
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

func checkPorts(s *System) Diagnostics {
	var ds Diagnostics
	byPort := map[int][]Listener{}
	for _, l := range Listeners(s) {
		for _, first := range byPort[l.Port] {
			if !SameHost(first.Host, l.Host) {
				continue
			}
			ds = append(ds, Diagnostic{
				Severity: Error, Code: CodePortClash, Summary: "Port is taken", Subject: l.Range,
				Detail: fmt.Sprintf("Port %d is that of both %s and %s. Choose another port%s.",
					l.Port, l.Name, first.Name, l.Free),
				Related: []Related{{first.Range, first.Name + " listens here"}},
			})
			break
		}
		byPort[l.Port] = append(byPort[l.Port], l)
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
		detail = fmt.Sprintf("warning is %s, which is more than critical, %s: declare both, warning being the smaller one.", m.Warning, m.Critical)
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
	if a.Idle() || b.Idle() || len(a.Units) != len(b.Units) || len(a.Matches) != len(b.Matches) {
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
