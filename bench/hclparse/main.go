// Command hclparse reads one HCL file and does nothing with it: the part of
// validating a configuration that belongs to the parser alone. The benchmark
// runs it beside `syndicate validate`.
package main

import (
	"fmt"
	"os"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: hclparse FILE")
		os.Exit(2)
	}
	text, err := os.ReadFile(os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	if _, diags := hclsyntax.ParseConfig(text, os.Args[1], hcl.InitialPos); diags.HasErrors() {
		fmt.Fprintln(os.Stderr, diags)
		os.Exit(1)
	}
}
