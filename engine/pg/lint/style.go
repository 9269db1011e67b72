package lint

import (
	"fmt"
	"slices"
	"strings"

	"github.com/syndicate/syndicate/engine/pg/script"
)

// style looks at what is easy to do right now and hard to change later.
func (c *checker) style() {
	c.longNames()
	n := c.at.node
	switch {
	case n.CreateTable != nil && n.CreateTable.Relation.Persistence != "t":
		c.newTable(n.CreateTable)
		c.autovacuum(n.CreateTable.Options, n.CreateTable.Relation)
	case c.at.Alter() != nil:
		for _, cmd := range c.at.AlterTable.Commands {
			if cmd.Command.Kind == "AT_SetRelOptions" {
				c.autovacuum(cmd.Command.Def.Options, c.at.AlterTable.Relation)
			}
			if def := cmd.Command.Def.Column; def != nil && cmd.Command.Kind == "AT_AddColumn" {
				c.columnStyle(def, c.at.AlterTable.Relation)
			}
		}
	case n.Set != nil:
		c.setting(n.Set)
	}
}

// longNames reports names of which PostgreSQL keeps the beginning only.
func (c *checker) longNames() {
	for t := range script.Tokens(c.at.Text) {
		name := t.Name()
		if len(name) <= maxName {
			continue
		}
		kept := strings.ToValidUTF8(name[:maxName], "")
		c.report(Finding{
			Code: "L701", At: c.file.token(c.at.Offset + t.Offset),
			Detail: fmt.Sprintf("It has %d bytes, and PostgreSQL keeps %d: it will be called %s. Two names that begin alike then collide.", len(name), maxName, kept),
		})
	}
}

func (c *checker) newTable(n *createTable) {
	var keys []string
	for _, e := range n.Elements {
		if e.Constraint != nil && e.Constraint.Kind == "CONSTR_PRIMARY" {
			keys = append(keys, texts(e.Constraint.Keys)...)
		}
		if e.Column == nil {
			continue
		}
		for _, k := range e.Column.Constraints {
			if k.Constraint.Kind == "CONSTR_PRIMARY" {
				keys = append(keys, e.Column.Name)
			}
		}
	}
	for _, e := range n.Elements {
		if e.Column == nil {
			continue
		}
		c.columnStyle(e.Column, n.Relation)
		if len(keys) == 1 && keys[0] == e.Column.Name && generated(e.Column) {
			c.smallKey(e.Column)
		}
	}
}

// generated reports whether a column counts up by itself.
func generated(def *columnDef) bool {
	return def.Type.serial() || slices.ContainsFunc(def.Constraints, func(k struct{ Constraint constraint }) bool {
		return k.Constraint.Kind == "CONSTR_IDENTITY"
	})
}

func (c *checker) smallKey(def *columnDef) {
	name := newType(def.Type).name
	if !slices.Contains([]string{"serial", "serial4", "smallserial", "serial2", "int4", "int2"}, name) {
		return
	}
	most := "2,147,483,647"
	if strings.Contains(name, "2") || name == "smallserial" {
		most = "32,767"
	}
	c.report(Finding{
		Code: "L703", At: c.file.at(c.at, def.Location),
		Detail: fmt.Sprintf("After the number %s no row can be inserted any more; aborted inserts and ON CONFLICT count too. To change a key's type later rewrites this table and all that refer to it. The four bytes more often cost nothing.", most),
		Safe:   quoted(def.Name) + " bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY",
	})
}

func (c *checker) columnStyle(def *columnDef, on relation) {
	switch t := newType(def.Type); t.name {
	case "timestamp":
		c.report(Finding{
			Code: "L702", Object: c.schema.full(on) + "." + def.Name, At: c.file.at(c.at, def.Location),
			Detail: "It does not say which moment it means: each session reads and compares it in its own time zone. timestamptz takes the same room and means the same moment for all.",
			Safe:   quoted(def.Name) + " timestamptz",
		})
	case "bpchar":
		c.report(Finding{
			Code: "L705", Object: c.schema.full(on) + "." + def.Name, At: c.file.at(c.at, def.Location),
			Detail: fmt.Sprintf("It pads with spaces to %s and takes them away in comparisons, but not with LIKE. It is neither smaller nor faster than text.", t),
			Safe:   fmt.Sprintf("%s text CHECK (length(%s) <= %d)", quoted(def.Name), quoted(def.Name), max(t.mod(0), 1)),
		})
	}
}

// autovacuum reports storage parameters that switch it off.
func (c *checker) autovacuum(options tree, on relation) {
	t := c.schema.table(on)
	if !options.off("autovacuum_enabled") || t.temporary {
		return
	}
	c.report(Finding{
		Code: "L707", Object: c.schema.full(on),
		Detail: fmt.Sprintf("Nothing cleans %s up any more: dead rows stay, the table grows with every change, and nobody counts its rows for those who plan queries. Set thresholds instead.", short(c.schema.full(on))),
		Safe:   "ALTER TABLE " + on.sql() + " SET (autovacuum_vacuum_scale_factor = 0.01);",
	})
}

// setting reports a SET that outlives what it is for.
func (c *checker) setting(n *set) {
	if n.Local || n.Kind != "VAR_SET_VALUE" || c.hasAlone() || c.undone(n.Name) {
		return
	}
	f := Finding{
		Code:   "L704",
		Detail: fmt.Sprintf("It holds for the session, not for this file: golang-migrate's own command line runs the files after it with the same %s. SET LOCAL ends with the transaction.", n.Name),
		Safe:   replaceWord(without(strings.TrimSpace(c.at.Text), "session"), "set", "SET LOCAL") + ";",
	}
	if strings.EqualFold(n.Name, "search_path") {
		f.Detail += " And where names are looked up decides which tables are made and changed: write the schema before the names instead."
	}
	c.report(f)
}

// undone reports whether the file sets a setting back.
func (c *checker) undone(name string) bool {
	return slices.ContainsFunc(c.file.statements, func(s statement) bool {
		return s.Set != nil && s.Offset > c.at.Offset && (s.Set.Kind == "VAR_RESET" || s.Set.Kind == "VAR_SET_DEFAULT" || s.Set.Kind == "VAR_RESET_ALL") &&
			(s.Set.Name == name || s.Set.Kind == "VAR_RESET_ALL")
	})
}

// hasAlone reports whether a statement of the file runs outside of
// transactions, where SET LOCAL has no effect.
func (c *checker) hasAlone() bool {
	return slices.ContainsFunc(c.file.statements, func(s statement) bool { return c.alone(s) != "" })
}
