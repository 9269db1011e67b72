package main

import (
	"slices"
	"strings"

	"github.com/syndicate/syndicate/engine/pg/catalog"
	"github.com/syndicate/syndicate/engine/pg/lint"
	"github.com/syndicate/syndicate/engine/pg/migration"
	"github.com/syndicate/syndicate/engine/pg/roundtrip"
	"github.com/syndicate/syndicate/spec/decode"
	"github.com/syndicate/syndicate/view"
)

// codes returns what is told about every code, in order of code.
func codes() []view.Explained {
	var all []view.Explained
	for _, e := range decode.Codes() {
		all = append(all, view.Explained(e))
	}
	for _, e := range roundtrip.Explanations() {
		all = append(all, view.Explained(e))
	}
	for _, e := range catalog.Explanations() {
		all = append(all, view.Explained(e))
	}
	for _, e := range migration.Explanations() {
		all = append(all, view.Explained(e))
	}
	for _, e := range lint.Explanations() {
		all = append(all, view.Explained(e))
	}
	slices.SortStableFunc(all, func(a, b view.Explained) int { return strings.Compare(a.Code, b.Code) })
	return all
}
