package lint

import "github.com/syndicate/syndicate/spec"

func lockRules() []Rule {
	return []Rule{
		{
			"L101", spec.Error, "An index is built while writes wait",
			"CREATE INDEX holds a SHARE lock on the table until it has read all of it: queries go on, every INSERT, UPDATE and DELETE waits.\n\n" +
				"CREATE INDEX CONCURRENTLY waits for the others instead, and takes about twice as long. It cannot run inside of a transaction, so it belongs into a file of its own. Where it fails it leaves an invalid index.",
			"CREATE INDEX orders_customer_id_idx ON orders (customer_id);",
			"CREATE INDEX CONCURRENTLY orders_customer_id_idx ON orders (customer_id);",
		},
		{
			"L102", spec.Warning, "An index is dropped under an exclusive lock",
			"DROP INDEX takes an ACCESS EXCLUSIVE lock on the table. It needs it for a moment only, but has to wait for every running query first, and all queries that come later wait behind it.",
			"DROP INDEX orders_customer_id_idx;",
			"DROP INDEX CONCURRENTLY IF EXISTS orders_customer_id_idx;",
		},
		{
			"L103", spec.Error, "A foreign key is checked while writes wait",
			"ADD FOREIGN KEY takes a SHARE ROW EXCLUSIVE lock on both tables and looks every row up: writes to either wait that long.\n\n" +
				"NOT VALID makes it hold for new rows and looks at none. VALIDATE CONSTRAINT looks at the old ones under a SHARE UPDATE EXCLUSIVE lock, which reads and writes do not mind. It must come in a later transaction.",
			"ALTER TABLE orders ADD CONSTRAINT orders_customer_id_fkey\n    FOREIGN KEY (customer_id) REFERENCES customers (id);",
			"ALTER TABLE orders ADD CONSTRAINT orders_customer_id_fkey\n    FOREIGN KEY (customer_id) REFERENCES customers (id) NOT VALID;\n-- in the next file\nALTER TABLE orders VALIDATE CONSTRAINT orders_customer_id_fkey;",
		},
		{
			"L104", spec.Error, "A check is proven under an exclusive lock",
			"ADD CHECK takes an ACCESS EXCLUSIVE lock and reads the whole table: everything waits, reads too. NOT VALID makes it hold for new rows and looks at none; VALIDATE CONSTRAINT looks at the old ones while the table is in use. The same goes for a constraint of a domain, which concerns every table with a column of it.",
			"ALTER TABLE orders ADD CONSTRAINT amount_positive CHECK (amount > 0);",
			"ALTER TABLE orders ADD CONSTRAINT amount_positive CHECK (amount > 0) NOT VALID;\n-- in the next file\nALTER TABLE orders VALIDATE CONSTRAINT amount_positive;",
		},
		{
			"L105", spec.Error, "SET NOT NULL reads the whole table",
			"It takes an ACCESS EXCLUSIVE lock and reads every row to see that none is NULL. PostgreSQL 12 and later spare that where a valid CHECK constraint says so already, and such a check can be validated while the table is in use.",
			"ALTER TABLE users ALTER COLUMN email SET NOT NULL;",
			"ALTER TABLE users ADD CONSTRAINT users_email_not_null CHECK (email IS NOT NULL) NOT VALID;\n-- in the next file\nALTER TABLE users VALIDATE CONSTRAINT users_email_not_null;\n-- in the next file\nALTER TABLE users ALTER COLUMN email SET NOT NULL, DROP CONSTRAINT users_email_not_null;",
		},
		{
			"L106", spec.Error, "A constraint builds its index under an exclusive lock",
			"UNIQUE, PRIMARY KEY and EXCLUDE build an index while an ACCESS EXCLUSIVE lock keeps everything out. An index that was built concurrently can be made that of a UNIQUE constraint or a primary key in a moment.",
			"ALTER TABLE users ADD CONSTRAINT users_email_key UNIQUE (email);",
			"CREATE UNIQUE INDEX CONCURRENTLY users_email_key ON users (email);\n-- in the next file\nALTER TABLE users ADD CONSTRAINT users_email_key UNIQUE USING INDEX users_email_key;",
		},
		{
			"L107", spec.Warning, "VALIDATE in the transaction of NOT VALID",
			"A transaction keeps its locks to its end. VALIDATE CONSTRAINT in the transaction that added the constraint therefore reads all rows under the lock of ADD CONSTRAINT, and NOT VALID has won nothing. A file is one transaction.",
			"ALTER TABLE orders ADD CONSTRAINT a CHECK (amount > 0) NOT VALID;\nALTER TABLE orders VALIDATE CONSTRAINT a;",
			"ALTER TABLE orders ADD CONSTRAINT a CHECK (amount > 0) NOT VALID;\n-- in the next file\nALTER TABLE orders VALIDATE CONSTRAINT a;",
		},
		{
			"L108", spec.Warning, "A partition is read to be attached",
			"ATTACH PARTITION reads the whole table that becomes a partition under an ACCESS EXCLUSIVE lock on it, to see that its rows are within the bounds. A valid CHECK constraint that says so spares it.",
			"ALTER TABLE events ATTACH PARTITION events_2026 FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');",
			"ALTER TABLE events_2026 ADD CONSTRAINT bounds\n    CHECK (at IS NOT NULL AND at >= '2026-01-01' AND at < '2027-01-01') NOT VALID;\n-- in the next file\nALTER TABLE events_2026 VALIDATE CONSTRAINT bounds;\n-- in the next file\nALTER TABLE events ATTACH PARTITION events_2026 FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');\nALTER TABLE events_2026 DROP CONSTRAINT bounds;",
		},
		{
			"L109", spec.Warning, "A partition is detached under an exclusive lock",
			"DETACH PARTITION takes an ACCESS EXCLUSIVE lock on the parent: queries of all partitions wait behind it. CONCURRENTLY (PostgreSQL 14 and later) waits for them instead. It cannot run inside of a transaction.",
			"ALTER TABLE events DETACH PARTITION events_2020;",
			"ALTER TABLE events DETACH PARTITION events_2020 CONCURRENTLY;",
		},
		{
			"L110", spec.Error, "REINDEX while writes wait",
			"REINDEX takes a SHARE lock on the table and an ACCESS EXCLUSIVE lock on the index: writes wait, and so do queries that would use it. CONCURRENTLY builds another index beside it and changes over.",
			"REINDEX INDEX orders_pkey;",
			"REINDEX INDEX CONCURRENTLY orders_pkey;",
		},
		{
			"L111", spec.Warning, "A materialized view is filled while queries wait",
			"REFRESH MATERIALIZED VIEW holds an ACCESS EXCLUSIVE lock for as long as its query takes. CONCURRENTLY computes it beside and applies the difference; the view needs a unique index over all rows for that.",
			"REFRESH MATERIALIZED VIEW totals;",
			"REFRESH MATERIALIZED VIEW CONCURRENTLY totals;",
		},
		{
			"L112", spec.Warning, "A table is locked for the rest of the transaction",
			"LOCK TABLE in one of the modes SHARE, SHARE ROW EXCLUSIVE, EXCLUSIVE and ACCESS EXCLUSIVE (which is what it takes without a mode) makes writes wait, the last one reads too, until the transaction ends.",
			"LOCK TABLE orders;",
			"SELECT id FROM orders WHERE state = 'new' FOR UPDATE;",
		},
		{
			"L113", spec.Warning, "Every row is changed at once",
			"An UPDATE without WHERE locks every row to the end of the transaction, writes all of them anew, and keeps VACUUM from cleaning up behind it meanwhile. In batches, each of which is a transaction, others wait for a moment at most.",
			"UPDATE users SET active = true;",
			"-- a file of its own, or a task: again and again until it changes no row\nUPDATE users SET active = true\nWHERE ctid = ANY (ARRAY(SELECT ctid FROM users WHERE active IS NULL LIMIT 10000));",
		},
		{
			"L114", spec.Warning, "Rows are gone through while a table is locked",
			"A transaction keeps its locks to its end, and a file is one transaction. ALTER TABLE itself is done in a moment; an UPDATE, a DELETE, an INSERT from a query or a VALIDATE behind it is not, and everything that uses the table waits for it, even where the rows are another table's. In a later file, which is a transaction of its own, it keeps nobody out.",
			"ALTER TABLE users ADD COLUMN verified boolean;\nUPDATE users SET verified = true WHERE email IS NOT NULL;",
			"ALTER TABLE users ADD COLUMN verified boolean;\n-- in the next file\nUPDATE users SET verified = true WHERE email IS NOT NULL;",
		},
	}
}

func rewriteRules() []Rule {
	return []Rule{
		{
			"L201", spec.Error, "A change of type writes the table anew",
			"For most changes of type PostgreSQL writes every row and every index anew under an ACCESS EXCLUSIVE lock. It does not for those that are stored alike: varchar(n) to a longer one or to text, numeric to more digits before the point, more precise times, cidr to inet. Another collation leaves the rows as they are and sorts every index of the column anew.\n\n" +
				"A new column beside the old one, kept by a trigger and filled in batches, does it while the table is in use.",
			"ALTER TABLE orders ALTER COLUMN id TYPE bigint;",
			"ALTER TABLE orders ADD COLUMN id_new bigint;\n-- a trigger keeps it; fill it in batches; change over in a later file",
		},
		{
			"L202", spec.Error, "A new column writes the table anew",
			"A constant default, or one that is the same for all rows like now(), costs nothing since PostgreSQL 11. One that differs from row to row (random(), gen_random_uuid(), nextval() and so serial and identity), a stored generated column, and a domain with constraints make PostgreSQL write every row anew under an ACCESS EXCLUSIVE lock.",
			"ALTER TABLE users ADD COLUMN token uuid DEFAULT gen_random_uuid();",
			"ALTER TABLE users ADD COLUMN token uuid;\nALTER TABLE users ALTER COLUMN token SET DEFAULT gen_random_uuid();\n-- and fill the old rows in batches",
		},
		{
			"L203", spec.Error, "A table is packed under an exclusive lock",
			"VACUUM FULL and CLUSTER write the table anew while an ACCESS EXCLUSIVE lock keeps everything out. A plain VACUUM makes room usable again while the table is in use; the extension pg_repack gives it back to the system.",
			"VACUUM FULL orders;",
			"VACUUM (ANALYZE) orders;",
		},
		{
			"L204", spec.Error, "A property of a table writes it anew",
			"SET LOGGED, SET UNLOGGED, SET TABLESPACE, SET ACCESS METHOD and SET EXPRESSION write the table anew under an ACCESS EXCLUSIVE lock.",
			"ALTER TABLE events SET LOGGED;",
			"-- while nothing runs, or: a new table, a trigger that keeps it, rows moved in batches",
		},
	}
}
