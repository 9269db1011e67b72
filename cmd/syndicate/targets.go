package main

import (
	"fmt"

	"github.com/syndicate/syndicate/plan"
	"github.com/syndicate/syndicate/spec"
)

// targets are the flags that confine a command to some blocks.
type targets struct {
	Target []string `name:"target" placeholder:"ADDRESS" help:"Only this block and all that it needs; may be repeated. The rest is left as it is." completion-predictor:"address"`
}

// addresses finds the blocks that the flags name. Who names one that there is
// not is led to the plan, which has all.
func (t targets) addresses(s *session, sys *spec.System) ([]spec.Addr, error) {
	if len(t.Target) == 0 {
		return nil, nil
	}
	p, diags := plan.Build(sys, plan.Facts{NotesOnly: true})
	if diags.HasErrors() {
		return nil, diags[0]
	}
	var known []string
	for _, step := range p.Steps {
		if step.Kind != plan.StepMigrations && step.Kind != plan.StepGateway {
			known = append(known, step.ID)
		}
	}
	chosen, err := pickUnits(t.Target, known)
	if err != nil {
		for _, text := range t.Target {
			if off, ok := disabled(sys, text); ok {
				err = usage("%s does not exist: it is %s", off.Addr, off.Reason())
			}
		}
		return nil, ledTo(err, s.anew("plan"))
	}
	return parseTargets(chosen)
}

// disabled finds the disabled block that an address on the command line means.
func disabled(sys *spec.System, text string) (spec.Disabled, bool) {
	want, err := spec.ParseAddr(text)
	for _, off := range sys.Disabled {
		a := off.Addr
		if err == nil && a.Name == want.Name && (want.Kind == "" || a.Kind == want.Kind) && (want.Key == "" || a.Key == want.Key) {
			return off, true
		}
	}
	return spec.Disabled{}, false
}

func parseTargets(texts []string) ([]spec.Addr, error) {
	var list []spec.Addr
	for _, text := range texts {
		a, err := spec.ParseAddr(text)
		if err != nil {
			return nil, fmt.Errorf("read the target %s: %w", text, err)
		}
		list = append(list, a)
	}
	return list, nil
}

// addressTexts are addresses as they are written.
func addressTexts(list []spec.Addr) []string {
	var texts []string
	for _, a := range list {
		texts = append(texts, a.String())
	}
	return texts
}
