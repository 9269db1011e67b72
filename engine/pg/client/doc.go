// Package client runs PostgreSQL's own programs for people: psql on their
// terminal, pg_dump into a file that is whole or not there, and a restore
// that happens wholly or not at all.
//
// The programs get the password in their environment, which other users of
// the machine cannot read, and never on the command line. They are of the
// server's major version or a later one.
package client
