package lint

import "github.com/syndicate/syndicate/spec"

func breakingRules() []Rule {
	return []Rule{
		{
			"L301", spec.Error, "A name that programs use changes",
			"Between the migration and the last restart of what uses the database, old programs run on the new schema. They fail on a table, a column, a view, a type, an enum value, a function, a schema or a database that has another name. A view keeps the old name of a table alive; a column gets a second one beside it.",
			"ALTER TABLE users RENAME TO accounts;",
			"BEGIN;\nALTER TABLE users RENAME TO accounts;\nCREATE VIEW users AS SELECT * FROM accounts;\nCOMMIT;",
		},
		{
			"L302", spec.Error, "A column is dropped",
			"Programs that still name it fail, also those that name it without knowing, as many an ORM does. And what it held is gone. First release what does not use it (a NOT NULL column loses that first, so that rows can be inserted without it), then drop it and say so in the file.",
			"ALTER TABLE users DROP COLUMN nickname;",
			"-- syndicate: allow L302 nothing uses it since 2.3\nALTER TABLE users DROP COLUMN nickname;",
		},
		{
			"L303", spec.Error, "A table or a view is dropped",
			"Programs that still use it fail, and what a table held is gone. First release what does not use it, then drop it and say so in the file. A view that the same file makes anew is no finding. DROP SCHEMA and DROP DATABASE count as well.",
			"DROP TABLE carts;",
			"-- syndicate: allow L303 nothing uses it since 2.3\nDROP TABLE carts;",
		},
		{
			"L304", spec.Warning, "What keeps rows right is dropped",
			"Without a unique index, a UNIQUE or an EXCLUDE constraint rows get in that were refused, and INSERT … ON CONFLICT of what runs now fails at once where it names those columns: it needs a unique index over them. Without a foreign key rows refer to what is gone, and deletes no longer cascade. A down file that adds it again fails on what got in meanwhile. It is no finding where another one over the same columns takes its place.",
			"ALTER TABLE orders DROP CONSTRAINT orders_pkey;",
			"-- syndicate: allow L304 nothing relies on it since 2.3\nALTER TABLE orders DROP CONSTRAINT orders_pkey;",
		},
		{
			"L305", spec.Warning, "A function is dropped",
			"Programs that still call it fail. First release what does not call it, then drop it and say so in the file. A function of triggers is no finding, since programs cannot call it, and neither is one that the same file makes anew.",
			"DROP FUNCTION discount(bigint);",
			"-- syndicate: allow L305 nothing calls it since 2.3\nDROP FUNCTION discount(bigint);",
		},
		{
			"L306", spec.Warning, "A new column has no equality",
			"json, xml and the geometric types have no operator that says whether two values are the same. Programs that run now and select all columns with DISTINCT, UNION or GROUP BY fail from the moment on in which the table has such a column (42883). jsonb has one, and is smaller to read.",
			"ALTER TABLE users ADD COLUMN settings json;",
			"ALTER TABLE users ADD COLUMN settings jsonb;",
		},
		{
			"L307", spec.Warning, "Replication cannot find its rows",
			"Logical replication names the row that an UPDATE or a DELETE concerns by the replica identity of its table. With NOTHING the statement itself fails where the table is published (55000); with FULL each change writes all old values to the write-ahead log, and the other side may read its whole table for each.",
			"ALTER TABLE users REPLICA IDENTITY NOTHING;",
			"ALTER TABLE users REPLICA IDENTITY USING INDEX users_email_key;",
		},
	}
}

func dataRules() []Rule {
	return []Rule{
		{
			"L401", spec.Error, "A required column has no default",
			"ADD COLUMN … NOT NULL without a DEFAULT fails as soon as the table has a row. On an empty one it works and breaks the programs that run now: they insert rows without it.",
			"ALTER TABLE users ADD COLUMN country text NOT NULL;",
			"ALTER TABLE users ADD COLUMN country text NOT NULL DEFAULT 'unknown';",
		},
		{
			"L402", spec.Warning, "Rows may not be unique",
			"A unique index on what is there already fails on the first two rows that are the same. It is no finding where all columns are new.",
			"CREATE UNIQUE INDEX CONCURRENTLY users_email_key ON users (email);",
			"-- look first\nSELECT email, count(*) FROM users GROUP BY email HAVING count(*) > 1;",
		},
		{
			"L403", spec.Warning, "Values may not fit the new type",
			"From bigint to integer, from text to varchar(20): the migration fails on the first value that does not fit, or cuts it off where a USING says so, and programs that run now go on to write such values.",
			"ALTER TABLE users ALTER COLUMN name TYPE varchar(20);",
			"ALTER TABLE users ADD CONSTRAINT users_name_length CHECK (length(name) <= 20) NOT VALID;",
		},
	}
}

func rollbackRules() []Rule {
	return []Rule{
		{
			"L501", spec.Warning, "There is no down file",
			"migrate down refuses to go below such a version, before it does anything.",
			"000007_carts.up.sql",
			"000007_carts.up.sql\n000007_carts.down.sql",
		},
		{
			"L502", spec.Warning, "The down file does nothing",
			"It takes the version off and leaves everything as it is; the next up may fail on what is there. What cannot be undone says so.",
			"-- nothing to do",
			"DO $$ BEGIN RAISE EXCEPTION 'the old prices are gone'; END $$;",
		},
		{
			"L503", spec.Warning, "The down file leaves something behind",
			"The up file makes a table, a column, an index, a type, which the down file neither drops nor renames, nor what it is a part of. A down file with a DO block or a SELECT is not looked at: nobody sees from outside what it does. `syndicate migrate verify` tries it on a scratch database.",
			"-- up\nCREATE TYPE mood AS ENUM ('sad', 'happy');\nCREATE TABLE people (mood mood);\n-- down\nDROP TABLE people;",
			"-- down\nDROP TABLE people;\nDROP TYPE mood;",
		},
		{
			"L504", spec.Warning, "Rows are removed",
			"TRUNCATE and DELETE on a table that was there before. No finding where the down file writes to the table.",
			"DELETE FROM sessions;",
			"CREATE TABLE sessions_before AS SELECT * FROM sessions;\nDELETE FROM sessions;",
		},
		{
			"L505", spec.Warning, "Values are overwritten",
			"An UPDATE of columns that were there before: what they held is lost. No finding for columns that the same migrations add, nor where the down file writes to the table.",
			"UPDATE users SET email = lower(email);",
			"CREATE TABLE users_before AS SELECT * FROM users;\nUPDATE users SET email = lower(email);",
		},
	}
}

func transactionRules() []Rule {
	return []Rule{
		{
			"L601", spec.Error, "It cannot run inside of a transaction",
			"PostgreSQL refuses CREATE INDEX CONCURRENTLY and its like, VACUUM, CREATE DATABASE, ALTER SYSTEM between BEGIN and COMMIT (25001).",
			"BEGIN;\nCREATE INDEX CONCURRENTLY a ON t (b);\nCOMMIT;",
			"CREATE INDEX CONCURRENTLY a ON t (b);",
		},
		{
			"L602", spec.Error, "A new enum value is used at once",
			"A value that ALTER TYPE … ADD VALUE adds cannot be used before its transaction has ended (55P04), unless the type itself is of that transaction.",
			"BEGIN;\nALTER TYPE mood ADD VALUE 'calm';\nUPDATE people SET mood = 'calm' WHERE mood IS NULL;\nCOMMIT;",
			"ALTER TYPE mood ADD VALUE 'calm';\n-- in the next file\nUPDATE people SET mood = 'calm' WHERE mood IS NULL;",
		},
		{
			"L603", spec.Error, "A transaction is not ended",
			"BEGIN without COMMIT: what it did would be undone at the end of the file, or its locks kept.",
			"BEGIN;\nCREATE TABLE a ();",
			"BEGIN;\nCREATE TABLE a ();\nCOMMIT;",
		},
		{
			"L604", spec.Warning, "Transactions do not match",
			"BEGIN inside of a transaction is passed over with a warning, and the first COMMIT ends both. COMMIT without BEGIN ends the transaction that the migration itself runs in.",
			"BEGIN;\nBEGIN;\nCREATE TABLE a ();\nCOMMIT;\nCOMMIT;",
			"BEGIN;\nCREATE TABLE a ();\nCOMMIT;",
		},
	}
}

func styleRules() []Rule {
	return []Rule{
		{
			"L701", spec.Warning, "A name is longer than 63 bytes",
			"PostgreSQL cuts it off without an error, so that two names that begin alike collide, and the name in the file is not that in the database.",
			"CREATE INDEX an_index_whose_name_says_in_every_detail_which_columns_it_is_made_of ON t (a);",
			"CREATE INDEX t_a_idx ON t (a);",
		},
		{
			"L702", spec.Warning, "A time without time zone",
			"timestamp means another moment in each time zone: for one in which two programs, a server or a summer differ, values compare wrongly. timestamptz stores the moment in the same eight bytes.",
			"CREATE TABLE events (at timestamp);",
			"CREATE TABLE events (at timestamptz);",
		},
		{
			"L703", spec.Warning, "A key runs out of numbers",
			"A key of 32 bits that counts up ends at 2,147,483,647, and aborted inserts count too. To widen it later rewrites the table and all that refer to it.",
			"CREATE TABLE events (id serial PRIMARY KEY);",
			"CREATE TABLE events (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY);",
		},
		{
			"L704", spec.Warning, "A setting outlives its file",
			"SET without LOCAL holds for the session. syndicate resets settings between files, golang-migrate's own command line does not: there all later files run with it. SET LOCAL ends with the transaction; the file may also RESET it. No finding in a file that has to run outside of transactions.",
			"SET statement_timeout = 0;",
			"SET LOCAL statement_timeout = 0;",
		},
		{
			"L705", spec.Warning, "A padded string",
			"char(n) fills up with spaces, which count in some comparisons and not in others, and takes no less room than text.",
			"CREATE TABLE countries (code char(2));",
			"CREATE TABLE countries (code text CHECK (length(code) <= 2));",
		},
		{
			"L706", spec.Warning, "CASCADE takes what is not named",
			"DROP … CASCADE drops views, foreign keys and columns, TRUNCATE … CASCADE empties other tables, and neither says which in the file.",
			"DROP TYPE mood CASCADE;",
			"ALTER TABLE people DROP COLUMN mood;\nDROP TYPE mood;",
		},
		{
			"L707", spec.Warning, "A table is never cleaned up",
			"Without autovacuum dead rows stay and the table grows with every change; nobody counts its rows, so that queries are planned wrongly; and when the numbers of transactions run out PostgreSQL cleans it up all the same, in one go. Where it comes too seldom or too often there are thresholds.",
			"ALTER TABLE sessions SET (autovacuum_enabled = false);",
			"ALTER TABLE sessions SET (autovacuum_vacuum_scale_factor = 0.01);",
		},
	}
}

func fileRules() []Rule {
	return []Rule{
		{
			"L801", spec.Error, "PostgreSQL cannot read it",
			"The grammar is that of PostgreSQL 17. Commands of psql (\\copy, \\i) are no SQL. It cannot be allowed.",
			"CREATE TABLE a (b int,);",
			"CREATE TABLE a (b int);",
		},
		{
			"L802", spec.Error, "A version comes after a later one",
			"It is not applied while a later one is: golang-migrate passes it over in silence, and databases would differ by the order in which they saw the two. A file that may come late says -- syndicate: out-of-order.",
			"000006_late.up.sql, when 7 is applied",
			"000008_late.up.sql",
		},
		{
			"L803", spec.Error, "A file cannot be a migration",
			"Its name, its encoding or its version keeps it from being applied.",
			"6-carts.sql",
			"000006_carts.up.sql",
		},
		{
			"L804", spec.Warning, "Too large or too deeply nested to be looked at",
			"A statement is larger than a mebibyte, or an expression holds more expressions inside of one another than the parser has room for, such as a chain of some hundred || or a formula that a program wrote. What the statement does was not looked at. PostgreSQL itself may well run it.",
			"SELECT 'a' || 'b' || … || 'z'",
			"SELECT concat('a', 'b', …, 'z')",
		},
		{
			"L901", spec.Warning, "Nothing is allowed here",
			"A line allows a finding that does not exist (any more). Left there it would hide one that comes later.",
			"-- syndicate: allow L101 the table is small\nCREATE INDEX CONCURRENTLY a ON t (b);",
			"CREATE INDEX CONCURRENTLY a ON t (b);",
		},
		{
			"L902", spec.Warning, "An allowance is not understood",
			"It names its codes and says why. Above a statement it is for that statement; at the head of a file, with an empty line or a BEGIN below it, for the whole file.",
			"-- syndicate: allow L101",
			"-- syndicate: allow L101 the table has ten rows\nCREATE INDEX a ON t (b);",
		},
	}
}
