// Package reference holds the generated reference: language.md and
// schema.json from the structs that decode the language, cli.md from the
// grammar of the command line, codes.md from the catalogue of diagnostics.
// TestReference in cmd/syndicate fails while they are not current.
package reference

//go:generate go test ../../cmd/syndicate -run ^TestReference$ -update
