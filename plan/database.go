package plan

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/syndicate/syndicate/spec"
)

// database says which source a database has. found is what was seen on this
// machine.
func (w writer) database(db *spec.Database, found Found, chosen int) {
	w.source(db, found, chosen)
	w.step.Problem = found.Problem
	w.critical(db.Block)
	if w.notesOnly {
		return
	}
	w.value("source", db.Source)
	switch db.Source {
	case "managed":
		w.managed(db.Managed, chosen)
	case "shared":
		w.value("server", db.Shared.Server.String())
		w.value("extensions", strings.Join(db.Shared.Extensions, ", "))
	case "url":
		w.add(exprValue(w, "url", db.URL))
	default:
		w.add(exprValue(w, "host", db.Host))
		w.add(exprValue(w, "port", db.Port))
		w.add(exprValue(w, "name", db.DBName))
		w.add(exprValue(w, "user", db.User))
		if db.Password.IsSet() {
			w.add(exprValue(w, "password", db.Password))
		}
		w.value("ssl", db.SSL)
	}
	for _, v := range found.Values {
		w.add(Value{Name: v.Name, Text: w.relative(v.Text), found: true})
	}
	w.value("health", "every "+db.Health.Interval.String()+", timeout "+db.Health.Timeout.String())
	w.retry(db.Retry)
	if p := db.Pool; p != nil {
		w.value("pool", strconv.Itoa(p.Min)+" to "+strconv.Itoa(p.Max)+" connections, acquire_timeout "+p.AcquireTimeout.String())
	}
	if b := db.Breaker; b != nil {
		rule := strconv.Itoa(b.Failures) + " failures in a row"
		if b.Of > 0 {
			rule = strconv.Itoa(b.Failures) + " failures among " + strconv.Itoa(b.Of) + " calls"
		}
		if b.Rate > 0 {
			rule = b.Rate.String() + " of " + strconv.Itoa(b.MinCalls) + " or more within " + b.Over.String()
		}
		w.value("breaker", rule+", tries again after "+b.ResetTimeout.String()+", "+
			strconv.Itoa(b.HalfOpen.Successes)+" of "+strconv.Itoa(b.HalfOpen.Calls)+" must succeed")
	}
	if db.QueryTimeout > 0 {
		w.value("query_timeout", db.QueryTimeout.String())
	}
	w.schema(db.Schema)
	if db.Managed != nil {
		w.stop(db.Stop)
		w.log(db.Log)
	}
}

// schemaPrefix begins the names of what must hold of tables.
const schemaPrefix = "schema."

// schema says what must hold of each table.
func (w writer) schema(tables []spec.Table) {
	if w.notesOnly {
		return
	}
	for _, t := range tables {
		var parts []string
		for _, name := range sortedKeys(t.Columns) {
			parts = append(parts, name+" "+t.Columns[name])
		}
		for _, name := range t.NotNull {
			parts = append(parts, name+" not null")
		}
		for _, name := range t.Indexes {
			parts = append(parts, "index "+name)
		}
		w.value(schemaPrefix+t.Name, cmp.Or(strings.Join(parts, ", "), "exists"))
	}
}

// schemaChanged reports whether other things must hold of tables.
func schemaChanged(changes []Change) bool {
	return slices.ContainsFunc(changes, func(c Change) bool { return strings.HasPrefix(c.Name, schemaPrefix) })
}

// source notes where the database is.
func (w writer) source(db *spec.Database, found Found, chosen int) {
	switch {
	case db.Shared != nil:
		w.note("in the server of " + db.Shared.Server.String())
	case db.Managed == nil && db.Source == "url":
		w.note("external, by url")
	case db.Managed == nil:
		w.note("external, at " + exprText(db.Host) + ":" + exprText(db.Port))
	case len(found.Notes) > 0:
	case db.Managed.Version != 0:
		w.note("managed PostgreSQL " + strconv.Itoa(db.Managed.Version))
	default:
		w.note("managed PostgreSQL")
	}
	w.step.Notes = append(w.step.Notes, found.Notes...)
	if db.Managed != nil {
		w.note("port " + portText(db.Managed.Port, chosen))
	}
}

func (w writer) managed(m *spec.Managed, chosen int) {
	if m.Version != 0 {
		w.value("version", strconv.Itoa(m.Version))
	}
	w.value("data_dir", m.DataDir)
	w.value("bin_dir", m.BinDir)
	w.port("port", m.Port, chosen)
	w.value("user", m.User)
	if m.Durability != "on" {
		w.value("durability", m.Durability)
	}
	for _, name := range sortedKeys(m.Settings) {
		w.value("settings."+name, m.Settings[name])
	}
	w.value("extensions", strings.Join(m.Extensions, ", "))
}

// migrations says what is pending, and from where that is known.
func (w writer) migrations(m *spec.Migrations, l Ledger) {
	if l.Source == "" {
		l.Source = LedgerUnknown
	}
	w.step.Files, l.Pending = l.Pending, nil
	w.step.Ledger = &l
	files := count(l.Files, "file")
	switch {
	case l.Dirty && m.OnUp != "skip" && len(w.step.Files) > 0 && w.step.Files[0].Version == l.Version:
		w.note("goes on with version " + strconv.FormatUint(l.Version, 10) + ", which is half done")
	case l.Dirty:
		w.note("dirty at version " + strconv.FormatUint(l.Version, 10))
	case l.Source == LedgerUnknown && l.Files == 0:
		w.note("applied state unknown")
	case l.Source == LedgerUnknown:
		w.note(files + ", applied state unknown")
	case len(w.step.Files) == 0:
		w.note("up to date, " + files)
	case len(w.step.Files) == l.Files:
		w.note(files + ", all pending")
	default:
		w.note(strconv.Itoa(len(w.step.Files)) + " of " + files + " pending")
	}
	skips := m.OnUp == "skip"
	if skips {
		w.note(`will not be applied: on_up = "skip"`)
	}
	if m.OnUp == "refuse" && len(w.step.Files) > 0 && l.Source != LedgerUnknown {
		w.note(`up refuses: on_up = "refuse"`)
	}
	if n := len(l.Misfits); n > 0 && skips {
		w.note(count(n, "misfit"))
	} else if n > 0 {
		w.note("up refuses: " + count(n, "misfit"))
	}
	if l.Note != "" {
		w.note(l.Note)
	}
	if w.notesOnly {
		return
	}
	w.value("path", m.Path)
	w.value("on_up", m.OnUp)
	if m.LockTimeout > 0 {
		w.value("lock_timeout", m.LockTimeout.String())
	}
}

// skipped are the migrations that up does not apply. Where all are applied
// there is nothing to tell.
func skipped(sys *spec.System, facts Facts) []Skipped {
	var all []Skipped
	for _, db := range sys.Databases {
		if db.Migrations == nil || db.Migrations.OnUp != "skip" {
			continue
		}
		var s Step
		writer{step: &s, notesOnly: true}.migrations(db.Migrations, facts.Ledgers[db.Addr])
		if len(s.Files) > 0 || len(s.Ledger.Misfits) > 0 || s.Ledger.Dirty {
			all = append(all, Skipped{Addr: db.Addr, Range: db.Migrations.Range, Notes: s.Notes, Ledger: *s.Ledger, Files: s.Files})
		}
	}
	return all
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return strconv.Itoa(n) + " " + what + "s"
}

// gateway says where clients connect to, and how many may.
func (w writer) gateway(db *spec.Database, chosen int) {
	g := db.Gateway
	host, port := g.Address()
	w.note("port " + portText(port, chosen))
	if g.Pooler != "" {
		w.note("pooled by PgBouncer")
	}
	w.note("at most " + count(g.MaxConn, "connection"))
	w.critical(db.Block)
	if w.notesOnly {
		return
	}
	w.value("host", host)
	w.port("port", port, chosen)
	w.value("max_conn", strconv.Itoa(g.MaxConn))
	w.value("max_waiting", strconv.Itoa(g.MaxWaiting))
	w.value("acquire_timeout", g.AcquireTimeout.String())
	if g.SlowQuery > 0 {
		w.value("slow_query", g.SlowQuery.String())
	}
	if db.QueryTimeout > 0 {
		w.value("query_timeout", db.QueryTimeout.String())
	}
	w.value("tls.cert", g.TLSCert)
	w.value("tls.key", g.TLSKey)
	w.value("pooler", g.Pooler)
}
