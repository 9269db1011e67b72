package decode

import (
	"errors"
	"fmt"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/syndicate/syndicate/spec"
)

func (d *decoder) service(doc *serviceDoc) *spec.Service {
	w := d.view(doc, "")
	out := &spec.Service{
		Block:               d.base(w.truth("critical")),
		Command:             w.command(),
		Host:                w.text("host"),
		Port:                w.port("port"),
		Ports:               w.ports("ports"),
		Ready:               d.ready(doc),
		Live:                d.live(doc),
		Start:               d.start(doc.Start),
		Restart:             d.restart(doc.Restart),
		Stop:                d.stop(doc.Stop),
		Log:                 d.log(doc.Log),
		Runtime:             w.choice("runtime"),
		OnDependencyRestart: w.choice("on_dependency_restart"),
		Orphans:             w.orphans(),
		MayEnqueue:          d.blocks(doc.MayEnqueue, "a queue", spec.KindQueue),
	}
	if doc.Memory != nil {
		out.Memory = d.memory(doc.Memory)
	}
	w.environmentNames(out.Env)
	return out
}

// orphans refuses to keep processes when the engine dies: they end then, and a
// system that counts on the contrary must know before it happens.
func (w view) orphans() string {
	keep := w.choice("orphans")
	if attr, _ := w.get("orphans"); keep != "" && attr != nil {
		w.d.report(mistake(CodeOrphans, attr.Range, "Processes end with the engine", fmt.Sprintf(
			"This version cannot keep the processes of %s when the engine dies: they end within a second, and the next up starts them anew. Remove orphans.", w.d.in.addr)))
	}
	return keep
}

// environmentNames refuses names in env that the engine itself gives.
func (w view) environmentNames(env []spec.EnvVar) {
	for _, v := range env {
		switch v.Name {
		case "SYNDICATE_UNIT", "SYNDICATE_LIFE", "SYNDICATE_RUN", "SYNDICATE_DEATH_SIGNAL":
			w.d.report(&hcl.Diagnostic{
				Severity: hcl.DiagError, Summary: "Reserved name",
				Detail:  v.Name + " is set by syndicate itself and cannot be given in env.",
				Subject: hclRange(v.Range).Ptr(), Extra: extra{code: CodeName},
			})
		}
	}
}

// hclRange converts a range back.
func hclRange(r spec.Range) hcl.Range {
	pos := func(p spec.Pos) hcl.Pos { return hcl.Pos{Line: p.Line, Column: p.Column, Byte: p.Byte} }
	return hcl.Range{Filename: r.Filename, Start: pos(r.Start), End: pos(r.End)}
}

// port reads a port: a number or "auto"; nil where it is left out or wrong.
func (w view) port(name string) *spec.Port {
	v, attr, _, ok := w.known(name)
	if !ok {
		return nil
	}
	p, d := portOf(name, v, attr.Expr.Range())
	if d != nil {
		w.d.report(d)
		return nil
	}
	w.chosen(&p, w.d.in.addr.String())
	return &p
}

// chosen fills in the number of an automatic port where it is known.
func (w view) chosen(p *spec.Port, key string) {
	if n, ok := w.d.l.o.Ports[key]; ok && p.Auto {
		p.Number = n
	}
}

func portOf(name string, v cty.Value, at hcl.Range) (spec.Port, *hcl.Diagnostic) {
	if s, ok := literalString(v); ok && s == "auto" {
		return spec.Port{Auto: true, Range: rangeOf(at)}, nil
	}
	n, err := intOf(v)
	switch {
	case errors.Is(err, errWhole):
		return spec.Port{}, mistake(CodeType, at, "Wrong type", name+` must be a whole number or "auto".`)
	case err != nil && v.Type() != cty.Number:
		return spec.Port{}, mistake(CodeType, at, "Wrong type", fmt.Sprintf(`%s must be a number or "auto", not %s.`, name, typeName(v)))
	case err != nil || n < 1 || n > 65535:
		return spec.Port{}, mistake(CodeRange, at, "Number out of range", name+` must be between 1 and 65535, or "auto".`)
	}
	return spec.Port{Number: n, Range: rangeOf(at)}, nil
}

// ports reads a map of ports.
func (w view) ports(name string) map[string]spec.Port {
	v, attr, _, ok := w.known(name)
	if !ok {
		return nil
	}
	entries, ok := entriesOf(v)
	if !ok {
		w.wrongType(attr, "a map of ports", v)
		return nil
	}
	out := map[string]spec.Port{}
	for _, en := range entries {
		at := attr.Expr.Range()
		if !spec.ValidName(en.key) {
			w.d.report(mistake(CodeName, at, "Bad name", fmt.Sprintf("%q cannot name a port.", en.key)))
			continue
		}
		p, d := portOf(name+"."+en.key, en.value, at)
		if d != nil {
			w.d.report(d)
			continue
		}
		w.chosen(&p, w.d.in.addr.String()+"."+en.key)
		out[en.key] = p
	}
	return out
}

func (w view) backoff() spec.Backoff {
	out := spec.Backoff{
		Delay: w.duration("delay"), MaxDelay: w.duration("max_delay"),
		Factor: w.factor("factor"), Jitter: w.share("jitter"),
	}
	attr, _ := w.get("max_delay")
	if delay, _ := w.get("delay"); attr == nil && delay != nil && out.MaxDelay < out.Delay {
		out.MaxDelay = out.Delay
	} else if out.MaxDelay < out.Delay && attr != nil {
		w.d.report(mistake(CodeCombine, attr.Expr.Range(), "Bound below the start",
			fmt.Sprintf("max_delay is %s, which is less than delay, %s.", out.MaxDelay, out.Delay)))
	}
	return out
}

func (d *decoder) start(doc *startDoc) spec.Start {
	w := d.view(doc, "start.")
	return spec.Start{Attempts: w.number("attempts", 1, 1e6), Backoff: w.backoff()}
}

func (d *decoder) restart(doc *restartDoc) spec.Restart {
	w := d.view(doc, "restart.")
	return spec.Restart{
		On: w.choice("on"), Limit: w.number("limit", 0, 1e6), Within: w.period("within"),
		AgainAfter: w.period("again_after"), Backoff: w.backoff(),
	}
}

func (d *decoder) stop(doc *stopDoc) spec.Stop {
	w := d.view(doc, "stop.")
	out := spec.Stop{Signal: w.text("signal"), Timeout: w.duration("timeout")}
	if out.Signal == "SIGTERM" {
		return out
	}
	if _, ok := signals()[out.Signal]; !ok {
		w.d.report(mistake(CodeSignal, doc.Signal.Expr.Range(), "Unknown signal", unknownSignal(out.Signal)))
		out.Signal = "SIGTERM"
	}
	return out
}

func (d *decoder) log(doc *logDoc) spec.Log {
	w := d.view(doc, "log.")
	out := spec.Log{MaxSize: w.size("max_size"), Keep: w.number("keep", 0, 1e6)}
	if out.MaxSize <= 0 {
		at := d.in.head.DefRange
		if doc != nil && doc.MaxSize != nil {
			at = doc.MaxSize.Expr.Range()
		}
		d.report(mistake(CodeRange, at, "Number out of range", "max_size must be at least 1B."))
		out.MaxSize = 50 * spec.Megabyte
	}
	return out
}

func (d *decoder) memory(doc *memoryDoc) *spec.Memory {
	w := d.view(doc, "memory.")
	out := &spec.Memory{
		Range: rangeOf(doc.DefRange), Warning: w.room("warning"), Critical: w.room("critical"), Max: w.room("max"),
		Cleanup: d.actions(doc.Cleanup), AtCritical: w.choice("at_critical"),
		Declared: doc.Warning != nil || doc.Critical != nil,
	}
	if total := d.l.host().usable(); total > 0 {
		if doc.Warning == nil {
			out.Warning = min(out.Warning, spec.Size(float64(total)*0.60))
		}
		if doc.Critical == nil {
			out.Critical = min(out.Critical, spec.Size(float64(total)*0.85))
		}
	}
	if rate, ok := unit(w, "leak", spec.ParseRate); ok {
		if !rate.IsSize {
			d.report(mistake(CodeUnit, doc.Leak.Expr.Range(), "Wrong unit",
				fmt.Sprintf("leak: a rate of memory has a size: write \"%gMB/%s\".", rate.Count, strings.TrimPrefix(rate.Per.String(), "1"))))
		} else {
			out.Leak = &rate
		}
	}
	return out
}
