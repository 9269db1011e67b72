// Package spec is the typed model of a configuration: what a user declared,
// as plain Go values.
//
// A [System] holds every block, in order of address, with its defaults
// filled in: whoever reads it never asks what an attribute left out means.
// A value that is known only once something runs is an [Expr]; a value that
// must not be shown is a [Text] that is marked sensitive. Mistakes are
// [Diagnostic] values with a range in the source and a code that
// `syndicate explain` knows.
//
// The package knows nothing of HCL, processes or time, and imports the
// standard library only.
package spec
