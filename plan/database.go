package plan

import (
	"fmt"
	"strconv"

	"github.com/syndicate/syndicate/spec"
)

// database says which source a database has. found is what was seen on this
// machine.
func (w writer) database(db *spec.Database, found []string, chosen int) {
	switch {
	case db.Managed != nil:
		w.managed(db.Managed, found, chosen)
	case db.Source == "url":
		w.note("external, by url")
		w.expr("url", db.URL.Refs(), exprText(db.URL), known(db.URL))
	default:
		w.note("external, at %s:%s", exprText(db.Host), exprText(db.Port))
		w.expr("host", db.Host.Refs(), exprText(db.Host), known(db.Host))
		w.expr("port", db.Port.Refs(), exprText(db.Port), known(db.Port))
		w.expr("name", db.DBName.Refs(), exprText(db.DBName), known(db.DBName))
		w.expr("user", db.User.Refs(), exprText(db.User), known(db.User))
		if db.Password.IsSet() {
			w.expr("password", db.Password.Refs(), exprText(db.Password), known(db.Password))
		}
		w.value("ssl", db.SSL)
	}
	if db.Managed == nil {
		w.step.Notes = append(w.step.Notes, found...)
	}
	if !db.Critical {
		w.note("not critical")
		w.value("critical", "false")
	}
	w.value("source", db.Source)
	w.value("health", fmt.Sprintf("every %s, timeout %s", db.Health.Interval, db.Health.Timeout))
	w.value("retry.attempts", strconv.Itoa(db.Retry.Attempts))
}

func (w writer) managed(m *spec.Managed, found []string, chosen int) {
	switch {
	case len(found) > 0:
		w.step.Notes = append(w.step.Notes, found...)
	case m.Version != 0:
		w.note("managed, PostgreSQL %d", m.Version)
	default:
		w.note("managed PostgreSQL")
	}
	w.note("port %s", portText(m.Port, chosen))
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
	w.step.Ledger = &l
	w.step.Files = l.Pending
	l.Pending = nil
	switch {
	case l.Dirty:
		w.note("dirty at version %d", l.Version)
	case l.Source == LedgerUnknown && l.Files == 0 && l.Note == "":
		w.note("applied state unknown")
	case l.Source == LedgerUnknown:
		w.note("%s, applied state unknown", count(l.Files, "file"))
	case len(w.step.Files) == 0:
		w.note("up to date, %s", count(l.Files, "file"))
	default:
		w.note("%d of %s pending", len(w.step.Files), count(l.Files, "file"))
	}
	if l.Note != "" {
		w.step.Notes = append(w.step.Notes, l.Note)
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
