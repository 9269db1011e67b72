package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/syndicate/syndicate/api"
	"github.com/syndicate/syndicate/spec"
	"github.com/syndicate/syndicate/view"
)

// refusal is the error of a configuration that an engine does not take. It
// crosses the wire as what it found, which whoever asked shows as its own.
type refusal struct{ found *view.Report }

func newRefusal(diags spec.Diagnostics, sources map[string][]byte) *refusal {
	return &refusal{view.NewReport(diags, sources)}
}

// Error is the text for clients that know no report.
func (r *refusal) Error() string {
	var b bytes.Buffer
	_ = r.found.Text(&b, view.TextOptions{Width: 80, Most: 20})
	return strings.TrimSpace(b.String())
}

// Report implements server.Reporter.
func (r *refusal) Report() json.RawMessage {
	var b bytes.Buffer
	if err := r.found.JSON(&b); err != nil {
		return nil
	}
	return b.Bytes()
}

// refused says why an engine did not do what it was asked.
func (s *session) refused(r api.Result, hint string) error {
	if len(r.Report) == 0 {
		return failWith(errors.New(r.Cause), hint)
	}
	var found view.Report
	if err := json.Unmarshal(r.Report, &found); err != nil {
		return fmt.Errorf("read what the engine found: %w", err)
	}
	return s.reject(&found)
}
