package lint

import (
	"fmt"
	"slices"
	"strings"

	"github.com/syndicate/syndicate/spec"
)

func (x *altering) addColumn(def *columnDef) {
	var notNull, hasDefault, identity, stored bool
	var deflt tree
	for _, k := range def.Constraints {
		switch k.Constraint.Kind {
		case "CONSTR_NOTNULL", "CONSTR_PRIMARY":
			notNull = true
		case "CONSTR_DEFAULT":
			deflt, hasDefault = k.Constraint.Expr, true
		case "CONSTR_IDENTITY":
			identity = true
		case "CONSTR_GENERATED":
			stored = k.Constraint.Generated != "v"
		}
	}
	if nullDefault(deflt) {
		hasDefault = false
	}
	x.columnRewrites(def, deflt, identity, stored)
	x.equality(def, newType(def.Type))
	if notNull && !hasDefault && !identity && !stored && !def.Type.serial() {
		x.requiredColumn(def)
	}
	for _, k := range def.Constraints {
		x.columnConstraint(def, &k.Constraint, hasDefault)
	}
}

// equality reports a new column whose values cannot be compared.
func (x *altering) equality(def *columnDef, t sqlType) {
	if !t.incomparable() {
		return
	}
	f := Finding{
		Code: "L306", Object: x.table.name + "." + def.Name, At: x.file.at(x.at, def.Location),
		Detail: fmt.Sprintf("What runs now and takes all columns of %s with DISTINCT, UNION or GROUP BY fails from this moment on: %s has no equality (42883).", short(x.table.name), t),
	}
	if t.name == "json" {
		f.Detail += " jsonb has one, and takes the same values."
		f.Safe = x.alter("ADD COLUMN " + quoted(def.Name) + " jsonb")
	}
	x.report(f)
}

// nullDefault reports whether an expression is just NULL.
func nullDefault(expr tree) bool {
	null, more := false, false
	expr.walk(func(kind string, fields map[string]any) {
		if kind == "A_Const" {
			null = fields["isnull"] == true
		} else if kind != "TypeCast" && kind != "typeName" && kind != "String" {
			more = true
		}
	})
	return null && !more
}

// columnRewrites reports a new column for whose values all rows are written
// anew.
func (x *altering) columnRewrites(def *columnDef, deflt tree, identity, stored bool) {
	column, typ := quoted(def.Name), newType(def.Type)
	f := Finding{Code: "L202", Lock: accessExclusive, Object: x.table.name + "." + def.Name, At: x.file.at(x.at, def.Location)}
	batches := nextFile + ", again and again until it changes no row\n" +
		fmt.Sprintf("UPDATE %s SET %s = %%s WHERE ctid = ANY (ARRAY(SELECT ctid FROM %s WHERE %s IS NULL LIMIT 10000));", x.on, column, x.on, column)
	volatile := x.schema.volatile(deflt)
	domain := x.schema.types[typ.name]
	switch {
	case stored:
		f.Detail = "Every query of %s waits while all its rows are written anew: a stored generated column is computed for each. " +
			"An ordinary column that a trigger keeps costs no lock; a virtual one (PostgreSQL 18) no rewrite."
		f.Safe = x.alter("ADD COLUMN "+column+" "+def.Type.sql()) + "\n-- and a trigger BEFORE INSERT OR UPDATE that computes it; then, for the old rows:\n" +
			fmt.Sprintf(batches, x.generated())
	case identity, def.Type.serial():
		f.Detail = "Every query of %s waits while all its rows are written anew: each gets its number from a sequence."
		base := map[string]string{"bigserial": "bigint", "serial8": "bigint", "smallserial": "smallint", "serial2": "smallint"}[typ.name]
		if base == "" {
			base = "integer"
		}
		if identity {
			base = def.Type.sql()
		}
		sequence := quoted(shorten(x.table.name[strings.LastIndexByte(x.table.name, '.')+1:] + "_" + def.Name + "_seq"))
		f.Safe = x.alter("ADD COLUMN "+column+" "+base) + "\n" +
			"CREATE SEQUENCE " + sequence + " OWNED BY " + x.on + "." + column + ";\n" +
			x.alter("ALTER COLUMN "+column+" SET DEFAULT nextval('"+sequence+"')") + "\n" +
			fmt.Sprintf(batches, "nextval('"+sequence+"')")
	case volatile != "":
		f.Detail = "Every query of %s waits while all its rows are written anew: " + volatile + "() gives each another value. " +
			"A default that is set afterwards concerns new rows only."
		value := x.source()
		f.Safe = x.alter("ADD COLUMN "+column+" "+def.Type.sql()) + "\n" +
			x.alter("ALTER COLUMN "+column+" SET DEFAULT "+value) + "\n" + fmt.Sprintf(batches, value)
	case domain != nil && domain.checked:
		f.Detail = "Every query of %s waits while all its rows are written anew: the domain " + typ.name + " has constraints. " +
			"A column of its base type with a CHECK that is NOT VALID at first does not."
		f.Safe = x.alter("ADD COLUMN " + column + " " + domain.base.String())
	default:
		return
	}
	f.Detail = fmt.Sprintf(f.Detail, short(x.table.name))
	x.report(f)
}

// source returns the expression of a column's DEFAULT as it is written.
func (x *altering) source() string {
	at := indexWord(x.written, "default")
	if at < 0 {
		return "…"
	}
	rest := strings.TrimSpace(x.written[at+len("default"):])
	for _, word := range []string{"not", "null", "constraint", "check", "unique", "primary", "references", "generated", "collate"} {
		if end := indexWord(rest, word); end > 0 {
			rest = strings.TrimSpace(rest[:end])
		}
	}
	return rest
}

// generated returns the expression of a stored column as it is written.
func (x *altering) generated() string {
	at := indexWord(x.written, "as")
	if at < 0 {
		return "…"
	}
	rest := x.written[at+len("as"):]
	return strings.TrimSpace(rest[:closing(rest)])
}

func (x *altering) requiredColumn(def *columnDef) {
	column := quoted(def.Name)
	constraint := quoted(shorten(x.table.name[strings.LastIndexByte(x.table.name, '.')+1:] + "_" + def.Name + "_not_null"))
	x.report(Finding{
		Code: "L401", Object: x.table.name + "." + def.Name, At: x.file.at(x.at, def.Location),
		Detail: fmt.Sprintf("It fails as soon as %s has a row: no row has a value for %s. And what runs now and does not know the column could insert nothing any more. "+
			"A constant DEFAULT costs nothing; without one let it be NULL until all rows and all programs have a value.", short(x.table.name), column),
		Safe: x.alter("ADD COLUMN "+column+" "+def.Type.sql()) + "\n" + nextFile + ", when all rows have a value\n" +
			x.alter("ADD CONSTRAINT "+constraint+" CHECK ("+column+" IS NOT NULL) NOT VALID") + "\n" +
			nextFile + "\n" + x.alter("VALIDATE CONSTRAINT "+constraint) + "\n" +
			nextFile + "\n" + x.alter("ALTER COLUMN "+column+" SET NOT NULL, DROP CONSTRAINT "+constraint),
	})
}

// columnConstraint looks at a constraint that is written behind a new
// column.
func (x *altering) columnConstraint(def *columnDef, k *constraint, hasDefault bool) {
	column := []string{def.Name}
	add := "ADD COLUMN " + quoted(def.Name) + " " + def.Type.sql()
	if hasDefault {
		add += " DEFAULT " + x.source()
	}
	add = x.alter(add)
	name := k.Name
	if name == "" {
		name = constraintName(x.table.name, column, k.Kind)
	}
	f := Finding{Object: x.table.name, At: x.file.at(x.at, k.Location), Lock: accessExclusive}
	switch k.Kind {
	case "CONSTR_FOREIGN":
		// PostgreSQL does not look where all rows are NULL.
		if !hasDefault {
			return
		}
		to := ""
		if k.Refers != nil {
			to = k.Refers.sql()
		}
		f.Code = "L103"
		f.Detail = fmt.Sprintf("Every query of %s waits, and so do writes to %s, until every row is looked up there. "+
			"Add the column first, the constraint NOT VALID, and validate it.", short(x.table.name), to)
		f.Safe = add + "\n" + x.alter("ADD CONSTRAINT "+quoted(name)+" FOREIGN KEY ("+list(column)+") REFERENCES "+to+" NOT VALID") +
			"\n" + nextFile + "\n" + x.alter("VALIDATE CONSTRAINT "+quoted(name))
	case "CONSTR_CHECK":
		f.Code = "L104"
		f.Detail = fmt.Sprintf("Every query of %s waits while all its rows are read to prove it, although they all have the same value there. "+
			"Add the column first, the constraint NOT VALID, and validate it.", short(x.table.name))
		f.Safe = add + "\n" + x.alter("ADD CONSTRAINT "+quoted(name)+" "+x.checkSource()+" NOT VALID") +
			"\n" + nextFile + "\n" + x.alter("VALIDATE CONSTRAINT "+quoted(name))
	case "CONSTR_UNIQUE", "CONSTR_PRIMARY":
		kind := "UNIQUE"
		if k.Kind == "CONSTR_PRIMARY" {
			kind = "PRIMARY KEY"
		}
		f.Code = "L106"
		f.Detail = fmt.Sprintf("Every query of %s waits while the index is built. Add the column first, build the index while the table is in use, and make it the constraint's.", short(x.table.name))
		f.Safe = add + "\n" + ownFile + "\nCREATE UNIQUE INDEX CONCURRENTLY " + quoted(name) + " ON " + x.on + " (" + list(column) + ");\n" +
			nextFile + "\n" + x.alter("ADD CONSTRAINT "+quoted(name)+" "+kind+" USING INDEX "+quoted(name))
	default:
		return
	}
	x.report(f)
}

// checkSource returns the CHECK of a new column as it is written.
func (x *altering) checkSource() string {
	at := indexWord(x.written, "check")
	if at < 0 {
		return "CHECK (…)"
	}
	rest := x.written[at:]
	if end := closing(rest); end > 0 {
		return rest[:end]
	}
	return "CHECK (…)"
}

func (x *altering) dropColumn() {
	col := x.table.columns[x.cmd.Name]
	if col != nil && col.fresh {
		return
	}
	column := quoted(x.cmd.Name)
	f := Finding{
		Code: "L302", Lock: accessExclusive, Object: x.table.name + "." + x.cmd.Name,
		Detail: fmt.Sprintf("What runs now and names %s.%s fails from this moment on, and its values are gone: no down file brings them back. "+
			"Release a version that does not use it first, then drop it and say so here: -- syndicate: allow L302 and since when nothing uses it.", short(x.table.name), x.cmd.Name),
		Safe: "-- syndicate: allow L302 nothing uses it since …\n" + x.alter("DROP COLUMN "+column),
	}
	if col == nil || col.notNull {
		f.Safe = "-- before the release that does not write it any more\n" + x.alter("ALTER COLUMN "+column+" DROP NOT NULL") + "\n-- after it, in a later file\n" + f.Safe
	}
	x.report(f)
}

func (x *altering) changeType(def *columnDef) {
	col := x.table.columns[x.cmd.Name]
	to := newType(def.Type)
	column := quoted(x.cmd.Name)
	rewrites, narrows := true, false
	from := "its type"
	if col != nil {
		from = col.typ.String()
		rewrites, narrows = col.typ.becomes(to)
	} else if to.name == "text" || to.name == "varchar" && to.mod(0) < 0 {
		rewrites = false // most probably from varchar, which costs nothing
	}
	if len(def.Using) > 0 && !plainCast(def.Using, x.cmd.Name) {
		rewrites = true
	}
	object := x.table.name + "." + x.cmd.Name
	at := x.file.at(x.at, def.Location)
	if narrows {
		x.report(Finding{
			Code: "L403", Object: object, At: at,
			Detail: fmt.Sprintf("From %s to %s: it fails where a value does not fit, or cuts it off, and what runs now may go on to write such values.", from, to),
		})
	}
	if !rewrites {
		x.collate(def, object, at)
		return
	}
	if col != nil && col.typ.name == "timestamp" && to.name == "timestamptz" && len(def.Using) == 0 {
		x.timeZone(object, at, from, to)
		return
	}
	detail := fmt.Sprintf("From %s to %s: every query of %s waits while all its rows and indexes are written anew, and prepared statements of what runs now fail. "+
		"Make a new column beside it, write both, and change over.", from, to, short(x.table.name))
	if col == nil {
		detail = fmt.Sprintf("To %s: unless the old type is stored in the same way, every query of %s waits while all its rows and indexes are written anew, and prepared statements of what runs now fail. "+
			"Make a new column beside it, write both, and change over.", to, short(x.table.name))
	}
	beside := quoted(shorten(x.cmd.Name + "_new"))
	value := column + "::" + def.Type.sql()
	x.report(Finding{
		Code: "L201", Lock: accessExclusive, Object: object, At: at, Detail: detail,
		Safe: x.alter("ADD COLUMN "+beside+" "+def.Type.sql()) + "\n" +
			"-- a trigger BEFORE INSERT OR UPDATE, or the programs, keep both the same; then, until it changes no row\n" +
			fmt.Sprintf("UPDATE %s SET %s = %s WHERE ctid = ANY (ARRAY(SELECT ctid FROM %s WHERE %s IS NULL AND %s IS NOT NULL LIMIT 10000));", x.on, beside, value, x.on, beside, column) + "\n" +
			nextFile + ", when nothing reads the old one\n" +
			x.alter("DROP COLUMN "+column) + "\n" + x.alter("RENAME COLUMN "+beside+" TO "+column),
	})
}

// collate looks at another collation: no row changes, and every index over
// the column has another order.
func (x *altering) collate(def *columnDef, object string, at spec.Range) {
	if len(def.Collation) == 0 || x.table.columns[x.cmd.Name] != nil && !x.indexedColumn(x.cmd.Name) {
		return
	}
	x.report(Finding{
		Code: "L201", Lock: accessExclusive, Object: object, At: at,
		Detail: fmt.Sprintf("The rows stay as they are, but every index over %s is sorted anew in the other collation, and every query of %s waits meanwhile. "+
			"Drop the indexes first and build them CONCURRENTLY afterwards, where queries can do without them so long.", quoted(x.cmd.Name), short(x.table.name)),
	})
}

// indexedColumn reports whether an index or a constraint with one is over a
// column.
func (x *altering) indexedColumn(name string) bool {
	for _, i := range x.schema.indexes {
		if i.table == x.table.name && slices.Contains(i.columns, name) {
			return true
		}
	}
	for _, k := range x.table.checks {
		if slices.Contains([]string{"CONSTR_UNIQUE", "CONSTR_PRIMARY", "CONSTR_EXCLUSION"}, k.kind) && slices.Contains(k.columns, name) {
			return true
		}
	}
	return false
}

// timeZone looks at the one change of type for which the time zone of the
// session decides: in UTC nothing is written anew (PostgreSQL 12 and later).
func (x *altering) timeZone(object string, at spec.Range, from string, to sqlType) {
	for _, s := range x.file.statements {
		if s.Set != nil && s.Offset < x.at.Offset && strings.EqualFold(s.Set.Name, "timezone") &&
			strings.EqualFold(last2(s.Set.Args.names()), "utc") {
			return
		}
	}
	x.report(Finding{
		Code: "L201", Lock: accessExclusive, Object: object, At: at,
		Detail: fmt.Sprintf("From %s to %s: unless the time zone of the session is UTC, every query of %s waits while all its rows and indexes are written anew. "+
			"In UTC nothing is written, and what the column holds is taken for UTC: is it?", from, to, short(x.table.name)),
		Safe: "SET LOCAL timezone = 'UTC';\n" + x.alter("ALTER COLUMN "+quoted(x.cmd.Name)+" TYPE timestamptz"),
	})
}

// plainCast reports whether an expression is the column itself or a cast of
// it, as PostgreSQL would do without it.
func plainCast(expr tree, column string) bool {
	plain := true
	expr.walk(func(kind string, fields map[string]any) {
		switch kind {
		case "ColumnRef":
			plain = plain && last2(stringsOf(fields["fields"])) == column
		case "FuncCall", "A_Expr", "BoolExpr", "CaseExpr", "CoalesceExpr", "SubLink", "A_Indirection", "SQLValueFunction", "MinMaxExpr", "A_ArrayExpr":
			plain = false
		}
	})
	return plain
}

func (x *altering) replicaIdentity() {
	id := x.cmd.Def.Identity
	if id == nil || id.Kind != "n" && id.Kind != "f" {
		return
	}
	f := Finding{
		Code: "L307", Lock: accessExclusive, Object: x.table.name, Safe: x.alter("REPLICA IDENTITY DEFAULT"),
		Detail: fmt.Sprintf("Where %s is published, every UPDATE and DELETE on it fails from this moment on (55000). The primary key or a unique index over columns that are NOT NULL names the rows.", short(x.table.name)),
	}
	if id.Kind == "f" {
		f.Detail = fmt.Sprintf("Every UPDATE and DELETE on %s writes all old values to the write-ahead log, and a subscriber may read its whole table for each of them. The primary key or a unique index over columns that are NOT NULL does with less.", short(x.table.name))
	}
	x.report(f)
}

func (x *altering) rewriteWhole() {
	f := Finding{Code: "L204", Lock: accessExclusive, Object: x.table.name}
	why := map[string]string{
		"AT_SetLogged": "to the write-ahead log as well", "AT_SetUnLogged": "and a crash empties it from now on",
		"AT_SetTableSpace": "file by file to the other tablespace", "AT_SetAccessMethod": "in the other form",
		"AT_SetExpression": "with the new value of the generated column",
	}[x.cmd.Kind]
	f.Detail = fmt.Sprintf("Every query of %s waits while all of it is written anew, %s. Make a new table beside it and move the rows, or do it while nothing runs.", short(x.table.name), why)
	x.report(f)
}

// sql is the type as SQL has it.
func (n typeName) sql() string {
	t := newType(n)
	if len(n.Names) > 1 && n.Names[0].String.Value != "pg_catalog" {
		parts := texts(n.Names)
		return qualified(parts)
	}
	if slices.Contains([]string{"int4", "int8", "int2", "bool", "bpchar", "float4", "float8", "timetz", "timestamptz"}, t.name) || n.known() {
		return t.String()
	}
	if len(t.mods) > 0 || t.array {
		return quoted(t.name) + strings.TrimPrefix(t.String(), t.name)
	}
	return quoted(t.name)
}

// known reports whether the grammar itself knows the type.
func (n typeName) known() bool {
	return len(n.Names) > 1 && n.Names[0].String.Value == "pg_catalog"
}
