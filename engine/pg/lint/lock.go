package lint

import (
	"fmt"
	"slices"
	"strings"

	"github.com/syndicate/syndicate/spec"
)

const (
	accessExclusive   = "ACCESS EXCLUSIVE"
	shareRowExclusive = "SHARE ROW EXCLUSIVE"
	shareLock         = "SHARE"
)

// ownFile is what the SQL of a safe way says of a statement that cannot run
// in a transaction.
const ownFile = "-- in a file of its own: it cannot run inside of a transaction"

// nextFile is what it says of what must come in a later transaction.
const nextFile = "-- in the next file"

// locks looks at statements that make others wait for long.
func (c *checker) locks() {
	n := c.at.node
	switch {
	case n.Index != nil:
		c.createIndex(n.Index)
	case n.Drop != nil && n.Drop.Kind == "OBJECT_INDEX":
		c.dropIndex(n.Drop)
	case n.Reindex != nil:
		c.reindex(n.Reindex)
	case n.Refresh != nil:
		c.refresh(n.Refresh)
	case n.Cluster != nil:
		c.cluster(n.Cluster)
	case n.Vacuum != nil && n.Vacuum.Options.option("full"):
		c.vacuumFull(n.Vacuum)
	case n.Lock != nil:
		c.lockTable(n.Lock)
	case n.AlterDomain != nil:
		c.domainCheck(n.AlterDomain)
	}
}

func (c *checker) createIndex(n *index) {
	t := c.schema.table(n.Relation)
	if t.quiet() || c.schema.views[t.name] {
		return
	}
	name := n.name()
	if n.Unique && !c.allFresh(t, n.columns()) {
		c.duplicates(t, n.Relation, n.columns(), spec.Range{}, n.Concurrent)
	}
	if n.Concurrent {
		return
	}
	f := Finding{
		Code: "L101", Lock: shareLock, Object: t.name,
		Detail: fmt.Sprintf("Every INSERT, UPDATE and DELETE on %s waits until the index is built: it reads the whole table under a SHARE lock.", short(t.name)),
		Safe:   ownFile + "\n" + c.concurrently(name) + ";",
	}
	if t.partitioned {
		f.Detail += " A partitioned table takes no CONCURRENTLY: make an invalid index on it alone, build one for each partition, and attach them."
		f.Safe = strings.Replace(c.onOnly(name), ";", "", 1) + ";\n" +
			"-- for each partition, in a file of its own\n" +
			"CREATE INDEX CONCURRENTLY partition_idx ON partition (" + list(n.columns()) + ");\n" +
			"ALTER INDEX " + quoted(name) + " ATTACH PARTITION partition_idx;"
	}
	c.report(f)
}

// columns are those that an index is over, where they are plain.
func (n *index) columns() []string {
	var all []string
	for _, e := range n.Columns {
		if e.Element.Name != "" {
			all = append(all, e.Element.Name)
		}
	}
	return all
}

// concurrently returns the current CREATE INDEX with CONCURRENTLY, and with
// a name where it has none.
func (c *checker) concurrently(name string) string {
	return c.rewritten("index", func(rest string) string {
		head := " CONCURRENTLY"
		if c.at.Index.IfNot {
			return head + rest
		}
		if c.at.Index.Name == "" {
			head += " " + quoted(name)
		}
		return head + rest
	})
}

// onOnly returns the current CREATE INDEX for the partitioned table alone.
func (c *checker) onOnly(name string) string {
	text := c.rewritten("index", func(rest string) string {
		if c.at.Index.Name == "" {
			return " " + quoted(name) + rest
		}
		return rest
	})
	return replaceWord(text, "on", "ON ONLY")
}

// rewritten returns the current statement with what follows the first word
// changed.
func (c *checker) rewritten(word string, change func(rest string) string) string {
	text := strings.TrimSpace(c.at.Text)
	at := indexWord(text, word)
	if at < 0 {
		return text
	}
	at += len(word)
	return text[:at] + change(text[at:])
}

func (c *checker) dropIndex(n *drop) {
	if n.Concurrent {
		return
	}
	var names []string
	object := ""
	for _, o := range n.Objects {
		parts := o.names()
		full := c.schema.qualify(parts)
		i := c.schema.indexes[full]
		if i != nil && c.schema.tables[i.table] != nil && c.schema.tables[i.table].quiet() {
			continue
		}
		if i != nil {
			object = i.table
		}
		names = append(names, qualified(parts))
	}
	if len(names) == 0 {
		return
	}
	on := "the table"
	if object != "" {
		on = short(object)
	}
	var safe []string
	for _, name := range names {
		safe = append(safe, ownFile, "DROP INDEX CONCURRENTLY IF EXISTS "+name+";")
	}
	c.report(Finding{
		Code: "L102", Lock: accessExclusive, Object: object, Safe: strings.Join(safe, "\n"),
		Detail: fmt.Sprintf("It takes an ACCESS EXCLUSIVE lock on %s. It is held for a moment only, but while it waits for a running query all queries that come later wait behind it.", on),
	})
}

// qualified writes a name of some parts.
func qualified(parts []string) string {
	all := make([]string, len(parts))
	for i, p := range parts {
		all[i] = quoted(p)
	}
	return strings.Join(all, ".")
}

func (c *checker) reindex(n *reindex) {
	if n.Params.option("concurrently") {
		return
	}
	kind := map[string]string{
		"REINDEX_OBJECT_INDEX": "INDEX", "REINDEX_OBJECT_TABLE": "TABLE", "REINDEX_OBJECT_SCHEMA": "SCHEMA",
		"REINDEX_OBJECT_DATABASE": "DATABASE", "REINDEX_OBJECT_SYSTEM": "SYSTEM",
	}[n.Kind]
	what := quoted(n.Name)
	object := n.Name
	if n.Relation != nil {
		if n.Kind == "REINDEX_OBJECT_TABLE" && c.schema.table(*n.Relation).quiet() {
			return
		}
		what, object = n.Relation.sql(), c.schema.full(*n.Relation)
	}
	f := Finding{
		Code: "L110", Lock: accessExclusive, Object: object,
		Detail: fmt.Sprintf("Writes to the table of %s wait until the index is built anew, and so do reads that would use it: it takes SHARE on the table and ACCESS EXCLUSIVE on the index.", what),
		Safe:   ownFile + "\nREINDEX " + kind + " CONCURRENTLY " + what + ";",
	}
	if kind == "SYSTEM" {
		f.Safe = ""
		f.Detail += " The indexes of the catalogs cannot be rebuilt concurrently: do it while nothing runs."
	}
	c.report(f)
}

func (c *checker) refresh(n *refresh) {
	if n.Concurrent || n.Empty || c.schema.views[c.schema.full(n.Relation)] {
		return
	}
	name := n.Relation.sql()
	c.report(Finding{
		Code: "L111", Lock: accessExclusive, Object: c.schema.full(n.Relation),
		Detail: fmt.Sprintf("Every query of %s waits until it is filled anew: it holds an ACCESS EXCLUSIVE lock meanwhile. With CONCURRENTLY only other refreshes wait; it needs a unique index over all rows.", name),
		Safe:   "REFRESH MATERIALIZED VIEW CONCURRENTLY " + name + ";",
	})
}

func (c *checker) cluster(n *cluster) {
	object, what := "", "every clustered table"
	if n.Relation != nil {
		if c.schema.table(*n.Relation).quiet() {
			return
		}
		object, what = c.schema.full(*n.Relation), n.Relation.sql()
	}
	c.report(Finding{
		Code: "L203", Lock: accessExclusive, Object: object,
		Detail: fmt.Sprintf("It writes %s anew in another order under an ACCESS EXCLUSIVE lock: nothing reads or writes it meanwhile, and twice the room on disk is needed. pg_repack does the same while the table is in use.", what),
	})
}

func (c *checker) vacuumFull(n *vacuum) {
	object, what := "", "every table"
	if len(n.Relation) > 0 {
		r := n.Relation[0].Relation.Relation
		object, what = c.schema.full(r), r.sql()
	}
	safe := ""
	if object != "" {
		safe = ownFile + "\nVACUUM (ANALYZE) " + what + ";"
	}
	c.report(Finding{
		Code: "L203", Lock: accessExclusive, Object: object, Safe: safe,
		Detail: fmt.Sprintf("It writes %s anew under an ACCESS EXCLUSIVE lock: nothing reads or writes it meanwhile, and twice the room on disk is needed. "+
			"A plain VACUUM makes the room usable again without it; pg_repack gives it back to the system while the table is in use.", what),
	})
}

// lockModes are the numbers of lock modes (storage/lockdefs.h).
var lockModes = map[int]string{5: shareLock, 6: shareRowExclusive, 7: "EXCLUSIVE", 8: accessExclusive}

func (c *checker) lockTable(n *lockTable) {
	mode := lockModes[n.Mode]
	if mode == "" {
		return
	}
	var names []string
	object := ""
	for _, r := range n.Relations {
		if !c.schema.table(r.RangeVar).quiet() {
			names = append(names, short(c.schema.full(r.RangeVar)))
			object = c.schema.full(r.RangeVar)
		}
	}
	if len(names) == 0 {
		return
	}
	waits := "Every INSERT, UPDATE and DELETE on"
	if mode == accessExclusive {
		waits = "Every query of"
	}
	c.report(Finding{
		Code: "L112", Lock: mode, Object: object,
		Detail: fmt.Sprintf("%s %s waits from here to the end of the transaction. Most statements take the lock that they need themselves: lock rows instead (SELECT … FOR UPDATE), or keep what follows short.",
			waits, strings.Join(names, ", ")),
	})
}

func (c *checker) domainCheck(n *alterDomain) {
	k := n.Def.Constraint
	if n.Kind != "C" || k == nil || k.NotValid || k.Kind != "CONSTR_CHECK" {
		return
	}
	parts := texts(n.Type)
	if t := c.schema.types[last2(parts)]; t != nil && t.fresh {
		return
	}
	name := k.Name
	if name == "" {
		name = constraintName(last2(parts), nil, k.Kind)
	}
	c.report(Finding{
		Code: "L104", Lock: shareLock, Object: c.schema.qualify(parts), At: c.file.at(c.at, k.Location),
		Detail: fmt.Sprintf("Every table with a column of the domain %s is read in whole under a SHARE lock: all writes to them wait.", qualified(parts)),
		Safe: strings.TrimSpace(c.at.Text) + " NOT VALID;\n" + nextFile + "\n" +
			"ALTER DOMAIN " + qualified(parts) + " VALIDATE CONSTRAINT " + quoted(name) + ";",
	})
}

// allFresh reports whether all columns are new, so that no old row has a
// value there.
func (c *checker) allFresh(t *table, columns []string) bool {
	return len(columns) > 0 && !slices.ContainsFunc(columns, func(name string) bool {
		col := t.columns[name]
		return col == nil || !col.fresh || col.deflt
	})
}

// duplicates warns of rows that a unique index refuses.
func (c *checker) duplicates(t *table, r relation, columns []string, at spec.Range, concurrent bool) {
	f := Finding{
		Code: "L402", Object: t.name, At: at,
		Detail: fmt.Sprintf("It fails where two rows of %s are the same there. Look first, and mend what is there.", short(t.name)),
	}
	if concurrent {
		f.Detail = fmt.Sprintf("It fails where two rows of %s are the same there, and leaves an invalid index behind, which costs every write until it is dropped. Look first, and mend what is there.", short(t.name))
	}
	if len(columns) > 0 {
		f.Safe = fmt.Sprintf("SELECT %s, count(*) FROM %s GROUP BY %s HAVING count(*) > 1;", list(columns), r.sql(), list(columns))
	}
	c.report(f)
}
