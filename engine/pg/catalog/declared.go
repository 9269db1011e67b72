package catalog

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/syndicate/syndicate/spec"
)

// Declared holds the live schema behind conn against what is declared of it,
// and returns a finding, an error, for each breach, in the order of the
// declaration. Types are compared as PostgreSQL resolves them: int8 is
// bigint, and varchar is a varchar(20), but not the other way round. Names
// stand for what the role's search_path finds.
func Declared(ctx context.Context, conn *pgx.Conn, tables []spec.Table) ([]Finding, error) {
	c := declaration{conn: conn, types: map[string]columnType{}}
	for _, t := range tables {
		if err := c.table(ctx, t); err != nil {
			return nil, fmt.Errorf("check the schema of table %s: %w", t.Name, err)
		}
	}
	return c.findings, nil
}

// declaration is one look at a database.
type declaration struct {
	conn     *pgx.Conn
	types    map[string]columnType // that declared texts stand for
	findings []Finding
}

// columnType is a type as PostgreSQL has it.
type columnType struct {
	oid      uint32
	modifier int32  // -1: none
	trouble  string // why the text is no type
}

// relation is a table as it is.
type relation struct {
	oid     uint32
	name    string // as SQL writes it here
	columns map[string]column
}

type column struct {
	columnType
	text    string // the type as PostgreSQL writes it
	notNull bool
}

func (c *declaration) report(f Finding) {
	f.Severity = spec.Error
	c.findings = append(c.findings, f)
}

func (c *declaration) table(ctx context.Context, t spec.Table) error {
	r, err := c.find(ctx, t.Name)
	if err != nil {
		return err
	}
	if r == nil {
		c.report(Finding{
			Code: CodeTableMissing, Object: "table " + t.Name,
			Text: fmt.Sprintf("there is no table %s", t.Name), Expected: "the table exists", Found: "no such table",
			Advice: "apply the migration that creates it, or correct the name in schema { }; a name outside of the search_path is written with its schema",
		})
		return nil
	}
	if err := c.columns(ctx, t, r); err != nil {
		return err
	}
	c.notNull(t, r)
	return c.indexes(ctx, t, r)
}

// find returns the table that a name stands for: as it is written, else as
// SQL would read it.
func (c *declaration) find(ctx context.Context, name string) (*relation, error) {
	r := &relation{columns: map[string]column{}}
	schema, table := splitName(name)
	names := []string{pgx.Identifier{name}.Sanitize()}
	if schema != "" {
		names = append(names, pgx.Identifier{schema, table}.Sanitize())
	}
	for _, try := range append(names, name) {
		err := c.conn.QueryRow(ctx, `
			select c.oid, c.oid::regclass::text from pg_class c
			where c.oid = to_regclass($1) and c.relkind in ('r', 'p', 'v', 'm', 'f')`, try).Scan(&r.oid, &r.name)
		switch {
		case err == nil:
			return r, c.describe(ctx, r)
		case errors.Is(err, pgx.ErrNoRows), refused(err):
		default:
			return nil, err
		}
	}
	return nil, nil
}

// refused reports whether PostgreSQL understood the question and says no to
// what it is about: a name or a type that is none.
func refused(err error) bool {
	e, ok := errors.AsType[*pgconn.PgError](err)
	return ok && (strings.HasPrefix(e.Code, "42") || strings.HasPrefix(e.Code, "3F") || strings.HasPrefix(e.Code, "22") || strings.HasPrefix(e.Code, "0A"))
}

// describe fills in the columns.
func (c *declaration) describe(ctx context.Context, r *relation) error {
	rows, err := c.conn.Query(ctx, `
		select a.attname::text, a.atttypid, a.atttypmod, format_type(a.atttypid, a.atttypmod),
		       a.attnotnull or t.typtype = 'd' and t.typnotnull
		from pg_attribute a join pg_type t on t.oid = a.atttypid
		where a.attrelid = $1 and a.attnum > 0 and not a.attisdropped`, r.oid)
	if err != nil {
		return err
	}
	var name string
	var col column
	_, err = pgx.ForEachRow(rows, []any{&name, &col.oid, &col.modifier, &col.text, &col.notNull}, func() error {
		r.columns[name] = col
		return nil
	})
	return err
}

func (c *declaration) columns(ctx context.Context, t spec.Table, r *relation) error {
	for _, name := range slices.Sorted(maps.Keys(t.Columns)) {
		want := t.Columns[name]
		typ, err := c.resolve(ctx, want)
		if err != nil {
			return err
		}
		is, there := r.columns[name]
		f := Finding{Object: "column " + t.Name + "." + name, Expected: want}
		switch {
		case !there:
			f.Code, f.Found = CodeColumnMissing, "no such column"
			f.Text = fmt.Sprintf("table %s has no column %s, which is declared as %s", t.Name, name, want)
			f.Mend = fmt.Sprintf("ALTER TABLE %s ADD COLUMN %s %s;", r.name, quoted(name), want)
			f.Advice = "apply the migration that adds it" + similar(name, slices.Collect(maps.Keys(r.columns)))
		case typ.trouble != "":
			f.Code, f.Found = CodeColumnType, is.text
			f.Text = fmt.Sprintf("column %s.%s is declared as %q, which is no type here: %s", t.Name, name, want, typ.trouble)
			f.Advice = "correct the type in schema { }; the column is " + is.text
		case typ.oid != is.oid || typ.modifier >= 0 && typ.modifier != is.modifier:
			f.Code, f.Found = CodeColumnType, is.text
			f.Text = fmt.Sprintf("column %s.%s is %s, and is declared as %s", t.Name, name, is.text, want)
			f.Mend = fmt.Sprintf("ALTER TABLE %s ALTER COLUMN %s TYPE %s USING %s::%s;", r.name, quoted(name), want, quoted(name), want)
			f.Advice = "the statement may rewrite the whole table while nobody can use it: write a migration, and lint it"
		default:
			continue
		}
		c.report(f)
	}
	return nil
}

// serials are no types: columns that are declared so have another.
var serials = map[string]string{
	"smallserial": "smallint", "serial2": "smallint", "serial": "integer", "serial4": "integer", "bigserial": "bigint", "serial8": "bigint",
}

// resolve returns the type that a text stands for. The text is only ever a
// parameter, or, where it has a modifier, part of a statement that is
// prepared and not executed.
func (c *declaration) resolve(ctx context.Context, text string) (columnType, error) {
	if t, ok := c.types[text]; ok {
		return t, nil
	}
	t := columnType{modifier: -1}
	name := strings.ToLower(strings.TrimSpace(text))
	if real, ok := serials[name]; ok {
		name = real
	} else {
		name = text
	}
	var oid *uint32
	err := c.conn.QueryRow(ctx, "select to_regtype($1)::oid", name).Scan(&oid)
	switch {
	case refused(err):
		t.trouble = err.(*pgconn.PgError).Message
	case err != nil:
		return t, err
	case oid == nil:
		t.trouble = "no type is called so"
	default:
		t.oid = *oid
	}
	if t.trouble == "" && strings.Contains(name, "(") {
		described, err := c.conn.PgConn().Prepare(ctx, "", "select cast(null as "+name+")", nil)
		switch {
		case refused(err):
			t.trouble = err.(*pgconn.PgError).Message
		case err != nil:
			return t, err
		case len(described.Fields) == 1:
			t.modifier = described.Fields[0].TypeModifier
		}
	}
	c.types[text] = t
	return t, nil
}

func (c *declaration) notNull(t spec.Table, r *relation) {
	for _, name := range t.NotNull {
		is, there := r.columns[name]
		f := Finding{Object: "column " + t.Name + "." + name, Expected: "NOT NULL"}
		switch {
		case !there && t.Columns[name] != "":
			continue // said already
		case !there:
			f.Code, f.Found = CodeColumnMissing, "no such column"
			f.Text = fmt.Sprintf("table %s has no column %s, which is declared as NOT NULL", t.Name, name)
			f.Advice = "apply the migration that adds it" + similar(name, slices.Collect(maps.Keys(r.columns)))
		case !is.notNull:
			f.Code, f.Found = CodeNullable, "nullable"
			f.Text = fmt.Sprintf("column %s.%s may be null, and is declared as NOT NULL", t.Name, name)
			check := quoted(name + "_present")
			f.Mend = fmt.Sprintf("ALTER TABLE %[1]s ADD CONSTRAINT %[3]s CHECK (%[2]s IS NOT NULL) NOT VALID;\n"+
				"ALTER TABLE %[1]s VALIDATE CONSTRAINT %[3]s;\n"+
				"ALTER TABLE %[1]s ALTER COLUMN %[2]s SET NOT NULL, DROP CONSTRAINT %[3]s;", r.name, quoted(name), check)
			f.Advice = "each statement by itself, after the rows that are null were given a value: so the table is never locked for long"
		default:
			continue
		}
		c.report(f)
	}
}

func (c *declaration) indexes(ctx context.Context, t spec.Table, r *relation) error {
	if len(t.Indexes) == 0 {
		return nil
	}
	rows, err := c.conn.Query(ctx, `
		select ic.relname::text, i.indrelid = $1, i.indrelid::regclass::text, i.indisvalid and i.indisready, ic.oid::regclass::text
		from pg_index i join pg_class ic on ic.oid = i.indexrelid
		where i.indrelid = $1 or ic.relname = any($2) order by i.indrelid = $1`, r.oid, t.Indexes)
	if err != nil {
		return err
	}
	type indexed struct {
		here, valid bool
		on, name    string
	}
	found := map[string]indexed{} // those of this table come last, and win
	var own []string
	var name string
	var is indexed
	_, err = pgx.ForEachRow(rows, []any{&name, &is.here, &is.on, &is.valid, &is.name}, func() error {
		found[name] = is
		if is.here {
			own = append(own, name)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, name := range t.Indexes {
		is, there := found[name]
		f := Finding{Object: "index " + name, Expected: "a valid index of " + t.Name}
		switch {
		case !there:
			f.Code, f.Found = CodeIndexMissing, "no such index"
			f.Text = fmt.Sprintf("table %s has no index %s", t.Name, name)
			f.Advice = "apply the migration that creates it" + similar(name, own)
		case !is.here:
			f.Code, f.Found = CodeIndexMissing, "an index of "+is.on
			f.Text = fmt.Sprintf("index %s is one of table %s, and is declared as one of %s", name, is.on, t.Name)
			f.Advice = "correct the declaration, or give the indexes names of their own"
		case !is.valid:
			f.Code, f.Found = CodeIndexInvalid, "invalid"
			f.Text = fmt.Sprintf("index %s of table %s is invalid: no query uses it", name, t.Name)
			f.Mend = fmt.Sprintf("REINDEX INDEX CONCURRENTLY %s;", is.name)
			f.Advice = "its concurrent build was interrupted or found duplicates"
		default:
			continue
		}
		c.report(f)
	}
	return nil
}

// splitName takes a name with or without its schema apart.
func splitName(name string) (schema, object string) {
	if strings.HasPrefix(name, `"`) || strings.Count(name, ".") != 1 {
		if before, after, ok := strings.Cut(name, `"."`); ok {
			return unquoted(before + `"`), unquoted(`"` + after)
		}
	}
	before, after, ok := strings.Cut(name, ".")
	if !ok {
		return "", unquoted(name)
	}
	return unquoted(before), unquoted(after)
}
