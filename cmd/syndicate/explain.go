package main

import (
	"fmt"
	"strings"

	"github.com/agext/levenshtein"

	"github.com/syndicate/syndicate/view"
)

// explainCmd tells more about a code.
type explainCmd struct {
	Code string `arg:"" optional:"" name:"code" help:"The code of a diagnostic, such as S030; without one all codes are listed." completion-predictor:"code"`
	JSON bool   `name:"json" help:"As JSON."`
}

// Run explains one code, or lists all.
func (c *explainCmd) Run(s *session) error {
	o := view.TextOptions{Width: s.stdout.Width(), Colour: s.stdout.colour}
	if c.Code == "" {
		return view.Explanations(s.stdout, codes(), c.JSON, o)
	}
	for _, e := range codes() {
		if strings.EqualFold(e.Code, strings.TrimSpace(c.Code)) {
			return view.Explanation(s.stdout, e, c.JSON, o)
		}
	}
	return failWith(fmt.Errorf("no diagnostic has the code %q%s", c.Code, nearestCode(c.Code)), "syndicate explain")
}

// nearestCode suggests codes for one that does not exist: those that differ
// in one character.
func nearestCode(code string) string {
	var near []string
	code = strings.ToUpper(strings.TrimSpace(code))
	for _, e := range codes() {
		if levenshtein.Distance(code, e.Code, nil) <= 1 {
			near = append(near, e.Code)
		}
	}
	if len(near) == 0 || len(near) > 5 {
		return ""
	}
	return "; did you mean " + strings.Join(near, " or ") + "?"
}
