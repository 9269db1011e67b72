// Package script reads files of SQL as PostgreSQL's own reader does, without
// a parser: which statements there are, where each begins, and what of a file
// can be undone. It needs no database and knows no migrations.
package script
