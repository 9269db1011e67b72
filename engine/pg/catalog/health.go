package catalog

import (
	"cmp"
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/syndicate/syndicate/spec"
)

//go:embed health.sql
var healthSQL string

// Health looks for what works today and will not, or is slower than it need
// be: invalid, duplicate and redundant indexes, foreign keys without an index,
// tables without a primary key, constraints that were never validated, and
// sequences that come to their end. Only an invalid index is an error. It
// takes one round trip and changes nothing.
func Health(ctx context.Context, conn *pgx.Conn) ([]Finding, error) {
	h := health{indexes: map[string][]indexState{}}
	if err := ask(ctx, conn, healthSQL, h.take); err != nil {
		return nil, fmt.Errorf("check the schema: %w", err)
	}
	return h.findings(), nil
}

// health is what a database says of itself.
type health struct {
	tables      []string // with indexes, in order
	indexes     map[string][]indexState
	foreignKeys []foreignKey
	keyless     []keyless
	notValid    []notValid
	sequences   []sequence
}

// owner says whose something is.
type owner struct {
	Table    string // as SQL writes it
	Schema   string
	Relation string
}

// String names the table for people: without the schema public.
func (o owner) String() string {
	if o.Schema == "public" {
		return quoted(o.Relation)
	}
	return quoted(o.Schema) + "." + quoted(o.Relation)
}

type indexState struct {
	owner
	Name, Ident, Method        string
	Unique, Primary, Immediate bool
	Nullable, Valid, Replica   bool
	Partition, Building        bool
	Constraint                 string
	Keys                       []string // column, operator class, collation and order of each
	Columns                    []int    // 0 is an expression
	Included                   int
	Expressions, Predicate     string
	Rest                       string // of the definition, after the method
}

type foreignKey struct {
	owner
	Name, References string
	Keys             []int
	Columns          []string
}

type keyless struct {
	owner
	Partitioned, ID bool
}

type notValid struct {
	owner
	Name, Definition string
}

type sequence struct {
	owner
	Sequence, Type, Column string
	ColumnType             string `json:"column type"`
	Last, Maximum          int64
	Identity               bool
}

// take sorts one row in.
func (h *health) take(values [][]byte) error {
	var err error
	switch string(values[0]) {
	case "index":
		var i indexState
		if err = json.Unmarshal(values[1], &i); err == nil && !ledgers[i.Relation] {
			if len(h.indexes[i.Table]) == 0 {
				h.tables = append(h.tables, i.Table)
			}
			h.indexes[i.Table] = append(h.indexes[i.Table], i)
		}
	case "foreign key":
		err = appendRow(&h.foreignKeys, values[1])
	case "no primary key":
		err = appendRow(&h.keyless, values[1])
		h.keyless = slices.DeleteFunc(h.keyless, func(k keyless) bool { return ledgers[k.Relation] })
	case "not valid":
		err = appendRow(&h.notValid, values[1])
	case "sequence":
		err = appendRow(&h.sequences, values[1])
	}
	return err
}

func appendRow[T any](list *[]T, text []byte) error {
	var row T
	err := json.Unmarshal(text, &row)
	*list = append(*list, row)
	return err
}

// findings decides, without asking anything more.
func (h *health) findings() []Finding {
	var all []Finding
	for _, table := range h.tables {
		all = append(all, h.indexFindings(h.indexes[table])...)
	}
	for _, k := range h.foreignKeys {
		if f, ok := h.uncovered(k); ok {
			all = append(all, f)
		}
	}
	for _, k := range h.keyless {
		all = append(all, h.withoutKey(k))
	}
	for _, k := range h.notValid {
		all = append(all, Finding{
			Code: CodeNotValid, Severity: spec.Warning, Object: fmt.Sprintf("constraint %s.%s", k.owner, quoted(k.Name)),
			Text:   fmt.Sprintf("constraint %s of table %s holds for new rows only: it was never validated", k.Name, k.owner),
			Advice: "it reads the whole table and lets others work meanwhile; rows that break the constraint make it fail, and are to be mended first",
			Mend:   fmt.Sprintf("ALTER TABLE %s VALIDATE CONSTRAINT %s;", k.Table, quoted(k.Name)),
		})
	}
	for _, s := range h.sequences {
		if f, ok := s.exhausted(); ok {
			all = append(all, f)
		}
	}
	slices.SortStableFunc(all, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(rank(a.Severity), rank(b.Severity)), strings.Compare(a.Code, b.Code))
	})
	return all
}

func rank(s spec.Severity) int {
	if s == spec.Error {
		return 0
	}
	return 1
}

// indexFindings looks at the indexes of one table.
func (h *health) indexFindings(list []indexState) []Finding {
	var all []Finding
	for i := range list {
		x := &list[i]
		if !x.Valid {
			if !x.Building {
				all = append(all, x.invalid())
			}
			continue
		}
		if x.Partition {
			continue // its parent tells
		}
		if other := x.covered(list); other != nil {
			all = append(all, x.superfluous(other))
		}
	}
	return all
}

func (x *indexState) object() string {
	if x.Schema == "public" {
		return "index " + quoted(x.Name)
	}
	return "index " + quoted(x.Schema) + "." + quoted(x.Name)
}

// invalid tells of an index that a concurrent build left behind.
func (x *indexState) invalid() Finding {
	f := Finding{
		Code: CodeInvalidIndex, Severity: spec.Error, Object: x.object(),
		Text: fmt.Sprintf("index %s of table %s is invalid: every write keeps it up, and no query uses it", x.Name, x.owner),
		Mend: fmt.Sprintf("REINDEX INDEX CONCURRENTLY %s;", x.Ident), Advice: "its concurrent build was interrupted, or found duplicates",
	}
	if strings.Contains(x.Name, "_ccnew") || strings.Contains(x.Name, "_ccold") {
		f.Advice = "it is what an interrupted REINDEX CONCURRENTLY left behind"
		f.Mend = fmt.Sprintf("DROP INDEX CONCURRENTLY %s;", x.Ident)
	}
	return f
}

// covered returns another index that does all that this one does, nil where
// there is none. Of two that are the same the one stays that a constraint
// needs, else the one that is first by name.
func (x *indexState) covered(list []indexState) *indexState {
	if x.Constraint != "" || x.Replica {
		return nil
	}
	for i := range list {
		o := &list[i]
		if o.Name == x.Name || !o.Valid || o.Method != x.Method || o.Predicate != x.Predicate || !o.Immediate && x.Unique {
			continue
		}
		switch {
		case x.same(o):
			switch {
			case x.Unique && !o.Unique:
			case o.Unique && !x.Unique, o.Constraint != "", o.Replica, o.Name < x.Name:
				return o
			}
		case x.Method == "btree" && !x.Unique && x.Included == 0 && x.Expressions == "" &&
			len(x.Keys) < len(o.Keys) && slices.Equal(x.Keys, o.Keys[:len(x.Keys)]):
			return o
		}
	}
	return nil
}

// same reports whether two indexes hold the same in the same order.
func (x *indexState) same(o *indexState) bool {
	if x.Rest == o.Rest {
		return true
	}
	return slices.Equal(x.Keys, o.Keys) && x.Expressions == o.Expressions && x.Included == 0
}

// superfluous tells of an index that another makes unnecessary.
func (x *indexState) superfluous(other *indexState) Finding {
	f := Finding{
		Code: CodeDuplicateIndex, Severity: spec.Warning, Object: x.object(),
		Text:   fmt.Sprintf("index %s of table %s is a duplicate of %s", x.Name, x.owner, other.Name),
		Advice: "every write keeps both up",
		Mend:   fmt.Sprintf("DROP INDEX CONCURRENTLY %s;", x.Ident),
	}
	if len(other.Keys) > len(x.Keys) {
		f.Code = CodeRedundantIndex
		f.Text = fmt.Sprintf("index %s of table %s is the beginning of %s, which serves the same queries", x.Name, x.owner, other.Name)
		f.Advice = "every write keeps both up; keep it where it is much smaller and what it is for is hot"
	}
	return f
}

// uncovered tells of a foreign key whose columns no index begins with.
func (h *health) uncovered(k foreignKey) (Finding, bool) {
	for _, x := range h.indexes[k.Table] {
		// A partial index serves where its predicate only leaves out nulls,
		// which refer to nothing.
		partial := x.Predicate != "" && !(len(k.Columns) == 1 && x.Predicate == "("+quoted(k.Columns[0])+" IS NOT NULL)")
		if !x.Valid || partial || len(x.Columns) < len(k.Keys) || x.Method != "btree" && x.Method != "hash" {
			continue
		}
		first := x.Columns[:len(k.Keys)]
		if !slices.ContainsFunc(k.Keys, func(n int) bool { return !slices.Contains(first, n) }) {
			return Finding{}, false
		}
	}
	columns := make([]string, len(k.Columns))
	for i, c := range k.Columns {
		columns[i] = quoted(c)
	}
	return Finding{
		Code: CodeForeignKey, Severity: spec.Warning, Object: fmt.Sprintf("constraint %s.%s", k.owner, quoted(k.Name)),
		Text:   fmt.Sprintf("foreign key %s of table %s has no index on %s", k.Name, k.owner, strings.Join(columns, ", ")),
		Advice: fmt.Sprintf("each delete in %s reads all of %s, and holds its locks for that long", k.References, k.owner),
		Mend:   fmt.Sprintf("CREATE INDEX CONCURRENTLY ON %s (%s);", k.Table, strings.Join(columns, ", ")),
	}, true
}

// withoutKey tells of a table without a primary key.
func (h *health) withoutKey(k keyless) Finding {
	f := Finding{
		Code: CodePrimaryKey, Severity: spec.Warning, Object: "table " + k.owner.String(),
		Text:   fmt.Sprintf("table %s has no primary key", k.owner),
		Advice: "logical replication refuses its updates, and nothing names one of its rows",
	}
	for _, x := range h.indexes[k.Table] {
		if x.Unique && x.Immediate && x.Valid && !x.Nullable && x.Predicate == "" && x.Expressions == "" && x.Constraint == "" && !k.Partitioned {
			f.Mend = fmt.Sprintf("ALTER TABLE %s ADD PRIMARY KEY USING INDEX %s;", k.Table, quoted(x.Name))
			return f
		}
	}
	switch {
	case k.Partitioned:
	case k.ID:
		name := quoted(k.Relation + "_pkey")
		f.Mend = fmt.Sprintf("CREATE UNIQUE INDEX CONCURRENTLY %[2]s ON %[1]s (id);\nALTER TABLE %[1]s ADD PRIMARY KEY USING INDEX %[2]s;", k.Table, name)
		f.Advice += "; the statements fail where id is null or twice the same"
	default:
		f.Mend = fmt.Sprintf("ALTER TABLE %s ADD COLUMN id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY;", k.Table)
		f.Advice += "; the statement rewrites the table, so on a large one let a migration add and fill the column in steps"
	}
	return f
}

// nearlyUsed is the share of a sequence's numbers from which on it is said.
const nearlyUsed = 0.75

// exhausted tells of a sequence that comes to its end.
func (s sequence) exhausted() (Finding, bool) {
	end := s.Maximum
	switch s.ColumnType {
	case "smallint":
		end = min(end, 1<<15-1)
	case "integer":
		end = min(end, 1<<31-1)
	}
	share := float64(s.Last) / float64(end)
	if end <= 0 || share < nearlyUsed {
		return Finding{}, false
	}
	f := Finding{
		Code: CodeSequence, Severity: spec.Warning, Object: "sequence " + s.owner.String(),
		Text:   fmt.Sprintf("sequence %s is at %d of %d, that is %.0f %%: after the last one every insert fails", s.owner, s.Last, end, 100*share),
		Advice: "changing the column's type rewrites the table while nobody can use it: on a large one add a bigint column, fill it in steps, and exchange the two",
	}
	if s.Column != "" && s.ColumnType != "bigint" {
		f.Mend = fmt.Sprintf("ALTER TABLE %s ALTER COLUMN %s TYPE bigint;", s.Table, quoted(s.Column))
	}
	if s.Type != "bigint" {
		f.Mend = strings.TrimSpace(f.Mend + fmt.Sprintf("\nALTER SEQUENCE %s AS bigint;", s.Sequence))
	}
	return f, true
}
