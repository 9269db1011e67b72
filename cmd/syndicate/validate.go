package main

import "github.com/syndicate/syndicate/view"

// validateCmd finds everything that can be wrong without running.
type validateCmd struct {
	target
	inputs
	Format string `name:"format" enum:"human,json,github" default:"human" help:"How to write what is found: ${enum}."`
	JSON   bool   `name:"json" help:"The same as --format json."`
}

// Run validates. Diagnostics are the result here, so all of them go to
// stdout, except in the human form, where only the verdict does.
func (c *validateCmd) Run(s *session) error {
	result, ds, err := s.decode(demand{operand: c.Path, inputs: c.inputs})
	if err != nil {
		return err
	}
	if s.quiet {
		ds = onlyErrors(ds)
	}
	report := view.NewReport(ds, result.Sources)
	switch {
	case c.JSON || c.Format == "json":
		err = report.JSON(s.stdout)
	case c.Format == "github":
		err = report.GitHub(s.stdout)
	default:
		err = report.Text(s.stderr, s.textOptions(s.stderr))
		if err == nil && report.Valid && !s.quiet {
			err = view.Validated(s.stdout, result.System)
		}
	}
	if err == nil && !report.Valid {
		err = exit(exitFailed)
	}
	return err
}
