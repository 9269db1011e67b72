// Package examples holds configurations that run, and the small services that
// they run. The package itself is tests alone: each example is brought up
// with the real binary, asked over HTTP, and stopped with Ctrl-C.
package examples
