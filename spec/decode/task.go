package decode

import (
	"fmt"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/syndicate/syndicate/spec"
)

func (d *decoder) task(doc *taskDoc) *spec.Task {
	w := d.view(doc, "")
	out := &spec.Task{
		Command:     w.command(),
		Run:         w.choice("run"),
		Priority:    w.choice("priority"),
		Timeout:     w.period("timeout"),
		MaxMemory:   w.room("max_memory"),
		Concurrency: w.number("concurrency", 1, 1e6),
		Schedule:    w.text("schedule"),
		Timezone:    w.text("timezone"),
		Missed:      w.choice("missed"),
		Needs:       d.blocks(doc.Needs, "a breaker or a database", spec.KindBreaker, spec.KindDatabase),
		Stop:        d.stop(doc.Stop),
		Log:         d.log(doc.Log),
	}
	out.Block = d.base(out.Run == "up" && w.truth("critical"))
	out.HTTP = d.httpCall(w)
	queue, t := d.oneBlock(doc.Queue, "a queue", spec.KindQueue)
	if out.Queue = queue; t != nil {
		d.orders = append(d.orders, usage{t.instances[0], "queue", t.at})
	}
	r := d.view(doc.Retry, "retry.")
	out.Retry = spec.Retry{Attempts: r.number("attempts", 1, 1e6), Backoff: r.backoff()}
	d.checkTask(doc, out)
	w.environmentNames(out.Env)
	return out
}

// checkTask checks how the attributes of a task go together.
func (d *decoder) checkTask(doc *taskDoc, out *spec.Task) {
	switch {
	case !d.given(doc.Command) && !d.given(doc.HTTP):
		d.report(mistake(CodeCombine, doc.DefRange, "Task does nothing", "A task has a command or http: write one of them."))
	case d.given(doc.Command) && d.given(doc.HTTP):
		d.report(mistake(CodeCombine, doc.HTTP.Range, "Task does two things", "A task has a command or http, not both: remove one.",
			related{doc.Command.Range, "the command"}))
	}
	if d.given(doc.Critical) && out.Run != "up" {
		d.report(mistake(CodeCombine, doc.Critical.Range, "Only with run = \"up\"",
			"critical says whether start-up needs the task, and this one is no step of it: write "+assign(doc.Critical.Range, "run", `"up"`)+", or remove critical."))
	}
	if out.Schedule != "" {
		if err := checkSchedule(out.Schedule); err != nil {
			d.report(mistake(CodeSchedule, doc.Schedule.Expr.Range(), "Wrong schedule", sentence(err)))
		}
	}
	if _, err := time.LoadLocation(out.Timezone); err != nil || out.Timezone == "Local" {
		d.report(mistake(CodeSchedule, doc.Timezone.Expr.Range(), "Unknown time zone",
			fmt.Sprintf("%q is no time zone: write a name such as \"Europe/Berlin\" or \"UTC\".", out.Timezone)))
	}
}

// methods are what a request may do.
const methods = "GET HEAD POST PUT PATCH DELETE OPTIONS"

// httpCall reads "METHOD URL". The URL may be known only later; the method
// must be written before it.
func (d *decoder) httpCall(w view) *spec.HTTPCall {
	expr, attr := w.native("http")
	if expr == nil {
		return nil
	}
	r := d.e.value(scope{d.in}, expr)
	if !r.failed && isNull(r.value) {
		return nil
	}
	out := &spec.HTTPCall{Range: rangeOf(attr.Range), Method: "GET"}
	text := firstText(expr)
	if s, ok := literalString(r.value); ok {
		text = s
	}
	method, _, hasMethod := strings.Cut(text, " ")
	if hasMethod {
		out.Method = method
		if !strings.Contains(" "+methods+" ", " "+method+" ") {
			d.report(mistake(CodeEnum, expr.Range(), "Unknown method",
				fmt.Sprintf("%q is no method: write \"METHOD URL\" with one of %s.", method, strings.ReplaceAll(methods, " ", ", "))))
			return nil
		}
	}
	x := wantString("status")
	x.from = func(v cty.Value) (string, error) {
		s, ok := stringOf(v)
		if !ok {
			return "", fmt.Errorf("must be a string, not %s", typeName(v))
		}
		if hasMethod {
			_, s, _ = strings.Cut(s, " ")
		}
		return s, checkURL(s, "http", "https")
	}
	out.URL = expression(d, r, expr, "http", x)
	return out
}

// firstText returns the literal text that a template begins with.
func firstText(expr hclsyntax.Expression) string {
	if t, ok := expr.(*hclsyntax.TemplateExpr); ok && len(t.Parts) > 0 {
		s, _ := literalText(t.Parts[0])
		return s
	}
	s, _ := literalText(expr)
	return s
}
