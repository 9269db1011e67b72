package lint

import (
	"fmt"
	"strings"
)

// alone says which statement PostgreSQL refuses inside of a transaction, in
// its words; "" for all others.
func (c *checker) alone(st statement) string {
	n := st.node
	switch {
	case n.Index != nil && n.Index.Concurrent:
		return "CREATE INDEX CONCURRENTLY"
	case n.Drop != nil && n.Drop.Concurrent:
		return "DROP INDEX CONCURRENTLY"
	case n.Reindex != nil && n.Reindex.Params.option("concurrently"):
		return "REINDEX CONCURRENTLY"
	case n.Reindex != nil && (n.Reindex.Kind == "REINDEX_OBJECT_DATABASE" || n.Reindex.Kind == "REINDEX_OBJECT_SYSTEM" || n.Reindex.Kind == "REINDEX_OBJECT_SCHEMA"):
		return "REINDEX of a schema or a database"
	case n.Vacuum != nil && n.Vacuum.Vacuum:
		return "VACUUM"
	case n.Cluster != nil && n.Cluster.Relation == nil:
		return "CLUSTER of all tables"
	case n.CreateDatabase != nil:
		return "CREATE DATABASE"
	case n.DropDatabase != nil:
		return "DROP DATABASE"
	case n.CreateSpace != nil:
		return "CREATE TABLESPACE"
	case n.DropSpace != nil:
		return "DROP TABLESPACE"
	case n.AlterSystem != nil:
		return "ALTER SYSTEM"
	case st.Alter() != nil:
		for _, cmd := range n.AlterTable.Commands {
			if p := cmd.Command.Def.Partition; p != nil && p.Concurrent {
				return "DETACH PARTITION CONCURRENTLY"
			}
		}
	}
	return ""
}

// transactions looks at how a file begins and ends transactions.
func (c *checker) transactions() {
	if !c.look {
		return
	}
	var opened *statement // the BEGIN that is open
	added, made := map[string]string{}, map[string]bool{}
	for i := range c.file.statements {
		st := &c.file.statements[i]
		c.at = *st
		if t := st.Transaction; t != nil {
			opened = c.control(t.Kind, opened, st)
			clear(added)
			clear(made)
			continue
		}
		if what := c.alone(*st); what != "" && opened != nil {
			c.report(Finding{
				Code: "L601", At: c.file.whole(*st),
				Detail: fmt.Sprintf("%s is refused inside of a transaction, and line %d has begun one. Put it into a file of its own, without BEGIN and COMMIT.", what, opened.Line),
				Safe:   ownFile + "\n" + strings.TrimSpace(st.Text) + ";",
			})
		}
		if st.CreateEnum != nil {
			made[last(st.CreateEnum.Name)] = true
		}
		if opened != nil {
			c.newValues(st, added, made)
		}
	}
	if opened != nil {
		c.at = *opened
		c.report(Finding{
			Code:   "L603",
			Detail: "Nothing ends the transaction that begins here: at the end of the file it would be undone, or keep its locks. Write COMMIT; at the end, or remove BEGIN: a file is one transaction by itself.",
		})
	}
}

// control follows one BEGIN, COMMIT or ROLLBACK.
func (c *checker) control(kind string, opened, st *statement) *statement {
	switch kind {
	case "TRANS_STMT_BEGIN", "TRANS_STMT_START":
		if opened != nil {
			c.report(Finding{
				Code:   "L604",
				Detail: fmt.Sprintf("The transaction of line %d is still open: PostgreSQL warns and passes it over, and the first COMMIT ends both. Remove it, or use SAVEPOINT.", opened.Line),
			})
			return opened
		}
		return st
	case "TRANS_STMT_COMMIT", "TRANS_STMT_ROLLBACK", "TRANS_STMT_PREPARE":
		if opened == nil {
			c.report(Finding{
				Code:   "L604",
				Detail: "No transaction of the file is open here: it ends the one that the migration itself runs in, and what was before cannot be undone together with what follows. Remove it, or write BEGIN; before what belongs together.",
			})
		}
		return nil
	}
	return opened
}

// newValues follows ALTER TYPE … ADD VALUE: what it adds cannot be used in
// the same transaction (55P04).
func (c *checker) newValues(st *statement, added map[string]string, made map[string]bool) {
	if n := st.AlterEnum; n != nil && n.Old == "" {
		if !made[last(n.Type)] {
			added[n.New] = qualified(texts(n.Type))
		}
		return
	}
	for value, typ := range added {
		at := strings.Index(st.Text, "'"+strings.ReplaceAll(value, "'", "''")+"'")
		if at < 0 {
			continue
		}
		c.report(Finding{
			Code: "L602", Object: typ, At: c.file.token(st.Offset + at),
			Detail: fmt.Sprintf("PostgreSQL refuses to use the new value '%s' of %s in the transaction that adds it. Add it in a file of its own before this one.", value, typ),
			Safe:   "-- in a file before this one\nALTER TYPE " + typ + " ADD VALUE '" + strings.ReplaceAll(value, "'", "''") + "';",
		})
		delete(added, value)
	}
}
