// Package reference holds the generated reference: language.md and
// schema.json from the structs that decode the language, cli.md from the
// grammar of the command line, codes.md from the catalogue of diagnostics,
// lint.md from the rules for migrations, openapi.json from the routes of the
// control interface. TestReference in cmd/syndicate and
// TestDescriptionIsCurrent in api/server fail while they are not current.
package reference

//go:generate go test ../../cmd/syndicate -run ^TestReference$ -update
//go:generate go test ../../api/server -run ^TestDescriptionIsCurrent$ -update
