package decode

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/syndicate/syndicate/spec"
)

func (d *decoder) breaker(doc *breakerDoc) *spec.Breaker {
	w := d.view(doc, "")
	out := &spec.Breaker{
		Block:          d.base(true),
		BreakerPolicy:  d.rules(w, &doc.breakerRuleDoc),
		CallRules:      d.callRules(w, &doc.callRulesDoc, spec.DefaultCallRules()),
		Listen:         w.listen("listen"),
		ConnectTimeout: w.period("connect_timeout"), TLS: d.clientTLS(doc.TLS), PreserveHost: w.truth("preserve_host"), OnOpen: w.choice("on_open"), Probe: d.talk(doc.Probe),
		MaxCalls: w.number("max_calls", 1, 1e6), MaxWaiting: w.number("max_waiting", 0, 1e6), QueueTimeout: w.period("queue_timeout"),
	}
	out.Routes = d.routes(doc.Routes, out.CallRules)
	if !d.given(doc.MaxCalls) {
		for _, attr := range []*hcl.Attribute{doc.MaxWaiting, doc.QueueTimeout} {
			if d.given(attr) {
				d.report(mistake(CodeCombine, attr.Range, "Only with max_calls", attr.Name+" belongs to max_calls, and there is none."))
			}
		}
	}
	free := w
	free.free = true
	out.Target = d.urlText(free, "target", "http", "https", "tcp")
	share, t := d.oneBlock(doc.Share, "a database", spec.KindDatabase)
	if out.Share = share; t != nil {
		d.orders = append(d.orders, usage{t.instances[0], "share", t.at})
	}
	if target, ok := out.Target.Value(); ok {
		d.fitting(doc, out, target)
	}
	return out
}

// fitting reports what cannot answer for a target of its kind, and what has
// no meaning for connections.
func (d *decoder) fitting(doc *breakerDoc, b *spec.Breaker, target spec.Text) {
	tcp := b.Scheme() == "tcp"
	if tcp {
		d.onlyHTTP(doc)
	}
	switch {
	case !d.given(doc.OnOpen):
	case !tcp:
		d.report(mistake(CodeCombine, doc.OnOpen.Range, "Only for connections", "The target is http, whose calls are answered while the breaker is open: leave on_open out.",
			related{doc.Target.Range, "the target"}))
	case b.OnOpen == "refuse" && len(doc.Fallbacks) > 0:
		d.report(mistake(CodeCombine, doc.OnOpen.Range, "Nobody to be refused", "A fallback takes the connections while the breaker is open: leave on_open out, or the fallback.",
			related{doc.Fallbacks[0].DefRange, "the fallback"}))
	}
	if doc.Probe != nil && !tcp {
		d.report(mistake(CodeCombine, doc.Probe.DefRange, "Only for connections", "The target is http, whose answers tell how it is: leave probe out.",
			related{doc.Target.Range, "the target"}))
	}
	if doc.TLS != nil && strings.HasPrefix(target.Reveal(), "http:") {
		d.report(mistake(CodeCombine, doc.TLS.DefRange, "No TLS to meet", "The target is http, which is not encrypted: write https, or leave tls out.",
			related{doc.Target.Range, "the target"}))
	}
	if u, err := url.Parse(target.Reveal()); tcp && (err != nil || u.Port() == "" || u.Path != "") {
		d.report(mistake(CodeCombine, doc.Target.Range, "No address", "A tcp target is a host and a port: tcp://localhost:5432."))
	}
	for i, f := range doc.Fallbacks {
		upstream, known := b.Fallbacks[i].Upstream.Value()
		switch {
		case tcp && f.Upstream == nil:
			d.report(mistake(CodeCombine, f.DefRange, "No answer for a connection",
				`The target is tcp, and only another upstream can take a connection: upstream = "tcp://host:port".`, related{doc.Target.Range, "the target"}))
		case f.Upstream != nil && known && tcp != strings.HasPrefix(upstream.Reveal(), "tcp:"):
			d.report(mistake(CodeCombine, f.Upstream.Range, "Upstreams of two kinds",
				"target and upstream are either both tcp or both http or https.", related{doc.Target.Range, "the target"}))
		}
	}
}

// talk reads what a tcp target is asked.
func (d *decoder) talk(doc *talkDoc) *spec.Talk {
	if doc == nil {
		return nil
	}
	w := d.view(doc, "probe.")
	out := &spec.Talk{Timeout: w.period("timeout")}
	out.Send, _ = w.anyText("send")
	expect, given := w.anyText("expect")
	if out.Expect = expect; given && expect == "" {
		d.report(mistake(CodeCombine, doc.Expect.Range, "Nothing to expect", `Any answer holds an empty text: say what a target that is well answers, such as expect = "+PONG".`))
	}
	return out
}

// urlText reads a URL that may be sensitive and may be known only later.
func (d *decoder) urlText(w view, name string, schemes ...string) spec.Expr[spec.Text] {
	expr, attr := w.native(name)
	if expr == nil {
		return spec.Expr[spec.Text]{}
	}
	r := w.result(attr)
	if !r.failed && isNull(r.value) {
		_, f := w.get(name)
		w.null(attr, f)
		return spec.Expr[spec.Text]{}
	}
	x := wantText()
	x.from = func(v cty.Value) (spec.Text, error) {
		t, err := textOf(v)
		if err != nil {
			return t, err
		}
		return t, checkURL(t.Reveal(), schemes...)
	}
	return expression(d, r, expr, name, x)
}

// rules reads what opens and closes a circuit breaker.
func (d *decoder) rules(w view, doc *breakerRuleDoc) spec.BreakerPolicy {
	out := spec.BreakerPolicy{
		Failures: w.number("failures", 1, 1e6), Of: w.number("of", 1, 1e6), Rate: w.share("rate"), Over: w.period("over"),
		MinCalls: w.number("min_calls", 1, 1e6), ResetTimeout: w.period("reset_timeout"),
		HalfOpen: d.halfOpen(doc.HalfOpen),
	}
	if v, attr, _, ok := w.known("rate"); ok {
		s, _ := stringOf(v)
		if share, err := spec.ParseShare(s); err == nil && share == 0 {
			d.report(mistake(CodeRange, attr.Expr.Range(), "Share of nothing", `rate must be more than "0%".`))
		}
	}
	if doc.Of != nil && !d.given(doc.Rate) && out.Of > 0 && out.Of < out.Failures {
		d.report(mistake(CodeCombine, doc.Of.Range, "Bounds out of order",
			fmt.Sprintf("of is %d, which is less than failures, %d: it could never open.", out.Of, out.Failures)))
	}
	if !d.given(doc.Rate) {
		for _, attr := range []*hcl.Attribute{doc.Over, doc.MinCalls} {
			if d.given(attr) {
				d.report(mistake(CodeCombine, attr.Range, "Only with rate", attr.Name+" belongs to rate, and there is none."))
			}
		}
	} else {
		for _, attr := range []*hcl.Attribute{doc.Failures, doc.Of} {
			if d.given(attr) {
				d.report(mistake(CodeCombine, attr.Range, "Two rules for opening",
					"failures counts calls and rate is a share of those in a window: keep one.", related{doc.Rate.Range, "the rate"}))
			}
		}
	}
	return out
}

func (d *decoder) halfOpen(doc *halfOpenDoc) spec.HalfOpen {
	w := d.view(doc, "half_open.")
	out := spec.HalfOpen{Calls: w.number("calls", 1, 1e6), Successes: w.number("successes", 1, 1e6)}
	if out.Successes > out.Calls {
		d.report(mistake(CodeCombine, doc.DefRange, "Bounds out of order",
			fmt.Sprintf("successes is %d, which is more than calls, %d: it could never close.", out.Successes, out.Calls)))
	}
	return out
}

func (d *decoder) fallback(doc *fallbackDoc) spec.Fallback {
	w := d.view(doc, "fallback.")
	out := spec.Fallback{
		Range: rangeOf(doc.DefRange), LastGood: w.period("last_good"),
		File: w.path("file"), Status: w.number("status", 100, 599),
		Upstream: d.urlText(w, "upstream", "http", "https", "tcp"), Body: d.textExpr(w, "body"),
	}
	if expr, _ := w.native("command"); expr != nil {
		out.Argv, out.Dir = w.argv("command", expr), d.l.system.Dir
	}
	var kinds []*hcl.Attribute
	for _, attr := range []*hcl.Attribute{doc.LastGood, doc.Upstream, doc.File, doc.Command, doc.Status} {
		if d.given(attr) {
			kinds = append(kinds, attr)
		}
	}
	switch {
	case len(kinds) == 0:
		d.report(mistake(CodeCombine, doc.DefRange, "Fallback of no kind",
			"A fallback has one of last_good, upstream, file, command and status."))
	case len(kinds) > 1:
		d.report(mistake(CodeCombine, kinds[1].Range, "Fallback of two kinds", fmt.Sprintf(
			"A fallback has one kind, and this one has %s and %s: write two fallback blocks, in the order to try them.", kinds[0].Name, kinds[1].Name),
			related{kinds[0].Range, "the other kind"}))
	}
	if d.given(doc.Body) && !d.given(doc.Status) {
		d.report(mistake(CodeCombine, doc.Body.Range, "Only with status", "body belongs to status, and there is none."))
	}
	return out
}

func (d *decoder) queue(doc *queueDoc) *spec.Queue {
	w := d.view(doc, "")
	out := &spec.Queue{
		Block: d.base(true), Workers: w.number("workers", 1, 1e6), MaxDepth: w.number("max_depth", 1, 1e9),
		MaxMemory: w.room("max_memory"),
		SuspendOn: d.blocks(doc.SuspendOn, "a threshold", spec.KindThreshold),
	}
	store, t := d.oneBlock(doc.Store, "a database", spec.KindDatabase)
	if out.Store = store; t != nil {
		d.orders = append(d.orders, usage{t.instances[0], "store", t.at})
	}
	return out
}
