package lint

// Counterpart is what another linter looks for, and what there is of it here.
type Counterpart struct {
	Rule  string   // as the other one names it
	Codes []string // of the rules here, none where it is no matter of lint
	Note  string   // what is different; without a code, why
}

// Squawk lists the rules of squawk 2.63 (squawkhq.com/docs/rules).
func Squawk() []Counterpart {
	return []Counterpart{
		{"adding-field-with-default", []string{"L202"}, "where the default is another for each row"},
		{"adding-foreign-key-constraint", []string{"L103"}, ""},
		{"adding-not-nullable-field", []string{"L105"}, "not where a valid CHECK says so already"},
		{"adding-required-field", []string{"L401"}, ""},
		{"adding-serial-primary-key-field", []string{"L106", "L202"}, ""},
		{"ban-alter-domain-with-add-constraint", []string{"L104"}, ""},
		{"ban-char-field", []string{"L705"}, ""},
		{"ban-concurrent-index-creation-in-transaction", []string{"L601"}, "only where the file itself begins one: `migrate up` begins none around it"},
		{"ban-create-domain-with-constraint", []string{"L202", "L104"}, "to make such a domain costs nothing; a column of it, or another check on it, does"},
		{"ban-drop-column", []string{"L302"}, ""},
		{"ban-drop-database", []string{"L303"}, ""},
		{"ban-drop-not-null", nil, "nothing is NULL before a program writes it, and it is a step of the safe way to drop a column (L302)"},
		{"ban-drop-table", []string{"L303"}, ""},
		{"ban-duplicate-column-assignments", nil, "PostgreSQL refuses it and undoes the file; `migrate verify` finds it before"},
		{"ban-truncate-cascade", []string{"L706", "L504"}, ""},
		{"ban-uncommitted-transaction", []string{"L603"}, ""},
		{"changing-column-type", []string{"L201", "L403"}, "not where the old type is stored like the new one"},
		{"constraint-missing-not-valid", []string{"L103", "L104", "L107"}, ""},
		{"disallowed-unique-constraint", []string{"L106"}, ""},
		{"identifier-too-long", []string{"L701"}, ""},
		{"prefer-bigint-over-int, prefer-bigint-over-smallint", []string{"L703"}, "for keys that count up"},
		{"prefer-identity", nil, "serial makes the same sequence and default, and harms nobody who runs"},
		{"prefer-repack", []string{"L203"}, ""},
		{"prefer-robust-stmts", nil, "a file is one transaction, or goes on after the steps that are done: nothing of it runs twice"},
		{"prefer-text-field", []string{"L403"}, "a longer varchar costs nothing; a shorter one fails on data"},
		{"prefer-timestamptz", []string{"L702"}, ""},
		{"renaming-column, renaming-table", []string{"L301"}, ""},
		{"require-concurrent-index-creation", []string{"L101"}, ""},
		{"require-concurrent-index-deletion", []string{"L102"}, ""},
		{"require-concurrent-partition-detach", []string{"L109"}, ""},
		{"require-concurrent-reindex", []string{"L110"}, ""},
		{"require-enum-value-ordering", nil, "whether a new value belongs at the end only its author knows"},
		{"require-lock-timeout, require-timeout-settings", nil, "`migrate up` sets lock_timeout for each file (3 seconds) and tries again"},
		{"require-statement-timeout", nil, "a migration takes as long as it takes; a file may SET LOCAL statement_timeout"},
		{"require-table-schema", []string{"L704"}, "`migrate up` gives each file the search_path of the role; a file that changes it is told"},
		{"syntax-error", []string{"L801"}, ""},
		{"transaction-nesting", []string{"L604"}, ""},
	}
}

// Atlas lists the checks of Atlas that concern PostgreSQL, as of 2026
// (atlasgo.io/lint/analyzers).
func Atlas() []Counterpart {
	return []Counterpart{
		{"DS101, DS102 (schema, table dropped)", []string{"L303"}, ""},
		{"DS103 (column dropped)", []string{"L302"}, ""},
		{"CD101, CD103 (foreign key, primary key dropped)", []string{"L304"}, "and all else that keeps rows unique"},
		{"CD102 (check dropped)", nil, "what runs now has met it so far, and nothing asks for it by its columns"},
		{"MF101, MF102 (unique over what is there)", []string{"L402"}, ""},
		{"MF103 (required column without default)", []string{"L401"}, ""},
		{"MF104 (column may not be NULL any more)", []string{"L105"}, ""},
		{"BC101, BC102 (table, column renamed)", []string{"L301"}, "and a schema, a type, a value of an enum, a function"},
		{"PG101 (index without CONCURRENTLY)", []string{"L101"}, ""},
		{"PG102 (index dropped without CONCURRENTLY)", []string{"L102"}, ""},
		{"PG103 (CONCURRENTLY in a transaction)", []string{"L601"}, "no directive is needed: `migrate up` sees which statements take no transaction"},
		{"PG104, PG105, PG109, PG312 (a constraint builds its index)", []string{"L106"}, ""},
		{"PG108 (index on a partitioned table)", []string{"L101"}, "with the way by its partitions"},
		{"PG110 (order of columns leaves gaps)", nil, "some bytes a row, no harm to anybody"},
		{"PG301 (type or collation that writes the table or its indexes anew)", []string{"L201"}, ""},
		{"PG302, PG309, PG310 (volatile default, stored column, identity)", []string{"L202"}, ""},
		{"PG303, PG304 (NOT NULL, primary key over columns that may be NULL)", []string{"L105"}, ""},
		{"PG305 (check)", []string{"L104"}, ""},
		{"PG306 (foreign key)", []string{"L103"}, ""},
		{"PG307, PG311 (LOGGED, UNLOGGED, access method)", []string{"L204"}, ""},
		{"PG308 (trigger created)", []string{"L114"}, "by itself the lock is held for a moment, and lock_timeout keeps it from making others wait; what goes through rows behind it is told"},
		{"PG314 (replica identity)", []string{"L307"}, ""},
		{"PG320 (autovacuum off)", []string{"L707"}, ""},
		{"SA101 (dynamic SQL in a function)", nil, "what a function does with its arguments is a matter of its code, not of the migration"},
		{"NM101 to NM106 (names)", []string{"L701"}, "how names look is a matter of taste, but for what PostgreSQL cuts off"},
		{"TX101 (statements that cannot share a transaction)", nil, "none has to be parted from the others: `migrate up` runs such a file step by step, and goes on after the steps that are done"},
		{"TX201 (BEGIN and COMMIT in a file)", []string{"L604"}, "only where they do not match: a pair around the whole file is the transaction that `migrate up` runs it in"},
		{"non-linear change", []string{"L802"}, ""},
		{"edited file (atlas.sum)", nil, "`migrate status`, `plan` and `up`: M101, by the ledger of the database"},
	}
}
