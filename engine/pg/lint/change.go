package lint

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// changes looks at what breaks those who use the schema now, and at what is
// done to rows.
func (c *checker) changes() {
	n := c.at.node
	switch {
	case n.Rename != nil:
		c.rename(n.Rename)
	case n.AlterSchema != nil:
		c.moveSchema(n.AlterSchema)
	case n.Drop != nil:
		c.drop(n.Drop)
	case n.DropDatabase != nil:
		c.dropDatabase(n.DropDatabase)
	case n.AlterEnum != nil && n.AlterEnum.Old != "":
		c.renameValue(n.AlterEnum)
	case n.Truncate != nil:
		c.truncate(n.Truncate)
	case n.Update != nil:
		c.update(n.Update)
	case n.Delete != nil:
		c.remove(n.Delete)
	}
}

func (c *checker) rename(n *rename) {
	if n.Relation == nil {
		c.renameOther(n)
		return
	}
	name := c.schema.full(*n.Relation)
	fresh, isView := c.schema.views[name]
	t := c.schema.table(*n.Relation)
	if t.quiet() || isView && fresh {
		return
	}
	on := n.Relation.sql()
	switch n.Kind {
	case "OBJECT_TABLE", "OBJECT_VIEW", "OBJECT_MATVIEW":
		if c.madeLater(name) {
			return
		}
		to := quoted(n.New)
		if n.Relation.Schema != "" {
			to = quoted(n.Relation.Schema) + "." + to
		}
		c.report(Finding{
			Code: "L301", Lock: accessExclusive, Object: name,
			Detail: fmt.Sprintf("What runs now and names %s fails from this moment on. A view of the old name in the same transaction keeps it working: "+
				"one over a single table takes INSERT, UPDATE and DELETE as well. Drop it when nothing uses the old name.", short(name)),
			Safe: "BEGIN;\n" + strings.TrimSpace(c.at.Text) + ";\nCREATE VIEW " + on + " AS SELECT * FROM " + to + ";\nCOMMIT;",
		})
	case "OBJECT_COLUMN":
		if col := t.columns[n.Old]; col != nil && col.fresh {
			return
		}
		old, now := quoted(n.Old), quoted(n.New)
		typ := "…"
		if col := t.columns[n.Old]; col != nil {
			typ = col.typ.String()
		}
		c.report(Finding{
			Code: "L301", Lock: accessExclusive, Object: name + "." + n.Old,
			Detail: fmt.Sprintf("What runs now and names %s.%s fails from this moment on. Make a column of the new name beside it, write both, change over, and drop the old one.", short(name), n.Old),
			Safe: "ALTER TABLE " + on + " ADD COLUMN " + now + " " + typ + ";\n" +
				"-- a trigger BEFORE INSERT OR UPDATE, or the programs, keep both the same; then, until it changes no row\n" +
				fmt.Sprintf("UPDATE %s SET %s = %s WHERE ctid = ANY (ARRAY(SELECT ctid FROM %s WHERE %s IS NULL AND %s IS NOT NULL LIMIT 10000));\n", on, now, old, on, now, old) +
				nextFile + ", when nothing reads the old one\nALTER TABLE " + on + " DROP COLUMN " + old + ";",
		})
	}
}

// renameOther looks at what is no relation: a schema, a type, a function, a
// database.
func (c *checker) renameOther(n *rename) {
	parts := n.Object.names()
	what, name, fresh := "", c.schema.qualify(parts), false
	switch n.Kind {
	case "OBJECT_SCHEMA":
		what, name = "schema", n.Old
		fresh = c.madeBefore(n.Old)
	case "OBJECT_DATABASE":
		what, name = "database", n.Old
	case "OBJECT_TYPE", "OBJECT_DOMAIN":
		what = "type"
		t := c.schema.types[last2(parts)]
		fresh = t != nil && t.fresh
	case "OBJECT_FUNCTION", "OBJECT_PROCEDURE", "OBJECT_ROUTINE", "OBJECT_AGGREGATE":
		parts = functionName(n.Object)
		f := c.schema.functions[last2(parts)]
		what, name = "function", c.schema.qualify(parts)
		fresh = f == nil || f.trigger || f.fresh || c.functionLater(last2(parts))
	}
	if what == "" || fresh {
		return
	}
	c.report(Finding{
		Code: "L301", Object: name,
		Detail: fmt.Sprintf("What runs now and names the %s %s fails from this moment on. Make one of the new name beside it, change over, and drop the old one; or rename it when nothing uses it and say so here: "+
			"-- syndicate: allow L301 and since when.", what, short(name)),
		Safe: "-- syndicate: allow L301 nothing uses it since …\n" + strings.TrimSpace(c.at.Text) + ";",
	})
}

// madeBefore reports whether an earlier statement of the file makes a schema.
func (c *checker) madeBefore(name string) bool {
	return slices.ContainsFunc(c.file.statements, func(st statement) bool {
		return st.Offset < c.at.Offset && st.CreateSchema != nil && st.CreateSchema.Name == name
	})
}

func (c *checker) moveSchema(n *alterSchema) {
	if n.Relation == nil || n.Kind != "OBJECT_TABLE" && n.Kind != "OBJECT_VIEW" || c.schema.table(*n.Relation).quiet() {
		return
	}
	on := n.Relation.sql()
	c.report(Finding{
		Code: "L301", Lock: accessExclusive, Object: c.schema.full(*n.Relation),
		Detail: fmt.Sprintf("What runs now and does not have the schema %s in its search_path fails from this moment on. A view of the old name in the same transaction keeps it working.", n.New),
		Safe: "BEGIN;\n" + strings.TrimSpace(c.at.Text) + ";\nCREATE VIEW " + on + " AS SELECT * FROM " +
			quoted(n.New) + "." + quoted(n.Relation.Name) + ";\nCOMMIT;",
	})
}

func (c *checker) renameValue(n *alterEnum) {
	parts := texts(n.Type)
	if t := c.schema.types[last2(parts)]; t != nil && t.fresh {
		return
	}
	c.report(Finding{
		Code: "L301", Object: c.schema.qualify(parts),
		Detail: fmt.Sprintf("What runs now and writes or compares with '%s' fails from this moment on. Add the new value, write it, change the old rows, and leave the old value be.", n.Old),
		Safe:   "ALTER TYPE " + qualified(parts) + " ADD VALUE '" + strings.ReplaceAll(n.New, "'", "''") + "';",
	})
}

// dropKinds are the words for what L303 is about.
var dropKinds = map[string]string{
	"OBJECT_TABLE": "TABLE", "OBJECT_VIEW": "VIEW", "OBJECT_MATVIEW": "MATERIALIZED VIEW", "OBJECT_SCHEMA": "SCHEMA",
	"OBJECT_FOREIGN_TABLE": "FOREIGN TABLE",
}

func (c *checker) drop(n *drop) {
	if n.Behavior == "DROP_CASCADE" && n.Kind != "OBJECT_FUNCTION" {
		c.cascade("It drops whatever depends on it, too, and does not say what: views, foreign keys, columns of that type. Write RESTRICT, see what PostgreSQL names, and drop that by name.",
			without(strings.TrimSpace(c.at.Text), "cascade")+";")
	}
	switch {
	case n.Kind == "OBJECT_INDEX":
		c.dropUnique(n)
	case n.ofFunctions():
		c.dropFunction(n)
	}
	kind := dropKinds[n.Kind]
	if kind == "" {
		return
	}
	for _, o := range n.Objects {
		parts := o.names()
		name := c.schema.qualify(parts)
		if kind == "SCHEMA" {
			name = strings.Join(parts, ".")
		}
		t := c.schema.tables[name]
		if t == nil && n.IfExists && c.madeLater(name) {
			continue // in case that it is there, which no migration made
		}
		if t != nil && t.quiet() || c.schema.views[name] || kind != "TABLE" && c.madeLater(name) {
			continue
		}
		f := Finding{
			Code: "L303", Lock: accessExclusive, Object: name,
			Detail: fmt.Sprintf("What runs now and uses %s fails from this moment on.", short(name)),
			Safe: fmt.Sprintf("-- syndicate: allow L303 nothing uses it since …\nDROP %s %s;",
				kind, qualified(parts)),
		}
		if kind == "TABLE" || kind == "SCHEMA" {
			f.Detail += " Its rows are gone: no down file brings them back."
		}
		f.Detail += " Release a version that does not use it first, then drop it and say so here: -- syndicate: allow L303 and since when nothing uses it."
		c.report(f)
	}
}

// madeLater reports whether a later statement of the file makes a view or a
// table of a name.
func (c *checker) madeLater(name string) bool {
	return slices.ContainsFunc(c.file.statements, func(st statement) bool {
		if st.Offset <= c.at.Offset {
			return false
		}
		switch n := st.node; {
		case n.View != nil:
			return c.schema.full(n.View.View) == name
		case n.CreateAs != nil:
			return c.schema.full(n.CreateAs.Into.Relation) == name
		case n.CreateTable != nil:
			return c.schema.full(n.CreateTable.Relation) == name
		case n.CreateSchema != nil:
			return n.CreateSchema.Name == name
		}
		return false
	})
}

func (c *checker) cascade(detail, safe string) {
	f := Finding{Code: "L706", Detail: detail, Safe: safe}
	if at := lastWord(c.at.Text, "cascade"); at >= 0 {
		f.At = c.file.token(c.at.Offset + at)
	}
	c.report(f)
}

func (c *checker) truncate(n *truncate) {
	var names []string
	for _, r := range n.Relations {
		if !c.schema.table(r.RangeVar).quiet() {
			names = append(names, short(c.schema.full(r.RangeVar)))
		}
	}
	if n.Behavior == "DROP_CASCADE" {
		c.cascade("It empties every table that refers to one of these, too, and theirs, and does not say which. Name them.",
			without(strings.TrimSpace(c.at.Text), "cascade")+";")
	}
	if len(names) == 0 {
		return
	}
	c.report(Finding{
		Code: "L504", Lock: accessExclusive, Object: c.schema.full(n.Relations[0].RangeVar),
		Detail: fmt.Sprintf("All rows of %s are gone, and no down file brings them back. Keep a copy of what may be wanted again.", strings.Join(names, ", ")),
		Safe:   c.copyOf(n.Relations[0].RangeVar, "") + "\n" + strings.TrimSpace(c.at.Text) + ";",
	})
}

// copyOf returns the SQL that keeps rows.
func (c *checker) copyOf(r relation, where string) string {
	if where != "" {
		where = " " + where
	}
	return "CREATE TABLE " + quoted(shorten(r.Name+"_before")) + " AS SELECT * FROM " + r.sql() + where + ";"
}

// condition returns the WHERE of the current statement as it is written.
func (c *checker) condition() string {
	if at := indexWord(c.at.Text, "where"); at >= 0 {
		end := len(c.at.Text)
		if ret := indexWord(c.at.Text, "returning"); ret > at {
			end = ret
		}
		return strings.TrimSpace(c.at.Text[at:end])
	}
	return ""
}

func (c *checker) update(n *change) {
	t := c.schema.table(n.Relation)
	if t.quiet() {
		return
	}
	if len(n.Where) == 0 {
		c.report(Finding{
			Code: "L113", Lock: "ROW EXCLUSIVE", Object: t.name,
			Detail: fmt.Sprintf("It changes every row of %s in one transaction: whoever wants to change one of them waits to the end, the table grows to twice its size, and a failure at the last row undoes it all. Do it in batches.", short(t.name)),
			Safe: "-- in a file of its own, again and again until it changes no row; CONDITION says which rows are not changed yet\n" +
				batch(n, strings.TrimSpace(c.at.Text)) + ";",
		})
	}
	var lost []string
	for _, target := range n.Targets {
		col := t.columns[target.Target.Name]
		if (col == nil || !col.fresh) && !onlyNull(n.Where, target.Target.Name) {
			lost = append(lost, target.Target.Name)
		}
	}
	if len(lost) == 0 || c.restored(n.Relation) {
		return
	}
	c.report(Finding{
		Code: "L505", Object: t.name,
		Detail: fmt.Sprintf("What %s held before is overwritten, and the down file does not bring it back. Keep the old values where they may be wanted again.", list(lost)),
		Safe:   c.copyOf(n.Relation, c.simpleCondition()) + "\n" + strings.TrimSpace(c.at.Text) + ";",
	})
}

// onlyNull reports whether a condition confines a change to rows in which a
// column is NULL, so that nothing is lost.
func onlyNull(where tree, column string) bool {
	var v any
	if len(where) == 0 || json.Unmarshal(where, &v) != nil {
		return false
	}
	return holdsNull(v, column)
}

// holdsNull looks through the terms of an AND.
func holdsNull(v any, column string) bool {
	fields, _ := v.(map[string]any)
	if test, ok := fields["NullTest"].(map[string]any); ok {
		return test["nulltesttype"] == "IS_NULL" && last2(stringsOf(test["arg"])) == column
	}
	both, ok := fields["BoolExpr"].(map[string]any)
	if !ok || both["boolop"] != "AND_EXPR" {
		return false
	}
	terms, _ := both["args"].([]any)
	return slices.ContainsFunc(terms, func(term any) bool { return holdsNull(term, column) })
}

// simpleCondition is the condition where it names no other table.
func (c *checker) simpleCondition() string {
	if indexWord(c.at.Text, "from") >= 0 || indexWord(c.at.Text, "using") >= 0 {
		return ""
	}
	return c.condition()
}

// batch returns an UPDATE for some rows at a time.
func batch(n *change, text string) string {
	on := n.Relation.sql()
	return text + "\nWHERE ctid = ANY (ARRAY(SELECT ctid FROM " + on + " WHERE CONDITION LIMIT 10000))"
}

func (c *checker) remove(n *change) {
	t := c.schema.table(n.Relation)
	if t.quiet() || c.restored(n.Relation) {
		return
	}
	c.report(Finding{
		Code: "L504", Object: t.name,
		Detail: fmt.Sprintf("Rows of %s are gone, and the down file does not bring them back. Keep a copy of what may be wanted again.", short(t.name)),
		Safe:   c.copyOf(n.Relation, c.simpleCondition()) + "\n" + strings.TrimSpace(c.at.Text) + ";",
	})
}

// restored reports whether what was in a table can be brought back: the file
// keeps a copy, or the down file writes to it.
func (c *checker) restored(r relation) bool {
	for _, st := range c.file.statements {
		if st.CreateAs != nil && st.Offset < c.at.Offset && indexWord(st.Text, r.Name) >= 0 {
			return true // the rows are kept there
		}
	}
	return c.undo != nil && slices.ContainsFunc(c.undo.statements, func(st statement) bool {
		for _, n := range []*change{st.Insert, st.Update} {
			if n != nil && n.Relation.Name == r.Name {
				return true
			}
		}
		return false
	})
}
