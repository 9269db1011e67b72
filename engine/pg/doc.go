// Package pg is the database side of a system: the PostgreSQL server that
// syndicate runs itself, the connection to one that runs elsewhere, and the
// migrations of both.
//
// A managed server is an ordinary supervised process. This package finds the
// installed programs ([Find]), makes the data directory and says which
// command to supervise ([Server.Prepare]), waits until it answers and creates
// the role and the database ([Server.Ready]). It starts no process and sends
// no signal: short commands go through a [Runner], the server itself is
// started by whoever asked.
//
//	Find ─► New ─► Prepare ─► (supervised: postgres) ─► Ready ─► Up
//	                  │ initdb in <dir>.tmp-<pid>, then rename
//
// A server is stopped with [StopSignal], after its grace period with
// [StopEscalation], and never with SIGKILL: that would orphan its backends
// and its shared memory.
//
// Migrations are golang-migrate's: its files, its order, its table. Around it
// stand what it lacks: strict file names, a lock that excludes its command
// line too and never deadlocks with CREATE INDEX CONCURRENTLY, a cancellation
// that reaches the server, and errors that name the line.
//
// No error text of this package contains a password.
package pg
