package engine

import (
	"context"
	"testing"
	"time"

	"github.com/syndicate/syndicate/plan"
	"github.com/syndicate/syndicate/spec"
)

// urlOf is the URL of a service, known once its port is chosen.
func urlOf(addr spec.Addr) spec.Expr[spec.Text] {
	refs := []spec.Ref{{Addr: addr, Attribute: "url"}}
	return spec.Later(addr.String()+".url", spec.Range{}, refs, func(l spec.Lookup) (spec.Text, error) {
		url, err := l(addr, "url")
		if err != nil {
			return spec.Text{}, err
		}
		return spec.Plain(url.(string)), nil
	})
}

// A breaker calls a service of its system at the port that this has, also when
// that moves since another one is declared to have it, and when that is taken
// back.
func TestBreakerFollowsAPortThatMoves(t *testing.T) {
	tr := newTrial(t)
	api := tr.service("api", "http", func(s *spec.Service) {
		s.Port = &spec.Port{Auto: true}
		s.Ready = &spec.Probe{Kind: spec.ProbeLog, Target: spec.Known("listening"), Deadline: spec.Duration(time.Minute)}
	})
	b := tr.breaker("up", "", func(b *spec.Breaker) { b.Target, b.Failures = urlOf(api.Addr), 1_000_000 })
	tr.up()
	tr.until("breaker.up", Ready, 1)
	tr.until("service.api", Ready, 1)
	url, number := tr.status("breaker.up").URL, tr.status("service.api").Port

	apply := func(fails bool) Change {
		t.Helper()
		sys, next := *tr.sys, *b // a breaker as if it were decoded anew
		sys.Breakers, sys.Services = []*spec.Breaker{&next}, []*spec.Service{api}
		builder := &trial{t: t, sys: &sys}
		taker := builder.service("taker", "wait", func(s *spec.Service) { s.Port = &spec.Port{Number: number} })
		if fails {
			bad := builder.service("bad", "sh:exit 1", func(s *spec.Service) {
				s.Start.Attempts = 1
				s.Ready = &spec.Probe{Kind: spec.ProbeLog, Target: spec.Known("never"), Deadline: spec.Duration(time.Minute)}
			})
			builder.edge(bad.Addr, api.Addr, "ready")
			builder.edge(bad.Addr, taker.Addr, "ready")
		}
		change, err := tr.engine.Apply(t.Context(), Request{
			System: &sys, By: "a test",
			Plan: building(),
			Ports: func(running Ports, others map[int]bool) (Ports, error) {
				return ChoosePorts(&sys, nil, running, others)
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		return change
	}
	answers := func(what string) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		for code := 0; code != 200; {
			if code, _, _ = ask(t, url); ctx.Err() != nil {
				t.Fatalf("%s, it answers %d, and the service has port %d", what, code, tr.status("service.api").Port)
			}
		}
	}
	answers("at first")

	if change := apply(true); !change.RolledBack || change.RollbackFailure != "" || tr.status("service.api").Port != number {
		t.Fatalf("the change ended as %+v", change)
	}
	answers("after a change that was taken back")

	change := apply(false)
	planned := ""
	for _, s := range change.Plan.Steps {
		if s.ID == "breaker.up" {
			planned = string(s.Action) + ", " + s.Reason
		}
	}
	if want := string(plan.Update) + ", the port of service.api changes"; planned != want {
		t.Errorf("the plan has %q for it, and not %q", planned, want)
	}
	if tr.status("service.api").Port == number {
		t.Error("the service has the port of another one")
	}
	answers("after the change")
}

// A service that was started anew and answers closes the breaker before it,
// whose time may be long. One that only runs does not.
func TestBreakerOfAServiceThatWasStarted(t *testing.T) {
	for name, probed := range map[string]bool{"with a probe": true, "without": false} {
		t.Run(name, func(t *testing.T) {
			tr := newTrial(t)
			api := tr.service("api", "http", func(s *spec.Service) {
				s.Port = &spec.Port{Auto: true}
				if probed {
					s.Ready = &spec.Probe{Kind: spec.ProbeLog, Target: spec.Known("listening"), Deadline: spec.Duration(time.Minute)}
				}
			})
			other := tr.service("other", "http", func(s *spec.Service) { s.Port, s.Ready = &spec.Port{Auto: true}, api.Ready })
			tr.breaker("up", "", func(b *spec.Breaker) { b.Target = urlOf(api.Addr) })
			tr.up()
			for _, id := range []string{"breaker.up", "service.api", "service.other"} {
				tr.until(id, Ready, 1)
			}
			tell := func(verb string, unit spec.Addr) {
				t.Helper()
				if _, err := tr.engine.Do(t.Context(), Command{Verb: verb, Units: []string{unit.String()}, By: "a test"}); err != nil {
					t.Fatal(err)
				}
			}
			tell("stop", api.Addr)
			url := tr.status("breaker.up").URL
			for range 2 {
				if code, _, _ := ask(t, url); code != 502 {
					t.Fatalf("without its service it answers %d", code)
				}
			}
			tell("restart", other.Addr)
			if s := tr.status("breaker.up").Breaker.State; s != "open" {
				t.Fatalf("it is %s", s)
			}
			tell("start", api.Addr)
			tr.until("service.api", Ready, 2)
			if !probed {
				if s := tr.status("breaker.up").Breaker.State; s != "open" {
					t.Errorf("it is %s", s)
				}
				return
			}
			if ev := tr.until("breaker.up", "closed", 1); ev.Cause != "service.api was started and is ready" {
				t.Errorf("closed since %s", ev.Cause)
			}
			if code, _, _ := ask(t, url); code != 200 {
				t.Errorf("it answers %d", code)
			}
		})
	}
}
