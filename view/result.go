package view

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/syndicate/syndicate/api"
)

// ResultJSON writes how an operation ended.
func ResultJSON(w io.Writer, r api.Result) error {
	e := json.NewEncoder(data(w))
	e.SetIndent("", "  ")
	err := e.Encode(struct {
		FormatVersion string `json:"format_version"`
		api.Result
	}{api.FormatVersion, r})
	if err != nil {
		return fmt.Errorf("write result: %w", err)
	}
	return nil
}
