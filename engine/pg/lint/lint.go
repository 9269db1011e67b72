package lint

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/syndicate/syndicate/engine/pg/script"
	"github.com/syndicate/syndicate/spec"
)

// Source is one file.
type Source struct {
	Path string // as findings name it
	Text string
}

// Migration is one version with its files.
type Migration struct {
	Version uint64
	Up      Source
	Down    *Source // nil where there is none
	// Look says that its findings are wanted. The others only say which
	// schema there is.
	Look bool
	// Late says that a later version is applied already.
	Late bool
}

// Config is what is looked at.
type Config struct {
	Migrations []Migration // in order of version
	// Separate says that each migration is looked at as if all before it
	// were applied and their tables in use. Else those that are looked at
	// are applied in one go: what one makes is new to the others.
	Separate bool
}

// Finding is something in a file that will hurt.
type Finding struct {
	Code     string        `json:"code"` // see Rules
	Severity spec.Severity `json:"severity"`
	Summary  string        `json:"summary"`
	At       spec.Range    `json:"range"`
	Detail   string        `json:"detail"`           // what happens, and why
	Lock     string        `json:"lock,omitempty"`   // its mode, as the manual names it: ACCESS EXCLUSIVE
	Object   string        `json:"object,omitempty"` // what is locked, rewritten or broken: public.users
	Safe     string        `json:"safe,omitempty"`   // SQL that does the same without harm

	statement int // where its statement begins, -1 for the file
}

// Accepted is a finding that the file itself allows.
type Accepted struct {
	Finding
	Reason string `json:"reason"`
}

// Result is what was found, in order of file and place.
type Result struct {
	Findings []Finding
	Accepted []Accepted
}

// Errors counts the findings that are errors.
func (r Result) Errors() int {
	n := 0
	for _, f := range r.Findings {
		if f.Severity == spec.Error {
			n++
		}
	}
	return n
}

// Check looks at migrations. It never fails: what cannot be parsed is a
// finding. What the parser's cache has is not looked at again, and where
// nobody wants findings the grammar is not loaded.
func Check(p *Parser, cfg Config) Result {
	var result Result
	if !slices.ContainsFunc(cfg.Migrations, func(m Migration) bool { return m.Look }) {
		return result
	}
	name := cfg.name()
	p.mu.Lock()
	known := name != "" && p.recall(name, &result)
	p.mu.Unlock()
	if known {
		return result
	}
	result = checkAll(p, cfg)
	p.mu.Lock()
	defer p.mu.Unlock()
	if name != "" {
		p.keep(name, result)
	}
	return result
}

// checkAll looks at all of it. What a file allows may be a finding on a
// database in use only, and not on the empty one that it is pending for: it
// counts as used where it is so anywhere.
func checkAll(p *Parser, cfg Config) Result {
	allows := slices.ContainsFunc(cfg.Migrations, func(m Migration) bool { return m.Look && strings.Contains(m.Up.Text, "-- syndicate:") })
	c := &checker{schema: newSchema(), used: map[string]bool{}}
	if allows && !cfg.Separate {
		alone := &checker{schema: newSchema(), used: c.used}
		alone.run(p, Config{Migrations: cfg.Migrations, Separate: true})
	}
	return c.run(p, cfg)
}

// run looks at one migration after the other.
func (c *checker) run(p *Parser, cfg Config) Result {
	for i := range cfg.Migrations {
		m := &cfg.Migrations[i]
		up := read(p, m.Up)
		c.undo = nil
		if m.Look && m.Down != nil {
			c.undo = read(p, *m.Down)
		}
		c.file, c.number, c.look = up, i, m.Look
		if cfg.Separate || !m.Look {
			c.schema.settle()
		}
		c.schema.settleTypes()
		c.schema.path = "public"
		c.up()
		if !m.Look {
			continue
		}
		if m.Late {
			c.late(m)
		}
		if m.Down == nil {
			c.noDown(m, up)
		}
		c.conclude(up)
		if m.Down != nil {
			c.rollback(up)
			c.conclude(c.undo)
		}
	}
	return c.result
}

// checker looks at one statement after the other.
type checker struct {
	schema *schema
	file   *source
	number int     // of the file
	look   bool    // whether findings are wanted
	undo   *source // the down file, nil where there is none

	at      statement
	block   int  // which transaction of the file the statement is in
	opened  bool // whether the file itself began it
	sole    bool // whether the statement runs outside of every transaction
	held    []hold
	pending []Finding
	used    map[string]bool // allowances, as usedKey names them
	result  Result
}

// up looks at the statements of an up file, and applies them.
func (c *checker) up() {
	c.mistakes()
	c.tooDeep()
	c.transactions()
	c.held = nil
	for i, st := range c.file.statements {
		c.enter(i)
		if c.look {
			c.locks()
			c.tables()
			c.changes()
			c.style()
			c.holding()
			c.hold()
		}
		c.schema.apply(st, c.look, c.number, c.block)
	}
}

// enter makes a statement the one that is looked at.
func (c *checker) enter(i int) {
	if i == 0 {
		c.block, c.opened = 0, false
	}
	c.at = c.file.statements[i]
	t := c.at.Transaction
	switch {
	case t != nil && (t.Kind == "TRANS_STMT_BEGIN" || t.Kind == "TRANS_STMT_START"):
		c.block++
		c.opened = true
	case t != nil && (t.Kind == "TRANS_STMT_COMMIT" || t.Kind == "TRANS_STMT_ROLLBACK" || t.Kind == "TRANS_STMT_PREPARE"):
		c.block++
		c.opened = false
	}
	c.sole = !c.opened && c.alone(c.at) != ""
	if c.sole {
		c.block++
	}
}

// mistakes reports what PostgreSQL cannot read.
func (c *checker) mistakes() {
	for _, m := range c.file.mistakes {
		at := c.file.token(m.Offset)
		c.add(Finding{
			Code: "L801", At: at,
			Detail: fmt.Sprintf("PostgreSQL refuses it: %s. What follows in the statement was not looked at.", m.Message),
		})
	}
}

// tooDeep reports what was not parsed.
func (c *checker) tooDeep() {
	for _, st := range c.file.deep {
		c.add(Finding{
			Code: "L804", At: c.file.token(st.Offset),
			Detail: fmt.Sprintf("It has more than a million bytes, or expressions in one another more than %d times, and what it does was not looked at. A long chain of || or + is nested, too: format() and sums over rows are not.", maxDepth),
		})
	}
}

// late reports a version that would come after a later one.
func (c *checker) late(m *Migration) {
	for _, d := range script.Directives(m.Up.Text) {
		if d.Name == "out-of-order" {
			return
		}
	}
	c.add(Finding{
		Code: "L802", At: c.file.span(0, 0),
		Detail: fmt.Sprintf("Version %d is not applied, and a later one is. Other databases have seen the two in another order or will, and golang-migrate passes it over in silence. "+
			"Give it a version behind all that are applied.", m.Version),
	})
}

// add takes a finding about the file. Its severity and its summary are those
// of its rule, where it says none itself.
func (c *checker) add(f Finding) {
	if !c.look {
		return
	}
	rule, _ := Explain(f.Code)
	f.Severity = cmp.Or(f.Severity, rule.Severity)
	f.Summary = cmp.Or(f.Summary, rule.Title)
	if f.statement == 0 {
		f.statement = -1
	}
	c.pending = append(c.pending, f)
}

// report takes a finding about the current statement.
func (c *checker) report(f Finding) {
	if f.At.IsZero() {
		f.At = c.file.whole(c.at)
	}
	f.statement = c.at.Offset
	if f.statement == 0 {
		f.statement = firstStatement
	}
	c.add(f)
}

// firstStatement stands for a statement at the very beginning of its file,
// since 0 is the zero value.
const firstStatement = -2

// conclude holds the findings about a file against what the file allows.
func (c *checker) conclude(s *source) {
	var open []Finding
	for _, f := range c.pending {
		if f.statement == firstStatement {
			f.statement = 0
		}
		if f.At.Filename == s.Path && f.Code != "L801" {
			if reason, ok := c.accept(s, f); ok {
				c.result.Accepted = append(c.result.Accepted, Accepted{Finding: f, Reason: reason})
				continue
			}
		}
		open = append(open, f)
	}
	c.pending = nil
	c.checkAllowances(s)
	open = append(open, c.pending...)
	c.pending = nil
	slices.SortStableFunc(open, func(a, b Finding) int {
		return cmp.Or(strings.Compare(a.At.Filename, b.At.Filename), cmp.Compare(a.At.Start.Byte, b.At.Start.Byte), strings.Compare(string(a.Severity), string(b.Severity)), strings.Compare(a.Code, b.Code))
	})
	c.result.Findings = append(c.result.Findings, open...)
}

// short is a table's name without the schema that all tables are in.
func short(name string) string { return strings.TrimPrefix(name, "public.") }
