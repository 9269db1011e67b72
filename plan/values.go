package plan

import (
	"cmp"
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/syndicate/syndicate/spec"
)

// later is what a value prints as that exists only once something runs.
const later = "(known after start)"

// describe gives every step its digest, its attributes and its notes. No step
// needs to know of another's, so that every processor takes a share.
func describe(d *draft, facts Facts) {
	dig := newDigester(d.sys.Dir, facts.Key)
	dig.know(d.sys)
	const least = 64 // steps that are worth a goroutine
	shares := max(1, min(runtime.GOMAXPROCS(0), len(d.steps)/least))
	var workers sync.WaitGroup
	for n := range shares {
		from, to := n*len(d.steps)/shares, (n+1)*len(d.steps)/shares
		own := dig.another()
		workers.Go(func() {
			for i := from; i < to; i++ {
				d.describe(i, own, facts)
			}
		})
	}
	workers.Wait()
}

// describe gives one step what it shows.
func (d *draft) describe(i int, dig *digester, facts Facts) {
	s := &d.steps[i]
	s.Digest, s.RunDigest = dig.of(d.def[i])
	s.Takes = dig.refs
	w := writer{step: s, dir: d.sys.Dir, digest: dig, notesOnly: facts.NotesOnly}
	switch def := d.def[i].(type) {
	case *spec.Service:
		w.service(def, facts.Ports)
	case *spec.Task:
		w.task(def)
	case *spec.Breaker:
		w.breaker(def)
	case *spec.Queue:
		w.queue(def)
	case *spec.Database:
		switch s.Kind {
		case StepMigrations:
			w.migrations(def.Migrations, facts.Ledgers[s.Addr])
			w.schema(def.Schema)
		case StepGateway:
			w.gateway(def, facts.Ports[s.ID])
		default:
			w.database(def, facts.Databases[s.Addr], facts.Ports[s.ID])
		}
	}
}

// writer fills in what is shown of a step.
type writer struct {
	step      *Step
	dir       string
	digest    *digester
	notesOnly bool
}

// usualValues is the number of attributes that most services show.
const usualValues = 12

// value adds an attribute for -v; an empty text adds nothing.
func (w writer) value(name, text string) {
	if text != "" {
		w.add(Value{Name: name, Text: w.relative(text)})
	}
}

func (w writer) add(v Value) {
	if w.step.Values == nil {
		w.step.Values = make([]Value, 0, usualValues)
	}
	w.step.Values = append(w.step.Values, v)
}

// note adds to the few words that stand beside the step's name.
func (w writer) note(text string) { w.step.Notes = append(w.step.Notes, text) }

func (w writer) service(s *spec.Service, chosen map[string]int) {
	id := w.step.ID
	command := commandText(s.Command)
	w.step.Notes = append(make([]string, 0, 4), oneLine(command))
	if s.Port != nil {
		w.note("port " + portText(*s.Port, chosen[id]))
	}
	if s.Ready != nil {
		w.note("ready by " + string(s.Ready.Kind))
	}
	w.critical(s.Block)
	if w.notesOnly {
		return
	}
	w.command(s.Command, command)
	if s.Port != nil || len(s.Ports) > 0 || s.Host != "127.0.0.1" {
		w.value("host", s.Host)
	}
	if s.Port != nil {
		w.port("port", *s.Port, chosen[id])
	}
	for _, name := range sortedKeys(s.Ports) {
		w.port("ports."+name, s.Ports[name], chosen[id+"."+name])
	}
	w.probe("ready", s.Ready)
	w.probe("live", s.Live)
	w.start(s.Start)
	w.restart(s.Restart)
	if s.OnDependencyRestart != "keep" {
		w.value("on_dependency_restart", s.OnDependencyRestart)
	}
	w.stop(s.Stop)
	w.log(s.Log)
}

// port adds a port; one that was chosen is no part of the definition.
func (w writer) port(name string, p spec.Port, chosen int) {
	v := Value{Name: name, Text: portText(p, chosen)}
	if p.Auto && chosen != 0 {
		v.found, v.declared = true, "auto"
	}
	w.add(v)
}

// critical says where a unit may fail without the system failing.
func (w writer) critical(b spec.Block) {
	if b.Critical {
		return
	}
	w.note("not critical")
	if !w.notesOnly {
		w.value("critical", "false")
	}
}

func portText(p spec.Port, chosen int) string {
	switch {
	case !p.Auto:
		return strconv.Itoa(p.Number)
	case chosen != 0:
		return strconv.Itoa(chosen) + " (auto)"
	}
	return "auto"
}

func (w writer) task(t *spec.Task) {
	does := commandText(t.Command)
	if t.HTTP != nil {
		does = t.HTTP.Method + " " + exprText(t.HTTP.URL)
	}
	w.note(oneLine(does))
	w.critical(t.Block)
	if w.notesOnly {
		return
	}
	if t.HTTP != nil {
		v := exprValue(w, "http", t.HTTP.URL)
		v.Text = w.relative(does)
		w.add(v)
	} else {
		w.command(t.Command, does)
	}
	w.value("timeout", t.Timeout.String())
	w.retry(t.Retry)
	w.stop(t.Stop)
	w.log(t.Log)
}

func (w writer) command(c spec.Command, text string) {
	var refs []spec.Ref
	var hidden []string
	for _, a := range c.Argv {
		if !known(a) {
			refs = append(refs, a.Refs()...)
			hidden = append(hidden, w.digest.hidden(a.Source(), a.Refs())...)
		}
	}
	w.add(w.valueOf("command", text, refs, hidden))
	if c.Dir != w.dir {
		w.value("dir", c.Dir)
	}
	w.envFiles(c.EnvFiles)
	if len(c.InheritEnv) > 0 {
		w.add(w.valueOf("inherit_env", strings.Join(c.InheritEnv, ", "), nil, c.Inherited))
	}
	for _, e := range c.Env {
		if e.Null {
			w.value("env."+e.Name, "null")
			continue
		}
		w.add(exprValue(w, "env."+e.Name, e.Value))
	}
	if c.User != "" || c.Group != "" {
		w.value("user", strings.TrimSuffix(c.User+":"+c.Group, ":"))
	}
}

// envFiles names the files; what is in them is sensitive.
func (w writer) envFiles(files []spec.EnvFile) {
	if len(files) == 0 {
		return
	}
	var paths, hidden []string
	for _, f := range files {
		path := w.relative(f.Path)
		if f.Missing {
			path += " (missing)"
		}
		paths = append(paths, path)
		for _, v := range f.Vars {
			text, _ := v.Value.Value()
			hidden = append(hidden, v.Name, text.Reveal())
		}
	}
	w.add(w.valueOf("env_file", strings.Join(paths, ", "), nil, hidden))
}

// valueOf makes a value; hidden is what its text does not show. One that is
// known later says of what it is made, never how, since that may hold a
// secret.
func (w writer) valueOf(name, text string, refs []spec.Ref, hidden []string) Value {
	v := Value{Name: name, Text: cmp.Or(w.relative(text), `""`)}
	for _, r := range refs {
		v.From = append(v.From, r.Addr.String()+"."+r.Attribute)
	}
	slices.Sort(v.From)
	v.From = slices.Compact(v.From)
	if len(hidden) > 0 {
		v.Digest = w.digest.mark(hidden...)
	}
	return v
}

// exprValue makes the value of an expression.
func exprValue[T any](w writer, name string, e spec.Expr[T]) Value {
	got, ok := e.Value()
	if !ok && e.IsSet() {
		return w.valueOf(name, later, e.Refs(), w.digest.hidden(e.Source(), e.Refs()))
	}
	var hidden []string
	if t, isText := any(got).(spec.Text); isText && t.IsSensitive() {
		hidden = []string{t.Reveal()}
	}
	return w.valueOf(name, exprText(e), nil, hidden)
}

func (w writer) breaker(b *spec.Breaker) {
	w.note("guards " + exprText(b.Target))
	if w.notesOnly {
		return
	}
	w.add(exprValue(w, "target", b.Target))
	w.value("listen", b.Listen)
	p := &b.BreakerPolicy
	if p.Rate > 0 {
		w.value("rate", p.Rate.String())
		w.value("over", p.Over.String())
		w.value("min_calls", strconv.Itoa(p.MinCalls))
	} else {
		w.value("failures", strconv.Itoa(p.Failures))
		if p.Of > 0 {
			w.value("of", strconv.Itoa(p.Of))
		}
	}
	usual := spec.DefaultCallRules()
	usual.Timeout = 0 // always shown
	w.callRules("", &b.CallRules, &usual)
	w.value("connect_timeout", b.ConnectTimeout.String())
	if t := b.TLS; t != nil {
		w.value("tls.ca", t.CA)
		w.value("tls.cert", t.Cert)
		w.value("tls.key", t.Key)
		w.value("tls.server_name", t.ServerName)
	}
	if b.OnOpen == "refuse" {
		w.value("on_open", b.OnOpen)
	}
	if t := b.Probe; t != nil {
		w.value("probe.send", strconv.Quote(t.Send))
		w.value("probe.expect", strconv.Quote(t.Expect))
		w.value("probe.timeout", t.Timeout.String())
	}
	if b.PreserveHost {
		w.value("preserve_host", "true")
	}
	w.value("reset_timeout", p.ResetTimeout.String())
	w.value("half_open.calls", strconv.Itoa(p.HalfOpen.Calls))
	w.value("half_open.successes", strconv.Itoa(p.HalfOpen.Successes))
	if b.MaxCalls > 0 {
		w.value("max_calls", strconv.Itoa(b.MaxCalls))
		w.value("max_waiting", strconv.Itoa(b.MaxWaiting))
		w.value("queue_timeout", b.QueueTimeout.String())
	}
	if !b.Share.IsZero() {
		w.value("share", b.Share.String())
	}
	for i := range b.Routes {
		r := &b.Routes[i]
		prefix := "route[" + strconv.Quote(r.Pattern) + "]."
		w.value(prefix+"exclude", strconv.FormatBool(r.Exclude))
		w.callRules(prefix, &r.CallRules, &b.CallRules)
	}
}

// callRules writes what is expected of calls, as far as base says something
// else.
func (w writer) callRules(prefix string, r, base *spec.CallRules) {
	for _, d := range []struct {
		name      string
		now, base spec.Duration
	}{
		{"slow_call", r.SlowCall, base.SlowCall}, {"timeout", r.Timeout, base.Timeout},
		{"idle_timeout", r.IdleTimeout, base.IdleTimeout}, {"call_timeout", r.CallTimeout, base.CallTimeout},
	} {
		if d.now != d.base {
			w.value(prefix+d.name, d.now.String())
		}
	}
	if !slices.Equal(r.FailureStatus, base.FailureStatus) {
		w.value(prefix+"failure_status", spec.StatusText(r.FailureStatus))
	}
	if !slices.Equal(r.NeutralStatus, base.NeutralStatus) {
		w.value(prefix+"neutral_status", spec.StatusText(r.NeutralStatus))
	}
	if !slices.Equal(r.FailureGRPC, base.FailureGRPC) {
		w.value(prefix+"failure_grpc", strings.Join(r.FailureGRPC, ", "))
	}
	if t := r.Retry; t != nil && t != base.Retry {
		w.value(prefix+"retry.attempts", strconv.Itoa(t.Attempts))
		w.value(prefix+"retry.delay", t.Delay.String()+" to "+t.MaxDelay.String()+", times "+strconv.FormatFloat(t.Factor, 'g', -1, 64)+", ± "+t.Jitter.String())
		w.value(prefix+"retry.methods", strings.Join(t.Methods, ", "))
		w.value(prefix+"retry.status", spec.StatusText(t.Status))
		w.value(prefix+"retry.grpc", strings.Join(t.GRPC, ", "))
		w.value(prefix+"retry.budget", t.Budget.String()+" and "+strconv.Itoa(t.MinPerSecond)+" per second")
		w.value(prefix+"retry.max_body", t.MaxBody.String())
	}
	if len(base.Fallbacks) > 0 && len(r.Fallbacks) > 0 && &r.Fallbacks[0] == &base.Fallbacks[0] {
		return // those of base
	}
	for i := range r.Fallbacks {
		w.fallback(prefix+"fallback["+strconv.Itoa(i)+"].", &r.Fallbacks[i])
	}
}

func (w writer) fallback(prefix string, f *spec.Fallback) {
	switch {
	case f.LastGood > 0:
		w.value(prefix+"last_good", f.LastGood.String())
	case f.Upstream.IsSet():
		w.add(exprValue(w, prefix+"upstream", f.Upstream))
	case f.File != "":
		w.value(prefix+"file", f.File)
	case f.Argv != nil:
		words := make([]string, 0, len(f.Argv))
		for _, arg := range f.Argv {
			words = append(words, exprText(arg))
		}
		w.value(prefix+"command", strings.Join(words, " "))
	default:
		w.value(prefix+"status", strconv.Itoa(f.Status))
		if f.Body.IsSet() {
			w.add(exprValue(w, prefix+"body", f.Body))
		}
	}
}

func (w writer) queue(q *spec.Queue) {
	store := "embedded store"
	if !q.Store.IsZero() {
		store = "store in " + q.Store.String()
	}
	w.note(store)
	if w.notesOnly {
		return
	}
	w.value("store", store)
	w.value("max_depth", strconv.Itoa(q.MaxDepth))
}

func (w writer) relative(text string) string {
	if w.dir != "" && strings.HasPrefix(text, w.dir+"/") {
		return "." + text[len(w.dir):]
	}
	return text
}

func known[T any](e spec.Expr[T]) bool {
	_, ok := e.Value()
	return ok || !e.IsSet()
}

func exprText[T any](e spec.Expr[T]) string {
	if !e.IsSet() {
		return ""
	}
	v, ok := e.Value()
	if !ok {
		return later
	}
	switch v := any(v).(type) {
	case string:
		return v
	case spec.Text:
		return v.String()
	}
	return fmt.Sprint(v)
}

// commandText writes a command as a shell would read it.
func commandText(c spec.Command) string {
	if len(c.Argv) == 0 {
		return ""
	}
	words := make([]string, len(c.Argv))
	for i, a := range c.Argv {
		v, ok := a.Value()
		switch {
		case !ok:
			words[i] = later
		case c.Shell:
			words[i] = v
		default:
			words[i] = shellWord(v)
		}
	}
	return strings.Join(words, " ")
}

// shellWord quotes a word where a shell would read it as something else.
func shellWord(s string) string {
	safe := func(r rune) bool {
		return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("_-./:=,@%+", r)
	}
	if s != "" && strings.IndexFunc(s, func(r rune) bool { return !safe(r) }) < 0 {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// oneLine joins the lines of a script and takes what a terminal would act
// on out of it.
func oneLine(s string) string {
	if !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f }) && !strings.Contains(s, "  ") {
		return strings.Trim(s, " ")
	}
	return strings.Join(strings.FieldsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f || r == ' ' }), " ")
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
