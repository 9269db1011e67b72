package engine

import (
	"encoding/json"
	"fmt"
	"net"
	"net/url"
	"strings"

	"github.com/syndicate/syndicate/engine/breaker"
	"github.com/syndicate/syndicate/spec"
)

// guardOf returns the guard of a block, the same one for as long as the block
// is declared. A new one goes on from where it was when the engine ended.
func (e *Engine) guardOf(addr spec.Addr, cfg breaker.Config) (*breaker.Guard, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if g := e.guards[addr]; g != nil {
		return g, nil
	}
	g, err := breaker.New(cfg)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", addr, err)
	}
	if e.guards == nil {
		e.guards = map[spec.Addr]*breaker.Guard{}
	}
	e.guards[addr] = g
	return g, nil
}

// resume has the guard of a breaker go on from its record, once. What cannot
// be read is left: a breaker that begins anew is no loss.
func (e *Engine) resume(addr spec.Addr, g *breaker.Guard) {
	id := addr.String()
	e.mu.Lock()
	text, ok := e.cfg.Guards[id]
	delete(e.cfg.Guards, id)
	e.mu.Unlock()
	if !ok {
		return
	}
	var r breaker.Record
	if err := json.Unmarshal(text, &r); err != nil {
		e.cfg.Log.Warn("a breaker begins anew", "unit", id, "error", err)
		return
	}
	g.Restore(r)
}

// aimed has the guard of a breaker begin anew where it stood before another
// target: what that did says nothing of this one.
func (e *Engine) aimed(addr spec.Addr, g *breaker.Guard, target string) {
	e.mu.Lock()
	before := e.targets[addr]
	if e.targets == nil {
		e.targets = map[spec.Addr]string{}
	}
	e.targets[addr] = target
	e.mu.Unlock()
	if before != "" && before != target {
		g.Reset("a change of its target")
	}
}

// answers closes the breakers before a service that was started and is ready:
// what calls had shown was of the run before. Who only knows that its process
// runs knows nothing of the sort, and so a service without a probe leaves them
// to their trial.
func (e *Engine) answers(svc *spec.Service) {
	ports := map[string]bool{}
	for _, c := range e.site.servicePorts(svc) {
		if _, port, err := net.SplitHostPort(strings.TrimPrefix(c, portClaim)); err == nil {
			ports[port] = true
		}
	}
	for _, b := range e.System().Breakers {
		e.mu.Lock()
		g, target := e.guards[b.Addr], e.targets[b.Addr]
		e.mu.Unlock()
		u, err := url.Parse(target)
		if g == nil || err != nil || !ports[u.Port()] || !local(u.Hostname(), svc.Host) {
			continue
		}
		g.Mended(svc.Addr.String() + " was started and is ready")
	}
}

// local reports whether a host is this one, where something listens at own.
func local(host, own string) bool {
	ip := net.ParseIP(host)
	return host == own || host == "localhost" || ip != nil && ip.IsLoopback()
}

// saveGuard writes down what a restart is to restore.
func (e *Engine) saveGuard(addr spec.Addr, g *breaker.Guard) {
	if e.cfg.SaveGuard == nil {
		return
	}
	g.Save(func(r breaker.Record) {
		text, err := json.Marshal(r)
		if err != nil {
			panic(err) // numbers, times and strings
		}
		e.cfg.SaveGuard(addr.String(), text)
	})
}

// policyConfig is what a declared policy says.
func policyConfig(p *spec.BreakerPolicy) breaker.Config {
	cfg := breaker.Config{Rule: breaker.Rule{Failures: p.Failures, Of: p.Of}}
	if p.Rate > 0 {
		cfg.Rule = breaker.Rule{Rate: float64(p.Rate), Over: p.Over.Std(), MinCalls: p.MinCalls}
	}
	cfg.ResetTimeout, cfg.Calls, cfg.Successes = p.ResetTimeout.Std(), p.HalfOpen.Calls, p.HalfOpen.Successes
	return cfg
}

// forceBreakers sets who decides: the breaker itself, or nobody.
func (e *Engine) forceBreakers(cmd Command) (Change, error) {
	var mode breaker.Mode
	if len(cmd.Args) != 1 || mode.UnmarshalText([]byte(cmd.Args[0])) != nil {
		return Change{}, fmt.Errorf("force: give one of open, closed, observe and auto")
	}
	known := e.core.definitions()
	for _, id := range cmd.Units {
		e.asked(id, cmd.Verb+" "+mode.String(), cmd.By)
		known[id].work.(guarded).breaker().Force(mode, cmd.By)
	}
	return e.changed(newOperation()), nil
}
