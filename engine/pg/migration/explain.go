package migration

// Explanation tells more about the findings that share a code.
type Explanation struct {
	Code, Title, Text string
	Wrong, Right      string // SQL, or commands
}

// Explanations returns those of all codes, in order of code.
func Explanations() []Explanation {
	return []Explanation{
		{CodeEdited, "An applied migration was edited",
			`The ledger has the SHA-256 of each file as it was applied, and the up file says something else now. Databases that were migrated before the edit and those that are migrated after it would differ, and nobody would be told. Ends of lines do not count. Where the database already is what the edited file says, migrate repair records that, and who decided so.`,
			"-- 000002_age.up.sql, after it was applied\nALTER TABLE people ADD COLUMN age bigint; -- it was int",
			"-- 000007_age_bigint.up.sql\nALTER TABLE people ALTER COLUMN age TYPE bigint;"},
		{CodeOutOfOrder, "A migration was added below what is applied",
			`Its version is lower than the one that the database is at, mostly since two branches were merged. golang-migrate passes over such a file in silence, so that it is never applied. A higher version makes it the next one; the directive allows it to come late where the order does not matter.`,
			"-- 000005_city.up.sql, where 000006 is applied\nALTER TABLE people ADD COLUMN city text;",
			"-- syndicate: out-of-order\nALTER TABLE people ADD COLUMN city text;"},
		{CodeMissing, "An applied migration has no file",
			`The ledger, or golang-migrate's table, names a version that the directory does not have: this checkout is older than the database, a file was renamed to another version, or it was removed. Where it is gone for good, squashed into another one for example, migrate repair records that.`, "", ""},
		{CodeDirty, "golang-migrate left the database dirty",
			`golang-migrate marks a version dirty before it runs a file, and takes the mark away after it. It failed, or was killed, in between; it cannot say what of the file is done. Where the whole file is one transaction PostgreSQL has undone it. Look, then record with migrate force which version the database is at.`,
			"", "syndicate migrate force 6   # 7 is undone\nsyndicate migrate force 7   # 7 is finished"},
		{CodeHalfDown, "A migration is undone by half",
			`Its down file runs step by step, since PostgreSQL refuses one of its statements in a transaction, and one of the steps failed. The ledger knows which are done: migrate down goes on after them.`, "", ""},
		{CodeDownEdited, "The down file of an applied migration was edited",
			`The ledger has the SHA-256 of the down file, too, as it was when the migration was applied. What undoes something else than what was done loses data, so that migrate down refuses it before it undoes anything. To up it does not matter. Where the edit is a correction, migrate repair records that it counts, and who decided so. A down file that was written later, where there was none, needs no permission.`,
			"-- 000002_age.down.sql, after 000002 was applied\nALTER TABLE people DROP COLUMN name;",
			"syndicate migrate repair"},
		{CodeUnusable, "A migration file cannot be used",
			`Its name is one that golang-migrate would pass over in silence, two files have one version, an up file is missing, or its text is nothing that PostgreSQL could read: not UTF-8, a NUL byte, a byte order mark, a string, quoted name, remark or dollar quote that does not end, a command of psql. Nothing is migrated until all of them are mended.`,
			"3-add-email.sql\nINSERT INTO notes VALUES ('it's here');",
			"000003_add_email.up.sql\nINSERT INTO notes VALUES ('it''s here');"},
		{CodeHalfUp, "A migration is applied by half",
			`Its up file runs step by step, since PostgreSQL refuses one of its statements in a transaction, and it has not come to its end: a step failed, whoever ran it was killed, or it runs right now. The ledger knows which steps are done. migrate up waits for whoever is at it, goes on after those steps, and drops an index that an interrupted concurrent build left invalid before it builds it again. Until then golang-migrate takes the database for dirty and keeps its hands off.`,
			"", "syndicate migrate up"},
	}
}
