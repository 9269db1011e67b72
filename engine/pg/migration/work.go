package migration

import (
	"fmt"
	"os"
	"strings"

	"github.com/syndicate/syndicate/engine/pg/script"
)

// Step is one file that runs, up or down.
type Step struct {
	File   File
	Down   bool
	Target *uint64 // what golang-migrate's table says afterwards; nil is nothing
	resume *Row    // what an earlier run left of it, nil for nothing
	// recorded is set where the ledger knows the down file: whoever corrects
	// it has to say so.
	recorded bool
}

// Path is the file that runs.
func (s Step) Path() string {
	if s.Down {
		return s.File.Down
	}
	return s.File.Up
}

// Direction is up or down.
func (s Step) Direction() string { return string(s.action()) }

func (s Step) action() Action {
	if s.Down {
		return ActionDown
	}
	return ActionUp
}

// work is a step whose file has been read.
type work struct {
	Step
	before *uint64 // what golang-migrate's table says before it
	text   string
	units  []script.Unit
	first  int // the unit to begin with
}

// load reads the file, and finds where an earlier run stopped.
func (s Step) load(before *uint64) (*work, error) {
	text, err := os.ReadFile(s.Path())
	if err != nil {
		return nil, fmt.Errorf("read the migration: %w", err)
	}
	sum := s.File.UpSum
	if s.Down {
		sum = s.File.DownSum
	}
	if Checksum(text) != sum {
		return nil, fmt.Errorf("read the migration: %s has changed since this run began; run again", s.Path())
	}
	w := &work{Step: s, before: before, text: string(text)}
	w.units = script.Units(w.text, hasDirective(w.text, noTransaction))
	if s.resume == nil {
		return w, nil
	}
	w.first = s.resume.Units
	switch {
	case w.first > len(w.units) || w.first > 0 && w.prefix(w.first) != s.resume.Prefix:
		return nil, fmt.Errorf("%s: its steps up to the number %d are done already, and say something else now; "+
			"give them their text back, or finish it by hand and run: syndicate migrate force %d", s.Path(), s.resume.Units, s.File.Version)
	case w.first < len(w.units) && w.units[w.first].Kind == script.Raw:
		return nil, fmt.Errorf("%s: it failed earlier, and it ends transactions itself, so that nobody knows what of it is done; %s", s.Path(), w.repair())
	}
	return w, nil
}

// whole reports whether all of the file, and its entry in the ledger, is one
// transaction.
func (w *work) whole() bool {
	return w.resume == nil && (len(w.units) == 0 || len(w.units) == 1 && w.units[0].Kind == script.Transaction)
}

// prefix is the checksum of the first n units.
func (w *work) prefix(n int) string {
	var texts []string
	for _, u := range w.units[:n] {
		texts = append(texts, u.Text)
	}
	return Checksum([]byte(strings.Join(texts, "\x00")))
}

// statement returns the one at an offset of the file, nil for none.
func (w *work) statement(offset int) *script.Statement {
	for _, u := range w.units {
		for i, st := range u.Statements {
			if st.Offset <= offset && offset <= st.Offset+len(st.Text) {
				return &u.Statements[i]
			}
		}
	}
	return nil
}

// row is the entry of the ledger.
func (w *work) row(outcome Outcome) Row {
	return Row{
		Version: w.File.Version, Name: w.File.Name, Action: w.action(), Outcome: outcome,
		UpSum: w.File.UpSum, DownSum: w.File.DownSum, After: w.Target,
	}
}

// repair says what to do where only a person can tell what is done.
func (w *work) repair() string {
	done, undone := w.Target, w.before
	return fmt.Sprintf("look what of it is done, then finish it by hand and run: syndicate migrate force %s; or undo it and run: syndicate migrate force %s",
		versionName(done), versionName(undone))
}

func versionName(v *uint64) string {
	if v == nil {
		return "none"
	}
	return fmt.Sprint(*v)
}

// opening and closing are the SQL that golang-migrate's two calls around a file
// mean: nothing before a file that is one transaction, and everything in it.
func (w *work) opening(sql statements) string {
	switch {
	case w.whole():
		return ""
	case w.resume != nil:
		return transaction(sql.version(w.Target, true), sql.last(fmt.Sprintf(
			"outcome = 'running', started = now(), name = %s, up_checksum = %s, down_checksum = %s, by = %s, host = %s, tool = %s, role = current_user, note = ''",
			literal(w.File.Name), literal(w.File.UpSum), literal(w.File.DownSum), literal(sql.author.user), literal(sql.author.host), literal(sql.author.tool))))
	}
	return transaction(sql.version(w.Target, true), sql.entry(w.row(Running), false))
}

func (w *work) closing(sql statements) []string {
	if w.whole() {
		return []string{noTimeout, asOurselves, sql.version(w.Target, false), sql.entry(w.row(Done), true)}
	}
	return []string{noTimeout, sql.version(w.Target, false), sql.finished()}
}

// unitDone is the SQL that ends a unit of a file that is no transaction.
func (w *work) unitDone(sql statements, n int) string {
	text := asOurselves + ";\n" + sql.progress(n+1, w.prefix(n+1))
	if w.units[n].Kind == script.Transaction {
		text += ";\nCOMMIT"
	}
	return text
}

// undo takes the opening back.
func (w *work) undo(sql statements) []string {
	name := table(sql.schema, ledgerTable)
	return []string{sql.version(w.before, false), fmt.Sprintf("DELETE FROM %s WHERE id = (SELECT max(id) FROM %s)", name, name)}
}

// SQL is everything that the step will send to the server, in order. Only
// what mends an index that an earlier run left invalid is not in it.
func (w *work) sql(s *session) string {
	parts := []string{s.fresh(), w.opening(s.sql)}
	switch {
	case w.whole() && len(w.units) == 0:
		parts = append(parts, "BEGIN", closed(w.closing(s.sql)...))
	case w.whole():
		parts = append(parts, w.units[0].Begin, w.units[0].Text, closed(w.closing(s.sql)...))
	default:
		parts = append(parts, w.again()...)
		for n := w.first; n < len(w.units); n++ {
			text := w.units[n].Text
			if apart(w.units[n]) {
				if sql := w.patience(); sql != "" {
					text = sql + ";\n" + text
				}
				text = "-- in a second session, with the settings of this one\n" + text
			}
			parts = append(parts, w.units[n].Begin, text, w.unitDone(s.sql, n))
		}
		parts = append(parts, transaction(w.closing(s.sql)...))
	}
	var b strings.Builder
	for _, p := range parts {
		if p != "" {
			b.WriteString(p + ";\n")
		}
	}
	return b.String()
}

// again are the settings that the units before the first one made: they hold
// for the rest of the file.
func (w *work) again() []string {
	var all []string
	for _, u := range w.units[:w.first] {
		for _, st := range u.Statements {
			if len(st.Words) > 1 && (st.Words[0] == "set" || st.Words[0] == "reset") && st.Words[1] != "local" &&
				st.Words[1] != "transaction" && st.Words[1] != "constraints" {
				all = append(all, st.Text)
			}
		}
	}
	return all
}
