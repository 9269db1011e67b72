package engine

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/syndicate/syndicate/plan"
	"github.com/syndicate/syndicate/spec"
)

// building makes plans, confined to targets where there are any.
func building(targets ...spec.Addr) func(context.Context, *spec.System, *plan.Running) (*plan.Plan, error) {
	return func(_ context.Context, sys *spec.System, running *plan.Running) (*plan.Plan, error) {
		p, diags := plan.Build(sys, plan.Facts{Running: running, Targets: targets})
		if diags.HasErrors() {
			return nil, diags[0]
		}
		return p, nil
	}
}

// edited returns the system with other services.
func (tr *trial) edited(services ...*spec.Service) *spec.System {
	sys := *tr.sys
	sys.Services = services
	return &sys
}

// Whoever asked for a change may be gone before it fails.
func TestAChangeIsTakenBackWhoeverWaitsForIt(t *testing.T) {
	tr := newTrial(t)
	api := tr.service("api", "sh:exec sleep 1000", nil)
	tr.up()
	tr.until("service.api", Ready, 1)
	bad := *api
	bad.Shell, bad.Argv = false, []spec.Expr[string]{spec.Known("/nonexistent")}
	ctx, leave := context.WithCancelCause(t.Context())
	change, err := tr.engine.Apply(ctx, Request{
		System: tr.edited(&bad), Plan: building(), By: "a test",
		Planned: func(*plan.Plan) { leave(errors.New("gone")) },
	})
	if err != nil || !change.RolledBack || change.RollbackFailure != "" {
		t.Fatalf("the change ended as %+v, %v", change, err)
	}
	if st := tr.status("service.api"); st.State != Ready {
		t.Errorf("it is %s: %s", st.State, st.Cause)
	}
	if p, err := building()(t.Context(), tr.sys, tr.engine.Running()); err != nil || !p.Empty() {
		t.Errorf("what was declared before is not in force: %+v, %v", p, err)
	}
}

// What a change is not confined to stays as it was, whatever has become of
// its declaration.
func TestATargetedChangeLeavesTheRestDeclared(t *testing.T) {
	tr := newTrial(t)
	tr.sys.OnFailure = "stop"
	web := tr.service("web", "sh:exec sleep 1000", func(svc *spec.Service) { svc.Port = &spec.Port{Auto: true} })
	api := tr.service("api", "sh:exec sleep 1000", nil)
	tr.up()
	tr.until("service.web", Ready, 1)
	tr.until("service.api", Ready, 1)
	port := tr.engine.site.servicePort(web)

	next := *api
	next.Argv = []spec.Expr[string]{spec.Known("exec sleep 1001")}
	sys := tr.edited(&next)
	sys.OnFailure = "continue"
	change, err := tr.engine.Apply(t.Context(), Request{System: sys, Plan: building(api.Addr), By: "a test"})
	if err != nil || change.State != SystemReady {
		t.Fatalf("the change ended as %+v, %v", change, err)
	}
	if now := tr.engine.site.servicePort(web); now != port || port == 0 {
		t.Errorf("the port of what is not concerned is %d, was %d", now, port)
	}
	if got, err := tr.engine.site.lookup(web.Addr, "port"); err != nil || got != port {
		t.Errorf("its port is %v, %v", got, err)
	}
	if got := tr.engine.System(); got.OnFailure != "stop" || !slices.Equal(got.Services, []*spec.Service{&next, web}) {
		t.Errorf("declared is %+v", got)
	}
}

// A port that was chosen for what is declared to have another one now is free
// for others.
func TestATargetedChangeForgetsThePortsThatAreNoLongerChosen(t *testing.T) {
	at := func(port spec.Port) *spec.System {
		svc := &spec.Service{Block: spec.Block{Addr: spec.Addr{Kind: spec.KindService, Name: "web"}}, Port: &port}
		return &spec.System{Services: []*spec.Service{svc}}
	}
	before := declaration{at(spec.Port{Auto: true}), Ports{"service.web": 20001, "service.api": 20002}, nil}
	after := declaration{at(spec.Port{Number: 80}), Ports{}, nil}
	p, err := building(spec.Addr{Kind: spec.KindService, Name: "web"})(t.Context(), after.system, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := before.with(after, p).ports; len(got) != 1 || got["service.api"] != 20002 {
		t.Errorf("the ports are %v", got)
	}
}
