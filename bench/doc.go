//go:build linux

// Command bench measures syndicate beside other tools and prints one table
// for each kind of work. README.md in this directory says how each figure is
// taken and how to read it.
//
// It stands outside the product: it drives the built binary, and nothing of
// the product imports it.
package main
