// Package catalog knows what the schema of a PostgreSQL database is, and what
// it should be.
//
// [Read] takes all of it in one round trip, as a list of objects in a fixed
// order: what `pg_dump --schema-only` would write, without what extensions
// made and without the tables that keep a ledger of migrations. Two catalogs
// with the same [Catalog.Fingerprint] are the same schema; [Diff] says in
// words how two others differ.
//
// [Declared] holds a live schema against what a configuration declares,
// [Health] looks for what is known to go wrong later, and [Compare] for what
// has changed since [Record] kept the schema after a migration.
package catalog
