// Package pg is the database side of a system: the PostgreSQL server that
// syndicate runs itself, and the connection to one that runs elsewhere. The
// migrations of both are the package migration's.
//
// A managed server is an ordinary supervised process. This package finds the
// installed programs ([Find]), makes the data directory and says which
// command to supervise ([Server.Prepare]), waits until it answers and creates
// the role and the database ([Server.Ready]). It starts no process and sends
// no signal: short commands go through a [Runner], the server itself is
// started by whoever asked.
//
//	Find ─► New ─► Prepare ─► (supervised: postgres) ─► Ready
//	                  │ initdb in <dir>.tmp-<pid>, then rename
//
// A server is stopped with [StopSignal], after its grace period with
// [StopEscalation], and never with SIGKILL: that would orphan its backends
// and its shared memory.
//
// No error text of this package contains a password.
package pg
