package lint

import (
	"fmt"
	"slices"
	"strings"
)

// hold is a lock on a table in use that a statement has taken, and that its
// transaction keeps.
type hold struct {
	table string
	mode  string
	block int
	line  int // of the statement
}

// hold remembers the locks of a statement that is done in a moment, but keeps
// others waiting until its transaction ends. What takes long itself has its
// own finding.
func (c *checker) hold() {
	n := c.at.node
	switch {
	case c.sole:
	case c.at.Alter() != nil:
		mode := ""
		for _, cmd := range n.AlterTable.Commands {
			if m := cmd.Command.lock(); m == accessExclusive || mode == "" {
				mode = m
			}
		}
		c.keep(c.schema.table(n.AlterTable.Relation), mode)
	case n.Rename != nil && n.Rename.Relation != nil && slices.Contains([]string{"OBJECT_TABLE", "OBJECT_COLUMN", "OBJECT_TABCONSTRAINT"}, n.Rename.Kind):
		c.keep(c.schema.table(*n.Rename.Relation), accessExclusive)
	case n.CreateTrig != nil:
		c.keep(c.schema.table(n.CreateTrig.Relation), shareRowExclusive)
	}
}

func (c *checker) keep(t *table, mode string) {
	if _, view := c.schema.views[t.name]; mode != "" && !t.quiet() && !view {
		c.held = append(c.held, hold{table: t.name, mode: mode, block: c.block, line: c.at.Line})
	}
}

// lock is the mode that a command of ALTER TABLE takes on the table, and ""
// where reads and writes go on beside it.
func (cmd alterCommand) lock() string {
	switch cmd.Kind {
	case "AT_ValidateConstraint", "AT_SetStatistics", "AT_SetOptions", "AT_ResetOptions", "AT_SetRelOptions", "AT_ResetRelOptions",
		"AT_ClusterOn", "AT_DropCluster", "AT_AttachPartition", "AT_DetachPartitionFinalize":
		return ""
	case "AT_EnableTrig", "AT_EnableAlwaysTrig", "AT_EnableReplicaTrig", "AT_EnableTrigAll", "AT_EnableTrigUser",
		"AT_DisableTrig", "AT_DisableTrigAll", "AT_DisableTrigUser":
		return shareRowExclusive
	}
	if k := cmd.Def.Constraint; k != nil && k.Kind == "CONSTR_FOREIGN" {
		return shareRowExclusive
	}
	return accessExclusive
}

// holding reports a statement that goes through rows while an earlier one of
// its transaction keeps a table locked.
func (c *checker) holding() {
	at := slices.IndexFunc(c.held, func(h hold) bool { return h.block == c.block && h.mode == accessExclusive })
	if at < 0 {
		at = slices.IndexFunc(c.held, func(h hold) bool { return h.block == c.block })
	}
	if at < 0 || c.sole || !c.rows() {
		return
	}
	h := c.held[at]
	waits := "Every query of"
	if h.mode == shareRowExclusive {
		waits = "Every INSERT, UPDATE and DELETE on"
	}
	c.report(Finding{
		Code: "L114", Lock: h.mode, Object: h.table,
		Detail: fmt.Sprintf("%s %s waits until it is done: line %d has taken the lock, and a transaction keeps its locks to its end. In a file of its own it keeps nobody out.",
			waits, short(h.table), h.line),
		Safe: nextFile + "\n" + strings.TrimSpace(c.at.Text) + ";",
	})
}

// rows reports whether a statement goes through the rows of a table in use.
// VALIDATE of what the transaction itself added is told by L107.
func (c *checker) rows() bool {
	n := c.at.node
	switch {
	case n.Update != nil:
		return !c.schema.table(n.Update.Relation).quiet()
	case n.Delete != nil:
		return !c.schema.table(n.Delete.Relation).quiet()
	case n.Merge != nil:
		return !c.schema.table(n.Merge.Relation).quiet()
	case n.Insert != nil:
		return n.Insert.reads()
	case c.at.Alter() != nil:
		k := c.schema.table(n.AlterTable.Relation).checks
		for _, cmd := range n.AlterTable.Commands {
			if cmd.Command.Kind == "AT_ValidateConstraint" {
				own := k[cmd.Command.Name]
				return own == nil || !own.valid && (own.file != c.number || own.block != c.block)
			}
		}
	}
	return false
}
