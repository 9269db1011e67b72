package lint

import (
	"cmp"
	"maps"
	"slices"
	"strings"
)

// schema is what the migrations so far have made, as far as the rules ask.
// What other means made is not known: such a table counts as one that stands
// there and has rows.
type schema struct {
	path      string               // where an unqualified name lives
	tables    map[string]*table    // by schema.name
	functions map[string]*function // by name
	types     map[string]*userType
	views     map[string]bool // by schema.name, materialized ones too; whether it is fresh
	indexes   map[string]*indexed
}

type table struct {
	name        string // schema.name
	fresh       bool   // made by what is being looked at: nobody waits for it
	temporary   bool
	partitioned bool
	columns     map[string]*column
	checks      map[string]*check // constraints by name, those of NOT NULL aside
	primary     bool
	inserted    bool // the same migrations put rows there
}

type column struct {
	typ     sqlType
	notNull bool
	deflt   bool
	fresh   bool
}

// check is a constraint.
type check struct {
	kind    string // CONSTR_CHECK, CONSTR_FOREIGN, CONSTR_UNIQUE …
	columns []string
	fresh   bool
	notNull string // the column, where it is a CHECK that says no more than IS NOT NULL
	valid   bool
	file    int // which file added it
	block   int // and which transaction of it
}

// userType is an enum, a composite, a domain or a range.
type userType struct {
	checked bool // a domain with constraints
	fresh   bool // made in this file
	base    sqlType
}

type indexed struct {
	columns []string
	table   string
	unique  bool
	fresh   bool
}

type function struct {
	volatile bool // it may give each row another value
	trigger  bool // only triggers call it
	fresh    bool
}

func newSchema() *schema {
	return &schema{
		path: "public", tables: map[string]*table{}, functions: map[string]*function{},
		types: map[string]*userType{}, views: map[string]bool{}, indexes: map[string]*indexed{},
	}
}

// full returns the name of a relation with its schema.
func (s *schema) full(r relation) string {
	if r.Schema != "" {
		return r.Schema + "." + r.Name
	}
	return s.path + "." + r.Name
}

// qualify returns a name of one or more parts with its schema.
func (s *schema) qualify(parts []string) string {
	if len(parts) >= 2 {
		return strings.Join(parts[len(parts)-2:], ".")
	}
	return s.path + "." + strings.Join(parts, "")
}

// table returns what is known of a table; never nil. What is not known is
// taken to stand there and to have rows.
func (s *schema) table(r relation) *table {
	if t := s.tables[s.full(r)]; t != nil {
		return t
	}
	t := newTable(s.full(r))
	t.temporary = r.Persistence == "t"
	return t
}

// known returns a table that is changed from now on.
func (s *schema) known(r relation) *table {
	t := s.table(r)
	if _, view := s.views[t.name]; !view {
		s.tables[t.name] = t
	}
	return t
}

func newTable(name string) *table {
	return &table{name: name, columns: map[string]*column{}, checks: map[string]*check{}}
}

// quiet reports whether nothing waits for the table: it is new, or of this
// session only.
func (t *table) quiet() bool { return t.fresh || t.temporary }

// settle makes all that is new old.
func (s *schema) settle() {
	for _, t := range s.tables {
		t.fresh, t.inserted = false, false
		for _, c := range t.columns {
			c.fresh = false
		}
		for _, k := range t.checks {
			k.fresh = false
		}
	}
	for name := range s.views {
		s.views[name] = false
	}
	for _, i := range s.indexes {
		i.fresh = false
	}
	for _, f := range s.functions {
		f.fresh = false
	}
	s.settleTypes()
}

// settleTypes makes all types old, as they are to the next transaction.
func (s *schema) settleTypes() {
	for _, t := range s.types {
		t.fresh = false
	}
}

// proven reports whether a constraint that is valid says that a column holds
// no NULL, so that SET NOT NULL need not look.
func (t *table) proven(name string) bool {
	if c := t.columns[name]; c != nil && c.notNull {
		return true
	}
	for _, c := range t.checks {
		if c.valid && c.notNull == name {
			return true
		}
	}
	return false
}

// apply changes the schema as a statement does. fresh says whether what it
// makes is new to those who look; where is its file and its transaction.
func (s *schema) apply(st statement, fresh bool, file, block int) {
	n := st.node
	switch {
	case n.CreateTable != nil:
		s.create(n.CreateTable, fresh, file, block)
	case n.CreateAs != nil && n.CreateAs.Kind == "OBJECT_MATVIEW", n.View != nil:
		if n.View != nil {
			s.views[s.full(n.View.View)] = fresh
		} else {
			s.views[s.full(n.CreateAs.Into.Relation)] = fresh
		}
	case n.CreateAs != nil:
		s.createFrom(n.CreateAs.Into.Relation, fresh)
	case n.Select != nil && n.Select.Into != nil:
		s.createFrom(n.Select.Into.Relation, fresh)
	case st.Alter() != nil:
		s.alter(n.AlterTable, fresh, file, block)
	case n.Index != nil:
		s.indexes[s.indexName(n.Index)] = &indexed{table: s.full(n.Index.Relation), columns: n.Index.columns(), unique: n.Index.Unique, fresh: fresh}
	case n.Drop != nil:
		s.drop(n.Drop)
	case n.Rename != nil:
		s.rename(n.Rename)
	case n.AlterSchema != nil && n.AlterSchema.Relation != nil:
		s.move(s.full(*n.AlterSchema.Relation), n.AlterSchema.New+"."+n.AlterSchema.Relation.Name)
	case n.CreateFunc != nil:
		s.functions[last(n.CreateFunc.Name)] = &function{volatile: n.CreateFunc.volatile(), trigger: n.CreateFunc.trigger(), fresh: fresh}
	case n.CreateEnum != nil:
		s.types[last(n.CreateEnum.Name)] = &userType{fresh: fresh}
	case n.CreateRange != nil:
		s.types[last(n.CreateRange.Name)] = &userType{fresh: fresh}
	case n.Composite != nil:
		s.types[n.Composite.Type.Name] = &userType{fresh: fresh}
	case n.CreateDomain != nil:
		s.types[last(n.CreateDomain.Name)] = &userType{
			fresh: fresh, checked: len(n.CreateDomain.Constraints) > 0, base: newType(n.CreateDomain.Type),
		}
	case n.Insert != nil:
		if t := s.tables[s.full(n.Insert.Relation)]; t != nil {
			t.inserted = true
		}
	case n.Set != nil && n.Set.Name == "search_path":
		if path := n.Set.Args.names(); len(path) > 0 && path[0] != "" && !strings.HasPrefix(path[0], "$") {
			s.path = path[0]
		}
	}
}

// create adds a table.
func (s *schema) create(n *createTable, fresh bool, file, block int) {
	name := s.full(n.Relation)
	if s.tables[name] != nil && n.IfNot {
		return
	}
	t := newTable(name)
	t.fresh, t.temporary = fresh, n.Relation.Persistence == "t"
	t.partitioned = n.Partition != nil
	s.tables[name] = t
	for _, e := range n.Elements {
		switch {
		case e.Column != nil:
			t.add(e.Column, fresh, file, block)
		case e.Constraint != nil:
			t.constrain(e.Constraint, texts(e.Constraint.Keys), fresh, file, block)
		}
	}
}

func (s *schema) createFrom(r relation, fresh bool) {
	t := newTable(s.full(r))
	t.fresh, t.temporary = fresh, r.Persistence == "t"
	s.tables[t.name] = t
}

// add gives the table a column.
func (t *table) add(def *columnDef, fresh bool, file, block int) {
	c := &column{typ: newType(def.Type), fresh: fresh, deflt: def.Type.serial()}
	c.notNull = c.deflt
	t.columns[def.Name] = c
	for _, k := range def.Constraints {
		t.constrain(&k.Constraint, []string{def.Name}, fresh, file, block)
	}
}

// constrain adds a constraint over columns.
func (t *table) constrain(k *constraint, columns []string, fresh bool, file, block int) {
	each := func(do func(*column)) {
		for _, name := range columns {
			if c := t.columns[name]; c != nil {
				do(c)
			}
		}
	}
	switch k.Kind {
	case "CONSTR_NOTNULL":
		each(func(c *column) { c.notNull = true })
	case "CONSTR_DEFAULT":
		each(func(c *column) { c.deflt = true })
	case "CONSTR_IDENTITY", "CONSTR_GENERATED":
		each(func(c *column) { c.deflt, c.notNull = true, c.notNull || k.Kind == "CONSTR_IDENTITY" })
	case "CONSTR_CHECK", "CONSTR_FOREIGN", "CONSTR_UNIQUE", "CONSTR_PRIMARY", "CONSTR_EXCLUSION":
		if k.Kind == "CONSTR_PRIMARY" {
			t.primary = true
			each(func(c *column) { c.notNull = true })
		}
		columns = append(columns, texts(k.Columns)...)
		name := cmp.Or(k.Name, k.Index)
		if name == "" {
			name = constraintName(t.name, columns, k.Kind)
		}
		t.checks[name] = &check{
			kind: k.Kind, columns: columns, fresh: fresh, notNull: notNullOf(k.Expr), valid: !k.NotValid, file: file, block: block,
		}
	}
}

// alter changes a table.
func (s *schema) alter(n *alterTable, fresh bool, file, block int) {
	t := s.known(n.Relation)
	for _, c := range n.Commands {
		cmd := c.Command
		switch cmd.Kind {
		case "AT_AddColumn":
			if cmd.Def.Column != nil {
				t.add(cmd.Def.Column, fresh, file, block)
			}
		case "AT_DropColumn":
			delete(t.columns, cmd.Name)
			maps.DeleteFunc(t.checks, func(_ string, k *check) bool { return slices.Contains(k.columns, cmd.Name) })
		case "AT_AlterColumnType":
			if col := t.columns[cmd.Name]; col != nil && cmd.Def.Column != nil {
				col.typ = newType(cmd.Def.Column.Type)
			}
		case "AT_SetNotNull", "AT_DropNotNull":
			if col := t.columns[cmd.Name]; col != nil {
				col.notNull = cmd.Kind == "AT_SetNotNull"
			}
		case "AT_ColumnDefault":
			if col := t.columns[cmd.Name]; col != nil {
				col.deflt = true
			}
		case "AT_AddConstraint":
			if k := cmd.Def.Constraint; k != nil {
				columns := texts(k.Keys)
				if i := s.indexes[t.name[:strings.LastIndexByte(t.name, '.')+1]+k.Index]; i != nil {
					columns = i.columns
				}
				t.constrain(k, columns, fresh, file, block)
			}
		case "AT_ValidateConstraint":
			if k := t.checks[cmd.Name]; k != nil {
				k.valid = true
			}
		case "AT_DropConstraint":
			delete(t.checks, cmd.Name)
		case "AT_AttachPartition":
			t.partitioned = true
		}
	}
}

// drop takes away what a DROP names.
func (s *schema) drop(n *drop) {
	for _, o := range n.Objects {
		name := s.qualify(o.names())
		switch n.Kind {
		case "OBJECT_TABLE":
			delete(s.tables, name)
			maps.DeleteFunc(s.indexes, func(_ string, i *indexed) bool { return i.table == name })
		case "OBJECT_VIEW", "OBJECT_MATVIEW":
			delete(s.views, name)
		case "OBJECT_INDEX":
			delete(s.indexes, name)
		case "OBJECT_TYPE", "OBJECT_DOMAIN":
			delete(s.types, last2(o.names()))
		case "OBJECT_FUNCTION", "OBJECT_PROCEDURE", "OBJECT_ROUTINE", "OBJECT_AGGREGATE":
			delete(s.functions, last2(functionName(o)))
		}
	}
}

// rename gives a table or a column its new name.
func (s *schema) rename(n *rename) {
	if n.Relation == nil {
		return
	}
	name := s.full(*n.Relation)
	switch n.Kind {
	case "OBJECT_TABLE", "OBJECT_VIEW", "OBJECT_MATVIEW":
		s.move(name, strings.TrimSuffix(name, n.Relation.Name)+n.New)
	case "OBJECT_COLUMN":
		if t := s.tables[name]; t != nil && t.columns[n.Old] != nil {
			t.columns[n.New] = t.columns[n.Old]
			delete(t.columns, n.Old)
		}
	}
}

// move gives a relation another name.
func (s *schema) move(from, to string) {
	if t := s.tables[from]; t != nil {
		delete(s.tables, from)
		t.name, s.tables[to] = to, t
		for _, i := range s.indexes {
			if i.table == from {
				i.table = to
			}
		}
	}
	if fresh, view := s.views[from]; view {
		delete(s.views, from)
		s.views[to] = fresh
	}
}

// indexName is the name of an index with the schema of its table.
func (s *schema) indexName(n *index) string {
	full := s.full(n.Relation)
	return full[:strings.LastIndexByte(full, '.')+1] + n.name()
}

// name is that of an index, or the one that PostgreSQL gives it.
func (n *index) name() string {
	if n.Name != "" {
		return n.Name
	}
	parts := []string{n.Relation.Name}
	for _, c := range n.Columns {
		if c.Element.Name == "" {
			parts = append(parts, "expr")
		} else {
			parts = append(parts, c.Element.Name)
		}
	}
	return shorten(strings.Join(append(parts, "idx"), "_"))
}

// volatile reports whether a function may give each row another value, which
// is so where it does not say otherwise.
func (n *createFunc) volatile() bool {
	volatile := true
	n.Options.walk(func(kind string, fields map[string]any) {
		if kind == "DefElem" && fields["defname"] == "volatility" {
			volatile = slices.Contains(stringsOf(fields["arg"]), "volatile")
		}
	})
	return volatile
}

// trigger reports whether only triggers can call a function.
func (n *createFunc) trigger() bool {
	return slices.Contains([]string{"trigger", "event_trigger"}, last(n.Returns.Names))
}

// notNullOf returns the column of which an expression says that it IS NOT
// NULL and nothing else.
func notNullOf(expr tree) string {
	column, nodes := "", 0
	test := false
	expr.walk(func(kind string, fields map[string]any) {
		switch kind {
		case "NullTest":
			test = fields["nulltesttype"] == "IS_NOT_NULL"
			nodes++
		case "ColumnRef":
			if names := stringsOf(fields["fields"]); len(names) > 0 {
				column = names[len(names)-1]
			}
		case "BoolExpr", "A_Expr", "FuncCall", "SubLink", "CaseExpr":
			nodes += 2
		}
	})
	if !test || nodes != 1 {
		return ""
	}
	return column
}

func last(names []text) string {
	if len(names) == 0 {
		return ""
	}
	return names[len(names)-1].String.Value
}

func last2(names []string) string {
	if len(names) == 0 {
		return ""
	}
	return names[len(names)-1]
}
