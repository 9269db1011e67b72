package lint

import (
	"slices"
	"strings"

	"github.com/syndicate/syndicate/spec"
)

// Rule is what is told about findings of one code. A code keeps its meaning
// for ever.
type Rule struct {
	Code     string
	Severity spec.Severity
	Title    string // three to eight words
	Text     string // what happens and why
	Wrong    string // SQL that has it
	Right    string // SQL that does the same without
}

// Group is a part of the catalogue.
type Group struct {
	Title string
	Rules []Rule
}

// Groups returns the catalogue in the order of the reference.
func Groups() []Group {
	return []Group{
		{"What locks", lockRules()},
		{"What rewrites a table", rewriteRules()},
		{"What breaks running programs", breakingRules()},
		{"What fails on data", dataRules()},
		{"What cannot be undone", rollbackRules()},
		{"Transactions", transactionRules()},
		{"What is easy now and hard later", styleRules()},
		{"Files", fileRules()},
	}
}

// Rules returns the rules of all groups, in order of code.
func Rules() []Rule {
	var all []Rule
	for _, g := range Groups() {
		all = append(all, g.Rules...)
	}
	slices.SortFunc(all, func(a, b Rule) int { return strings.Compare(a.Code, b.Code) })
	return all
}

// Explain returns the rule of a code, in upper or lower case.
func Explain(code string) (Rule, bool) {
	for _, r := range Rules() {
		if strings.EqualFold(r.Code, strings.TrimSpace(code)) {
			return r, true
		}
	}
	return Rule{}, false
}

// Explanation tells about a rule in the form of all codes.
type Explanation struct {
	Code  string `json:"code"`
	Title string `json:"title"`
	Text  string `json:"text"`
	Wrong string `json:"wrong"`
	Right string `json:"right"`
}

// Explanations returns those of all rules, in order of code.
func Explanations() []Explanation {
	var all []Explanation
	for _, r := range Rules() {
		all = append(all, Explanation{Code: r.Code, Title: r.Title, Text: r.Text, Wrong: r.Wrong, Right: r.Right})
	}
	return all
}
