package lint

import (
	"fmt"
	"slices"
	"strings"

	"github.com/syndicate/syndicate/engine/pg/script"
)

// rollback looks at the down file of a migration, which is the current file
// from then on.
func (c *checker) rollback(up *source) {
	down := c.undo
	c.file = down
	c.mistakes()
	c.tooDeep()
	c.transactions()
	made := c.made(up)
	switch {
	case len(down.statements) == 0 && len(script.Split(up.Text)) > 0:
		c.add(Finding{
			Code: "L502", At: down.span(0, 0),
			Detail: "It contains no statement: migrate down takes the version off and leaves everything as it is, and the next up may fail on what is there. Undo what the up file does, or refuse: DO $$ BEGIN RAISE EXCEPTION '…'; END $$;",
		})
	case len(down.mistakes) == 0:
		c.leftBehind(made, down)
	}
}

// noDown reports that there is no down file.
func (c *checker) noDown(m *Migration, up *source) {
	c.add(Finding{
		Code: "L501", At: up.span(0, 0),
		Detail: fmt.Sprintf("There is no %s beside it, so that migrate down refuses to go below this version. Write one; where it cannot be undone, one that says so: DO $$ BEGIN RAISE EXCEPTION '…'; END $$;", downName(m.Up.Path)),
	})
}

func downName(path string) string {
	name := path[strings.LastIndexByte(path, '/')+1:]
	return strings.Replace(name, ".up.", ".down.", 1)
}

// object is something that a file makes.
type object struct {
	kind string // TABLE, COLUMN, INDEX …
	name string // schema.name, and .column
	of   string // the table that it is part of, and goes with
	sql  string // what drops it
}

// made returns what an up file makes and leaves there.
func (c *checker) made(up *source) []object {
	var all []object
	add := func(kind string, r relation) {
		if r.Persistence != "t" {
			all = append(all, object{kind: kind, name: c.schema.full(r), sql: "DROP " + kind + " " + r.sql() + ";"})
		}
	}
	// owned makes a sequence a part of the table of its column.
	owned := func(n *sequence) {
		parts := n.owner()
		for i := range all {
			if len(parts) > 1 && all[i].name == c.schema.full(n.Sequence) {
				all[i].of = c.schema.qualify(parts[:len(parts)-1])
			}
		}
	}
	for _, st := range up.statements {
		n := st.node
		switch {
		case n.CreateTable != nil:
			add("TABLE", n.CreateTable.Relation)
		case n.CreateAs != nil && n.CreateAs.Kind == "OBJECT_MATVIEW":
			add("MATERIALIZED VIEW", n.CreateAs.Into.Relation)
		case n.CreateAs != nil:
			add("TABLE", n.CreateAs.Into.Relation)
		case n.View != nil && !n.View.Replace:
			add("VIEW", n.View.View)
		case n.CreateSeq != nil:
			add("SEQUENCE", n.CreateSeq.Sequence)
			owned(n.CreateSeq)
		case n.AlterSeq != nil:
			owned(n.AlterSeq)
		case n.CreateSchema != nil && !n.CreateSchema.IfNot:
			all = append(all, object{kind: "SCHEMA", name: n.CreateSchema.Name, sql: "DROP SCHEMA " + quoted(n.CreateSchema.Name) + ";"})
		case n.CreateEnum != nil:
			all = append(all, c.madeType("TYPE", texts(n.CreateEnum.Name)))
		case n.CreateRange != nil:
			all = append(all, c.madeType("TYPE", texts(n.CreateRange.Name)))
		case n.CreateDomain != nil:
			all = append(all, c.madeType("DOMAIN", texts(n.CreateDomain.Name)))
		case n.Composite != nil:
			add("TYPE", n.Composite.Type)
		case n.CreateFunc != nil && !n.CreateFunc.Replace:
			all = append(all, c.madeType("FUNCTION", texts(n.CreateFunc.Name)))
		case n.Index != nil:
			table := c.schema.full(n.Index.Relation)
			name := table[:strings.LastIndexByte(table, '.')+1] + n.Index.name()
			all = append(all, object{kind: "INDEX", name: name, of: table, sql: "DROP INDEX " + quoted(n.Index.name()) + ";"})
		case n.CreateTrig != nil && !n.CreateTrig.Replace:
			table := c.schema.full(n.CreateTrig.Relation)
			all = append(all, object{
				kind: "TRIGGER", name: table + "." + n.CreateTrig.Name, of: table,
				sql: "DROP TRIGGER " + quoted(n.CreateTrig.Name) + " ON " + n.CreateTrig.Relation.sql() + ";",
			})
		case st.Alter() != nil:
			all = append(all, c.madeColumns(n.AlterTable)...)
		}
	}
	gone := c.gone(up)
	return slices.DeleteFunc(all, func(o object) bool { return gone[o.name] })
}

func (c *checker) madeType(kind string, parts []string) object {
	return object{kind: kind, name: c.schema.qualify(parts), sql: "DROP " + kind + " " + qualified(parts) + ";"}
}

// madeColumns returns the columns and the named constraints that an ALTER
// TABLE adds.
func (c *checker) madeColumns(n *alterTable) []object {
	var all []object
	table := c.schema.full(n.Relation)
	for _, cmd := range n.Commands {
		what, name := "", ""
		switch def := cmd.Command.Def; {
		case cmd.Command.Kind == "AT_AddColumn" && def.Column != nil:
			what, name = "COLUMN", def.Column.Name
		case cmd.Command.Kind == "AT_AddConstraint" && def.Constraint != nil && def.Constraint.Name != "":
			what, name = "CONSTRAINT", def.Constraint.Name
		default:
			continue
		}
		all = append(all, object{
			kind: what, name: table + "." + name, of: table,
			sql: "ALTER TABLE " + n.Relation.sql() + " DROP " + what + " " + quoted(name) + ";",
		})
	}
	return all
}

// gone returns the names of what a file drops or gives another name or
// place, and under "*" whether it does what nobody can see from outside.
func (c *checker) gone(s *source) map[string]bool {
	names := map[string]bool{}
	for _, st := range s.statements {
		n := st.node
		switch {
		case n.Do != nil, n.Execute != nil, n.Select != nil:
			names["*"] = true
		case n.Drop != nil:
			for _, o := range n.Drop.Objects {
				parts := o.names()
				if n.Drop.ofFunctions() {
					parts = functionName(o)
				}
				if n.Drop.Kind == "OBJECT_SCHEMA" {
					names[strings.Join(parts, ".")] = true
					continue
				}
				if n.Drop.Kind == "OBJECT_TRIGGER" && len(parts) > 1 {
					names[c.schema.qualify(parts[:len(parts)-1])+"."+parts[len(parts)-1]] = true
					continue
				}
				names[c.schema.qualify(parts)] = true
			}
		case n.Rename != nil && n.Rename.Relation != nil:
			full := c.schema.full(*n.Rename.Relation)
			if n.Rename.Old != "" {
				names[full+"."+n.Rename.Old] = true
			} else {
				names[full] = true
			}
		case n.Rename != nil:
			names[c.schema.qualify(n.Rename.Object.names())] = true
		case n.AlterSchema != nil && n.AlterSchema.Relation != nil:
			names[c.schema.full(*n.AlterSchema.Relation)] = true
		case n.AlterTable != nil:
			for _, cmd := range n.AlterTable.Commands {
				if k := cmd.Command.Kind; k == "AT_DropColumn" || k == "AT_DropConstraint" {
					full := c.schema.full(n.AlterTable.Relation)
					names[full+"."+cmd.Command.Name] = true
					// The index of a unique constraint goes with it.
					names[full[:strings.LastIndexByte(full, '.')+1]+cmd.Command.Name] = true
					if k == "AT_DropColumn" {
						names[full+".*"] = true
					}
				}
			}
		}
	}
	return names
}

// ofFunctions reports whether a DROP is about what is called with arguments.
func (n *drop) ofFunctions() bool {
	return slices.Contains([]string{"OBJECT_FUNCTION", "OBJECT_PROCEDURE", "OBJECT_ROUTINE", "OBJECT_AGGREGATE"}, n.Kind)
}

// functionName returns the name in a DROP FUNCTION without its arguments.
func functionName(o tree) []string {
	var name []string
	o.walk(func(_ string, fields map[string]any) {
		if list, ok := fields["objname"]; ok {
			name = stringsOf(list)
		}
	})
	return name
}

// leftBehind reports what the up file makes and the down file leaves there.
func (c *checker) leftBehind(made []object, down *source) {
	gone := c.gone(down)
	if gone["*"] {
		return
	}
	var names, sql []string
	for _, o := range slices.Backward(made) {
		schema, _, _ := strings.Cut(o.name, ".")
		switch {
		case gone[o.name], gone[o.of], gone[schema]:
		case o.of != "" && gone[o.of+".*"] && o.kind != "COLUMN" && o.kind != "TRIGGER":
			// An index or a constraint goes with its columns.
		case o.of != "" && slices.ContainsFunc(made, func(t object) bool { return t.name == o.of }):
			// That its table stays is said already.
		default:
			names = append(names, strings.ToLower(o.kind)+" "+short(o.name))
			sql = append(sql, o.sql)
		}
	}
	if len(names) == 0 {
		return
	}
	at := down.span(0, 0)
	if len(down.statements) > 0 {
		at = down.whole(down.statements[0])
	}
	c.add(Finding{
		Code: "L503", At: at, Safe: strings.Join(sql, "\n"),
		Detail: fmt.Sprintf("The up file makes what the down file leaves there: %s. The next up fails on it, or goes on with what is old.", strings.Join(names, ", ")),
	})
}
