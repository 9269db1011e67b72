package migration

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/syndicate/syndicate/engine/pg/script"
	"github.com/syndicate/syndicate/spec"
	"github.com/syndicate/syndicate/textfile"
)

// maxMigration is the largest file of SQL that is read.
const maxMigration = 256 << 20

// read returns a file's text, and checks that PostgreSQL could read it.
func (c *collector) read(path string) []byte {
	text, err := textfile.Read(path, maxMigration)
	switch {
	case err != nil:
		c.report(spec.Error, path, 0, "migration not readable", unreadable(path, err))
	case bytes.HasPrefix(text, []byte("\xef\xbb\xbf")):
		c.report(spec.Error, path, 1, "byte order mark in migration",
			"it begins with a byte order mark, which PostgreSQL takes for a syntax error: save it as UTF-8 without")
	case !utf8.Valid(text):
		c.report(spec.Error, path, 1+bytes.Count(text[:invalidAt(text)], []byte("\n")), "migration not UTF-8",
			"it is not UTF-8: convert it, for example with iconv -t UTF-8")
	case bytes.IndexByte(text, 0) >= 0:
		c.report(spec.Error, path, 1+bytes.Count(text[:bytes.IndexByte(text, 0)], []byte("\n")), "NUL byte in migration",
			"it contains a NUL byte, where PostgreSQL would stop reading")
	default:
		c.check(path, string(text))
	}
	return text
}

// check looks at the statements, without parsing them.
func (c *collector) check(path, text string) {
	if open, ok := errors.AsType[*script.UnclosedError](script.Check(text)); ok {
		c.report(spec.Error, path, open.Line, "unclosed "+strings.Fields(open.What)[0],
			fmt.Sprintf("the %s that begins here does not end: PostgreSQL would take the rest of the file for a part of it", open.What))
		return
	}
	statements := script.Split(text)
	if len(statements) == 0 {
		c.report(spec.Warning, path, 0, "empty migration", "it contains no statement")
	}
	for _, st := range statements {
		switch {
		case strings.HasPrefix(st.Text, `\`):
			c.report(spec.Error, path, st.Line, "command of psql in migration",
				firstLine(st.Text)+" is a command of psql, not of PostgreSQL: leave it out")
			return // psql's commands end with the line: what follows is no statement
		case len(st.Words) > 0 && st.Words[0] == "copy" && slices.Contains(st.Words, "stdin"):
			c.report(spec.Error, path, st.Line, "data of psql in migration",
				"COPY … FROM stdin takes its rows from psql: write them as INSERT (pg_dump --inserts)")
			return
		}
	}
	for _, d := range script.Directives(text) {
		if !slices.Contains(directives, d.Name) {
			c.report(spec.Error, path, d.Line, "unknown directive",
				fmt.Sprintf("there is no directive %q: write one of %s", d.Name, strings.Join(directives, ", ")))
		}
	}
}

// Directives that a file may contain.
const (
	outOfOrder    = "out-of-order"
	noTransaction = "no-transaction"
)

// directives are all that there are: allow is lint's.
var directives = []string{"allow", noTransaction, outOfOrder}

func hasDirective(text, name string) bool {
	return slices.ContainsFunc(script.Directives(text), func(d script.Directive) bool { return d.Name == name })
}

// invalidAt returns the offset of the first byte that is not UTF-8.
func invalidAt(text []byte) int {
	for i := 0; i < len(text); {
		r, n := utf8.DecodeRune(text[i:])
		if r == utf8.RuneError && n <= 1 {
			return i
		}
		i += n
	}
	return len(text)
}
