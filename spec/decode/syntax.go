package decode

import (
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2"
)

// What is right is shown in the syntax of the place that is wrong: the
// functions below write it for a place in a JSON file as JSON has it.

// inJSON reports whether a place is in a file of the JSON syntax.
func inJSON(at hcl.Range) bool { return strings.HasSuffix(at.Filename, ".json") }

// assign shows an argument with a value that is written already.
func assign(at hcl.Range, name, value string) string {
	if inJSON(at) {
		return strconv.Quote(name) + ": " + value
	}
	return name + " = " + value
}

// value shows an expression as a value.
func value(at hcl.Range, expr string) string {
	if inJSON(at) {
		return `"${` + strings.ReplaceAll(expr, `"`, `\"`) + `}"`
	}
	return expr
}

// address shows an address where one is named, not evaluated.
func address(at hcl.Range, addr string) string {
	if inJSON(at) {
		return `"` + strings.ReplaceAll(addr, `"`, `\"`) + `"`
	}
	return addr
}

// object shows the first entry of an object.
func object(at hcl.Range, name, value string) string { return "{ " + assign(at, name, value) + " }" }
