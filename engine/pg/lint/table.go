package lint

import (
	"fmt"
	"slices"
	"strings"

	"github.com/syndicate/syndicate/spec"
)

// tables looks at ALTER TABLE.
func (c *checker) tables() {
	a := c.at.Alter()
	if a == nil {
		return
	}
	t := c.schema.table(a.Relation)
	if t.quiet() {
		return
	}
	written := parts(c.file, c.at)
	for i, cmd := range a.Commands {
		x := &altering{checker: c, table: t, cmd: cmd.Command, on: a.Relation.sql()}
		if written != nil {
			x.written, x.from = written[i].text, written[i].offset
		}
		x.look()
	}
}

// altering is one command of an ALTER TABLE.
type altering struct {
	*checker
	table   *table
	cmd     alterCommand
	on      string // the table as SQL has it
	written string // the command as it is written, "" where that is not known
	from    int    // where it begins in the file
}

// look chooses the rules for a command.
func (x *altering) look() {
	k, col := x.cmd.Def.Constraint, x.cmd.Def.Column
	switch x.cmd.Kind {
	case "AT_AddColumn":
		if col != nil {
			x.addColumn(col)
		}
	case "AT_DropColumn":
		x.dropColumn()
	case "AT_SetNotNull":
		x.setNotNull(x.cmd.Name, 0)
	case "AT_AlterColumnType":
		if col != nil {
			x.changeType(col)
		}
	case "AT_AddConstraint":
		if k != nil {
			x.constrain(k, texts(k.Keys))
		}
	case "AT_ValidateConstraint":
		x.validate()
	case "AT_DropConstraint":
		x.dropConstraint()
	case "AT_AttachPartition":
		x.attach(x.cmd.Def.Partition)
	case "AT_DetachPartition":
		x.detach(x.cmd.Def.Partition)
	case "AT_SetLogged", "AT_SetUnLogged", "AT_SetTableSpace", "AT_SetAccessMethod", "AT_SetExpression":
		x.rewriteWhole()
	case "AT_ReplicaIdentity":
		x.replicaIdentity()
	}
}

// report takes a finding about the command.
func (x *altering) report(f Finding) {
	if f.At.IsZero() && x.written != "" {
		f.At = x.file.span(x.from, x.from+len(x.written))
	}
	x.checker.report(f)
}

// place is the token at a location of the tree; the zero Range, which stands
// for the command, where there is none.
func (x *altering) place(location int) spec.Range {
	if location <= 0 {
		return spec.Range{}
	}
	return x.file.at(x.at, location)
}

// alter writes an ALTER TABLE of the table.
func (x *altering) alter(commands string) string { return "ALTER TABLE " + x.on + " " + commands + ";" }

func (x *altering) constrain(k *constraint, columns []string) {
	switch k.Kind {
	case "CONSTR_FOREIGN":
		x.foreignKey(k, texts(k.Columns))
	case "CONSTR_CHECK":
		x.check(k, columns)
	case "CONSTR_UNIQUE", "CONSTR_PRIMARY", "CONSTR_EXCLUSION":
		x.indexed(k, columns)
	}
}

// named returns a constraint as it is written with its name, and the name.
func (x *altering) named(k *constraint, columns []string) (written, name string) {
	name = k.Name
	if name == "" {
		name = constraintName(x.table.name, columns, k.Kind)
	}
	body := x.written
	if at := indexWord(body, "constraint"); at >= 0 && k.Name != "" {
		body = body[at+len("constraint"):]
		body = strings.TrimSpace(body[nameLength(body):])
	} else if at := indexWord(body, "add"); at >= 0 {
		body = strings.TrimSpace(body[at+len("add"):])
	}
	return "ADD CONSTRAINT " + quoted(name) + " " + body, name
}

// twoSteps is how a constraint is added without a long lock.
func (x *altering) twoSteps(k *constraint, columns []string) string {
	if x.written == "" {
		return ""
	}
	written, name := x.named(k, columns)
	return x.alter(written+" NOT VALID") + "\n" + nextFile + "\n" + x.alter("VALIDATE CONSTRAINT "+quoted(name))
}

func (x *altering) foreignKey(k *constraint, columns []string) {
	if k.NotValid {
		return
	}
	to := "the other table"
	if k.Refers != nil {
		to = short(x.schema.full(*k.Refers))
	}
	x.report(Finding{
		Code: "L103", Lock: shareRowExclusive, Object: x.table.name, At: x.place(k.Location), Safe: x.twoSteps(k, columns),
		Detail: fmt.Sprintf("Writes to %s and to %s wait until every row is looked up: both are held by a SHARE ROW EXCLUSIVE lock. "+
			"With NOT VALID it holds for new rows at once, and VALIDATE looks at the old ones while both are in use.", short(x.table.name), to),
	})
}

func (x *altering) check(k *constraint, columns []string) {
	if k.NotValid {
		return
	}
	if len(columns) == 0 {
		columns = x.mentioned(k.Expr)
	}
	x.report(Finding{
		Code: "L104", Lock: accessExclusive, Object: x.table.name, At: x.place(k.Location), Safe: x.twoSteps(k, columns),
		Detail: fmt.Sprintf("Every query of %s waits while all its rows are read to prove it: an ACCESS EXCLUSIVE lock is held meanwhile. "+
			"With NOT VALID it holds for new rows at once, and VALIDATE looks at the old ones while the table is in use.", short(x.table.name)),
	})
}

// mentioned returns the column of an expression where there is just one, as
// PostgreSQL does to name a constraint.
func (x *altering) mentioned(expr tree) []string {
	var names []string
	expr.walk(func(kind string, fields map[string]any) {
		if kind == "ColumnRef" {
			if name := last2(stringsOf(fields["fields"])); !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	})
	if len(names) != 1 {
		return nil
	}
	return names
}

func (x *altering) indexed(k *constraint, columns []string) {
	if k.Index != "" {
		if k.Kind == "CONSTR_PRIMARY" {
			x.nullableKey(k)
		}
		return
	}
	name := k.Name
	if name == "" {
		name = constraintName(x.table.name, columns, k.Kind)
	}
	f := Finding{
		Code: "L106", Lock: accessExclusive, Object: x.table.name, At: x.place(k.Location),
		Detail: fmt.Sprintf("Every query of %s waits while its index is built: an ACCESS EXCLUSIVE lock is held meanwhile.", short(x.table.name)),
	}
	kind := "UNIQUE"
	if k.Kind == "CONSTR_PRIMARY" {
		kind = "PRIMARY KEY"
	}
	switch {
	case k.Kind == "CONSTR_EXCLUSION":
		f.Detail += " An exclusion constraint can be built in no other way: do it while the table is small, or make a new table and move the rows."
	case x.table.partitioned:
		f.Detail += " On a partitioned table: make it on ONLY the parent first, on each partition by its own index, and attach these."
	default:
		f.Detail += " Build the index while the table is in use, and make it the constraint's."
		f.Safe = fmt.Sprintf("%s\nCREATE UNIQUE INDEX CONCURRENTLY %s ON %s (%s);\n%s\n%s",
			ownFile, quoted(name), x.on, list(columns), nextFile, x.alter("ADD CONSTRAINT "+quoted(name)+" "+kind+" USING INDEX "+quoted(name)))
	}
	x.report(f)
	if !x.allFresh(x.table, columns) && k.Kind == "CONSTR_UNIQUE" {
		x.duplicates(x.table, x.at.AlterTable.Relation, columns, f.At, false)
	}
}

// nullableKey warns of the scan that a primary key makes of columns that
// may be null.
func (x *altering) nullableKey(k *constraint) {
	i := x.schema.indexes[x.table.name[:strings.LastIndexByte(x.table.name, '.')+1]+k.Index]
	if i == nil {
		return
	}
	for _, name := range i.columns {
		if col := x.table.columns[name]; col != nil && !col.notNull && !x.table.proven(name) {
			x.setNotNull(name, k.Location)
		}
	}
}

func (x *altering) setNotNull(name string, location int) {
	if x.table.proven(name) {
		return
	}
	constraint := shorten(short(x.table.name[strings.LastIndexByte(x.table.name, '.')+1:]) + "_" + name + "_not_null")
	column := quoted(name)
	x.report(Finding{
		Code: "L105", Lock: accessExclusive, Object: x.table.name + "." + name, At: x.place(location),
		Detail: fmt.Sprintf("Every query of %s waits while all its rows are read to prove that %s is NULL in none, and it fails where it is. "+
			"With a valid CHECK that says so PostgreSQL need not look.", short(x.table.name), column),
		Safe: x.alter("ADD CONSTRAINT "+quoted(constraint)+" CHECK ("+column+" IS NOT NULL) NOT VALID") + "\n" +
			nextFile + "\n" + x.alter("VALIDATE CONSTRAINT "+quoted(constraint)) + "\n" +
			nextFile + "\n" + x.alter("ALTER COLUMN "+column+" SET NOT NULL, DROP CONSTRAINT "+quoted(constraint)),
	})
}

func (x *altering) validate() {
	k := x.table.checks[x.cmd.Name]
	if k == nil || k.file != x.number || k.block != x.block || k.valid {
		return
	}
	x.report(Finding{
		Code: "L107", Lock: accessExclusive, Object: x.table.name,
		Detail: fmt.Sprintf("The transaction still holds the lock of ADD CONSTRAINT on %s, so that everything waits while the rows are read: NOT VALID has won nothing. Put VALIDATE into a file of its own.", short(x.table.name)),
		Safe:   nextFile + "\n" + x.alter("VALIDATE CONSTRAINT "+quoted(x.cmd.Name)),
	})
}

func (x *altering) attach(p *partitionOf) {
	if p == nil {
		return
	}
	part := x.schema.table(p.Name)
	if part.quiet() {
		return
	}
	for _, k := range part.checks {
		if k.valid && k.kind == "CONSTR_CHECK" {
			return // it may be the one that proves the bounds
		}
	}
	name := p.Name.sql()
	x.report(Finding{
		Code: "L108", Lock: accessExclusive, Object: part.name, At: x.file.at(x.at, p.Name.Location),
		Detail: fmt.Sprintf("Every query of %s waits while all its rows are held against the bounds of the partition. A valid CHECK that says the same spares it, and is dropped afterwards. "+
			"A default partition is read, too, unless a CHECK of its own excludes the new bounds.", name),
		Safe: "-- CONDITION: the bounds as an expression, with IS NOT NULL for each column\n" +
			"ALTER TABLE " + name + " ADD CONSTRAINT " + quoted(shorten(p.Name.Name+"_bounds")) + " CHECK (CONDITION) NOT VALID;\n" +
			nextFile + "\nALTER TABLE " + name + " VALIDATE CONSTRAINT " + quoted(shorten(p.Name.Name+"_bounds")) + ";\n" +
			nextFile + "\n" + strings.TrimSpace(x.at.Text) + ";\nALTER TABLE " + name + " DROP CONSTRAINT " + quoted(shorten(p.Name.Name+"_bounds")) + ";",
	})
}

func (x *altering) detach(p *partitionOf) {
	if p == nil || p.Concurrent || strings.Contains(strings.ToLower(x.written), "finalize") {
		return
	}
	x.report(Finding{
		Code: "L109", Lock: accessExclusive, Object: x.table.name, At: x.file.at(x.at, p.Name.Location),
		Detail: fmt.Sprintf("It takes an ACCESS EXCLUSIVE lock on %s, all partitions included in what waits: queries of every other partition queue up behind it.", short(x.table.name)),
		Safe:   ownFile + "\n" + x.alter("DETACH PARTITION "+p.Name.sql()+" CONCURRENTLY"),
	})
}
