// Package lint reads migrations with PostgreSQL's own grammar and says what
// of them locks, rewrites, breaks running code, fails on data or cannot be
// undone, and how to do the same safely.
//
// It needs no database. [Check] goes over the files of a directory in order
// of version and keeps a picture of the schema that they make, so that it
// knows which tables stand there already and which are new: nothing waits for
// the lock on a table that the same migrations create.
//
//	files ─► Parser ─► trees ─► schema so far ─► rules ─► findings
//	                     │                                  │
//	                cache by content              less what a file allows
//
// The grammar is that of PostgreSQL 17, libpg_query compiled to WebAssembly.
// To make machine code of it takes two seconds of CPU, once in a process and
// only for a text that was never parsed: a [Parser] keeps the trees in a
// directory.
//
// Each rule stands in the catalogue ([Rules]), from which the reference in
// docs/reference/lint.md and `syndicate explain` are made. What the rules
// know of locks is what "Explicit Locking", "ALTER TABLE" and "CREATE INDEX"
// of PostgreSQL's manual say, for the versions 13 and later.
package lint
