package decode

import (
	"fmt"
	"net"
	"regexp"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/syndicate/syndicate/spec"
)

func (d *decoder) threshold(doc *thresholdDoc) *spec.Threshold {
	w := d.view(doc, "")
	out := &spec.Threshold{Block: d.base(false), Interval: w.period("interval"), Over: w.period("over")}
	metric, t, ok := d.metric(doc.Watch)
	if ok {
		out.Watch = metric
		if metric.Name == "value" && metric.Addr.Kind == spec.KindThreshold {
			out.Watch.Unit = d.unitOf(t, map[spec.Addr]bool{d.in.addr: true})
		}
		d.queryMetric(t)
	}
	if doc.Warning == nil && doc.Critical == nil {
		d.report(mistake(CodeCombine, doc.DefRange, "Threshold without a level",
			"A threshold has a warning block, a critical block or both."))
	}
	if doc.Warning != nil {
		out.Warning = d.level(doc.Warning, "warning", out.Watch.Unit, spec.Duration(30e9))
	}
	if doc.Critical != nil {
		out.Critical = d.level(doc.Critical, "critical", out.Watch.Unit, spec.Duration(10e9))
	}
	return out
}

// unitOf returns the unit of the metric that another threshold watches.
func (d *decoder) unitOf(t *target, seen map[spec.Addr]bool) string {
	if len(t.instances) == 0 || seen[t.addr] {
		return ""
	}
	seen[t.addr] = true
	in := t.instances[0]
	other := &decoder{l: d.l, e: d.e, in: in}
	doc, ok := in.doc.(*thresholdDoc)
	if !ok {
		return ""
	}
	m, next, ok := other.metric(doc.Watch)
	if ok && m.Name == "value" && m.Addr.Kind == spec.KindThreshold {
		return other.unitOf(next, seen)
	}
	return m.Unit
}

// queryMetric warns of a metric that only a gateway can measure.
func (d *decoder) queryMetric(t *target) {
	if t.kind != spec.KindDatabase || !strings.HasPrefix(t.member, "query_") || len(t.instances) == 0 {
		return
	}
	if doc, ok := t.instances[0].doc.(*databaseDoc); ok && !d.e.gated(t.instances[0], doc) {
		d.report(warning(CodeGateway, t.at, "Queries that are not seen", fmt.Sprintf(
			"%s counts what passes gateway and pool, and %s has no gateway: what services ask it directly is not counted. Add a gateway block to it.", t.text(), t.addr)))
	}
}

// level reads one level of a threshold.
func (d *decoder) level(doc *levelDoc, name, unit string, hold spec.Duration) *spec.Level {
	w := d.view(doc, name+".")
	out := &spec.Level{
		Range: rangeOf(doc.DefRange), Above: w.bound("above", unit), Below: w.bound("below", unit),
		Clear: w.bound("clear", unit), Hold: hold,
		Do: d.actions(doc.Do), OnClear: d.actions(doc.OnClear),
	}
	if _, _, _, ok := w.known("hold"); ok {
		out.Hold = w.duration("hold")
	}
	switch {
	case doc.Above == nil && doc.Below == nil:
		d.report(mistake(CodeCombine, doc.DefRange, "Level without a bound", "A level has above or below."))
	case doc.Above != nil && doc.Below != nil:
		d.report(mistake(CodeCombine, doc.Below.Range, "Level with two bounds", "A level has above or below, not both: make it two thresholds.",
			related{doc.Above.Range, "the other bound"}))
	}
	if out.Clear == nil {
		out.Clear = defaultClear(out)
	}
	return out
}

// defaultClear is where a level ends unless it is said.
func defaultClear(l *spec.Level) *float64 {
	var v float64
	switch {
	case l.Above != nil:
		v = *l.Above * 0.9
	case l.Below != nil:
		v = *l.Below * 1.1
	default:
		return nil
	}
	return &v
}

// bound reads a value in the unit of a metric.
func (w view) bound(name, unit string) *float64 {
	v, attr, _, ok := w.known(name)
	if !ok || unit == "" {
		return nil
	}
	at := attr.Expr.Range()
	wrong := func(why string) *float64 {
		w.d.report(mistake(CodeUnit, at, "Wrong unit", fmt.Sprintf("%s: %s.", name, why)))
		return nil
	}
	s, isText := stringOf(v)
	if !isText {
		w.wrongType(attr, "a value in the unit of the metric", v)
		return nil
	}
	var n float64
	var err error
	switch unit {
	case unitShare:
		var x spec.Share
		x, err = spec.ParseShare(s)
		n = float64(x)
	case unitSize:
		var x spec.Size
		x, err = spec.ParseSize(s)
		n = float64(x)
	case unitDuration:
		var x spec.Duration
		x, err = spec.ParseDuration(s)
		n = x.Std().Seconds()
	case unitRate:
		var x spec.Rate
		if x, err = spec.ParseRate(s); err == nil {
			n = x.PerSecond()
			if x.IsSize {
				return wrong(fmt.Sprintf("the metric is a count per time, such as \"0.01/s\", and %q is a size per time", s))
			}
		}
	default:
		if n, err = floatOf(v); err != nil {
			return wrong(fmt.Sprintf("the metric is a count: write a number without a unit, such as 10, not %q", s))
		}
	}
	if err != nil {
		return wrong(fmt.Sprintf("the metric is a %s, and %s", unit, err))
	}
	return &n
}

func (d *decoder) boundary(doc *boundaryDoc) *spec.Boundary {
	w := d.view(doc, "")
	out := &spec.Boundary{
		Block: d.base(false), Class: w.choice("class"),
		Units: d.blocks(doc.Units, "a service or a task", spec.KindService, spec.KindTask),
	}
	d.refuseEmpty(doc.Units)
	for _, m := range doc.Matches {
		d.refuseEmpty(m.Log, m.ExitCode, m.Signal, m.Exception, m.SQLState, m.Breaker)
		out.Matches = append(out.Matches, d.match(m))
	}
	if doc.Recover != nil {
		r := d.view(doc.Recover, "recover.")
		out.Recover = &spec.Recovery{
			Do:    d.neededActions(doc.Recover.Do),
			Retry: spec.Retry{Attempts: r.number("attempts", 1, 1e6), Backoff: r.backoff()},
		}
	}
	if doc.GiveUp != nil {
		out.GiveUp = d.neededActions(doc.GiveUp.Do)
	}
	return out
}

// refuseEmpty reports lists of nothing, which could be taken for all and for
// none.
func (d *decoder) refuseEmpty(lists ...*hcl.Attribute) {
	for _, attr := range lists {
		if isEmptyList(attr) {
			d.report(mistake(CodeEmpty, attr.Expr.Range(), "Empty list",
				fmt.Sprintf("%s names nothing. Where all is meant, leave it out; where nothing is, write enabled = false in its block.", attr.Name)))
		}
	}
}

// sqlState is the form of an SQLSTATE or of a class of them.
var sqlState = regexp.MustCompile(`^[0-9A-Z]{2}([0-9A-Z]{3})?$`)

func (d *decoder) match(doc *matchDoc) spec.Match {
	w := d.view(doc, "match.")
	out := spec.Match{
		Range: rangeOf(doc.DefRange), Log: w.texts("log"), ExitCode: w.numbers("exit_code", 0, 255),
		Signal: w.texts("signal"), Exception: w.texts("exception"), SQLState: w.texts("sqlstate"),
		Breaker: d.blocks(doc.Breaker, "a breaker", spec.KindBreaker),
	}
	if _, _, _, ok := w.known("oom"); ok {
		oom := w.truth("oom")
		out.OOM = &oom
	}
	for _, p := range out.Log {
		if _, err := regexp.Compile(p); err != nil {
			d.report(badPattern("log", err, doc.Log.Expr.Range()))
		}
	}
	for _, s := range out.Signal {
		if _, ok := signals()[s]; !ok {
			d.report(mistake(CodeSignal, doc.Signal.Expr.Range(), "Unknown signal", unknownSignal(s)))
		}
	}
	for _, s := range out.SQLState {
		if !sqlState.MatchString(s) {
			d.report(mistake(CodeType, doc.SQLState.Expr.Range(), "Not an SQLSTATE",
				fmt.Sprintf("%q is no SQLSTATE: write five characters such as \"40001\", or the two of a class such as \"08\".", s)))
		}
	}
	return out
}

// notify reads a way to reach people.
func (d *decoder) notify(doc *notifyDoc) *spec.Notify {
	w := d.view(doc, "")
	out := &spec.Notify{Block: d.base(false), Limit: w.number("limit", 1, 1e6), Within: w.period("within")}
	var kinds []string
	if d.given(doc.Webhook) {
		kinds = append(kinds, "webhook")
	}
	if expr, _ := w.native("command"); expr != nil && d.given(doc.Command) {
		kinds = append(kinds, "command")
		out.Argv = w.argv("command", expr)
	}
	if doc.SMTP != nil {
		kinds = append(kinds, "smtp")
		out.SMTP = d.smtp(doc.SMTP)
	}
	switch {
	case len(kinds) == 0:
		d.report(mistake(CodeCombine, doc.DefRange, "Nobody is notified", "A notify block has one of webhook, command and smtp."))
	case len(kinds) > 1:
		d.report(mistake(CodeCombine, doc.DefRange, "Two ways in one block",
			fmt.Sprintf("A notify block has one way, and this one has %s: write a block for each.", strings.Join(kinds, " and "))))
	}
	if d.given(doc.Webhook) {
		d.webhook(w, out, doc.Webhook)
	}
	return out
}

// webhook reads the URL to post to.
func (d *decoder) webhook(w view, out *spec.Notify, attr *hcl.Attribute) {
	expr, _ := w.native("webhook")
	if expr == nil {
		return
	}
	r := w.result(attr)
	if r.failed {
		return
	}
	r.value = r.value.Mark(sensitiveMark{})
	x := wantText()
	x.from = func(v cty.Value) (spec.Text, error) {
		t, err := textOf(v)
		if err != nil {
			return t, err
		}
		return t, checkURL(t.Reveal(), "http", "https")
	}
	out.Webhook = expression(d, r, expr, "webhook", x)
	if t, ok := out.Webhook.Value(); ok {
		d.l.keepSecret(t.Reveal())
	}
}

func (d *decoder) smtp(doc *smtpDoc) *spec.SMTP {
	w := d.view(doc, "smtp.")
	out := &spec.SMTP{
		Range: rangeOf(doc.DefRange), Server: w.text("server"), From: w.text("from"), To: w.texts("to"),
	}
	out.User, _ = w.anyText("user")
	if _, _, _, given := w.known("to"); given && len(out.To) == 0 {
		d.report(mistake(CodeEmpty, doc.To.Expr.Range(), "Nobody is notified", "to names no recipient."))
	}
	if _, _, err := net.SplitHostPort(out.Server); err != nil && out.Server != "" {
		d.report(notHostPort(doc.Server))
	}
	if expr, attr := w.native("password"); expr != nil {
		r := w.result(attr)
		if !r.failed && !isNull(r.value) {
			r.value = r.value.Mark(sensitiveMark{})
			out.Password = expression(d, r, expr, "password", wantText())
		}
	}
	return out
}
