package plan

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/syndicate/syndicate/spec"
)

// later is what a value prints as that exists only once something runs.
const later = "(known after start)"

// describe gives every step its digest, its attributes and its notes.
func describe(d *draft, facts Facts) {
	dig := newDigester(d.sys.Dir, facts.Key)
	for i := range d.steps {
		s := &d.steps[i]
		s.Digest = dig.of(d.def[i])
		w := writer{step: s, dir: d.sys.Dir, notesOnly: facts.NotesOnly}
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
			if s.Kind == StepMigrations {
				w.migrations(def.Migrations, facts.Ledgers[s.Addr])
			} else {
				w.database(def, facts.Databases[s.Addr], facts.Ports[s.ID])
			}
		}
	}
}

// writer fills in what is shown of a step.
type writer struct {
	step      *Step
	dir       string
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
	if s.Port != nil {
		w.value("port", portText(*s.Port, chosen[id]))
	}
	for _, name := range sortedKeys(s.Ports) {
		w.value("ports."+name, portText(s.Ports[name], chosen[id+"/"+name]))
	}
	w.probe("ready", s.Ready)
	w.probe("live", s.Live)
	w.value("start.attempts", strconv.Itoa(s.Start.Attempts))
	w.value("restart", s.Restart.On+", at most "+strconv.Itoa(s.Restart.Limit)+" within "+s.Restart.Within.String())
	w.value("stop", s.Stop.Signal+", then SIGKILL after "+s.Stop.Timeout.String())
	w.value("log", s.Log.MaxSize.String()+", keep "+strconv.Itoa(s.Log.Keep))
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
		w.expr("http", t.HTTP.URL.Refs(), does, known(t.HTTP.URL))
	} else {
		w.command(t.Command, does)
	}
	w.value("timeout", t.Timeout.String())
	w.value("attempts", strconv.Itoa(t.Retry.Attempts))
}

func (w writer) command(c spec.Command, text string) {
	var refs []spec.Ref
	all := true
	for _, a := range c.Argv {
		refs = append(refs, a.Refs()...)
		all = all && known(a)
	}
	w.expr("command", refs, text, all)
	if c.Dir != w.dir {
		w.value("dir", c.Dir)
	}
	for _, f := range c.EnvFiles {
		path := w.relative(f.Path)
		if f.Missing {
			path += " (missing)"
		}
		w.value("env_file", path)
	}
	for _, p := range c.InheritEnv {
		w.value("inherit_env", p)
	}
	for _, e := range c.Env {
		if e.Null {
			w.value("env."+e.Name, "null")
			continue
		}
		w.expr("env."+e.Name, e.Value.Refs(), exprText(e.Value), known(e.Value))
	}
	if c.User != "" || c.Group != "" {
		w.value("user", strings.TrimSuffix(c.User+":"+c.Group, ":"))
	}
}

// expr adds the value of an expression; one that is known later says of
// what it is made, never how, since the text may hold a secret.
func (w writer) expr(name string, refs []spec.Ref, text string, known bool) {
	v := Value{Name: name, Text: w.relative(text)}
	if v.Text == "" {
		v.Text = `""`
	}
	if !known {
		for _, r := range refs {
			v.From = append(v.From, r.Addr.String()+"."+r.Attribute)
		}
		slices.Sort(v.From)
		v.From = slices.Compact(v.From)
	}
	w.add(v)
}

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
	if p.Deadline > 0 {
		text += ", within " + p.Deadline.String()
	}
	w.value(name, text)
}

func (w writer) breaker(b *spec.Breaker) {
	w.note("guards " + exprText(b.Target))
	if w.notesOnly {
		return
	}
	w.expr("target", b.Target.Refs(), exprText(b.Target), known(b.Target))
	w.value("listen", b.Listen)
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
