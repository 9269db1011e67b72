// Package doctor looks at this machine: what is missing, limited or in the
// way of a system, and how to mend each.
//
// It changes nothing, starts nothing and waits for nothing but the processes
// that PostgreSQL's programs are asked for their version with. What it finds
// is a [Report], worst first within each topic; a Report with a problem means
// that `up` would not work here, and everything else is worth knowing.
package doctor
