package migration

import (
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// FindingsError says that the database and its files do not fit, in every
// way that they do not.
type FindingsError struct{ Findings []Finding }

func (e *FindingsError) Error() string {
	var lines []string
	for _, f := range e.Findings {
		lines = append(lines, "migrate: "+f.String())
	}
	return strings.Join(lines, "\n")
}

// dirty reports whether a file may be half done.
func (e *FindingsError) dirty() bool {
	for _, f := range e.Findings {
		if f.State == Dirty || f.State == HalfDone {
			return true
		}
	}
	return false
}

// Rest is what a failed file left behind.
type Rest uint8

const (
	// Nothing: the server has undone all of it.
	Nothing Rest = iota
	// Part: some of its units are done, and the next run goes on after them.
	Part
	// Unclear: transactions that it began and ended itself may be done; a
	// person has to look.
	Unclear
	// AllOrNothing: the connection broke while it was committed. The next
	// run reads from the ledger which of the two it is.
	AllOrNothing
)

// FileError is a migration that failed.
type FileError struct {
	Path      string
	Line      int    // of the failed statement, or where PostgreSQL points into it; 0 unknown
	Column    int    // 0 unknown
	Statement string // its first line
	SQLState  string
	Message   string
	Detail    string
	Hint      string
	Where     string // the context that PostgreSQL names, such as a function's line
	Rest      Rest
	Done, Of  int      // units, where Rest is Part
	Again     string   // the command that goes on: up, down
	Recorded  bool     // a down file that the ledger knows: its edit has to be accepted
	Repair    string   // what to do where Rest is Unclear
	Lost      bool     // the server ended, or the network broke, while it ran
	Cancelled error    // the cause, where it was cancelled
	Behind    []Holder // who held the lock that was not to be had, where that was seen
	cause     error
}

// Error tells the whole story, on several lines.
func (e *FileError) Error() string {
	var b strings.Builder
	at := e.Path
	if e.Line > 0 {
		at += fmt.Sprintf(":%d", e.Line)
		if e.Column > 0 {
			at += fmt.Sprintf(":%d", e.Column)
		}
	}
	if e.Cancelled != nil {
		fmt.Fprintf(&b, "apply %s: cancelled (%v)", at, e.Cancelled)
	} else if e.Lost {
		fmt.Fprintf(&b, "apply %s: the connection to the server was lost (%s)", at, e.Message)
	} else {
		fmt.Fprintf(&b, "apply %s: %s", at, e.Message)
	}
	if e.SQLState != "" {
		fmt.Fprintf(&b, " (SQLSTATE %s)", e.SQLState)
	}
	for _, part := range []struct{ name, text string }{
		{"statement", e.Statement}, {"detail", e.Detail}, {"hint", e.Hint}, {"where", e.Where}, {"advice", e.advice()},
	} {
		if part.text != "" {
			fmt.Fprintf(&b, "\n  %s: %s", part.name, strings.ReplaceAll(part.text, "\n", "\n    "))
		}
	}
	b.WriteString("\n  " + e.rest())
	return b.String()
}

// rest says what is left of the file, and how to go on.
func (e *FileError) rest() string {
	switch e.Rest {
	case Part:
		done := fmt.Sprintf("%d of its %d steps are done and stay done", e.Done, e.Of)
		if e.Done == 1 {
			done = fmt.Sprintf("1 of its %d steps is done and stays done", e.Of)
		}
		if e.Lost {
			return fmt.Sprintf("at least %s: run %s again, which goes on from there", done, e.Again)
		}
		return fmt.Sprintf("%s: correct the rest and run %s again, which goes on from there", done, e.Again)
	case Unclear:
		return "a part of this file may be done, and the database is marked dirty: " + e.Repair
	case AllOrNothing:
		return "the connection broke while it was committed: all of it is done, or nothing; run again, and the ledger tells"
	}
	if e.Cancelled != nil || e.Lost || e.SQLState == "55P03" || e.SQLState == "40P01" || strings.HasPrefix(e.SQLState, "53") {
		return "nothing of this file was done: run again" // it is not the file that has to change
	}
	if e.Recorded {
		return "nothing of this file was done: run again, where it has to be corrected after syndicate migrate repair, which records that"
	}
	return "nothing of this file was done: correct it and run again"
}

func (e *FileError) Unwrap() []error {
	if e.Cancelled != nil {
		return []error{e.Cancelled, e.cause}
	}
	return []error{e.cause}
}

// LeavesDirty reports whether err is of a database that a file left marked
// dirty, so that what was there before cannot simply be taken for granted.
func LeavesDirty(err error) bool {
	if failed, ok := errors.AsType[*FileError](err); ok {
		return failed.Rest != Nothing
	}
	found, ok := errors.AsType[*FindingsError](err)
	return ok && found.dirty()
}

// fill takes what PostgreSQL said of a query that begins at an offset of the
// file. It returns the offset that PostgreSQL points at, -1 for none.
func (e *FileError) fill(pe *pgconn.PgError, text, query string, offset int) int {
	e.SQLState, e.Message, e.Detail, e.Hint = pe.Code, pe.Message, pe.Detail, pe.Hint
	e.Where, _, _ = strings.Cut(pe.Where, "\n")
	if pe.Position <= 0 {
		return -1
	}
	// PostgreSQL counts characters of the query, from 1.
	at := len(query)
	n := int32(1)
	for i := range query {
		if n == pe.Position {
			at = i
			break
		}
		n++
	}
	before := text[:offset+at]
	e.Line = 1 + strings.Count(before, "\n")
	e.Column = 1 + len([]rune(before[strings.LastIndexByte(before, '\n')+1:]))
	return offset + at
}

// advice says what to do about failures that PostgreSQL gives no hint for.
func (e *FileError) advice() string {
	if e.Lost && e.Cancelled == nil {
		return "the server's log says why it ended: a full disk, too little memory, a restart"
	}
	switch e.SQLState {
	case "55P03":
		if len(e.Behind) == 0 {
			return "another session holds a lock that the statement needs: run again when it is less busy, or raise lock_timeout"
		}
		h := e.Behind[0]
		return fmt.Sprintf("it waited for %s: run again when that has ended, end it with SELECT pg_terminate_backend(%d), or raise lock_timeout", h.Blocks(), h.PID)
	case "40P01":
		return "another session and this one waited for each other: run again"
	case "25001":
		return "the statement cannot run inside a transaction: take BEGIN and COMMIT away, or write at the head of the file: -- syndicate: " + noTransaction
	case "55P04":
		return "a new value of an enum can be used once its transaction has ended: add it in a file of its own"
	case "58P01", "0A000":
		if strings.Contains(e.Message, "extension") {
			return "install the extension's package on the server's machine (on Debian postgresql-contrib or postgresql-MAJOR-NAME), or leave it out"
		}
	case "42501":
		return "the role lacks the right to do that: grant it, or let an owner of the objects migrate"
	case "25006":
		return "the file made its transaction read-only, so that it cannot be recorded: take that away"
	case "53100":
		return "the server's disk is full: free some space there and run again"
	}
	return ""
}

// firstLine returns a statement's first line, cut to a readable length.
func firstLine(text string) string {
	line, _, more := strings.Cut(text, "\n")
	line = strings.TrimSpace(line)
	if runes := []rune(line); len(runes) > 100 {
		line, more = string(runes[:100]), true
	}
	if more {
		line += " …"
	}
	return line
}
