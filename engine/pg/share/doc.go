// Package share keeps small texts in a database that several engines have in
// common, and tells each of them at once when another one has written.
//
// They stand in the table syndicate_shared, which the first who needs it
// makes in the connection's schema: no migration of anybody's. Entries are
// numbered by version and have an age by the server's clock, so the clocks of
// the engines do not matter. A NOTIFY says only that there is something to
// look at: one that is late, comes twice, or is one's own does no harm.
package share
