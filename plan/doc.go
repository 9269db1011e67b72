// Package plan turns a declared system into the ordered steps that bring it
// up, each with its reasons.
//
// Build does no I/O and starts no goroutine: what has to be asked from the
// world (a database's ledger, what runs now) comes in through Facts. The
// same input gives the same plan to the byte.
package plan
