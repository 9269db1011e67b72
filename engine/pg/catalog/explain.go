package catalog

// Explanation tells more about the findings that share a code.
type Explanation struct {
	Code, Title, Text string
	Wrong, Right      string // SQL
}

// Explanations returns those of all codes, in order of code.
func Explanations() []Explanation {
	return []Explanation{
		{CodeTableMissing, "A declared table is not there",
			`schema { } of a database declares a table that the database does not have. A name without a schema is looked for along the role's search_path.`, "", ""},
		{CodeColumnMissing, "A declared column is not there",
			`schema { } of a database declares a column that the table does not have: the migration that adds it is not applied, or it was dropped by hand.`, "", ""},
		{CodeColumnType, "A column has another type than declared",
			`Types are compared as PostgreSQL resolves them: int8 is bigint, timestamptz is timestamp with time zone, and a type without a modifier stands for that type with any: varchar for varchar(20). Changing a column's type mostly rewrites the table while nobody can use it.`,
			"id integer   -- and columns = { id = \"bigint\" }",
			"ALTER TABLE people ALTER COLUMN id TYPE bigint;"},
		{CodeNullable, "A column may be null that must not be",
			`schema { } lists the column in not_null. A CHECK constraint that says the same is no NOT NULL, though with it SET NOT NULL does not have to read the table.`,
			"ALTER TABLE people ALTER COLUMN name SET NOT NULL;   -- reads the table under a lock",
			"ALTER TABLE people ADD CONSTRAINT name_present CHECK (name IS NOT NULL) NOT VALID;\nALTER TABLE people VALIDATE CONSTRAINT name_present;\nALTER TABLE people ALTER COLUMN name SET NOT NULL, DROP CONSTRAINT name_present;"},
		{CodeIndexMissing, "A declared index is not there",
			`schema { } lists an index that the table does not have. Names of indexes belong to a schema, not to a table: one of that name may stand on another table.`, "", ""},
		{CodeIndexInvalid, "A declared index is invalid",
			`The index exists, and no query uses it: CREATE INDEX CONCURRENTLY was interrupted, or found duplicates. migrate up mends what a migration left so.`,
			"", "REINDEX INDEX CONCURRENTLY people_name_idx;"},
		{CodeDrift, "The schema is not what the migrations left behind",
			`After each migration the schema is recorded in the table syndicate_schema. Something has changed it since, by hand or from a program. Put it into a migration, or undo it; migrate check --accept records the schema as it is now.`,
			"psql> ALTER TABLE people ADD COLUMN age int;",
			"-- 000007_people_age.up.sql\nALTER TABLE people ADD COLUMN age int;"},
		{CodeDirty, "A migration may be half applied",
			`The ledger marks the database dirty: a migration failed or was interrupted where PostgreSQL could not undo it. Until that is mended the schema is not compared with what was recorded. syndicate migrate status says what to do.`, "", ""},
		{CodeInvalidIndex, "An index is invalid",
			`Every write keeps the index up and no query uses it: its concurrent build was interrupted, or found duplicates. Names that end in _ccnew are what an interrupted REINDEX CONCURRENTLY left.`,
			"", "REINDEX INDEX CONCURRENTLY people_name_idx;\nDROP INDEX CONCURRENTLY people_name_idx_ccnew;"},
		{CodeDuplicateIndex, "Two indexes are the same",
			`Every write keeps both up, and no query needs more than one. One that a constraint or a replica identity needs stays.`,
			"CREATE INDEX ON people (name);\nCREATE INDEX ON people (name);",
			"DROP INDEX CONCURRENTLY people_name_idx1;"},
		{CodeRedundantIndex, "An index is the beginning of another",
			`A B-tree on (a, b) serves what one on (a) serves. The shorter one may be worth its writes where it is much smaller.`,
			"CREATE INDEX ON people (name);\nCREATE INDEX ON people (name, born);",
			"DROP INDEX CONCURRENTLY people_name_idx;"},
		{CodeForeignKey, "A foreign key has no index",
			`Each delete of a referenced row, and each change of its key, reads the whole referencing table, and holds its locks for that long. Any index that begins with the columns of the key helps.`,
			"CREATE TABLE orders (person bigint REFERENCES people);",
			"CREATE INDEX CONCURRENTLY ON orders (person);"},
		{CodePrimaryKey, "A table has no primary key",
			`Logical replication refuses updates and deletes of such a table, and nothing names one of its rows. Where a unique index on columns that are NOT NULL exists, it becomes the key without work.`,
			"CREATE TABLE log (at timestamptz, text text);",
			"CREATE TABLE log (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, at timestamptz, text text);"},
		{CodeSequence, "A sequence comes to its end",
			`Three quarters of its numbers, or of those that its column can hold, are used. After the last one every insert fails.`,
			"id serial",
			"id bigint GENERATED ALWAYS AS IDENTITY"},
		{CodeNotValid, "A constraint was never validated",
			`NOT VALID holds for new and changed rows only. Validating reads the table once and lets others work meanwhile.`,
			"ALTER TABLE people ADD CONSTRAINT adult CHECK (age > 17) NOT VALID;",
			"ALTER TABLE people VALIDATE CONSTRAINT adult;"},
	}
}
