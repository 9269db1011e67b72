package lint

import (
	"fmt"
	"slices"
	"strings"
)

// dropConstraint looks at what no longer keeps rows right. A CHECK is none of
// it: what runs now has met it so far, and nothing asks for it by its columns.
func (x *altering) dropConstraint() {
	k := x.table.checks[x.cmd.Name]
	if k == nil || k.kind == "CONSTR_CHECK" || k.fresh || x.replaced(x.table.name, x.cmd.Name, k.kind, k.columns) {
		return
	}
	f := Finding{Code: "L304", Lock: accessExclusive, Object: x.table.name, Detail: lost(x.table.name, k.kind, k.columns)}
	f.Safe = "-- syndicate: allow L304 nothing relies on it since …\n" + x.alter("DROP CONSTRAINT "+quoted(x.cmd.Name))
	x.report(f)
}

// dropUnique looks at the unique ones among dropped indexes.
func (c *checker) dropUnique(n *drop) {
	for _, o := range n.Objects {
		parts := o.names()
		i := c.schema.indexes[c.schema.qualify(parts)]
		if i == nil || !i.unique {
			continue
		}
		if t := c.schema.tables[i.table]; t != nil && t.quiet() || i.fresh || c.replaced(i.table, last2(parts), "CONSTR_UNIQUE", i.columns) {
			continue
		}
		c.report(Finding{
			Code: "L304", Lock: accessExclusive, Object: i.table, Detail: lost(i.table, "CONSTR_UNIQUE", i.columns),
			Safe: "-- syndicate: allow L304 nothing relies on it since …\n" + ownFile + "\nDROP INDEX CONCURRENTLY " + qualified(parts) + ";",
		})
	}
}

// lost says what is no longer so without a constraint.
func lost(table, kind string, columns []string) string {
	table = short(table)
	if kind == "CONSTR_FOREIGN" {
		return fmt.Sprintf("From this moment on %s may refer to rows that do not exist, a delete there neither fails nor takes along what refers to it, "+
			"and a down file that adds the constraint again fails on what got in meanwhile.", table)
	}
	what := "it"
	if len(columns) > 0 {
		what = "ON CONFLICT (" + list(columns) + ")"
	}
	return fmt.Sprintf("From this moment on %s takes rows that were refused, an upsert of what runs now fails where it says %s (42P10), "+
		"and a down file that adds the constraint again fails on what got in meanwhile. Release a version that does not rely on it first.", table, what)
}

// replaced reports whether something else does what a constraint did: one of
// the same name or over the same columns, which the file adds or which is
// there.
func (c *checker) replaced(table, name, kind string, columns []string) bool {
	unique := kind != "CONSTR_FOREIGN"
	same := func(k string, of []string) bool {
		return (k != "CONSTR_FOREIGN") == unique && k != "CONSTR_CHECK" && sameColumns(of, columns)
	}
	for other, i := range c.schema.indexes {
		if i.table == table && i.unique && unique && last2(strings.Split(other, ".")) != name && sameColumns(i.columns, columns) {
			return true
		}
	}
	if t := c.schema.tables[table]; t != nil {
		for other, k := range t.checks {
			if other != name && same(k.kind, k.columns) {
				return true
			}
		}
	}
	return slices.ContainsFunc(c.file.statements, func(st statement) bool {
		if n := st.Index; n != nil {
			return n.Unique && unique && c.schema.full(n.Relation) == table && sameColumns(n.columns(), columns)
		}
		a := st.Alter()
		if a == nil || c.schema.full(a.Relation) != table {
			return false
		}
		for _, cmd := range a.Commands {
			if k := cmd.Command.Def.Constraint; k != nil && (k.Name == name || same(k.Kind, k.over())) {
				return true
			}
		}
		return false
	})
}

// over returns the columns that a constraint names.
func (k *constraint) over() []string {
	if k.Kind == "CONSTR_FOREIGN" {
		return texts(k.Columns)
	}
	return texts(k.Keys)
}

// sameColumns compares without order. An expression, which has no column, is
// the same as none.
func sameColumns(a, b []string) bool {
	return len(a) > 0 && slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}

// dropFunction looks at functions that programs may call. A trigger's function
// they cannot, and of one that no migration made nobody knows what it is.
func (c *checker) dropFunction(n *drop) {
	for _, o := range n.Objects {
		parts := functionName(o)
		name := last2(parts)
		f := c.schema.functions[name]
		if f == nil || f.trigger || f.fresh || c.functionLater(name) {
			continue
		}
		c.report(Finding{
			Code: "L305", Object: c.schema.qualify(parts),
			Detail: fmt.Sprintf("What runs now and calls %s fails from this moment on. Release a version that does not call it first, then drop it and say so here: "+
				"-- syndicate: allow L305 and since when nothing calls it.", name),
			Safe: "-- syndicate: allow L305 nothing calls it since …\n" + strings.TrimSpace(c.at.Text) + ";",
		})
	}
}

// functionLater reports whether a later statement of the file makes a function
// of a name.
func (c *checker) functionLater(name string) bool {
	return slices.ContainsFunc(c.file.statements, func(st statement) bool {
		return st.Offset > c.at.Offset && st.CreateFunc != nil && last(st.CreateFunc.Name) == name
	})
}

// dropDatabase looks at the largest thing that can be dropped.
func (c *checker) dropDatabase(n *dropDatabase) {
	c.report(Finding{
		Code: "L303", Object: n.Name,
		Detail: fmt.Sprintf("What runs now and uses the database %s fails from this moment on, and all that it holds is gone: no down file brings it back. "+
			"Move what uses it first, make a dump, then drop it and say so here: -- syndicate: allow L303 and since when nothing uses it.", n.Name),
		Safe: "-- syndicate: allow L303 nothing uses it since …\nDROP DATABASE " + quoted(n.Name) + ";",
	})
}
