package decode

import (
	"slices"
	"strings"
)

// Explanation tells more about the diagnostics that share a code.
type Explanation struct {
	Code  string `json:"code"`
	Title string `json:"title"`
	Text  string `json:"text"`  // what it means and why it is so
	Wrong string `json:"wrong"` // a configuration that has the mistake
	Right string `json:"right"` // the same without it
}

// Codes returns the explanations of all codes, in order of code.
func Codes() []Explanation {
	all := slices.Concat(
		explainText(), explainValues(), explainReferences(), explainVariables(), explainChecks())
	slices.SortFunc(all, func(a, b Explanation) int { return strings.Compare(a.Code, b.Code) })
	return all
}
