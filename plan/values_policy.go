package plan

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/syndicate/syndicate/spec"
)

// probe adds how a unit is looked at.
func (w writer) probe(name string, p *spec.Probe) {
	if p == nil {
		return
	}
	text := exprText(p.Target)
	switch p.Kind {
	case spec.ProbeExec:
		text = commandText(spec.Command{Argv: p.Argv})
	case spec.ProbeNotify:
		text = ""
	}
	text = strings.TrimSpace(string(p.Kind) + " " + text)
	if len(p.Status) > 0 {
		text += ", status " + strings.Trim(fmt.Sprint(p.Status), "[]")
	}
	if p.Interval > 0 {
		text += ", every " + p.Interval.String()
	}
	if p.Timeout > 0 {
		text += ", timeout " + p.Timeout.String()
	}
	if p.Deadline > 0 {
		text += ", within " + p.Deadline.String()
	}
	if p.Failures > 0 {
		text += ", failures " + strconv.Itoa(p.Failures)
	}
	var refs []spec.Ref
	var hidden []string
	if !known(p.Target) {
		refs, hidden = p.Target.Refs(), w.digest.hidden(p.Target.Source(), p.Target.Refs())
	}
	for _, h := range p.Headers {
		v := exprValue(w, h.Name, h.Value)
		hidden = append(hidden, v.Name, v.Text, v.Digest)
	}
	w.add(w.valueOf(name, text, refs, hidden))
}

func (w writer) start(s spec.Start) {
	w.value("start.attempts", strconv.Itoa(s.Attempts))
	w.backoff("start", s.Backoff)
}

func (w writer) restart(r spec.Restart) {
	text := r.On + ", at most " + strconv.Itoa(r.Limit) + " within " + r.Within.String()
	if r.AgainAfter > 0 {
		text += ", again after " + r.AgainAfter.String()
	}
	w.value("restart", text)
	w.backoff("restart", r.Backoff)
}

func (w writer) retry(r spec.Retry) {
	w.value("retry.attempts", strconv.Itoa(r.Attempts))
	w.backoff("retry", r.Backoff)
}

// backoff adds the waits between attempts where they are not the usual ones.
func (w writer) backoff(of string, b spec.Backoff) {
	if b == spec.DefaultBackoff || b == (spec.Backoff{}) {
		return
	}
	w.value(of+".delay", b.Delay.String()+", times "+strconv.FormatFloat(b.Factor, 'g', -1, 64)+
		" up to "+b.MaxDelay.String()+", jitter "+b.Jitter.String())
}

func (w writer) stop(s spec.Stop) {
	w.value("stop", s.Signal+", then SIGKILL after "+s.Timeout.String())
}

func (w writer) log(l spec.Log) {
	w.value("log", l.MaxSize.String()+", keep "+strconv.Itoa(l.Keep))
}
