package roundtrip

// Explanation tells more about the findings that share a code.
type Explanation struct {
	Code, Title, Text string
	Wrong, Right      string // SQL
}

// Explanations returns those of all codes, in order of code.
func Explanations() []Explanation {
	return []Explanation{
		{CodeUp, "A migration cannot be applied",
			`On a new database, after all files before it, the up file fails. Nothing after it could be looked at. Either the file has a mistake, or it relies on something that no file before it makes: data, an extension, a role, an object that somebody made by hand on the real database.`,
			"-- 000002_age.up.sql, and no file makes the table people\nALTER TABLE people ADD COLUMN age int;",
			"-- 000001_people.up.sql\nCREATE TABLE people (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY);\n-- 000002_age.up.sql\nALTER TABLE people ADD COLUMN age int;"},
		{CodeNoDown, "A migration has no way back",
			`The up file has no down file beside it, so that neither it nor anything before it can be undone: migrate down refuses.`,
			"-- 000002_age.up.sql alone\nALTER TABLE people ADD COLUMN age int;",
			"-- 000002_age.down.sql\nALTER TABLE people DROP COLUMN age;"},
		{CodeDown, "A migration cannot be undone",
			`The down file fails right after its up file was applied, on a database that holds nothing else. Often it drops what something else still depends on, or what is called differently.`,
			"-- up\nCREATE TABLE people (id int);\nCREATE VIEW names AS SELECT id FROM people;\n-- down\nDROP TABLE people;",
			"-- down\nDROP VIEW names;\nDROP TABLE people;"},
		{CodeLeft, "A down file does not undo its up file",
			`After up and down the schema is not what it was before. What is left behind stands in the way of the next up; what is missing was not this file's to drop.`,
			"-- up\nCREATE TABLE people (id int);\nCREATE TYPE mood AS ENUM ('sad', 'ok');\n-- down\nDROP TABLE people;",
			"-- down\nDROP TABLE people;\nDROP TYPE mood;"},
		{CodeAgain, "A migration cannot be applied again",
			`The up file works once, and fails after its own down file. Mostly the down file left something behind. Roles belong to the server: a file that creates one finds it again on the second database.`,
			"-- up\nCREATE INDEX people_name_idx ON people (name);\n-- down\nSELECT 1;",
			"-- down\nDROP INDEX people_name_idx;"},
		{CodeOther, "A migration makes another schema the second time",
			`After up, down and up the schema differs from that after the first up. Often the up file says IF NOT EXISTS, and finds something that its down file left in another shape.`,
			"-- up\nALTER TABLE people ADD COLUMN age int DEFAULT 0;\n-- down\nALTER TABLE people ALTER COLUMN age DROP DEFAULT;\n-- the up file then skips what is there, with IF NOT EXISTS",
			"-- down\nALTER TABLE people DROP COLUMN age;"},
		{CodeOrder, "Columns come back in another order",
			`PostgreSQL adds columns at the end only, so that one that was dropped and added again stands last. No statement mends that. It matters to SELECT * and to INSERT without a list of columns, and to nothing else.`,
			"INSERT INTO people VALUES (1, 'Ada');",
			"INSERT INTO people (id, name) VALUES (1, 'Ada');"},
		{CodeAllDown, "Migrations cannot all be undone in order",
			`Each file can be undone right after it was applied, but not once all are applied and those after it are undone: data that a later file leaves in a table break what an earlier down file wants to set up again.`,
			"-- 2 up: ALTER TABLE t DROP CONSTRAINT t_a_key;   down: ALTER TABLE t ADD UNIQUE (a);\n-- 3 up: INSERT INTO t VALUES (1), (1);             down: SELECT 1;",
			"-- 3 down\nDELETE FROM t WHERE a = 1;"},
		{CodeTruncated, "A migration leaves a transaction open",
			`The file begins a transaction and does not end it. Nothing of it lasts, though no statement fails.`,
			"BEGIN;\nCREATE TABLE people (id int);",
			"BEGIN;\nCREATE TABLE people (id int);\nCOMMIT;"},
	}
}
