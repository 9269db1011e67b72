// Package migration brings the schema of a PostgreSQL database to the state
// that a directory of SQL files describes.
//
// The files, their order and the table of what is applied are
// golang-migrate's. Around it stand what it lacks: strict file names, a lock
// that excludes its command line too and never deadlocks with CREATE INDEX
// CONCURRENTLY, a cancellation that reaches the server, and errors that name
// the line.
//
// No error text of this package contains a password.
package migration
