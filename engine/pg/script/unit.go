package script

import (
	"slices"
	"strings"
)

// UnitKind is how a unit runs.
type UnitKind uint8

const (
	// Transaction is statements that happen together or not at all.
	Transaction UnitKind = iota + 1
	// Alone is one statement that runs outside of every transaction, such as
	// CREATE INDEX CONCURRENTLY.
	Alone
	// Raw is statements among which transactions begin and end in a way that
	// only running them one by one preserves, or one statement that may end
	// transactions itself: where it fails nobody knows what of it is done.
	Raw
)

// Unit is a part of a file that runs in one go.
type Unit struct {
	Kind       UnitKind
	Begin      string // the statement that begins its transaction; "" unless Kind is Transaction
	Offset     int    // of Text in the file
	Text       string // without the BEGIN and COMMIT around it
	Statements []Statement
}

// Units cuts a file into what can run in one go, in order. A file that
// PostgreSQL can do in one transaction is one unit, whether it says BEGIN and
// COMMIT around it or not. With single, each statement that stands in no
// transaction of the file's own is a unit.
func Units(text string, single bool) []Unit {
	statements := Split(text)
	g := grouper{text: text, single: single || sole(statements)}
	for i := 0; i < len(statements); i++ {
		st := statements[i]
		switch {
		case opens(st):
			n := slices.IndexFunc(statements[i+1:], controls)
			if n < 0 || !closes(statements[i+1+n]) {
				return g.raw(statements)
			}
			g.flush()
			g.block(st, statements[i+1:i+1+n])
			i += 1 + n
		case controls(st):
			return g.raw(statements)
		case mayCommit(st) && (g.single || starts(st, "do")):
			g.flush()
			g.add(Raw, "", statements[i:i+1])
		case needsAlone(st), g.single:
			g.flush()
			g.add(Alone, "", statements[i:i+1])
		default:
			// A new value of an enum cannot be used before its
			// transaction ends.
			if n := len(g.plain); n > 0 && addsValue(g.plain[n-1]) && !addsValue(st) {
				g.flush()
			}
			g.plain = append(g.plain, st)
		}
	}
	g.flush()
	return g.units
}

// grouper gathers statements to units.
type grouper struct {
	text   string
	single bool
	plain  []Statement // of no unit yet
	units  []Unit
}

func (g *grouper) flush() {
	if len(g.plain) > 0 {
		g.add(Transaction, "BEGIN", g.plain)
	}
	g.plain = nil
}

// block adds a transaction of the file's own. One without statements is
// nothing to do.
func (g *grouper) block(begin Statement, statements []Statement) {
	if len(statements) > 0 {
		g.add(Transaction, begin.Text, statements)
	}
}

func (g *grouper) add(kind UnitKind, begin string, statements []Statement) {
	first, last := statements[0], statements[len(statements)-1]
	g.units = append(g.units, Unit{
		Kind: kind, Begin: begin, Offset: first.Offset, Statements: statements,
		Text: g.text[first.Offset : last.Offset+len(last.Text)],
	})
}

func (g *grouper) raw(statements []Statement) []Unit {
	g.units = nil
	g.add(Raw, "", statements)
	return g.units
}

// sole reports whether a file is one procedure call: it may commit, which
// PostgreSQL lets it do where no transaction stands around it.
func sole(statements []Statement) bool {
	return len(statements) == 1 && starts(statements[0], "call")
}

// starts reports whether a statement begins with words.
func starts(st Statement, words ...string) bool {
	return len(st.Words) >= len(words) && slices.Equal(st.Words[:len(words)], words)
}

// controls reports whether a statement begins or ends a transaction.
func controls(st Statement) bool {
	switch {
	case starts(st, "begin"), starts(st, "start"), starts(st, "commit"), starts(st, "end"), starts(st, "abort"):
		return true
	case starts(st, "rollback"):
		return !slices.Contains(st.Words, "to")
	}
	return starts(st, "prepare", "transaction")
}

// opens reports whether a statement begins a transaction.
func opens(st Statement) bool {
	return starts(st, "begin") || starts(st, "start", "transaction")
}

// closes reports whether a statement commits one, and begins no other.
func closes(st Statement) bool {
	if !starts(st, "commit") && !starts(st, "end") {
		return false
	}
	return len(st.Words) == 1 || len(st.Words) == 2 && (st.Words[1] == "transaction" || st.Words[1] == "work")
}

// addsValue reports whether a statement is ALTER TYPE … ADD VALUE.
func addsValue(st Statement) bool {
	if !starts(st, "alter", "type") {
		return false
	}
	i := slices.Index(st.Words, "add")
	return i > 0 && i+1 < len(st.Words) && st.Words[i+1] == "value"
}

// needsAlone reports whether PostgreSQL refuses a statement inside of a
// transaction. What it refuses depends on a table's being partitioned, too,
// which only the server knows: such files need to be marked.
func needsAlone(st Statement) bool {
	if len(st.Words) == 0 {
		return false
	}
	word := func(i int) string {
		if i < len(st.Words) {
			return st.Words[i]
		}
		return ""
	}
	concurrently := slices.Contains(st.Words, "concurrently")
	object := word(1)
	switch st.Words[0] {
	case "vacuum":
		return true
	case "reindex":
		return concurrently || slices.ContainsFunc(st.Words, func(w string) bool {
			return w == "database" || w == "system" || w == "schema"
		})
	case "cluster":
		return len(st.Words) == 1 && !strings.Contains(st.Text, `"`)
	case "create":
		if object == "unique" {
			object = word(2)
		}
		return object == "database" || object == "tablespace" || object == "subscription" || object == "index" && concurrently
	case "drop":
		return object == "database" || object == "tablespace" || object == "subscription" || object == "index" && concurrently
	case "alter":
		switch object {
		case "system":
			return true
		case "database":
			return slices.Contains(st.Words, "tablespace")
		case "subscription":
			return slices.Contains(st.Words, "refresh") || slices.Contains(st.Words, "publication")
		case "table":
			return concurrently && slices.Contains(st.Words, "detach")
		}
	}
	return false
}

// mayCommit reports whether a statement may end transactions while it runs,
// which PostgreSQL lets it do where none stands around it.
func mayCommit(st Statement) bool {
	return starts(st, "call") || starts(st, "do") && commits(st.Text)
}

// commits reports whether the body of a DO block ends transactions.
func commits(text string) bool {
	for t := range Tokens(text) {
		if t.Kind != String {
			continue
		}
		for inner := range Tokens(body(t.Text)) {
			if name := inner.Name(); inner.Kind == Word && (name == "commit" || name == "rollback") {
				return true
			}
		}
	}
	return false
}

// body returns what stands inside of a string's quotes.
func body(text string) string {
	tag := dollarTag(text)
	if tag == "" {
		return strings.Trim(text, "eE'")
	}
	return strings.TrimSuffix(strings.TrimPrefix(text, tag), tag)
}
