// Package view turns plans, diagnostics and what a running system tells into
// what a person reads on a terminal, and into the JSON that scripts read.
//
// Views decide nothing and know no engine: they take values of api, plan and
// spec, and the commands choose which view shows them. Colour is a property
// of the place that is written to. Text that comes from services or files
// never reaches a terminal with its control characters.
package view
