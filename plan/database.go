package plan

import (
	"strconv"

	"github.com/syndicate/syndicate/spec"
)

// database says which source a database has. found is what was seen on this
// machine.
func (w writer) database(db *spec.Database, found Found, chosen int) {
	w.source(db, found, chosen)
	w.critical(db.Block)
	if w.notesOnly {
		return
	}
	w.value("source", db.Source)
	switch db.Source {
	case "managed":
		w.managed(db.Managed, chosen)
	case "url":
		w.expr("url", db.URL.Refs(), exprText(db.URL), known(db.URL))
	default:
		w.expr("host", db.Host.Refs(), exprText(db.Host), known(db.Host))
		w.expr("port", db.Port.Refs(), exprText(db.Port), known(db.Port))
		w.expr("name", db.DBName.Refs(), exprText(db.DBName), known(db.DBName))
		w.expr("user", db.User.Refs(), exprText(db.User), known(db.User))
		if db.Password.IsSet() {
			w.expr("password", db.Password.Refs(), exprText(db.Password), known(db.Password))
		}
		w.value("ssl", db.SSL)
	}
	for _, v := range found.Values {
		w.value(v.Name, v.Text)
	}
	w.value("health", "every "+db.Health.Interval.String()+", timeout "+db.Health.Timeout.String())
	w.value("retry.attempts", strconv.Itoa(db.Retry.Attempts))
}

// source notes where the database is.
func (w writer) source(db *spec.Database, found Found, chosen int) {
	switch {
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
	w.value("port", portText(m.Port, chosen))
	w.value("user", m.User)
	if m.Durability != "on" {
		w.value("durability", m.Durability)
	}
	for _, name := range sortedKeys(m.Settings) {
		w.value("settings."+name, m.Settings[name])
	}
	for _, name := range m.Extensions {
		w.value("extension", name)
	}
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

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return strconv.Itoa(n) + " " + what + "s"
}
