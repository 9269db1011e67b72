// Package statedir keeps the directory that belongs to one system: who holds
// it, and the small files in it.
//
// A directory has at most one holder, by a lock of the kernel that ends with
// its process however that ends. The lock file says who holds it or held it
// last, so that a person can be told the process, and the next engine can
// find what a dead one left running. A directory belongs to one
// configuration for good: another one is refused.
//
// When a holder died is noted where something outlives it that sees it.
//
//	none ──Acquire──► held ──Release──► free (life empty)
//	                   │ kill -9           │ Acquire
//	                   ▼                   ▼
//	                  lost ──Acquire──►  held, with Previous
package statedir
